package trust

import (
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/glob"
	"github.com/irsa-go/irsa/internal/jsontree"
)

// Effect is what a statement does when it matches.
type Effect string

// The two effects of the policy grammar. They are case-sensitive.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// statement is one statement made ready for evaluation.
type statement struct {
	pointer    string // RFC 6901
	node       *jsontree.Value
	sid        string
	effect     Effect // anything but Allow counts as Deny
	flaw       string // why it cannot be judged; "" when it can: an Allow never matches with one, a Deny may
	principals principals
	actions    actions
	conditions []condition
}

const (
	versionCurrent = "2012-10-17"
	versionOld     = "2008-10-17" // also what a policy without a version has
)

// knownVersion says whether IAM has the version; a policy need not name one.
func knownVersion(v *jsontree.Value) bool {
	return v == nil || v.Text() == versionCurrent || v.Text() == versionOld
}

// document compiles the members of the policy itself, then its statements.
func (c *compiler) document(root *jsontree.Value) []statement {
	c.variables = root.Get("Version").Text() == versionCurrent
	for _, m := range root.Members() {
		c.member(m.Name, m.Value)
	}
	list := root.Get("Statement")
	nodes := list.Items()
	switch list.Kind() {
	case 0:
		c.refuse("", messageSyntax, "")
	case '{':
		nodes = []*jsontree.Value{list}
	}
	statements := make([]statement, len(nodes))
	for i, n := range nodes {
		statements[i] = c.statement(n, itemPath("/Statement", list, i))
	}
	return statements
}

// member checks one member of the policy itself.
func (c *compiler) member(name string, v *jsontree.Value) {
	path, kind := "/"+jsontree.EscapePointer(name), v.Kind()
	switch name {
	case "Version":
		if kind == '"' {
			if !knownVersion(v) {
				c.refuse(path, messageVersion, "")
			}
			return
		}
	case "Id":
		if kind == '"' {
			return
		}
	case "Statement":
		if kind == '[' && len(v.Items()) == 0 {
			c.doubt(path, messageSyntax, "")
		}
		if kind == '[' || kind == '{' {
			return
		}
	}
	c.refuse(path, messageSyntax, "")
}

func (c *compiler) statement(n *jsontree.Value, pointer string) statement {
	s := statement{pointer: pointer, node: n, effect: Deny}
	first := len(c.flaws)
	if n.Kind() != '{' {
		c.refuse(pointer, messageSyntax, "the statement is not an object")
		s.flaw = c.breaks(first)
		return s
	}
	s.sid = n.Get("Sid").Text()
	c.sid(pointer, n.Get("Sid"))
	switch effect := n.Get("Effect"); {
	case effect.Text() == string(Allow) || effect.Text() == string(Deny):
		s.effect = Effect(effect.Text())
	case effect == nil:
		c.refuse(pointer, messageSyntax, `it has no Effect: "Allow" or "Deny"`)
	default:
		c.refuse(pointer+"/Effect", messageSyntax, `its Effect is neither "Allow" nor "Deny"`)
	}
	for _, m := range n.Members() {
		c.element(pointer, m.Name)
	}
	s.principals = c.principals(n, pointer)
	s.actions = c.actions(n, pointer)
	s.conditions = c.conditions(n.Get("Condition"), pointer+"/Condition")
	s.flaw = c.breaks(first)
	return s
}

// element checks the name of a statement's member.
func (c *compiler) element(pointer, name string) {
	path := pointer + "/" + jsontree.EscapePointer(name)
	breaks := "it has an element that no trust policy may have: " + strconv.Quote(name)
	switch name {
	case "Sid", "Effect", "Principal", "Action", "Condition":
	case "NotPrincipal":
		c.refuse(path, messageNotPrincipal, breaks)
	case "Resource", "NotResource":
		c.refuse(path, messageResource, breaks)
	case "NotAction":
		c.doubt(path, messageAction, "")
	default:
		c.refuse(path, messageSyntax, breaks)
	}
}

// actions is Action or NotAction.
type actions struct {
	negated bool
	texts   []string
	globs   []glob.Glob // of the lower-case texts: action names are case-insensitive
}

func (c *compiler) actions(statement *jsontree.Value, pointer string) actions {
	n, not := statement.Get("Action"), statement.Get("NotAction")
	a := actions{negated: n == nil}
	path := pointer + "/Action"
	switch {
	case n != nil && not != nil:
		c.refuse(pointer, messageSyntax, "it has both Action and NotAction")
		return actions{}
	case n == nil && not == nil:
		c.refuse(pointer, messageSyntax, "it has no Action")
		return actions{}
	case n == nil:
		n, path = not, pointer+"/NotAction"
	}
	a.texts, _ = n.Strings()
	if len(a.texts) == 0 {
		c.refuse(path, messageSyntax, "its Action is neither a string nor a list of strings")
	}
	for i, t := range a.texts {
		if !a.negated {
			c.action(itemPath(path, n, i), t)
		}
		a.globs = append(a.globs, glob.Compile(lowerASCII(t)))
	}
	return a
}

// match takes the action in lower case. No source says that IAM lets a trust policy hold
// NotAction, so an Allow by exception is never proven.
func (a *actions) match(action string) verdict {
	if len(a.globs) == 0 {
		return unproven
	}
	found := false
	for i := range a.globs {
		found = found || a.globs[i].Match(action)
	}
	if !a.negated {
		return verdictOf(found)
	}
	return min(unproven, verdictOf(!found))
}

func (a *actions) String() string {
	if a == nil {
		return "another action"
	}
	s := "Action "
	if a.negated {
		s = "NotAction "
	}
	return s + strings.Join(quoteAll(a.texts), ", ")
}

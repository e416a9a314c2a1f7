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
	flaw       string // why IAM cannot hold the statement; "" when nothing is wrong
	principals principals
	actions    actions
	conditions []condition
}

// compileStatements never fails: what it cannot read becomes a flaw, which an Allow never
// matches with and a Deny always may.
func compileStatements(root *jsontree.Value) []statement {
	var nodes []*jsontree.Value
	pointer := func(int) string { return "/Statement" }
	switch list := root.Get("Statement"); {
	case list == nil:
		return nil
	case list.Kind() == '[':
		nodes = list.Items()
		pointer = func(i int) string { return "/Statement/" + strconv.Itoa(i) }
	default:
		nodes = []*jsontree.Value{list}
	}
	vars := root.Get("Version") != nil && root.Get("Version").Text() == versionCurrent
	flaw := versionFlaw(root.Get("Version"))
	statements := make([]statement, 0, len(nodes))
	for i, n := range nodes {
		s := compileStatement(n, pointer(i), vars)
		if s.flaw == "" {
			s.flaw = flaw
		}
		statements = append(statements, s)
	}
	return statements
}

const (
	versionCurrent = "2012-10-17"
	versionOld     = "2008-10-17" // also what a policy without a version has
)

func versionFlaw(version *jsontree.Value) string {
	if version == nil || version.Kind() == '"' && (version.Text() == versionCurrent || version.Text() == versionOld) {
		return ""
	}
	return "the policy's version is not one of IAM's"
}

func compileStatement(n *jsontree.Value, pointer string, vars bool) statement {
	s := statement{pointer: pointer, node: n, effect: Deny}
	if n.Kind() != '{' {
		s.flaw = "the statement is not an object"
		return s
	}
	if sid := n.Get("Sid"); sid != nil {
		s.sid = sid.Text()
	}
	switch effect := n.Get("Effect"); {
	case effect != nil && effect.Kind() == '"' && (effect.Text() == string(Allow) || effect.Text() == string(Deny)):
		s.effect = Effect(effect.Text())
	default:
		s.flaw = `its Effect is neither "Allow" nor "Deny"`
		return s
	}
	for _, m := range n.Members() {
		switch m.Name {
		case "Sid", "Effect", "Principal", "Action", "NotAction", "Condition":
		default:
			s.flaw = "it has an element that no trust policy may have: " + strconv.Quote(m.Name)
		}
	}
	var flaws [3]string
	s.principals, flaws[0] = compilePrincipals(n.Get("Principal"))
	s.actions, flaws[1] = compileActions(n.Get("Action"), n.Get("NotAction"))
	s.conditions, flaws[2] = compileConditions(n.Get("Condition"), pointer, vars)
	for _, flaw := range flaws {
		if s.flaw == "" {
			s.flaw = flaw
		}
	}
	return s
}

// match is the conjunction of principal, action and every condition.
func (s *statement) match(r *request, action string) verdict {
	v := yes
	if s.flaw != "" {
		v = unproven
	}
	if v = min(v, s.actions.match(action)); v == no {
		return no
	}
	if v = min(v, s.principals.match(r)); v == no {
		return no
	}
	for i := range s.conditions {
		if v = min(v, s.conditions[i].match(r)); v == no {
			return no
		}
	}
	return v
}

// actions is Action or NotAction.
type actions struct {
	negated bool
	texts   []string
	globs   []glob.Glob // of the lower-case texts: action names are case-insensitive
}

func compileActions(action, notAction *jsontree.Value) (actions, string) {
	a := actions{negated: action == nil && notAction != nil}
	n := action
	if a.negated {
		n = notAction
	}
	texts, ok := n.Strings()
	switch {
	case action != nil && notAction != nil:
		return actions{}, "it has both Action and NotAction"
	case n == nil:
		return actions{}, "it has no Action"
	case !ok || len(texts) == 0:
		return actions{}, "its Action is neither a string nor a list of strings"
	}
	a.texts = texts
	for _, t := range texts {
		a.globs = append(a.globs, glob.Compile(lowerASCII(t)))
	}
	return a, ""
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

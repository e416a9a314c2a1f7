package trust

import (
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// InvalidError is one thing for which IAM would refuse the policy.
type InvalidError struct {
	// Path is the JSON pointer of the value at fault; "" is the whole document.
	Path string
	// Message is IAM's own, as it follows "MalformedPolicyDocument: ".
	Message string
	// Unproven says that no source confirms the refusal, or its text.
	Unproven bool
}

// Error returns the place and IAM's message.
func (e *InvalidError) Error() string {
	s := e.Message
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Unproven {
		s += " (unproven)"
	}
	return s
}

// IAM's messages, as users of CreateRole and UpdateAssumeRolePolicy report them.
const (
	messageVersion      = "Policy document must be version 2012-10-17 or greater."
	messageNoPrincipal  = "Missing required field Principal"
	messageNotPrincipal = "AssumeRole policy must not contain NotPrincipal field."
	messageResource     = "Has prohibited field Resource"
	messageAction       = "AssumeRole policy may only specify STS AssumeRole actions."
	messageFederated    = "Federated principals must be valid domain names or SAML metadata ARNs"
	messagePrincipal    = "Invalid principal in policy"
	messageSidUnique    = "The Statement Ids in the policy are not unique"
	messageSid          = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
)

// Validate returns everything for which IAM would refuse to store the policy, as *InvalidError
// joined into one error (Unwrap() []error), in the order of the document and first what IAM
// would name first; nil when IAM would take it. Whether providers, roles and users exist is not
// its business, and the size is CheckSize's.
func (p *Policy) Validate() error {
	v := validator{sids: map[string]bool{}}
	v.document(p.tree())
	for i := range p.list() {
		v.statement(&p.statements[i])
	}
	for i := range p.list() {
		v.sharedIssuers(&p.statements[i])
	}
	return joinProblems("trust: policy", v.errs...)
}

type validator struct {
	errs []error
	sids map[string]bool
}

func (v *validator) add(path, message string) {
	v.errs = append(v.errs, &InvalidError{Path: path, Message: message})
}

func (v *validator) addUnproven(path, message string) {
	v.errs = append(v.errs, &InvalidError{Path: path, Message: message, Unproven: true})
}

func (v *validator) document(root *jsontree.Value) {
	for _, m := range root.Members() {
		path := "/" + jsontree.EscapePointer(m.Name)
		switch m.Name {
		case "Version":
			if m.Value.Kind() != '"' {
				v.add(path, messageSyntax)
			} else if versionFlaw(m.Value) != "" {
				v.add(path, messageVersion)
			}
		case "Id":
			if m.Value.Kind() != '"' {
				v.add(path, messageSyntax)
			}
		case "Statement":
			switch {
			case m.Value.Kind() == '[' && len(m.Value.Items()) == 0:
				v.addUnproven(path, messageSyntax)
			case m.Value.Kind() != '[' && m.Value.Kind() != '{':
				v.add(path, messageSyntax)
			}
		default:
			v.add(path, messageSyntax)
		}
	}
	if root.Get("Statement") == nil {
		v.add("", messageSyntax)
	}
}

func (v *validator) statement(s *statement) {
	if s.node.Kind() != '{' {
		if s.pointer != "/Statement" { // document has named it otherwise
			v.add(s.pointer, messageSyntax)
		}
		return
	}
	v.sid(s)
	if effect := s.node.Get("Effect"); effect == nil {
		v.add(s.pointer, messageSyntax)
	} else if effect.Kind() != '"' || effect.Text() != string(Allow) && effect.Text() != string(Deny) {
		v.add(s.pointer+"/Effect", messageSyntax)
	}
	for _, m := range s.node.Members() {
		path := s.pointer + "/" + jsontree.EscapePointer(m.Name)
		switch m.Name {
		case "Sid", "Effect", "Principal", "Action", "Condition":
		case "NotPrincipal":
			v.add(path, messageNotPrincipal)
		case "Resource", "NotResource":
			v.add(path, messageResource)
		case "NotAction":
			v.addUnproven(path, messageAction)
		default:
			v.add(path, messageSyntax)
		}
	}
	v.principal(s)
	v.action(s)
	v.condition(s)
}

func (v *validator) sid(s *statement) {
	sid := s.node.Get("Sid")
	switch path := s.pointer + "/Sid"; {
	case sid == nil:
	case sid.Kind() != '"':
		v.add(path, messageSyntax)
	case strings.ContainsFunc(sid.Text(), func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}):
		v.add(path, messageSid)
	case sid.Text() != "" && v.sids[sid.Text()]:
		v.add(path, messageSidUnique)
	default:
		v.sids[sid.Text()] = true
	}
}

func (v *validator) action(s *statement) {
	n := s.node.Get("Action")
	path := s.pointer + "/Action"
	if n == nil {
		if s.node.Get("NotAction") == nil {
			v.add(s.pointer, messageSyntax)
		}
		return
	}
	values, ok := n.Strings()
	if !ok || len(values) == 0 {
		v.add(path, messageSyntax)
		return
	}
	for i, a := range values {
		at := path
		if n.Kind() == '[' {
			at += "/" + strconv.Itoa(i)
		}
		switch {
		case isTrustAction(a):
		case strings.HasPrefix(a, "sts:A") && strings.ContainsAny(a, "*?"):
			v.addUnproven(at, messageAction) // no source says how IAM treats sts:AssumeRole*
		default:
			v.add(at, messageAction)
		}
	}
}

// isTrustAction knows what a trust policy may name; its case counts.
func isTrustAction(a string) bool {
	switch a {
	case "sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity",
		"sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext":
		return true
	}
	return false
}

func (v *validator) condition(s *statement) {
	block := s.node.Get("Condition")
	path := s.pointer + "/Condition"
	if block == nil {
		return
	}
	if block.Kind() != '{' {
		v.add(path, messageSyntax)
		return
	}
	for _, operator := range block.Members() {
		at := path + "/" + jsontree.EscapePointer(operator.Name)
		if operator.Value.Kind() != '{' {
			v.add(at, messageSyntax)
			continue
		}
		if op, _ := parseOperator(operator.Name); op.family == familyUnknown && !isBinary(operator.Name) {
			v.addUnproven(at, messageSyntax)
		}
		for _, key := range operator.Value.Members() {
			if values, ok := key.Value.Scalars(); !ok {
				v.add(at+"/"+jsontree.EscapePointer(key.Name), messageSyntax)
			} else if len(values) == 0 {
				v.addUnproven(at+"/"+jsontree.EscapePointer(key.Name), messageSyntax)
			}
		}
	}
}

// isBinary knows the one operator of IAM that this package does not evaluate.
func isBinary(operator string) bool {
	switch operator {
	case "BinaryEquals", "BinaryEqualsIfExists":
		return true
	}
	return false
}

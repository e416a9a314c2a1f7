package trust

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/issuerurl"
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

func (v *validator) document(root *node) {
	for _, m := range root.members {
		path := "/" + escapePointer(m.name)
		switch m.name {
		case "Version":
			if m.value.kind != '"' {
				v.add(path, messageSyntax)
			} else if versionFlaw(m.value) != "" {
				v.add(path, messageVersion)
			}
		case "Id":
			if m.value.kind != '"' {
				v.add(path, messageSyntax)
			}
		case "Statement":
			switch {
			case m.value.kind == '[' && len(m.value.items) == 0:
				v.addUnproven(path, messageSyntax)
			case m.value.kind != '[' && m.value.kind != '{':
				v.add(path, messageSyntax)
			}
		default:
			v.add(path, messageSyntax)
		}
	}
	if root.get("Statement") == nil {
		v.add("", messageSyntax)
	}
}

func (v *validator) statement(s *statement) {
	if s.node.kind != '{' {
		if s.pointer != "/Statement" { // document has named it otherwise
			v.add(s.pointer, messageSyntax)
		}
		return
	}
	v.sid(s)
	if effect := s.node.get("Effect"); effect == nil {
		v.add(s.pointer, messageSyntax)
	} else if effect.kind != '"' || effect.text != string(Allow) && effect.text != string(Deny) {
		v.add(s.pointer+"/Effect", messageSyntax)
	}
	for _, m := range s.node.members {
		path := s.pointer + "/" + escapePointer(m.name)
		switch m.name {
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
	sid := s.node.get("Sid")
	switch path := s.pointer + "/Sid"; {
	case sid == nil:
	case sid.kind != '"':
		v.add(path, messageSyntax)
	case strings.ContainsFunc(sid.text, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}):
		v.add(path, messageSid)
	case sid.text != "" && v.sids[sid.text]:
		v.add(path, messageSidUnique)
	default:
		v.sids[sid.text] = true
	}
}

func (v *validator) action(s *statement) {
	n := s.node.get("Action")
	path := s.pointer + "/Action"
	if n == nil {
		if s.node.get("NotAction") == nil {
			v.add(s.pointer, messageSyntax)
		}
		return
	}
	values, ok := n.strings()
	if !ok || len(values) == 0 {
		v.add(path, messageSyntax)
		return
	}
	for i, a := range values {
		at := path
		if n.kind == '[' {
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

func (v *validator) principal(s *statement) {
	n := s.node.get("Principal")
	path := s.pointer + "/Principal"
	switch {
	case n == nil:
		if s.node.get("NotPrincipal") == nil {
			v.add(s.pointer, messageNoPrincipal)
		}
		return
	case n.kind == '"' && n.text == "*": // stored, though not supported: Lint's
		return
	case n.kind == '"':
		v.addUnproven(path, messagePrincipal)
		return
	case n.kind != '{', len(n.members) == 0:
		v.add(path, messageSyntax)
		return
	}
	for _, m := range n.members {
		at := path + "/" + escapePointer(m.name)
		values, ok := m.value.strings()
		if !ok || len(values) == 0 {
			v.add(at, messageSyntax)
			continue
		}
		for i, value := range values {
			if m.value.kind == '[' {
				v.principalValue(m.name, value, at+"/"+strconv.Itoa(i))
			} else {
				v.principalValue(m.name, value, at)
			}
		}
	}
}

func (v *validator) principalValue(kind, value, path string) {
	switch kind {
	case "Federated":
		if ok, unproven := checkFederated(value); !ok && unproven {
			v.addUnproven(path, messageFederated)
		} else if !ok {
			v.add(path, messageFederated)
		}
	case "AWS":
		if !isAWSPrincipal(value) {
			v.add(path, messagePrincipal)
		}
	case "Service":
		if !isDomain(value) {
			v.addUnproven(path, messagePrincipal)
		}
	case "CanonicalUser": // known to the grammar; no source says what IAM makes of it here
	default:
		v.add(path, messageSyntax)
	}
}

var domainShape = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.)+[A-Za-z0-9-]+$`)

func isDomain(s string) bool { return domainShape.MatchString(s) }

// checkFederated accepts a domain name or the ARN of a provider. An ARN in proper form but of
// a partition or account that cannot be is refused without proof.
func checkFederated(value string) (ok, unproven bool) {
	if isDomain(value) {
		return true, false
	}
	a, err := arn.Parse(value)
	if err != nil || a.Service != "iam" || a.Region != "" {
		return false, false
	}
	hostPath, oidc := strings.CutPrefix(a.Resource, "oidc-provider/")
	name, saml := strings.CutPrefix(a.Resource, "saml-provider/")
	switch {
	case strings.ContainsAny(value, "{}$<> *?"), oidc && hostPath == "", saml && name == "", !oidc && !saml:
		return false, false
	case arn.CheckPartition(a.Partition) != nil, arn.CheckAccountID(a.AccountID) != nil:
		return false, true
	case oidc:
		_, err := issuerurl.Parse("https://" + hostPath)
		return err == nil, true
	}
	return true, false
}

// isAWSPrincipal does not accept unique ids: IAM shows them for principals that were deleted
// and refuses to store them.
func isAWSPrincipal(s string) bool {
	if s == "*" || arn.CheckAccountID(s) == nil {
		return true
	}
	a, err := arn.Parse(s)
	if err != nil || arn.CheckPartition(a.Partition) != nil || arn.CheckAccountID(a.AccountID) != nil || a.Region != "" ||
		strings.ContainsAny(a.Resource, "*?{}$<> ") {
		return false
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	switch a.Service {
	case "iam":
		return a.Resource == "root" || (kind == "user" || kind == "role") && name != ""
	case "sts":
		return (kind == "assumed-role" || kind == "federated-user" || kind == "self") && (name != "" || kind == "self")
	}
	return false
}

func (v *validator) condition(s *statement) {
	block := s.node.get("Condition")
	path := s.pointer + "/Condition"
	if block == nil {
		return
	}
	if block.kind != '{' {
		v.add(path, messageSyntax)
		return
	}
	for _, operator := range block.members {
		at := path + "/" + escapePointer(operator.name)
		if operator.value.kind != '{' {
			v.add(at, messageSyntax)
			continue
		}
		if op, _ := parseOperator(operator.name); op.family == familyUnknown && !isBinary(operator.name) {
			v.addUnproven(at, messageSyntax)
		}
		for _, key := range operator.value.members {
			if values, ok := key.value.scalars(); !ok {
				v.add(at+"/"+escapePointer(key.name), messageSyntax)
			} else if len(values) == 0 {
				v.addUnproven(at+"/"+escapePointer(key.name), messageSyntax)
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

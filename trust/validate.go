package trust

import (
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
	"github.com/irsa-go/irsa/internal/printable"
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

// Error returns the place and IAM's message on one line, safe to print.
func (e *InvalidError) Error() string {
	s := e.Message
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Unproven {
		s += " (unproven)"
	}
	return printable.Text(s)
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
	messageStar         = `AssumeRolepolicy contained an invalid principal: "STAR":"*".`
	messageColon        = "Condition can contain only one colon."
	messageVendor       = "Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	messageCognito      = "A condition block must be present for the Cognito provider"
	messageSidUnique    = "The Statement Ids in the policy are not unique"
	messageSid          = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
)

// Validate returns everything for which IAM would refuse to store the policy, as *InvalidError
// joined into one error (Unwrap() []error), in the order of the document and first what IAM would
// name first; nil when IAM would take it. It does not look at whether providers, roles and users
// exist, nor at the size: see CheckSize. A policy that it refuses allows nothing, unless the
// refusal is unproven or IAM may hold the policy from before.
func (p *Policy) Validate() error {
	flaws := p.allFlaws()
	errs := make([]error, len(flaws))
	for i, f := range flaws {
		errs[i] = &f.InvalidError
	}
	return joinProblems("trust: policy", errs...)
}

func (p *Policy) allFlaws() []flaw {
	if p == nil || p.root == nil {
		return newPolicy(emptyDocument()).flaws
	}
	return p.flaws
}

func (c *compiler) sid(pointer string, sid *jsontree.Value) {
	switch path := pointer + "/Sid"; {
	case sid == nil:
	case sid.Kind() != '"':
		c.refuse(path, messageSyntax, "")
	case strings.ContainsFunc(sid.Text(), func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}):
		c.refuse(path, messageSid, "")
	case sid.Text() != "" && c.sids[sid.Text()]:
		c.refuse(path, messageSidUnique, "")
	default:
		c.sids[sid.Text()] = true
	}
}

func (c *compiler) action(path, action string) {
	switch {
	case isTrustAction(action):
	case strings.HasPrefix(action, "sts:A") && strings.ContainsAny(action, "*?"):
		c.doubt(path, messageAction, "") // no source says how IAM treats sts:AssumeRole*
	default:
		c.refuse(path, messageAction, "")
	}
}

// isTrustAction knows the actions that a trust policy may name, in exact case.
func isTrustAction(a string) bool {
	switch a {
	case "sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity",
		"sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext":
		return true
	}
	return false
}

package trust

import (
	"regexp"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/issuerurl"
)

// everyone is Principal "*". {"AWS": "*"} is another matter: IAM stores it, and Lint names it.
func (c *compiler) everyone(path string) { c.refuse(path, messageStar, "") }

// principal checks one entry of a Principal.
func (c *compiler) principal(kind, value, path string) {
	switch kind {
	case "Federated":
		if ok, unproven := checkFederated(value); !ok && unproven {
			c.doubt(path, messageFederated, "")
		} else if !ok {
			c.refuse(path, messageFederated, "")
		}
	case "AWS":
		if isUniqueID(value) { // IAM puts it there itself when the principal is deleted
			c.flaws = append(c.flaws, flaw{InvalidError: InvalidError{Path: path, Message: messagePrincipal}, held: true})
		} else if !isAWSPrincipal(value) {
			c.refuse(path, messagePrincipal, "")
		}
	case "Service":
		if !isDomain(value) {
			c.doubt(path, messagePrincipal, "")
		}
	}
}

var domainShape = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.)+[A-Za-z0-9-]+$`)

func isDomain(s string) bool { return !strings.Contains(s, ":") && domainShape.MatchString(s) }

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
	if err != nil || arn.CheckPartition(a.Partition) != nil || arn.CheckAccountID(a.AccountID) != nil || a.Region != "" {
		return false
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	switch a.Service + ":" + kind {
	case "iam:root", "sts:self":
		return name == ""
	case "iam:user", "iam:role", "sts:assumed-role", "sts:federated-user":
		return name != "" && !strings.ContainsAny(name, "*?{}$<> ")
	}
	return false
}

package trust

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/issuerurl"
	"github.com/irsa-go/irsa/internal/jsontree"
)

func (v *validator) principal(s *statement) {
	n := s.node.Get("Principal")
	path := s.pointer + "/Principal"
	switch {
	case n == nil:
		if s.node.Get("NotPrincipal") == nil {
			v.add(s.pointer, messageNoPrincipal)
		}
		return
	case n.Kind() == '"' && n.Text() == "*": // stored, though not supported: Lint's
		return
	case n.Kind() == '"':
		v.addUnproven(path, messagePrincipal)
		return
	case n.Kind() != '{', len(n.Members()) == 0:
		v.add(path, messageSyntax)
		return
	}
	for _, m := range n.Members() {
		at := path + "/" + jsontree.EscapePointer(m.Name)
		values, ok := m.Value.Strings()
		if !ok || len(values) == 0 {
			v.add(at, messageSyntax)
			continue
		}
		for i, value := range values {
			if m.Value.Kind() == '[' {
				v.principalValue(m.Name, value, at+"/"+strconv.Itoa(i))
			} else {
				v.principalValue(m.Name, value, at)
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

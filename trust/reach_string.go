package trust

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
)

// String says who it is, for people: "service account cart in namespace shop of
// oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3, for audience sts.amazonaws.com".
func (r Reach) String() string {
	if r.Principal == "" {
		return "nobody"
	}
	text, said := r.who()
	for _, k := range r.Keys {
		if !slices.Contains(said, k.Key) {
			text += ", " + k.String()
		}
	}
	switch r.SessionTags {
	case Must:
		text += ", setting session tags"
	case May:
		text += ", with or without session tags"
	}
	switch r.SourceIdentity {
	case Must:
		text += ", setting a source identity"
	case May:
		text += ", with or without a source identity"
	}
	if r.Unproven {
		text += ", perhaps"
	}
	return text
}

// MarshalJSON writes the fields and, as "who", the String.
func (r Reach) MarshalJSON() ([]byte, error) {
	type fields Reach
	return json.Marshal(struct {
		Who string `json:"who"`
		fields
	}{r.String(), fields(r)})
}

// String: "aws:sourceip is IpAddress 10.0.0.0/8 or absent".
func (k ReachKey) String() string {
	name := quote(k.Key)
	if _, claim, ok := cutClaim(k.Key); ok {
		name = quote(claim)
		if claim == "aud" && len(k.Is) > 0 && len(k.Not) == 0 && !k.Absent {
			return "for audience " + strings.Join(quoteAll(k.Is), " or ")
		}
	}
	var is []string
	for _, value := range k.Is {
		is = append(is, quote(value))
	}
	if k.Absent {
		is = append(is, "absent")
	}
	verb := " is "
	if k.Examples {
		verb = " is such as "
	}
	if slices.Equal(k.Is, []string{"*"}) && !k.Absent {
		verb, is = " is there", nil
	}
	text := name + verb + strings.Join(is, " or ")
	if len(k.Not) > 0 {
		text += " but not " + strings.Join(quoteAll(k.Not), " or ")
	}
	return text
}

// who names the caller, by the keys that say who it is.
func (r Reach) who() (text string, said []string) {
	provider, err := ParseProviderARN(r.Principal)
	switch {
	case err == nil:
		return r.token(provider)
	case r.Principal == podIdentityService:
		return r.pods()
	case r.Principal == "*":
		return "every AWS principal", nil
	}
	a, err := arn.Parse(r.Principal)
	kind, _, _ := strings.Cut(a.Resource, "/")
	switch {
	case err != nil || a.Service != "iam" && a.Service != "sts":
		return "whoever is " + quote(r.Principal), nil
	case a.Resource == "*":
		return "every principal of account " + a.AccountID, nil
	case strings.HasSuffix(a.Resource, "/*"):
		return "any other " + kind + " of account " + a.AccountID, nil
	}
	return kind + " " + quote(r.Principal), nil
}

// pods names the cluster and the account where each is one.
func (r Reach) pods() (text string, said []string) {
	text = "EKS Pod Identity"
	for _, part := range [...]struct{ words, key string }{
		{" of cluster ", "aws:sourcearn"}, {" for namespace ", keyTag + "kubernetes-namespace"}, {" for service account ", keyTag + "kubernetes-service-account"},
	} {
		for _, k := range r.Keys {
			if k.Key == part.key && len(k.Is) == 1 && len(k.Not) == 0 && !k.Absent && !k.Examples {
				text, said = text+part.words+quote(k.Is[0]), append(said, k.Key)
			}
		}
	}
	return text, said
}

// token names a service account where the sub is one, or a pattern for some.
func (r Reach) token(p Provider) (text string, said []string) {
	of, key := " of "+quote(p.hostPath), p.key+":sub"
	i := slices.IndexFunc(r.Keys, func(k ReachKey) bool { return k.Key == key })
	if i < 0 {
		if strings.HasPrefix(p.key, "oidc.eks.") {
			return "every token" + of + " (the whole cluster)", nil
		}
		return "every token" + of, nil
	}
	k := r.Keys[i]
	if len(k.Is) != 1 || len(k.Not) > 0 || k.Absent || k.Examples {
		return "every token" + of, nil
	}
	if text := serviceAccounts(k.Is[0]); text != "" {
		return text + of, []string{key}
	}
	if strings.ContainsAny(k.Is[0], "*?") && !strings.Contains(k.Is[0], "${") {
		return "every token" + of + " whose sub is like " + quote(k.Is[0]), []string{key}
	}
	return "sub " + quote(k.Is[0]) + of, []string{key}
}

// serviceAccounts reads a sub or a pattern of Kubernetes; "" when it is another one.
func serviceAccounts(sub string) string {
	rest, ok := strings.CutPrefix(sub, serviceAccountPrefix)
	if !ok || strings.ContainsAny(rest, "$?") {
		return ""
	}
	namespace, name, both := strings.Cut(rest, ":")
	switch {
	case !both:
		return accountsAcross(rest)
	case !strings.Contains(rest, "*"):
		return "service account " + quote(name) + " in namespace " + quote(namespace)
	}
	return "every service account" + accountsNamed(name) + inNamespaces(namespace)
}

// accountsAcross reads a pattern without a colon, whose star therefore reaches over namespace and
// name; "" when it has no star at its end, or further ones.
func accountsAcross(pattern string) string {
	begin, starred := strings.CutSuffix(pattern, "*")
	switch {
	case !starred || strings.Contains(begin, "*"):
		return ""
	case begin == "":
		return "every service account"
	}
	return fmt.Sprintf("every service account whose namespace begins with %s and, since the star crosses the colon, whatever its name,", quote(begin))
}

func accountsNamed(name string) string {
	begin, starred := strings.CutSuffix(name, "*")
	switch {
	case name == "*":
		return ""
	case !strings.Contains(name, "*"):
		return " named " + quote(name)
	case starred && !strings.Contains(begin, "*"):
		return " whose name begins with " + quote(begin)
	}
	return " whose name is like " + quote(name)
}

func inNamespaces(namespace string) string {
	begin, starred := strings.CutSuffix(namespace, "*")
	switch {
	case namespace == "*":
		return " in any namespace"
	case !strings.Contains(namespace, "*"):
		return " in namespace " + quote(namespace)
	case starred && !strings.Contains(begin, "*"):
		return " in a namespace that begins with " + quote(begin)
	}
	return " in a namespace like " + quote(namespace)
}

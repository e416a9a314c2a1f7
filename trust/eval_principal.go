package trust

import (
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/jsontree"
)

// principals is the Principal element
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
type principals struct {
	everyone  bool // "Principal": "*"
	federated []string
	aws       []string
	service   []string
	canonical []string
	entries   int
}

func (c *compiler) principals(statement *jsontree.Value, pointer string) principals {
	n := statement.Get("Principal")
	path := pointer + "/Principal"
	var p principals
	switch {
	case n == nil && statement.Get("NotPrincipal") == nil:
		c.refuse(pointer, messageNoPrincipal, "it has no Principal")
	case n == nil: // element has refused NotPrincipal
	case n.Text() == "*":
		p.everyone = true
		c.everyone(path)
	case n.Kind() == '"':
		c.doubt(path, messagePrincipal, messageNotPrincipals)
	case len(n.Members()) == 0:
		c.refuse(path, messageSyntax, messageNotPrincipals)
	}
	for _, m := range n.Members() {
		at := path + "/" + jsontree.EscapePointer(m.Name)
		values, _ := m.Value.Strings()
		if len(values) == 0 {
			c.refuse(at, messageSyntax, "its Principal has a member that is neither a string nor a list of strings")
		}
		for i, value := range values {
			c.principal(m.Name, value, itemPath(at, m.Value, i))
		}
		if list := p.list(m.Name); list != nil {
			*list = values
			p.entries += len(values)
		} else {
			c.refuse(at, messageSyntax, "its Principal has an unknown member")
		}
	}
	return p
}

// list is where a kind of principal is kept, nil for a kind that IAM does not have.
func (p *principals) list(kind string) *[]string {
	switch kind {
	case "Federated":
		return &p.federated
	case "AWS":
		return &p.aws
	case "Service":
		return &p.service
	case "CanonicalUser":
		return &p.canonical
	}
	return nil
}

const messageNotPrincipals = `its Principal is neither "*" nor an object with members`

// match asks whether one of the principals is the caller. "*" in a trust policy is not
// supported by IAM and has no entries here: it never lets anyone in, but a Deny of it denies.
func (p *principals) match(r *request) verdict {
	if p.entries == 0 {
		return unproven
	}
	v := no
	switch r.caller.kind {
	case callerWebIdentity:
		v = matchName(p.federated, r.caller.arn)
	case callerService:
		v = matchName(p.service, r.caller.arn)
	case callerSession, callerUser:
		for _, s := range p.aws {
			v = max(v, r.caller.is(s))
		}
		return max(v, unprovenIf(len(p.canonical) > 0))
	}
	// {"AWS": "*"} authorises neither a web identity nor a service, but a Deny may mean it to.
	for _, s := range p.aws {
		v = max(v, unprovenIf(s == "*"))
	}
	return v
}

func unprovenIf(b bool) verdict {
	if b {
		return unproven
	}
	return no
}

// matchName compares the whole ARN, so partition and account must be the provider's too.
func matchName(values []string, name string) verdict {
	v := no
	for _, s := range values {
		switch {
		case s == name:
			return yes
		case strings.EqualFold(s, name), strings.ContainsAny(s, "*?"):
			v = unproven
		}
	}
	return v
}

// caller is who asks for the role.
type caller struct {
	kind      callerKind
	arn       string // of the OIDC provider; of the IAM principal, the role's for a session that is not named; or the service's name
	roleARN   string // of a role session: the role's, with its path; "" when it is not known
	roleName  string // of a role session
	accountID string
	partition string
	id        string // AROA…, AIDA…; "" when it is not known
}

// callerKind is one bit, so that several make a set.
type callerKind uint8

const (
	callerWebIdentity callerKind = 1 << iota
	callerService
	callerSession // of a role
	callerUser    // an IAM user
)

// is compares the caller with one value of Principal.AWS.
func (c *caller) is(principal string) verdict {
	switch {
	case principal == "*", principal == c.arn, c.roleARN != "" && principal == c.roleARN:
		return yes
	case len(principal) == 12 && arn.CheckAccountID(principal) == nil: // a bare account id means that account's root
		return verdictOf(principal == c.accountID)
	case isUniqueID(principal):
		known := principal == c.id || strings.HasPrefix(c.id, principal+":")
		return max(verdictOf(known), unprovenIf(c.id == ""))
	}
	return c.mayBe(principal)
}

// mayBe compares the caller with an ARN that is not its own: the root of its account, the role of a
// session, whose ARN lacks the role's path, or a session of a role that is all that is known.
func (c *caller) mayBe(principal string) verdict {
	a, err := arn.Parse(principal)
	if err != nil || strings.ContainsAny(principal, "*?") {
		return unproven
	}
	if a.Partition != c.partition || a.AccountID != c.accountID {
		return no
	}
	if a.Service == "iam" && a.Resource == "root" {
		return yes
	}
	if c.roleName == "" {
		return no
	}
	return unprovenIf(c.roleARN == "" && isRoleNamed(a, c.roleName) ||
		c.roleARN == c.arn && a.Service == "sts" && strings.HasPrefix(a.Resource, "assumed-role/"+c.roleName+"/"))
}

// isUniqueID recognises the ids that IAM keeps in place of an ARN
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
func isUniqueID(s string) bool {
	if len(s) < 16 || len(s) > 128 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if (s[i] < 'A' || s[i] > 'Z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	switch s[:4] {
	case "AROA", "AIDA", "AIPA", "AGPA", "ANPA":
		return true
	}
	return false
}

package secondsts_test

import "strings"

// The service accounts whose tokens every policy of the matrix meets. Each is a namespace and a
// name; "other-audience" is default's web with another audience, "tenant" has a claim that is no
// condition key.
var gatewayTokens = []gatewayToken{
	{name: "web", subject: "system:serviceaccount:shop:web", audience: "sts.amazonaws.com"},
	{name: "api", subject: "system:serviceaccount:shop:api", audience: "sts.amazonaws.com"},
	{name: "neighbour", subject: "system:serviceaccount:shop-test:web", audience: "sts.amazonaws.com"},
	{name: "swapped", subject: "system:serviceaccount:web:shop", audience: "sts.amazonaws.com"},
	{name: "upper", subject: "system:serviceaccount:SHOP:web", audience: "sts.amazonaws.com"},
	{name: "other-audience", subject: "system:serviceaccount:shop:web", audience: "vault"},
	{name: "tenant", subject: "system:serviceaccount:blue:web", audience: "sts.amazonaws.com", tenant: "blue"},
}

type gatewayToken struct{ name, subject, audience, tenant string }

// gatewayPolicy is one row of the matrix: a trust policy, and which tokens AWS lets in.
type gatewayPolicy struct {
	name string
	// statements, with PROVIDER for the provider's ARN and HOST for the condition keys' prefix.
	statements string
	// admits names the tokens that AWS admits, "*" all of them.
	admits string
	// because says on what documentation or observation of AWS that rests.
	because string
	// gateway names the tokens that the gateway judges the other way, and differs says why.
	gateway, differs string
}

func (p gatewayPolicy) awsAdmits(token string) bool {
	return p.admits == "*" || contains(p.admits, token)
}

func (p gatewayPolicy) gatewayAdmits(token string) bool {
	return p.awsAdmits(token) != contains(p.gateway, token)
}

func contains(list, name string) bool {
	for n := range strings.FieldsSeq(list) {
		if n == name {
			return true
		}
	}
	return false
}

// allow is an Allow statement for the provider with the given Condition.
func allow(condition string) string { return statement("Allow", condition) }

func statement(effect, condition string) string {
	return `{"Effect":"` + effect + `","Principal":{"Federated":"PROVIDER"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + condition + `}`
}

const (
	elements   = "IAM User Guide, IAM JSON policy elements: Condition operators"
	evaluation = "IAM User Guide, Policy evaluation logic"
	claimKeys  = "IAM User Guide, Available keys for AWS OIDC federation"
	fieldTest  = "seen of IAM in the field: a StringEquals value with a wildcard never matches"
)

var gatewayPolicies = []gatewayPolicy{
	{
		name:       "one exact subject and the audience",
		statements: allow(`{"StringEquals":{"HOST:sub":"system:serviceaccount:shop:web","HOST:aud":"sts.amazonaws.com"}}`),
		admits:     "web", because: elements,
	},
	{
		name:       "one exact subject without an audience",
		statements: allow(`{"StringEquals":{"HOST:sub":"system:serviceaccount:shop:web"}}`),
		admits:     "web other-audience", because: elements,
	},
	{
		name:       "a list of subjects",
		statements: allow(`{"StringEquals":{"HOST:sub":["system:serviceaccount:shop:web","system:serviceaccount:shop:api"],"HOST:aud":"sts.amazonaws.com"}}`),
		admits:     "web api", because: elements,
	},
	{
		name:       "a whole namespace",
		statements: allow(`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"},"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`),
		admits:     "web api", because: elements,
	},
	{
		name:       "a pattern whose star crosses the colon",
		statements: allow(`{"StringLike":{"HOST:sub":"system:serviceaccount:shop*"},"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`),
		admits:     "web api neighbour", because: elements,
	},
	{
		name:       "a question mark for one character",
		statements: allow(`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:?eb"}}`),
		admits:     "web other-audience", because: elements,
	},
	{
		name:       "a wildcard under StringEquals",
		statements: allow(`{"StringEquals":{"HOST:sub":"system:serviceaccount:shop:*"}}`),
		admits:     "", because: fieldTest,
	},
	{
		name:       "the subject without regard to case",
		statements: allow(`{"StringEqualsIgnoreCase":{"HOST:sub":"System:ServiceAccount:Shop:Web"},"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`),
		admits:     "web upper", because: elements,
	},
	{
		name:       "all but one subject",
		statements: allow(`{"StringNotEquals":{"HOST:sub":"system:serviceaccount:shop:api"},"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`),
		admits:     "web neighbour swapped upper tenant", because: elements,
	},
	{
		name:       "any value of the subject",
		statements: allow(`{"ForAnyValue:StringEquals":{"HOST:sub":["system:serviceaccount:shop:web","system:serviceaccount:shop:api"]}}`),
		admits:     "web api other-audience", because: elements,
	},
	{
		name:       "an explicit deny within an allowed namespace",
		statements: allow(`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}}`) + "," + statement("Deny", `{"StringEquals":{"HOST:sub":"system:serviceaccount:shop:api"}}`),
		admits:     "web other-audience", because: evaluation,
	},
	{
		name:       "two statements for two subjects",
		statements: allow(`{"StringEquals":{"HOST:sub":"system:serviceaccount:shop:web","HOST:aud":"sts.amazonaws.com"}}`) + "," + allow(`{"StringEquals":{"HOST:sub":"system:serviceaccount:shop-test:web","HOST:aud":"sts.amazonaws.com"}}`),
		admits:     "web neighbour", because: evaluation,
	},
	{
		name:       "the audience alone, the whole cluster",
		statements: allow(`{"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`),
		admits:     "web api neighbour swapped upper tenant", because: elements,
	},
	{
		name:       "namespace and account swapped",
		statements: allow(`{"StringEquals":{"HOST:sub":"system:serviceaccount:web:shop"}}`),
		admits:     "swapped", because: elements,
	},
	{
		name:       "the wrong action",
		statements: `{"Effect":"Allow","Principal":{"Federated":"PROVIDER"},"Action":"sts:AssumeRole"}`,
		admits:     "", because: evaluation,
	},
	{
		name:       "a list of actions",
		statements: `{"Effect":"Allow","Principal":{"Federated":"PROVIDER"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"StringEquals":{"HOST:sub":"system:serviceaccount:shop:web"}}}`,
		admits:     "web other-audience", because: evaluation,
	},
	{
		name:       "condition keys in upper case",
		statements: allow(`{"StringEquals":{"HOST:SUB":"system:serviceaccount:shop:web"}}`),
		admits:     "web other-audience", because: "IAM User Guide: condition key names are not case-sensitive",
		gateway: "web other-audience", differs: "the gateway compares condition keys by case",
	},
	{
		name:       "a claim that is not a condition key",
		statements: allow(`{"StringEquals":{"HOST:tenant":"blue"}}`),
		admits:     "", because: claimKeys,
		gateway: "tenant", differs: "the gateway makes every claim of a token a condition key",
	},
}

package trust_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// judged is an Allow, or a Deny beside an unconditional Allow, with one condition block.
func judged(t *testing.T, p trust.Provider, effect, conditions string) *trust.Policy {
	t.Helper()
	expand := strings.NewReplacer("HOST", p.HostPath(), "ARN", p.ARN())
	body := expand.Replace(`{"Effect":"EFFECT","Principal":{"Federated":"ARN"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":` + conditions + `}`)
	if effect == "Deny" {
		allow := expand.Replace(`{"Effect":"Allow","Principal":{"Federated":"ARN"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"]},`)
		return parse(t, statement(allow+strings.Replace(body, "EFFECT", "Deny", 1)))
	}
	return parse(t, statement(strings.Replace(body, "EFFECT", "Allow", 1)))
}

func TestConditions(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	const sub = "system:serviceaccount:shop:cart"
	claims := trust.Claims{
		"iss": blue, "sub": sub, "aud": []any{trust.DefaultAudience}, "amr": []any{"a", "b"}, "email": "Cart@example.com",
		"kubernetes.io": map[string]any{"namespace": "shop", "pod": map[string]any{"name": "x"}},
		"roles":         "admin", "exp": json.Number("1700000000"),
		"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{
			"n": []any{"9007199254740993"}, "when": []any{"2026-01-02T03:04:05Z"}, "from": []any{"10.1.2.3"},
			"role": []any{"arn:aws:iam::111122223333:role/team/a"}, "yes": []any{"true"}, "star": []any{"*"},
		}},
	}
	const yes, no, unproven = "met", "not met", "unproven"
	for name, c := range map[string]struct{ conditions, want string }{
		"equal":                   {`{"StringEquals":{"HOST:sub":"` + sub + `"}}`, yes},
		"equal to one of several": {`{"StringEquals":{"HOST:sub":["x","` + sub + `"]}}`, yes},
		"equal in another case":   {`{"StringEquals":{"HOST:sub":"SYSTEM:serviceaccount:shop:cart"}}`, no},
		"a wildcard under StringEquals is literal":    {`{"StringEquals":{"HOST:sub":"system:serviceaccount:shop:*"}}`, no},
		"two keys are ANDed":                          {`{"StringEquals":{"HOST:sub":"` + sub + `","HOST:aud":"x"}}`, no},
		"two operators are ANDed":                     {`{"StringEquals":{"HOST:sub":"` + sub + `"},"StringLike":{"HOST:sub":"x*"}}`, no},
		"keys are case-insensitive":                   {`{"StringEquals":{"OIDC.eks.EU-west-1.amazonaws.com/ID/b1d5a3ce2f5d4d6e8a7b9c0d1e2f3a4b:SUB":"` + sub + `"}}`, yes},
		"a key of another host is absent":             {`{"StringEquals":{"oidc.example.com:sub":"` + sub + `"}}`, no},
		"a key with a trailing slash is absent":       {`{"StringEquals":{"HOST/:sub":"` + sub + `"}}`, no},
		"ignoring case":                               {`{"StringEqualsIgnoreCase":{"HOST:sub":"SYSTEM:serviceaccount:shop:cart"}}`, yes},
		"like":                                        {`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}}`, yes},
		"like crosses the colon":                      {`{"StringLike":{"HOST:sub":"system:serviceaccount:s*"}}`, yes},
		"like with a question mark":                   {`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:c?rt"}}`, yes},
		"a question mark is one character":            {`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:c?art"}}`, no},
		"not equal":                                   {`{"StringNotEquals":{"HOST:sub":"x"}}`, yes},
		"not equal to any":                            {`{"StringNotEquals":{"HOST:sub":["x","` + sub + `"]}}`, no},
		"not equal of an absent key":                  {`{"StringNotEquals":{"HOST:roles":"admin"}}`, yes},
		"not like of an absent key":                   {`{"StringNotLike":{"HOST:kubernetes.io/namespace":"shop"}}`, yes},
		"a claim that is no condition key":            {`{"StringEquals":{"HOST:roles":"admin"}}`, no},
		"iss is no condition key":                     {`{"StringEquals":{"HOST:iss":"` + blue + `"}}`, no},
		"IfExists of an absent key":                   {`{"StringEqualsIfExists":{"HOST:roles":"x"}}`, yes},
		"IfExists of a present key":                   {`{"StringEqualsIfExists":{"HOST:sub":"x"}}`, no},
		"Null of an absent key":                       {`{"Null":{"HOST:roles":"true"}}`, yes},
		"Null of a present key":                       {`{"Null":{"HOST:sub":"true"}}`, no},
		"Null false of a present key":                 {`{"Null":{"HOST:sub":false}}`, yes},
		"Null of neither":                             {`{"Null":{"HOST:sub":"maybe"}}`, unproven},
		"Null has no IfExists":                        {`{"NullIfExists":{"HOST:sub":"false"}}`, unproven},
		"Null has no set qualifier":                   {`{"ForAllValues:Null":{"HOST:sub":"false"}}`, unproven},
		"for all values of several":                   {`{"ForAllValues:StringEquals":{"HOST:amr":["a","b","c"]}}`, yes},
		"for all values, one missing":                 {`{"ForAllValues:StringEquals":{"HOST:amr":["a"]}}`, no},
		"for all values is vacuous":                   {`{"ForAllValues:StringEquals":{"HOST:roles":"x"}}`, yes},
		"for any value":                               {`{"ForAnyValue:StringEquals":{"HOST:amr":["b","z"]}}`, yes},
		"for any value, none":                         {`{"ForAnyValue:StringEquals":{"HOST:amr":"z"}}`, no},
		"for any value of an absent key":              {`{"ForAnyValue:StringEquals":{"HOST:roles":"x"}}`, no},
		"for any value negated":                       {`{"ForAnyValue:StringNotEquals":{"HOST:amr":"a"}}`, yes},
		"for any value negated, all excluded":         {`{"ForAnyValue:StringNotEquals":{"HOST:amr":["a","b"]}}`, no},
		"for any value if it exists, and it does not": {`{"ForAnyValue:StringEqualsIfExists":{"HOST:roles":"x"}}`, unproven},
		"several values for one, some fit":            {`{"StringEquals":{"HOST:amr":"a"}}`, unproven},
		"several values for one, all fit":             {`{"StringLike":{"HOST:amr":"*"}}`, yes},
		"no values at all":                            {`{"StringEquals":{"HOST:sub":[]}}`, unproven},
		"no values, negated":                          {`{"StringNotEquals":{"HOST:sub":[]}}`, unproven},
		"an unknown operator":                         {`{"StringMatches":{"HOST:sub":"` + sub + `"}}`, unproven},
		"an operator in another case":                 {`{"stringEquals":{"HOST:sub":"` + sub + `"}}`, unproven},
		"an operator that is a comment":               {`{"__comment":"x"}`, unproven},
		"values that are objects":                     {`{"StringEquals":{"HOST:sub":{}}}`, unproven},

		"Bool":                        {`{"Bool":{"aws:RequestTag/yes":"TRUE"}}`, yes},
		"Bool as JSON":                {`{"Bool":{"aws:RequestTag/yes":true}}`, yes},
		"Bool of something else":      {`{"Bool":{"HOST:sub":"true"}}`, unproven},
		"Bool of an absent key":       {`{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`, no},
		"STS answers over TLS only":   {`{"Bool":{"aws:SecureTransport":"false"}}`, no},
		"numbers are exact":           {`{"NumericEquals":{"aws:RequestTag/n":"9007199254740992"}}`, no},
		"numbers":                     {`{"NumericGreaterThan":{"aws:RequestTag/n":9007199254740992}}`, yes},
		"a number with a fraction":    {`{"NumericLessThanEquals":{"aws:RequestTag/n":"9007199254740993.0"}}`, yes},
		"numbers of a text":           {`{"NumericNotEquals":{"HOST:sub":"1"}}`, unproven},
		"a text for a number":         {`{"NumericNotEquals":{"aws:RequestTag/n":"one"}}`, unproven},
		"an exponent":                 {`{"NumericLessThan":{"aws:RequestTag/n":"1e999999999"}}`, unproven},
		"a date":                      {`{"DateGreaterThan":{"aws:RequestTag/when":"2026-01-02"}}`, yes},
		"a date in another zone":      {`{"DateEquals":{"aws:RequestTag/when":"2026-01-02T05:04:05+02:00"}}`, yes},
		"a date as seconds":           {`{"DateLessThan":{"aws:RequestTag/when":"1767323046"}}`, yes},
		"no date":                     {`{"DateNotEquals":{"aws:RequestTag/when":"tomorrow"}}`, unproven},
		"an address in a block":       {`{"IpAddress":{"aws:RequestTag/from":["192.168.0.0/16","10.0.0.0/8"]}}`, yes},
		"an address outside":          {`{"NotIpAddress":{"aws:RequestTag/from":"10.1.2.0/24"}}`, no},
		"an address, alone":           {`{"IpAddress":{"aws:RequestTag/from":"10.1.2.3"}}`, yes},
		"no address":                  {`{"NotIpAddress":{"aws:RequestTag/from":"10.1.2"}}`, unproven},
		"an ARN":                      {`{"ArnLike":{"aws:RequestTag/role":"arn:aws:iam::*:role/team/*"}}`, yes},
		"ArnEquals has wildcards too": {`{"ArnEquals":{"aws:RequestTag/role":"arn:*:iam::111122223333:role/?eam/a"}}`, yes},
		"a wildcard of one ARN field": {`{"ArnLike":{"aws:RequestTag/role":"arn:*:role/team/a"}}`, unproven},
		"another ARN":                 {`{"ArnNotLike":{"aws:RequestTag/role":"arn:aws:iam::111122223333:role/b"}}`, yes},
		"no ARN":                      {`{"ArnNotEquals":{"HOST:sub":"arn:aws:iam::111122223333:role/b"}}`, unproven},

		"a variable":                         {`{"StringEquals":{"HOST:sub":"${HOST:sub}"}}`, yes},
		"a variable in another case":         {`{"StringEquals":{"HOST:sub":"${HOST:SUB}"}}`, yes},
		"a variable within":                  {`{"StringLike":{"HOST:sub":"system:*:${aws:RequestTag/none, 'cart'}"}}`, yes},
		"a variable that is absent":          {`{"StringEquals":{"HOST:sub":["${aws:RequestTag/none}"]}}`, unproven},
		"an absent variable beside a match":  {`{"StringEquals":{"HOST:sub":["${aws:RequestTag/none}","` + sub + `"]}}`, yes},
		"an absent variable, negated":        {`{"StringNotEquals":{"HOST:sub":"${aws:RequestTag/none}"}}`, unproven},
		"a variable with several values":     {`{"StringEquals":{"HOST:sub":"${HOST:amr}"}}`, unproven},
		"a variable's star is literal":       {`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:${aws:RequestTag/star}"}}`, no},
		"an escaped star":                    {`{"StringLike":{"aws:RequestTag/star":"${*}"}}`, yes},
		"an escaped star is no wildcard":     {`{"StringLike":{"HOST:sub":"system${*}"}}`, no},
		"an escaped question mark":           {`{"StringLike":{"HOST:sub":"system${?}serviceaccount:shop:cart"}}`, no},
		"an escaped dollar":                  {`{"StringEquals":{"HOST:sub":"${$}"}}`, no},
		"a variable without an end":          {`{"StringNotEquals":{"HOST:sub":"${HOST:sub"}}`, unproven},
		"a default without quotes":           {`{"StringEquals":{"HOST:sub":"${aws:RequestTag/none, ` + sub + `}"}}`, unproven},
		"a variable in a number":             {`{"NumericEquals":{"aws:RequestTag/n":"${aws:RequestTag/n}"}}`, unproven},
		"a variable in an ARN":               {`{"ArnEquals":{"aws:RequestTag/role":"${aws:RequestTag/role}"}}`, yes},
		"what the network decides":           {`{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`, unproven},
		"what the network decides, vacuous":  {`{"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}`, unproven},
		"what the clock decides":             {`{"DateGreaterThan":{"aws:CurrentTime":"2000-01-01T00:00:00Z"}}`, unproven},
		"whether the network key is present": {`{"Null":{"aws:SourceVpce":"true"}}`, unproven},
		"a session tag":                      {`{"StringEquals":{"aws:RequestTag/FROM":"10.1.2.3"}}`, yes},
		"all session tags":                   {`{"ForAllValues:StringEquals":{"aws:TagKeys":["n","when","from","role","yes","star"]}}`, yes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := trust.WebIdentity(p, claims)
			allow, deny := judged(t, p, "Allow", c.conditions), judged(t, p, "Deny", c.conditions)
			assert.Equal(t, c.want == yes, allow.Allows(q), "Allow:\n%s", allow.Evaluate(q))
			assert.Equal(t, c.want == no, deny.Allows(q), "Deny:\n%s", deny.Evaluate(q))
			assert.Equal(t, c.want == yes, allow.Evaluate(q).Allowed)
			assert.Equal(t, c.want == no, deny.Evaluate(q).Allowed)
		})
	}
}

func TestVariablesExistOnlyInTheCurrentVersion(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	for version, ok := range map[string]bool{`"Version":"2012-10-17",`: true, `"Version":"2008-10-17",`: false, ``: false} {
		policy := parse(t, `{`+version+`"Statement":{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+
			`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+p.ConditionKey("sub")+`":"${`+p.ConditionKey("sub")+`}"}}}}`)
		assert.Equal(t, ok, policy.Allows(token(p, account(t, "a", "b"))), version)
		literal := trust.WebIdentity(p, trust.Claims{"sub": "${" + p.ConditionKey("sub") + "}"})
		assert.NotEqual(t, "", policy.Evaluate(literal).String())
		if version != `"Version":"2012-10-17",` {
			assert.True(t, policy.Allows(literal), "without variables the text is what it is: %s", version)
		}
	}
}

func TestAudienceOfATokenWithSeveral(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	policy := judged(t, p, "Allow", `{"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`)
	oaud := judged(t, p, "Allow", `{"ForAnyValue:StringEquals":{"HOST:oaud":"other"},"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`)
	for name, c := range map[string]struct {
		claims     trust.Claims
		aud, keeps bool
	}{
		"one":                                {trust.Claims{"aud": "sts.amazonaws.com"}, true, false},
		"one in a list":                      {trust.Claims{"aud": []string{"sts.amazonaws.com"}}, true, false},
		"several without azp":                {trust.Claims{"aud": []any{"sts.amazonaws.com", "other"}}, false, false},
		"the same twice without azp":         {trust.Claims{"aud": []any{"sts.amazonaws.com", "sts.amazonaws.com"}}, false, false},
		"several with azp":                   {trust.Claims{"aud": []any{"other", "x"}, "azp": "sts.amazonaws.com"}, true, true},
		"azp decides against aud":            {trust.Claims{"aud": "sts.amazonaws.com", "azp": "other"}, false, false},
		"azp alone":                          {trust.Claims{"azp": "sts.amazonaws.com"}, true, false},
		"an empty list":                      {trust.Claims{"aud": []any{}}, false, false},
		"an azp that is no string":           {trust.Claims{"aud": "sts.amazonaws.com", "azp": []any{"sts.amazonaws.com"}}, false, false},
		"an empty azp":                       {trust.Claims{"aud": "sts.amazonaws.com", "azp": ""}, false, false},
		"an aud that is a number":            {trust.Claims{"aud": json.Number("1")}, false, false},
		"an aud of which one is no string":   {trust.Claims{"aud": []any{"sts.amazonaws.com", true}}, false, false},
		"an aud that is an object":           {trust.Claims{"aud": map[string]any{}}, false, false},
		"a sub that is a list":               {trust.Claims{"aud": "sts.amazonaws.com", "sub": []any{"x"}}, false, false},
		"an email that is true":              {trust.Claims{"aud": "sts.amazonaws.com", "email": true}, false, false},
		"an audience only by way of its azp": {trust.Claims{"aud": []string{"other", "more"}, "azp": "sts.amazonaws.com"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.aud, policy.Allows(trust.WebIdentity(p, c.claims)))
			assert.Equal(t, c.keeps, oaud.Allows(trust.WebIdentity(p, c.claims)))
		})
	}
}

func TestAClaimOfAnotherGoTypeIsNeverAllowed(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	open := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity"}`))
	cyclic := map[string]any{}
	cyclic["again"] = cyclic
	for name, value := range map[string]any{
		"float64": 1.5, "int": 1, "nil": nil, "bytes": []byte("x"), "a map of strings": map[string]string{"a": "b"},
		"a struct": struct{}{}, "a named string": trust.Effect("x"), "a raw message": json.RawMessage(`"x"`), "a func": func() {},
		"nested in a list": []any{"x", 1}, "nested in an object": map[string]any{"a": map[string]any{"b": 1.0}}, "a cycle": cyclic,
		"a pointer": new(string), "a list of lists of ints": []any{[]any{[]int{1}}},
	} {
		q := trust.WebIdentity(p, trust.Claims{"sub": "x", "aud": "y", "other": value})
		assert.False(t, open.Allows(q), name)
		d := open.Evaluate(q)
		assert.False(t, d.Allowed, name)
		assert.Contains(t, d.String(), `"other"`, name)
	}
	assert.True(t, open.Allows(trust.WebIdentity(p, trust.Claims{"sub": "x", "other": []any{json.Number("1"), true, "x", []string{"a"}}})))
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	for name, c := range map[string]struct {
		principal      string
		allows, denies bool
	}{
		"the provider":                       {`{"Federated":"` + p.ARN() + `"}`, true, true},
		"the provider among others":          {`{"Federated":["accounts.google.com","` + p.ARN() + `"]}`, true, true},
		"another provider":                   {`{"Federated":"` + provider(t, green).ARN() + `"}`, false, false},
		"the provider in another account":    {`{"Federated":"` + strings.Replace(p.ARN(), "111122223333", "444455556666", 1) + `"}`, false, false},
		"the provider in another partition":  {`{"Federated":"` + strings.Replace(p.ARN(), "arn:aws:", "arn:aws-cn:", 1) + `"}`, false, false},
		"the provider with a trailing slash": {`{"Federated":"` + p.ARN() + `/"}`, false, false},
		"the provider in another case":       {`{"Federated":"` + strings.ToLower(p.ARN()) + `"}`, false, true},
		"a wildcard":                         {`{"Federated":"*"}`, false, true},
		"a provider by wildcard":             {`{"Federated":"arn:aws:iam::111122223333:oidc-provider/*"}`, false, true},
		"every AWS account":                  {`{"AWS":"*"}`, false, true},
		"everybody":                          {`"*"`, false, true},
		"the account":                        {`{"AWS":"arn:aws:iam::111122223333:root"}`, false, false},
		"a service":                          {`{"Service":"pods.eks.amazonaws.com"}`, false, false},
		"an unknown kind":                    {`{"Everyone":"` + p.ARN() + `"}`, false, true},
		"an empty object":                    {`{}`, false, true},
		"an empty list":                      {`{"Federated":[]}`, false, true},
		"a number":                           {`5`, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := token(p, account(t, "a", "b"))
			allow := `{"Effect":"Allow","Principal":` + c.principal + `,"Action":"sts:AssumeRoleWithWebIdentity"}`
			open := `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity"}`
			assert.Equal(t, c.allows, parse(t, statement(allow)).Allows(q))
			denied := parse(t, statement(open+","+strings.Replace(allow, "Allow", "Deny", 1)))
			assert.Equal(t, c.denies, !denied.Allows(q))
		})
	}
}

func TestStatementsThatIAMCannotHold(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	q := token(p, account(t, "a", "b"))
	open := `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity"}`
	require.True(t, parse(t, statement(open)).Allows(q))
	for name, change := range map[string]func(string) string{
		"an unknown element": func(s string) string { return strings.Replace(s, `{"Effect"`, `{"Comment":"x","Effect"`, 1) },
		"a Resource":         func(s string) string { return strings.Replace(s, `{"Effect"`, `{"Resource":"*","Effect"`, 1) },
		"NotPrincipal":       func(s string) string { return strings.Replace(s, `"Principal"`, `"NotPrincipal"`, 1) },
		"NotAction": func(s string) string {
			return strings.Replace(s, `"Action":"sts:AssumeRoleWithWebIdentity"`, `"NotAction":"sts:AssumeRole"`, 1)
		},
		"no Action":             func(s string) string { return strings.Replace(s, `,"Action":"sts:AssumeRoleWithWebIdentity"`, ``, 1) },
		"an empty Action":       func(s string) string { return strings.Replace(s, `"sts:AssumeRoleWithWebIdentity"`, `[]`, 1) },
		"a Condition of a text": func(s string) string { return strings.Replace(s, `{"Effect"`, `{"Condition":"x","Effect"`, 1) },
	} {
		assert.False(t, parse(t, statement(change(open))).Allows(q), "%s in an Allow", name)
		deny := strings.Replace(change(open), "Allow", "Deny", 1)
		assert.False(t, parse(t, statement(open+","+deny)).Allows(q), "%s in a Deny", name)
	}
	for name, doc := range map[string]string{
		"an effect in lower case beside an Allow": statement(open + "," + strings.Replace(open, "Allow", "deny", 1)),
		"an Allow in lower case":                  statement(strings.Replace(open, "Allow", "allow", 1)),
		"an unknown version":                      strings.Replace(statement(open), "2012-10-17", "2012-10-18", 1),
		"a version that is a number":              strings.Replace(statement(open), `"2012-10-17"`, "2012", 1),
		"a statement that is a text":              statement(open + `,"text"`),
		"no statement":                            `{"Version":"2012-10-17"}`,
		"a statement of a statement":              `{"Version":"2012-10-17","Statement":[[` + open + `]]}`,
	} {
		assert.False(t, parse(t, doc).Allows(q), name)
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	for action, ok := range map[string]bool{
		`"sts:AssumeRoleWithWebIdentity"`:                    true,
		`["sts:TagSession","sts:AssumeRoleWithWebIdentity"]`: true,
		`"STS:assumerolewithWEBIDENTITY"`:                    true,
		`"sts:AssumeRole*"`:                                  true,
		`"sts:*"`:                                            true,
		`"*"`:                                                true,
		`"sts:AssumeRole"`:                                   false,
		`"sts:AssumeRoleWithSAML"`:                           false,
		`"sts:AssumeRole?"`:                                  false,
		`""`:                                                 false,
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":`+action+`}`))
		assert.Equal(t, ok, policy.Allows(token(p, account(t, "a", "b"))), action)
	}
}

func TestSessionTagsNeedTheRightToTag(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	tagged := trust.Claims{"sub": "x", "https://aws.amazon.com/tags": map[string]any{
		"principal_tags": map[string]any{"team": []any{"a"}}, "transitive_tag_keys": []any{"team"}}}
	flat := trust.Claims{"sub": "x", "https://aws.amazon.com/tags/principal_tags/team": "a"}
	named := trust.Claims{"sub": "x", "https://aws.amazon.com/source_identity": "me"}
	for actions, want := range map[string][3]bool{
		`"sts:AssumeRoleWithWebIdentity"`:                           {false, false, false},
		`["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`:        {true, true, false},
		`["sts:AssumeRoleWithWebIdentity","sts:SetSourceIdentity"]`: {false, false, true},
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":`+actions+`}`))
		for i, claims := range []trust.Claims{tagged, flat, named} {
			assert.Equal(t, want[i], policy.Allows(trust.WebIdentity(p, claims)), "%s %v", actions, claims)
		}
	}
	open := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"*"}`))
	for name, tags := range map[string]any{
		"a text": "x", "tags that are a list": map[string]any{"principal_tags": []any{}},
		"a tag with two values":   map[string]any{"principal_tags": map[string]any{"a": []any{"b", "c"}}},
		"two tags but for case":   map[string]any{"principal_tags": map[string]any{"a": "b", "A": "c"}},
		"transitive keys of bool": map[string]any{"principal_tags": map[string]any{"a": "b"}, "transitive_tag_keys": true},
	} {
		assert.False(t, open.Allows(trust.WebIdentity(p, trust.Claims{"https://aws.amazon.com/tags": tags})), name)
	}
}

func TestTheClaimsOfIssuersThatSTSKnows(t *testing.T) {
	t.Parallel()
	claims := trust.Claims{"sub": "x", "repository": "o/r", "job_workflow_ref": "w", "repository_owner": "o", "rpst_id": "i",
		"oidc.circleci.com/project-id": "p"}
	for _, c := range []struct {
		issuer, claim, value string
		exposed              bool
	}{
		{"https://token.actions.githubusercontent.com", "repository", "o/r", true},
		{"https://token.actions.githubusercontent.com", "job_workflow_ref", "w", true},
		{"https://token.actions.githubusercontent.com", "repository_owner", "o", false},
		{"https://oidc.circleci.com/org/ORG", "oidc.circleci.com/project-id", "p", true},
		{"https://idcs-abc.identity.oraclecloud.com", "rpst_id", "i", true},
		{blue, "repository", "o/r", false},
		{"https://token.actions.githubusercontent.com.example.com", "repository", "o/r", false},
	} {
		p := provider(t, c.issuer)
		policy := judged(t, p, "Allow", `{"StringEquals":{"`+p.ConditionKey(c.claim)+`":"`+c.value+`"}}`)
		assert.Equal(t, c.exposed, policy.Allows(trust.WebIdentity(p, claims)), "%s of %s", c.claim, c.issuer)
	}
}

func TestWithAddsWhatTheRequestDoesNotTell(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	policy := judged(t, p, "Allow", `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)
	q := token(p, account(t, "a", "b"))
	assert.False(t, policy.Allows(q))
	assert.Contains(t, policy.Evaluate(q).String(), "Request.With")
	assert.True(t, policy.Allows(q.With("aws:SourceIP", "10.1.1.1")))
	assert.False(t, policy.Allows(q), "the request itself stays as it was")
	assert.False(t, policy.Allows(q.With("aws:SourceIp", "11.1.1.1")))
	assert.False(t, policy.Allows(q.With("aws:SourceIp", "10.1.1.1").With("aws:sourceip", "10.1.1.2")), "no key twice")
	assert.False(t, policy.Allows(q.With("aws:SourceIp")), "no values")
	assert.False(t, policy.Allows(trust.Request{}.With("aws:SourceIp", "10.1.1.1")))

	open := judged(t, p, "Allow", `{}`)
	require.True(t, open.Allows(q))
	assert.False(t, open.Allows(q.With(p.ConditionKey("roles"), "x")), "claims come from the token alone")
	assert.False(t, open.Allows(q.With("nonsense", "x")))
}

func TestNothingIsAllowedByNothing(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	q := token(p, account(t, "a", "b"))
	open := judged(t, p, "Allow", `{}`)
	var none *trust.Policy
	for name, policy := range map[string]*trust.Policy{"nil": none, "zero": {}} {
		assert.False(t, policy.Allows(q), name)
		assert.False(t, policy.Evaluate(q).Allowed, name)
		assert.Equal(t, `{"Version":"2012-10-17","Statement":[]}`, policy.Document(), name)
		assert.Empty(t, policy.Lint(), name)
		assert.Error(t, policy.Validate(), name)
		assert.True(t, policy.Equal(none), name)
		assert.Empty(t, policy.Diff(none), name)
		assert.Zero(t, policy.Len(), name)
		assert.NotPanics(t, func() { policy.Compact().CheckSize(0); policy.Who(p, []trust.Subject{account(t, "a", "b")}) })
	}
	assert.False(t, open.Allows(trust.Request{}))
	assert.Equal(t, "denied: the request is empty", open.Evaluate(trust.Request{}).String())
	assert.False(t, open.Allows(trust.WebIdentity(trust.Provider{}, trust.Claims{"sub": "x"})))
	assert.False(t, open.Allows(trust.PodIdentity(trust.PodIdentitySession{})))
	assert.False(t, open.Allows(trust.AssumeRole(trust.AssumeRoleSession{})))
	assert.Equal(t, "denied: no statement allows it", strings.SplitN(trust.Decision{}.String(), "\n", 2)[0])
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	const session = "arn:aws:sts::111122223333:assumed-role/reader/me"
	for name, c := range map[string]struct {
		principal string
		session   trust.AssumeRoleSession
		want      bool
	}{
		"the account's root":            {`"arn:aws:iam::111122223333:root"`, trust.AssumeRoleSession{PrincipalARN: session}, true},
		"the account's id":              {`"111122223333"`, trust.AssumeRoleSession{PrincipalARN: session}, true},
		"everybody":                     {`"*"`, trust.AssumeRoleSession{PrincipalARN: session}, true},
		"another account":               {`"444455556666"`, trust.AssumeRoleSession{PrincipalARN: session}, false},
		"root of another partition":     {`"arn:aws-cn:iam::111122223333:root"`, trust.AssumeRoleSession{PrincipalARN: session}, false},
		"the session":                   {`"` + session + `"`, trust.AssumeRoleSession{PrincipalARN: session}, true},
		"the session's role":            {`"arn:aws:iam::111122223333:role/reader"`, trust.AssumeRoleSession{PrincipalARN: session}, true},
		"the session's role with path":  {`"arn:aws:iam::111122223333:role/a/reader"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/a/reader"}, true},
		"a role with another path":      {`"arn:aws:iam::111122223333:role/reader"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/a/reader"}, false},
		"a user":                        {`"arn:aws:iam::111122223333:user/u"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u"}, true},
		"another user":                  {`"arn:aws:iam::111122223333:user/v"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u"}, false},
		"an id that is not known":       {`"AROAEXAMPLEEXAMPLE123"`, trust.AssumeRoleSession{PrincipalARN: session}, false},
		"an id that is the session's":   {`"AROAEXAMPLEEXAMPLE123"`, trust.AssumeRoleSession{PrincipalARN: session, PrincipalID: "AROAEXAMPLEEXAMPLE123:me"}, true},
		"an id that is somebody else's": {`"AROAEXAMPLEEXAMPLE123"`, trust.AssumeRoleSession{PrincipalARN: session, PrincipalID: "AROAEXAMPLEEXAMPLE124:me"}, false},
		"a wildcard":                    {`"arn:aws:iam::111122223333:role/*"`, trust.AssumeRoleSession{PrincipalARN: session}, false},
		"no principal":                  {`"*"`, trust.AssumeRoleSession{PrincipalARN: "me"}, false},
		"a resource that is none":       {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:s3:::bucket"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":`+c.principal+`},"Action":"sts:AssumeRole"}`))
			q := trust.AssumeRole(c.session)
			assert.Equal(t, c.want, policy.Allows(q), "%s", policy.Evaluate(q))
		})
	}
}

func TestAssumeRoleConditions(t *testing.T) {
	t.Parallel()
	full := trust.AssumeRoleSession{PrincipalARN: "arn:aws:sts::111122223333:assumed-role/reader/me", PrincipalID: "AROAEXAMPLEEXAMPLE123:me", OrgID: "o-1",
		PrincipalTags: map[string]string{"Team": "a"}, SessionName: "s", SessionTags: map[string]string{"k": "v"}, TransitiveTagKeys: []string{"k"}, SourceIdentity: "me"}
	bare := trust.AssumeRoleSession{PrincipalARN: full.PrincipalARN}
	for conditions, want := range map[string][2]bool{ // full, bare
		`{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/reader"}}`:                 {true, true},
		`{"StringEquals":{"aws:PrincipalAccount":"111122223333","aws:PrincipalType":"AssumedRole"}}`: {true, true},
		`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`:                                              {true, false},
		`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}`:                                      {true, false},
		`{"StringNotEquals":{"aws:PrincipalTag/team":"b"}}`:                                          {true, false},
		`{"Null":{"aws:PrincipalTag/other":"true"}}`:                                                 {true, false},
		`{"StringEquals":{"sts:RoleSessionName":"s"}}`:                                               {true, false},
		`{"StringEquals":{"sts:SourceIdentity":"me","aws:RequestTag/K":"v"}}`:                        {true, false},
		`{"ForAllValues:StringEquals":{"aws:TagKeys":"k","sts:TransitiveTagKeys":["k"]}}`:            {true, true},
		`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`:                                             {false, false},
		`{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}`:                                     {false, false},
		`{"Null":{"sts:ExternalId":"true"}}`:                                                         {true, true},
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],"Condition":`+conditions+`}`))
		for i, s := range []trust.AssumeRoleSession{full, bare} {
			assert.Equal(t, want[i], policy.Allows(trust.AssumeRole(s)), "%d %s", i, conditions)
		}
	}
}

func TestChaining(t *testing.T) {
	t.Parallel()
	role := "arn:aws:iam::111122223333:role/source"
	session := trust.AssumeRoleSession{PrincipalARN: "arn:aws:sts::111122223333:assumed-role/source/s", ExternalID: "eu-west-1/1/c/ns/sa"}
	policy, err := trust.NewChain(trust.ChainGrant{RoleARNs: []string{role}, ExternalID: session.ExternalID})
	require.NoError(t, err)
	assert.True(t, policy.Allows(trust.AssumeRole(session)))
	tagged := session
	tagged.SessionTags = map[string]string{"a": "b"}
	assert.False(t, policy.Allows(trust.AssumeRole(tagged)), "tags need sts:TagSession")
	other := session
	other.ExternalID = "x"
	assert.False(t, policy.Allows(trust.AssumeRole(other)))

	tags, err := trust.NewChain(trust.ChainGrant{RoleARNs: []string{role}, TagSession: true})
	require.NoError(t, err)
	assert.True(t, tags.Allows(trust.AssumeRole(tagged)))
	tagged.SourceIdentity = "me"
	assert.False(t, tags.Allows(trust.AssumeRole(tagged)), "a source identity needs sts:SetSourceIdentity")

	for name, g := range map[string]trust.ChainGrant{
		"nobody": {}, "no role": {RoleARNs: []string{"arn:aws:iam::111122223333:user/u"}}, "a wildcard": {RoleARNs: []string{"arn:aws:iam::111122223333:role/*"}},
		"a bad external id": {RoleARNs: []string{role}, ExternalID: "a b"}, "a short one": {RoleARNs: []string{role}, ExternalID: "a"},
	} {
		policy, err := trust.NewChain(g)
		assert.Error(t, err, name)
		assert.Nil(t, policy, name)
	}
}

func TestPodIdentity(t *testing.T) {
	t.Parallel()
	cart := trust.PodIdentitySession{
		AccountID: "111122223333", ClusterARN: "arn:aws:eks:eu-west-1:111122223333:cluster/blue", ClusterName: "blue",
		Namespace: "shop", ServiceAccount: "cart", PodName: "cart-0", PodUID: "u",
	}
	untagged, stranger, elsewhere := cart, cart, cart
	untagged.DisableSessionTags = true
	stranger.ServiceAccount = "mail"
	elsewhere.ClusterARN = "arn:aws:eks:eu-west-1:111122223333:cluster/green"
	for name, c := range map[string]struct {
		grant trust.PodIdentityGrant
		want  [4]bool // cart, without tags, another account, another cluster
	}{
		"any":             {trust.PodIdentityGrant{}, [4]bool{true, true, true, true}},
		"a cluster":       {trust.PodIdentityGrant{ClusterARNs: []string{cart.ClusterARN}}, [4]bool{true, true, true, false}},
		"an AWS account":  {trust.PodIdentityGrant{AccountID: "111122223333"}, [4]bool{true, true, true, true}},
		"another":         {trust.PodIdentityGrant{AccountID: "444455556666"}, [4]bool{}},
		"a namespace":     {trust.PodIdentityGrant{Namespaces: []string{"x", "shop"}}, [4]bool{true, false, true, true}},
		"service account": {trust.PodIdentityGrant{Subjects: []trust.Subject{account(t, "shop", "cart")}}, [4]bool{true, false, false, true}},
		"no cross product": {trust.PodIdentityGrant{Subjects: []trust.Subject{account(t, "shop", "mail"), account(t, "post", "cart")}},
			[4]bool{false, false, true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy, err := trust.NewPodIdentity(c.grant)
			require.NoError(t, err)
			for i, s := range []trust.PodIdentitySession{cart, untagged, stranger, elsewhere} {
				q := trust.PodIdentity(s)
				assert.Equal(t, c.want[i], policy.Allows(q), "%d: %s", i, policy.Evaluate(q))
			}
			assert.False(t, policy.Allows(token(provider(t, blue), account(t, "shop", "cart"))), "no web identity")
			assert.NoError(t, policy.Validate())
			assert.Empty(t, policy.Lint())
		})
	}
	for name, g := range map[string]trust.PodIdentityGrant{
		"a bad account":          {AccountID: "1"},
		"a bad cluster":          {ClusterARNs: []string{"blue"}},
		"a cluster by wildcard":  {ClusterARNs: []string{"arn:aws:eks:eu-west-1:111122223333:cluster/*"}},
		"a cluster elsewhere":    {AccountID: "444455556666", ClusterARNs: []string{cart.ClusterARN}},
		"a bad namespace":        {Namespaces: []string{"*"}},
		"a zero subject":         {Subjects: []trust.Subject{{}}},
		"namespace and subjects": {Namespaces: []string{"a"}, Subjects: []trust.Subject{account(t, "a", "b")}},
	} {
		policy, err := trust.NewPodIdentity(g)
		assert.Error(t, err, name)
		assert.Nil(t, policy, name)
	}
}

func TestDecisionShowsAHostileClaimQuoted(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	policy := build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{account(t, "a", "b")}})
	for _, sub := range []string{"\x1b]0;owned\a", "x\nallowed", "\u202eabc", "a, the policy wants a", `"quoted"`, "\u2028"} {
		text := policy.Evaluate(trust.WebIdentity(p, trust.Claims{"sub": sub, "aud": trust.DefaultAudience})).String()
		for _, c := range text {
			require.True(t, c == '\n' || ' ' <= c && c < 0x7f, "%q", text)
		}
		assert.NotContains(t, text, "\nallowed")
		assert.NotContains(t, text, "is a, the policy")
	}
}

func TestDecisionSaysWhatIsWrongAtOnce(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	like := judged(t, p, "Allow", `{"StringEquals":{"HOST:sub":"system:serviceaccount:b:*"}}`)
	for _, c := range []struct {
		policy *trust.Policy
		sub    string
		want   string
	}{
		{build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{account(t, "b", "a")}}), "system:serviceaccount:a:b",
			"denied: sub is system:serviceaccount:a:b, the policy wants system:serviceaccount:b:a (namespace and name swapped?)"},
		{build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{account(t, "a", "a")}}), "system:serviceaccount:a:b",
			"denied: sub is system:serviceaccount:a:b, the policy wants system:serviceaccount:a:a (the policy has one name twice?)"},
		{like, "system:serviceaccount:b:c",
			"denied: sub is system:serviceaccount:b:c, the policy wants system:serviceaccount:b:* (StringEquals takes wildcards literally: StringLike would match)"},
		{build(t, trust.Grant{Provider: provider(t, green), Subjects: []trust.Subject{account(t, "b", "a")}}), "system:serviceaccount:b:a",
			"denied: the caller is " + p.ARN() + ", the policy wants " + provider(t, green).ARN()},
	} {
		d := c.policy.Evaluate(trust.WebIdentity(p, trust.Claims{"sub": c.sub, "aud": trust.DefaultAudience}))
		assert.Equal(t, c.want, strings.SplitN(d.String(), "\n", 2)[0])
	}
}

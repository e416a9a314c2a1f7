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
			"role": []any{"arn:aws:iam::111122223333:role/team/a"}, "yes": []any{"true"}, "no": []any{"False"}, "empty": []any{""},
		}},
	}
	const yes, no, unproven = "met", "not met", "unproven"
	for name, c := range map[string]struct{ conditions, want string }{
		"equal":                                       {`{"StringEquals":{"HOST:sub":"` + sub + `"}}`, yes},
		"equal to one of several":                     {`{"StringEquals":{"HOST:sub":["x","` + sub + `"]}}`, yes},
		"equal in another case":                       {`{"StringEquals":{"HOST:sub":"SYSTEM:serviceaccount:shop:cart"}}`, no},
		"ignoring case, of letters beyond ASCII":      {`{"StringEqualsIgnoreCase":{"HOST:sub":"ſystem:serviceaccount:shop:cart"}}`, unproven},
		"ignoring case, another text":                 {`{"StringEqualsIgnoreCase":{"HOST:sub":"system:serviceaccount:shop:card"}}`, no},
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
		"a claim that is not a condition key":         {`{"StringEquals":{"HOST:roles":"admin"}}`, no},
		"iss is not a condition key":                  {`{"StringEquals":{"HOST:iss":"` + blue + `"}}`, no},
		"IfExists of an absent key":                   {`{"StringEqualsIfExists":{"HOST:roles":"x"}}`, yes},
		"IfExists of a present key":                   {`{"StringEqualsIfExists":{"HOST:sub":"x"}}`, no},
		"Null of an absent key":                       {`{"Null":{"HOST:roles":"true"}}`, yes},
		"Null of a present key":                       {`{"Null":{"HOST:sub":"true"}}`, no},
		"Null false of a present key":                 {`{"Null":{"HOST:sub":false}}`, yes},
		"for all values of an empty one":              {`{"ForAllValues:StringEquals":{"aws:RequestTag/empty":"a"}}`, yes},
		"the same, guarded as IAM advises":            {`{"ForAllValues:StringEquals":{"aws:RequestTag/empty":"a"},"Null":{"aws:RequestTag/empty":"false"}}`, unproven},
		"Null of an empty value":                      {`{"Null":{"aws:RequestTag/empty":"true"}}`, unproven},
		"Null false of an empty value":                {`{"Null":{"aws:RequestTag/empty":"false"}}`, unproven},
		"Null of an empty value, either way":          {`{"Null":{"aws:RequestTag/empty":["true","false"]}}`, yes},
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
		"values that are objects, negated":            {`{"StringNotEquals":{"HOST:sub":{}}}`, unproven},
		"values that are objects":                     {`{"StringEquals":{"HOST:sub":{}}}`, unproven},

		"Bool":                         {`{"Bool":{"aws:RequestTag/yes":"TRUE"}}`, yes},
		"Bool as JSON":                 {`{"Bool":{"aws:RequestTag/yes":true}}`, yes},
		"Bool of false":                {`{"Bool":{"aws:RequestTag/no":"false"}}`, yes},
		"Bool of the other value":      {`{"Bool":{"aws:RequestTag/no":"true"}}`, no},
		"Bool of something else":       {`{"Bool":{"HOST:sub":"true"}}`, unproven},
		"Bool of an absent key":        {`{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`, no},
		"STS answers over TLS only":    {`{"Bool":{"aws:SecureTransport":"false"}}`, no},
		"numbers are exact":            {`{"NumericEquals":{"aws:RequestTag/n":"9007199254740992"}}`, no},
		"numbers":                      {`{"NumericGreaterThan":{"aws:RequestTag/n":9007199254740992}}`, yes},
		"a number with a fraction":     {`{"NumericLessThanEquals":{"aws:RequestTag/n":"9007199254740993.0"}}`, yes},
		"less than the same number":    {`{"NumericLessThan":{"aws:RequestTag/n":"9007199254740993"}}`, no},
		"more than the same number":    {`{"NumericGreaterThan":{"aws:RequestTag/n":"9007199254740993"}}`, no},
		"at least the same number":     {`{"NumericGreaterThanEquals":{"aws:RequestTag/n":"9007199254740993"}}`, yes},
		"at least a smaller number":    {`{"NumericGreaterThanEquals":{"aws:RequestTag/n":"9007199254740992"}}`, yes},
		"an address with a zone":       {`{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, unproven},
		"at least a larger number":     {`{"NumericGreaterThanEquals":{"aws:RequestTag/n":"9007199254740994"}}`, no},
		"at most a smaller number":     {`{"NumericLessThanEquals":{"aws:RequestTag/n":"9007199254740992"}}`, no},
		"numbers of a text":            {`{"NumericNotEquals":{"HOST:sub":"1"}}`, unproven},
		"a text for a number":          {`{"NumericNotEquals":{"aws:RequestTag/n":"one"}}`, unproven},
		"a sign":                       {`{"NumericEquals":{"aws:RequestTag/n":"+9007199254740993"}}`, yes},
		"two signs":                    {`{"NumericNotEquals":{"aws:RequestTag/n":"--1"}}`, unproven},
		"two points":                   {`{"NumericNotEquals":{"aws:RequestTag/n":"1.2.3"}}`, unproven},
		"a point alone":                {`{"NumericNotEquals":{"aws:RequestTag/n":"."}}`, unproven},
		"a fraction of two numbers":    {`{"NumericNotEquals":{"aws:RequestTag/n":"1/2"}}`, unproven},
		"a number in another base":     {`{"NumericNotEquals":{"aws:RequestTag/n":"0x10"}}`, unproven},
		"a number of 64 digits":        {`{"NumericLessThan":{"aws:RequestTag/n":"` + strings.Repeat("9", 64) + `"}}`, yes},
		"a number of 65 digits":        {`{"NumericLessThan":{"aws:RequestTag/n":"` + strings.Repeat("9", 65) + `"}}`, unproven},
		"an exponent":                  {`{"NumericLessThan":{"aws:RequestTag/n":"1e999999999"}}`, unproven},
		"a date":                       {`{"DateGreaterThan":{"aws:RequestTag/when":"2026-01-02"}}`, yes},
		"a date in another zone":       {`{"DateEquals":{"aws:RequestTag/when":"2026-01-02T05:04:05+02:00"}}`, yes},
		"a date as seconds":            {`{"DateLessThan":{"aws:RequestTag/when":"1767323046"}}`, yes},
		"a date, alone":                {`{"DateGreaterThanEquals":{"aws:RequestTag/when":"2026-01-02T03:04:05Z"}}`, yes},
		"a date of a text":             {`{"DateGreaterThan":{"HOST:sub":"0001-01-01"}}`, unproven},
		"a date of a part of a second": {`{"DateEquals":{"aws:RequestTag/when":"1767323045.5"}}`, unproven},
		"a date beyond all clocks":     {`{"DateLessThan":{"aws:RequestTag/when":"99999999999999999999"}}`, unproven},
		"an operator without a type":   {`{"Equals":{"aws:RequestTag/when":"2026-01-02T03:04:05Z"}}`, unproven},
		"no date":                      {`{"DateNotEquals":{"aws:RequestTag/when":"tomorrow"}}`, unproven},
		"an address in a block":        {`{"IpAddress":{"aws:RequestTag/from":["192.168.0.0/16","10.0.0.0/8"]}}`, yes},
		"an address outside":           {`{"NotIpAddress":{"aws:RequestTag/from":"10.1.2.0/24"}}`, no},
		"an address, alone":            {`{"IpAddress":{"aws:RequestTag/from":"10.1.2.3"}}`, yes},
		"an address of a text":         {`{"NotIpAddress":{"HOST:sub":"10.0.0.0/8"}}`, unproven},
		"a block of a text":            {`{"NotIpAddress":{"aws:RequestTag/from":"HOST"}}`, unproven},
		"no address":                   {`{"NotIpAddress":{"aws:RequestTag/from":"10.1.2"}}`, unproven},
		"an ARN":                       {`{"ArnLike":{"aws:RequestTag/role":"arn:aws:iam::*:role/team/*"}}`, yes},
		"ArnEquals has wildcards too":  {`{"ArnEquals":{"aws:RequestTag/role":"arn:*:iam::111122223333:role/?eam/a"}}`, yes},
		"a wildcard of one ARN field":  {`{"ArnLike":{"aws:RequestTag/role":"arn:*:role/team/a"}}`, unproven},
		"another ARN":                  {`{"ArnNotLike":{"aws:RequestTag/role":"arn:aws:iam::111122223333:role/b"}}`, yes},
		"no ARN":                       {`{"ArnNotEquals":{"HOST:sub":"arn:aws:iam::111122223333:role/b"}}`, unproven},

		"a variable":                            {`{"StringEquals":{"HOST:sub":"${HOST:sub}"}}`, yes},
		"a variable in another case":            {`{"StringEquals":{"HOST:sub":"${HOST:SUB}"}}`, yes},
		"a variable, ignoring case":             {`{"StringEqualsIgnoreCase":{"HOST:sub":"SYSTEM:serviceaccount:shop:${aws:RequestTag/none, 'CART'}"}}`, yes},
		"a variable, not ignoring case":         {`{"StringEquals":{"HOST:sub":"SYSTEM:serviceaccount:shop:${aws:RequestTag/none, 'cart'}"}}`, no},
		"an absent variable in a pattern":       {`{"StringNotLike":{"HOST:sub":"x${aws:RequestTag/none}*"}}`, unproven},
		"an absent variable in an ARN":          {`{"ArnNotLike":{"aws:RequestTag/role":"arn:aws:iam::1:role/${aws:RequestTag/none}"}}`, unproven},
		"an absent variable, ignoring case":     {`{"StringNotEqualsIgnoreCase":{"HOST:sub":"x${aws:RequestTag/none}"}}`, unproven},
		"an unknown variable with a default":    {`{"StringNotEquals":{"HOST:sub":"${aws:SourceVpc, 'x'}"}}`, unproven},
		"a variable without a name":             {`{"StringNotEquals":{"HOST:sub":"${, 'x'}"}}`, unproven},
		"a variable with a space in it":         {`{"StringNotEquals":{"HOST:sub":"${aws:RequestTag/a b, 'x'}"}}`, unproven},
		"a default with a quote in it":          {`{"StringNotEquals":{"HOST:sub":"${aws:RequestTag/none, 'x'y'}"}}`, unproven},
		"a default that begins with no quote":   {`{"StringNotEquals":{"HOST:sub":"${aws:RequestTag/none, x'}"}}`, unproven},
		"a default that ends with no quote":     {`{"StringNotEquals":{"HOST:sub":"${aws:RequestTag/none, 'x}"}}`, unproven},
		"a default that is one quote":           {`{"StringNotEquals":{"HOST:sub":"${aws:RequestTag/none, '}"}}`, unproven},
		"a default that is empty":               {`{"StringEquals":{"HOST:sub":"` + sub + `${aws:RequestTag/none, ''}"}}`, yes},
		"a variable within":                     {`{"StringLike":{"HOST:sub":"system:*:${aws:RequestTag/none, 'cart'}"}}`, yes},
		"a variable that is absent":             {`{"StringEquals":{"HOST:sub":["${aws:RequestTag/none}"]}}`, unproven},
		"an absent variable beside a match":     {`{"StringEquals":{"HOST:sub":["${aws:RequestTag/none}","` + sub + `"]}}`, yes},
		"an absent variable, negated":           {`{"StringNotEquals":{"HOST:sub":"${aws:RequestTag/none}"}}`, unproven},
		"a variable with several values":        {`{"StringEquals":{"HOST:sub":"${HOST:amr}"}}`, unproven},
		"a variable's star is literal":          {`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:${aws:Referer}"}}`, no},
		"an escaped star":                       {`{"StringLike":{"aws:Referer":"${*}"}}`, yes},
		"an escaped star is not a wildcard":     {`{"StringLike":{"HOST:sub":"system${*}"}}`, no},
		"an escaped question mark":              {`{"StringLike":{"HOST:sub":"system${?}serviceaccount:shop:cart"}}`, no},
		"an escaped dollar":                     {`{"StringEquals":{"HOST:sub":"${$}"}}`, no},
		"a variable without an end":             {`{"StringNotEquals":{"HOST:sub":"${HOST:sub"}}`, unproven},
		"a default without quotes":              {`{"StringEquals":{"HOST:sub":"${aws:RequestTag/none, ` + sub + `}"}}`, unproven},
		"a variable in a number":                {`{"NumericEquals":{"aws:RequestTag/n":"${aws:RequestTag/n}"}}`, unproven},
		"a variable in an ARN":                  {`{"ArnEquals":{"aws:RequestTag/role":"${aws:RequestTag/role}"}}`, yes},
		"a variable beyond an ARN's last colon": {`{"ArnLike":{"aws:RequestTag/role":"arn:aws:iam::111122223333:role/team/*:${aws:RequestTag/none, 'x'}"}}`, no},
		"what the network decides":              {`{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`, unproven},
		"what the network decides, vacuous":     {`{"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}`, unproven},
		"what the clock decides":                {`{"DateGreaterThan":{"aws:CurrentTime":"2000-01-01T00:00:00Z"}}`, unproven},
		"whether the network key is present":    {`{"Null":{"aws:SourceVpce":"true"}}`, unproven},
		"a session tag":                         {`{"StringEquals":{"aws:RequestTag/FROM":"10.1.2.3"}}`, yes},
		"all session tags":                      {`{"ForAllValues:StringEquals":{"aws:TagKeys":["n","when","from","role","yes","no","empty"]}}`, yes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := trust.WebIdentity(p, claims).With("aws:Referer", "*")
			if name == "an address with a zone" {
				q = q.With("aws:SourceIp", "fe80::1%eth0")
			}
			allow, deny := judged(t, p, "Allow", c.conditions), judged(t, p, "Deny", c.conditions)
			assert.Equal(t, c.want == yes, allow.Allows(q), "Allow:\n%s", allow.Evaluate(q))
			assert.Equal(t, c.want == no, deny.Allows(q), "Deny:\n%s", deny.Evaluate(q))
			if parts := allow.Evaluate(q).Statements[0].Conditions; len(parts) == 1 {
				assert.Equal(t, c.want == yes, parts[0].Met)
				assert.Equal(t, c.want == unproven, parts[0].Unproven)
			}
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
		allow := parse(t, statement(change(open)))
		assert.False(t, allow.Allows(q), "%s in an Allow", name)
		assert.False(t, allow.Evaluate(q).Statements[0].Matched, "%s in an Allow", name)
		deny := parse(t, statement(open+","+strings.Replace(change(open), "Allow", "Deny", 1)))
		assert.False(t, deny.Allows(q), "%s in a Deny", name)
		assert.True(t, deny.Evaluate(q).Statements[1].Matched, "%s in a Deny", name)
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

func TestWhatValidateRefusesNeverAllows(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	q := token(p, account(t, "a", "b"))
	open := `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity"}`
	with := func(element string) string { return strings.Replace(open, `{`, `{`+element+`,`, 1) }
	for name, c := range map[string]struct{ doc, place string }{
		"a comment beside the statements":   {strings.Replace(statement(open), `{`, `{"_comment":"x",`, 1), "/_comment: "},
		"an Id that is a number":            {strings.Replace(statement(open), `{`, `{"Id":5,`, 1), "/Id: "},
		"a Sid with a space":                {statement(with(`"Sid":"a b"`)), "/Statement/0/Sid: "},
		"a Sid that is a number":            {statement(with(`"Sid":5`)), "/Statement/0/Sid: "},
		"a Sid twice":                       {statement(with(`"Sid":"A"`) + `,` + with(`"Sid":"A"`)), "/Statement/1/Sid: "},
		"all of STS beside the action":      {statement(strings.Replace(open, `"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity","sts:*"]`, 1)), "/Statement/0/Action/1: "},
		"an action of another service":      {statement(strings.Replace(open, `"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity","s3:GetObject"]`, 1)), "/Statement/0/Action/1: "},
		"a Resource in another statement":   {statement(open + `,` + strings.Replace(with(`"Resource":"*"`), p.ARN(), "a.b", 1)), "/Statement/1/Resource: "},
		"Action and NotAction":              {statement(with(`"NotAction":"sts:AssumeRole"`)), "/Statement/0: "},
		"a bad principal beside":            {statement(strings.Replace(open, `{"Fed`, `{"AWS":"arn:aws:iam::1:x","Fed`, 1)), "/Statement/0/Principal/AWS: "},
		"an unexpanded ARN beside":          {statement(strings.Replace(open, `"`+p.ARN()+`"`, `["`+p.ARN()+`","${arn}"]`, 1)), "/Statement/0/Principal/Federated/1: "},
		"a value that is an object":         {statement(open + `,` + with(`"Condition":{"StringEquals":{"a.b:sub":{}}}`)), "/Statement/1/Condition/StringEquals/a.b:sub: "},
		"an operator that is a text":        {statement(open + `,` + with(`"Condition":{"StringEquals":"x"}`)), "/Statement/1/Condition/StringEquals: "},
		"an operator of a negated nonsense": {statement(open + `,` + with(`"Condition":{"__comment":"x"}`)), "/Statement/1/Condition/__comment: "},
	} {
		policy := parse(t, c.doc)
		require.ErrorContains(t, policy.Validate(), c.place, name)
		assert.False(t, policy.Allows(q), name)
		d := policy.Evaluate(q)
		assert.False(t, d.Allowed, name)
		assert.Contains(t, d.String(), "denied: IAM does not store the policy: ", name)
	}
	for name, c := range map[string]struct{ doc, place string }{
		"no source says that it is refused":        {statement(strings.Replace(open, "Identity\"}", "*\"}", 1)), "/Statement/0/Action: "},
		"IAM itself puts the id of a deleted role": {statement(strings.Replace(open, `{"Fed`, `{"AWS":"AROAEXAMPLEEXAMPLE123","Fed`, 1)), "/Statement/0/Principal/AWS: "},
	} {
		policy := parse(t, c.doc)
		require.ErrorContains(t, policy.Validate(), c.place, name)
		assert.True(t, policy.Allows(q), name)
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	for action, ok := range map[string]bool{
		`"sts:AssumeRoleWithWebIdentity"`:                    true,
		`["sts:TagSession","sts:AssumeRoleWithWebIdentity"]`: true,
		`"STS:assumerolewithWEBIDENTITY"`:                    false, // IAM stores none of these three
		`"sts:AssumeRole*"`:                                  true,
		`"sts:*"`:                                            false,
		`"*"`:                                                false,
		`"sts:AssumeRole"`:                                   false,
		`"sts:AssumeRoleWithSAML"`:                           false,
		`"sts:AssumeRole?"`:                                  false,
		`""`:                                                 false,
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":`+action+`}`))
		assert.Equal(t, ok, policy.Allows(token(p, account(t, "a", "b"))), action)
	}
}

func TestEveryActionThatARequestNeedsMustBeAllowed(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	q := trust.WebIdentity(p, trust.Claims{
		"sub": "x", "aud": "A", "https://aws.amazon.com/source_identity": "me",
		"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"a": []any{"b"}}},
	})
	all := []string{"sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"}
	allows := func(actions []string) bool {
		list, err := json.Marshal(actions)
		require.NoError(t, err)
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":`+string(list)+`}`))
		d := policy.Evaluate(q)
		assert.Equal(t, policy.Allows(q), d.Allowed, "%v", actions)
		var asked []string
		for _, s := range d.Statements {
			asked = append(asked, s.Action)
		}
		assert.Equal(t, all, asked, "every action is explained")
		return policy.Allows(q)
	}
	assert.True(t, allows(all))
	for i := range all {
		assert.False(t, allows(append(append([]string(nil), all[:i]...), all[i+1:]...)), "without %s", all[i])
	}
}

func TestADecisionSaysWhatItIsAbout(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	q := trust.WebIdentity(p, trust.Claims{"sub": "x", "aud": "A"})
	t.Run("conditions of a statement for somebody else are shown too", func(t *testing.T) {
		other := parse(t, strings.ReplaceAll(judged(t, p, "Allow", `{"StringEquals":{"HOST:sub":"x"}}`).Document(), p.ARN(), provider(t, green).ARN()))
		s := other.Evaluate(q).Statements[0]
		assert.Equal(t, []string{"x"}, s.Conditions[0].Got)
		assert.True(t, s.Conditions[0].Met)
		assert.False(t, s.PrincipalMatched)
	})
	t.Run("statements after a Deny are shown too", func(t *testing.T) {
		document := judged(t, p, "Deny", `{}`).Document()
		assert.Len(t, parse(t, document).Evaluate(q).Statements, 2)
		s := strings.SplitN(strings.TrimSuffix(strings.SplitN(document, `[`, 2)[1], "]}"), "},{", 2)
		assert.Len(t, parse(t, statement("{"+s[1]+","+s[0]+"}")).Evaluate(q).Statements, 2)
	})
	t.Run("only what the answer depends on is unknown", func(t *testing.T) {
		body := func(effect, conditions string) string {
			return `{"Effect":"` + effect + `","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(conditions, "HOST", p.HostPath()) + `}`
		}
		vpc := body("Allow", `{"StringEquals":{"aws:SourceVpc":"vpc-1"}}`)
		for body, want := range map[string][]string{
			vpc: {"aws:SourceVpc"},
			body("Deny", `{"StringEquals":{"HOST:sub":"y"}}`) + "," + vpc:              {"aws:SourceVpc"},
			body("Deny", `{"StringEquals":{"HOST:sub":"x"}}`) + "," + vpc:              nil,
			body("Allow", `{"StringEquals":{"HOST:sub":"x"}}`) + "," + vpc:             nil,
			body("Allow", `{"StringEquals":{"HOST:sub":"y","aws:SourceVpc":"vpc-1"}}`): nil,
			body("Allow", `{"StringEquals":{"aws:SourceVpc":[]}}`):                     nil,
			body("Allow", `{"StringEquals":{"HOST:sub":"${aws:RequestTag/none}"}}`):    nil,
			vpc + `,{"Effect":"Allow"}`:                                                nil, // which IAM does not store
		} {
			assert.Equal(t, want, parse(t, statement(body)).Evaluate(q).Unknown, body)
		}
	})
	t.Run("a key that does not matter is not named as unknown", func(t *testing.T) {
		d := judged(t, p, "Allow", `{"StringEquals":{"HOST:sub":["${aws:SourceVpc}","x"]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`).Evaluate(q)
		assert.Equal(t, []string{"aws:SourceIp"}, d.Unknown)
	})
	t.Run("an action by exception is named as one", func(t *testing.T) {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"NotAction":"sts:AssumeRoleWithWebIdentity"}`))
		assert.Contains(t, policy.Evaluate(q).String(), "the statement is for NotAction sts:AssumeRoleWithWebIdentity")
		policy = parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRole"}`))
		assert.Contains(t, policy.Evaluate(q).String(), "the statement is for Action sts:AssumeRole")
	})
	t.Run("one that was put together by hand is printed", func(t *testing.T) {
		d := trust.Decision{Statements: []trust.StatementResult{{Effect: trust.Allow, Action: "sts:AssumeRole", PrincipalMatched: true}}}
		assert.Equal(t, "denied: sts:AssumeRole is asked for, the statement is for another action", strings.SplitN(d.String(), "\n", 2)[0])
	})
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
		assert.ErrorContains(t, policy.Validate(), "/Statement: Syntax errors in policy.", name)
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

// What a variable brings in is literal even when it is not text.
func TestAVariableCannotSmuggleInAWildcard(t *testing.T) {
	t.Parallel()
	policy := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession"],`+
		`"Condition":{"StringLike":{"sts:ExternalId":"${aws:RequestTag/who}-?"}}}`))
	for who, want := range map[string]bool{"a": true, "?": false, "*": false, "\xff": false} {
		q := trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u", ExternalID: "a-1", SessionTags: map[string]string{"who": who}})
		assert.Equal(t, want, policy.Allows(q), "%q", who)
	}
}

// IAM may read two spellings of a key as both, as either or as the last: what hangs on that lets
// nobody in.
func TestAKeyInTwoSpellingsProvesNothing(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	q := trust.WebIdentity(p, trust.Claims{"sub": "x", "aud": "A"})
	for _, operator := range []string{"StringEquals", "StringLike", "ForAnyValue:StringEquals", "StringEqualsIfExists"} {
		twice := `{"` + operator + `":{"HOST:sub":["x"],"HOST:SUB":["x","y"]}}`
		assert.False(t, judged(t, p, "Allow", twice).Allows(q), operator)
		apart := `{"` + operator + `":{"HOST:sub":["y"],"HOST:Sub":["x"]}}`
		guarded, err := trust.Join(judged(t, p, "Allow", `{}`), judged(t, p, "Deny", apart))
		require.NoError(t, err)
		assert.False(t, guarded.Allows(q), operator)
		assert.NotEmpty(t, judged(t, p, "Allow", twice).Lint(), operator)
	}
	assert.False(t, judged(t, p, "Allow", `{"Null":{"HOST:sub":"false","HOST:SUB":"false"}}`).Allows(q))
	assert.True(t, judged(t, p, "Allow", `{"StringEquals":{"HOST:sub":"x"},"StringLike":{"HOST:SUB":"x"}}`).Allows(q), "under two operators both count")
}

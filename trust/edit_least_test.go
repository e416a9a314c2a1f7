package trust_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// leastText puts providers and subjects into a document: P and Q are issuers, CART and MAIL subjects.
func leastText(t *testing.T, text string) string {
	t.Helper()
	p, q := provider(t, blue), provider(t, green)
	return strings.NewReplacer("P-ARN", p.ARN(), "Q-ARN", q.ARN(), "P:", p.HostPath()+":", "Q:", q.HostPath()+":",
		"CART", account(t, "shop", "cart").String(), "MAIL", account(t, "post", "mail").String()).Replace(text)
}

func leastWeb(effect, who, conditions string) string {
	return `{"Effect":"` + effect + `","Principal":{"Federated":` + who + `},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + conditions + `}}`
}

func TestWithoutGrantTakesNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart := grant(p, account(t, "shop", "cart"))
	vault := trust.Grant{Provider: p, Subjects: cart.Subjects, Audiences: []string{"vault"}}
	own := func(conditions string) string { return leastWeb("Allow", `"P-ARN"`, conditions) }
	const aud = `"P:aud":"sts.amazonaws.com"`
	for name, c := range map[string]struct {
		g             trust.Grant
		before, after string
	}{
		"another key has the subject as its value too": {cart, own(`"StringEquals":{` + aud + `,"P:sub":["CART","MAIL"],"P:email":["CART","x"]}`), own(`"StringEquals":{` + aud + `,"P:sub":["MAIL"],"P:email":["CART","x"]}`)},
		"the subject is also excluded":                 {cart, own(`"StringEquals":{` + aud + `,"P:sub":["CART","MAIL"]},"StringNotEquals":{"P:sub":["CART","x"]}`), own(`"StringEquals":{` + aud + `,"P:sub":["MAIL"]},"StringNotEquals":{"P:sub":["CART","x"]}`)},
		"it is excluded as an ARN":                     {cart, own(`"StringEquals":{` + aud + `,"P:sub":["CART","MAIL"]},"ArnNotEquals":{"P:sub":["CART","x"]}`), own(`"StringEquals":{` + aud + `,"P:sub":["MAIL"]},"ArnNotEquals":{"P:sub":["CART","x"]}`)},
		"it is a date too":                             {cart, own(`"StringEquals":{` + aud + `,"P:sub":["CART","MAIL"]},"DateNotEquals":{"P:sub":["CART","x"]}`), own(`"StringEquals":{` + aud + `,"P:sub":["MAIL"]},"DateNotEquals":{"P:sub":["CART","x"]}`)},
		"under an operator that is not known":          {cart, own(`"StringEquals":{` + aud + `,"P:sub":["CART","MAIL"]},"StringMatches":{"P:sub":["CART","x"]}`), own(`"StringEquals":{` + aud + `,"P:sub":["MAIL"]},"StringMatches":{"P:sub":["CART","x"]}`)},
		"a second condition lists others": {vault, own(`"StringEquals":{"P:aud":["vault","sts.amazonaws.com"],"P:sub":["CART","MAIL"]},"StringLike":{"P:sub":"*"}`),
			own(`"StringEquals":{"P:aud":["vault","sts.amazonaws.com"],"P:sub":["MAIL"]},"StringLike":{"P:sub":"*"}`) + "," + own(`"StringEquals":{"P:aud":["sts.amazonaws.com"],"P:sub":["CART"]},"StringLike":{"P:sub":"*"}`)},
		"an audience of another key":       {vault, own(`"StringEquals":{` + aud + `,"P:sub":["CART","MAIL"],"aws:x":"vault"}`), ""},
		"an audience that is excluded":     {vault, own(`"StringEquals":{` + aud + `,"P:sub":["CART","MAIL"]},"StringNotEquals":{"P:aud":"vault"}`), ""},
		"beside a condition on the caller": {cart, own(`"StringEquals":{` + aud + `,"P:sub":["CART","MAIL"]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`), own(`"StringEquals":{` + aud + `,"P:sub":["MAIL"]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`)},
		"split, beside a condition on the caller": {vault, own(`"StringEquals":{"P:aud":["vault","x"],"P:sub":["CART","MAIL"]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`),
			own(`"StringEquals":{"P:aud":["vault","x"],"P:sub":["MAIL"]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`) + "," + own(`"StringEquals":{"P:aud":["x"],"P:sub":["CART"]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`)},
		"beside a variable":                    {cart, own(`"StringEquals":{` + aud + `,"P:sub":["CART","MAIL"],"P:email":"${P:sub}"}`), own(`"StringEquals":{` + aud + `,"P:sub":["MAIL"],"P:email":"${P:sub}"}`)},
		"a statement that asks for plain HTTP": {cart, own(`"StringEquals":{` + aud + `,"P:sub":"x*"},"Bool":{"aws:SecureTransport":"false"}`), ""},
	} {
		policy := parse(t, statement(leastText(t, c.before)))
		out, err := policy.WithoutGrant(c.g)
		require.NoError(t, err, name)
		if c.after == "" {
			assert.Same(t, policy, out, name)
			continue
		}
		assert.Equal(t, statement(leastText(t, c.after)), out.Document(), name)
	}
}

func TestASingleStatementCanGoOrBeSplit(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart := grant(p, account(t, "shop", "cart"))
	single := func(aud, sub string) *trust.Policy {
		return parse(t, leastText(t, `{"Version":"2012-10-17","Statement":`+leastWeb("Allow", `"P-ARN"`, `"StringEquals":{"P:aud":`+aud+`,"P:sub":`+sub+`}`)+`}`))
	}
	gone, err := single(`"sts.amazonaws.com"`, `"CART"`).WithoutGrant(cart)
	require.NoError(t, err)
	assert.Equal(t, `{"Version":"2012-10-17","Statement":[]}`, gone.Document())
	split, err := single(`["sts.amazonaws.com","x"]`, `["CART","MAIL"]`).WithoutGrant(cart)
	require.NoError(t, err)
	assert.Equal(t, 2, split.Len())
	joined, err := single(`"sts.amazonaws.com"`, `"MAIL"`).WithGrant(cart)
	require.NoError(t, err)
	assert.Equal(t, single(`"sts.amazonaws.com"`, `["MAIL","CART"]`).Document(), joined.Document())
}

func TestWithGrantJoinsOnlyAStatementOfItsKind(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	other, err := trust.NewProvider("aws", "999988887777", blue)
	require.NoError(t, err)
	plain := leastWeb("Allow", `"P-ARN"`, `"StringEquals":{"P:aud":"sts.amazonaws.com","P:sub":"MAIL"}`)
	for name, s := range map[string]string{
		"a Deny":                               strings.Replace(plain, "Allow", "Deny", 1),
		"all actions but one":                  strings.Replace(plain, `"Action"`, `"NotAction"`, 1),
		"the same issuer in another account":   strings.Replace(plain, "P-ARN", other.ARN(), 1),
		"a statement that nobody meets":        strings.Replace(plain, `"MAIL"`, `[]`, 1),
		"a subject with a variable":            strings.Replace(plain, "MAIL", "system:serviceaccount:${P:sub}:x", 1),
		"a sub that is a number among strings": strings.Replace(plain, `"MAIL"`, `["MAIL",5]`, 1),
	} {
		policy := parse(t, statement(leastText(t, s)))
		with, err := policy.WithGrant(grant(p, account(t, "shop", "cart")))
		require.NoError(t, err, name)
		assert.Equal(t, statement(leastText(t, s)+","+statementOf(build(t, grant(p, account(t, "shop", "cart"))).Document())), with.Document(), name)
	}
}

func TestAPatternThatOnlyLooksLikeOneThatIsThereIsAdded(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	policy := build(t, trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:shop:app-?")}})
	with, err := policy.WithGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:shop:app-*")}})
	require.NoError(t, err)
	assert.True(t, with.Allows(token(p, account(t, "shop", "app-12"))))
}

func TestADenyIsNamedAfterTheStatementThatAdmits(t *testing.T) {
	t.Parallel()
	p, cart := provider(t, blue), account(t, "shop", "cart")
	policy := parse(t, statement(statementOf(build(t, grant(p, cart)).Document())+","+leastText(t, leastWeb("Deny", `"P-ARN"`, ``))))
	_, err := policy.WithGrant(grant(p, cart))
	require.EqualError(t, err, `trust: WithGrant: subject "system:serviceaccount:shop:cart" would be denied (/Statement/1)`)
}

func TestARefusalIsNamedWhereTheReceiverHasIt(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	refused := strings.Replace(leastWeb("Allow", `"P-ARN"`, ``), `{"Effect"`, `{"Resource":"*","Effect"`, 1)
	many := statement(strings.Repeat(vendor+",", 9) + vendor + "," + refused)
	for path, document := range map[string]string{
		"/Statement/Resource":    `{"Version":"2012-10-17","Statement":` + refused + `}`,
		"/Statement/10/Resource": strings.ReplaceAll(many, `"Sid":"Vendor",`, ""),
	} {
		_, err := parse(t, leastText(t, document)).WithGrant(grant(p, account(t, "shop", "cart")))
		var e *trust.EditError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, path, e.Path)
	}
}

func TestWithGrantLeavesTheCallersAudiencesInOrder(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	g := trust.Grant{Provider: p, Subjects: []trust.Subject{account(t, "shop", "cart")}, Audiences: []string{"z", "a"}}
	_, err := build(t, g).WithGrant(g)
	require.NoError(t, err)
	assert.Equal(t, []string{"z", "a"}, g.Audiences)
}

func TestWithoutProviderLooksNoFurtherThanItsStatements(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	intricate := strings.ReplaceAll(manyClaims(), "HOST:", "Q:")
	policy := parse(t, statement(leastText(t, leastWeb("Allow", `"P-ARN"`, ``)+","+leastWeb("Allow", `"Q-ARN"`, `"StringEquals":{"Q:sub":"x"`+intricate+`}`))))
	left, err := policy.WithoutProvider(p)
	require.NoError(t, err, "a statement that does not name it is not asked")
	assert.Equal(t, 1, left.Len())
	_, err = policy.WithGrant(grant(p, account(t, "shop", "cart")))
	require.NoError(t, err, "nor one that a grant does not join")
	both := parse(t, statement(leastText(t, leastWeb("Allow", `["P-ARN","Q-ARN"]`, `"StringEquals":{"Q:sub":"x"`+intricate+`}`))))
	_, err = both.WithoutProvider(p)
	require.EqualError(t, err, "trust: WithoutProvider: the statement cannot lose the provider alone (/Statement/0)")
}

func TestRetargetedMovesWhatStaysTheSame(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	const onX, onY = `"StringEquals":{"aws:x":"1"}`, `"StringEquals":{"aws:x":"2"}`
	open := func(effect, who string) string {
		return `{"Effect":"` + effect + `","Principal":{"Federated":` + who + `},"Action":"sts:AssumeRoleWithWebIdentity"}`
	}
	moves := strings.NewReplacer("P-ARN", "Q-ARN", "P:", "Q:")
	for name, body := range map[string]string{
		"a statement without conditions":          open("Allow", `"P-ARN"`),
		"each on something that nobody knows":     leastWeb("Allow", `"P-ARN"`, onX) + "," + leastWeb("Allow", `"Q-ARN"`, onY),
		"a claim that nobody knows":               leastWeb("Allow", `"P-ARN"`, `"ForAnyValue:StringEquals":{"P:amr":"x"}`),
		"a variable of a claim":                   leastWeb("Allow", `"P-ARN"`, `"StringEquals":{"aws:x":"${P:sub}/${P:aud}"}`),
		"a key without a claim":                   leastWeb("Allow", `"P-ARN"`, `"StringLike":{"P:":"x"}`),
		"an operator without keys":                leastWeb("Allow", `"P-ARN"`, `"StringLike":"x"`),
		"a short variable":                        leastWeb("Allow", `"P-ARN"`, `"StringEquals":{"aws:x":"${a}"}`),
		"each denied for a reason, none admitted": leastWeb("Deny", `"P-ARN"`, onX) + "," + leastWeb("Deny", `"Q-ARN"`, onY),
		"a Deny of another action":                leastWeb("Allow", `"P-ARN"`, onX) + "," + open("Allow", `"Q-ARN"`) + "," + strings.Replace(open("Deny", `"Q-ARN"`), "WithWebIdentity", "", 1),
	} {
		moved, err := parse(t, statement(leastText(t, body))).Retargeted(p, q)
		require.NoError(t, err, name)
		assert.Equal(t, statement(leastText(t, moves.Replace(body))), moved.Document(), name)
	}
	still := parse(t, statement(leastText(t, open("Deny", `"Q-ARN"`)+`,{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRoleWithWebIdentity"}`)))
	same, err := still.Retargeted(p, q)
	require.NoError(t, err)
	assert.Same(t, still, same, "nothing names the first")
}

func TestRetargetedIsRefusedWhenTokensOfOneProviderWouldLose(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	const on = `"StringEquals":{"aws:x":"1"}`
	both := `["P-ARN","Q-ARN"]`
	allow := leastWeb("Allow", `"P-ARN"`, `"StringEquals":{"P:sub":"a"}`)
	for name, c := range map[string]struct{ body, reason, path string }{
		"what only the old one's need": {leastWeb("Allow", both, on+`,"ForAllValues:StringLike":{"P:amr":"x"}`), "not say the same", "/Statement/0"},
		"what only the other's need":   {leastWeb("Allow", both, on+`,"ForAllValues:StringLike":{"Q:amr":"x"}`), "not say the same", "/Statement/0"},
		"a Deny before all others":     {leastWeb("Deny", `"P-ARN"`, `"StringEquals":{"P:sub":"b"}`) + "," + leastWeb("Deny", `"accounts.google.com"`, ``) + "," + allow + "," + leastWeb("Allow", `"Q-ARN"`, `"StringEquals":{"Q:sub":"b"}`), "deny tokens of the other", "/Statement/0"},
		"what nobody knows of both":    {leastWeb("Allow", `"P-ARN"`, on) + "," + leastWeb("Allow", `"Q-ARN"`, ``) + "," + leastWeb("Deny", both, `"StringEquals":{"aws:y":"1"}`), "deny tokens of the other", "/Statement/2"},
		"a Deny that is too intricate": {allow + "," + leastWeb("Deny", `"Q-ARN"`, `"StringEquals":{"aws:x":"y"`+strings.ReplaceAll(manyClaims(), "HOST:", "Q:")+`}`), "too large or too intricate", "/Statement/1"},
		"a key that is there already":  {leastWeb("Deny", `"P-ARN"`, `"StringEqualsIfExists":{"P:sub":"a","Q:sub":"b"}`), "is there already", "/Statement/0/Condition/StringEqualsIfExists"},
	} {
		_, err := parse(t, statement(leastText(t, c.body))).Retargeted(p, q)
		var refused *trust.EditError
		require.ErrorAs(t, err, &refused, name)
		assert.Contains(t, refused.Reason, c.reason, name)
		assert.Equal(t, c.path, refused.Path, name)
	}
}

func leastPods(effect, conditions string) string {
	return `{"Effect":"` + effect + `","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{` +
		strings.NewReplacer("NS", "aws:RequestTag/kubernetes-namespace", "SA", "aws:RequestTag/kubernetes-service-account").Replace(conditions) + `}}`
}

func TestWithoutPodIdentityTakesNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	cart := trust.PodIdentityGrant{Subjects: []trust.Subject{account(t, "shop", "cart")}}
	of := func(account string) trust.PodIdentityGrant {
		return trust.PodIdentityGrant{AccountID: account, Subjects: cart.Subjects}
	}
	for name, c := range map[string]struct {
		g             trust.PodIdentityGrant
		before, after string
	}{
		"nobody is let in":             {cart, leastPods("Allow", `"StringEquals":{"NS":["shop","post"],"SA":"cart"},"StringNotEquals":{"NS":"shop"}`), ""},
		"another account":              {of("111122223333"), leastPods("Allow", `"StringEquals":{"aws:SourceAccount":"444455556666","NS":"shop","SA":"cart"}`), ""},
		"plain HTTP":                   {cart, leastPods("Allow", `"StringEquals":{"NS":"shop"},"Bool":{"aws:SecureTransport":"false"}`), ""},
		"what nobody knows of the pod": {cart, leastPods("Allow", `"StringEquals":{"NS":"shop","SA":["cart","mail"],"aws:SourceVpc":"x"}`), leastPods("Allow", `"StringEquals":{"NS":"shop","SA":["mail"],"aws:SourceVpc":"x"}`)},
	} {
		policy := parse(t, statement(c.before))
		out, err := policy.WithoutPodIdentity(c.g)
		require.NoError(t, err, name)
		if c.after == "" {
			assert.Same(t, policy, out, name)
			continue
		}
		assert.Equal(t, statement(c.after), out.Document(), name)
	}
}

func TestWithoutPodIdentityIsRefusedByWhatItCannotTry(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 70 {
		names = append(names, fmt.Sprintf(`"n%d"`, i))
	}
	list := "[" + strings.Join(names, ",") + "]"
	web := strings.ReplaceAll(leastText(t, leastWeb("Allow", `"P-ARN"`, `"StringEquals":{"P:sub":"x"`+manyClaims()+`}`)), "HOST", provider(t, blue).HostPath())
	cart := trust.PodIdentityGrant{Subjects: []trust.Subject{account(t, "shop", "cart")}}
	for name, c := range map[string]struct{ body, path, subject string }{
		"too many names":             {leastPods("Allow", `"StringEquals":{"NS":`+list+`,"SA":`+list+`,"aws:SourceArn":`+list+`}`), "/Statement/0", "system:serviceaccount:shop:cart"},
		"a statement of many claims": {web, "/Statement/0", "system:serviceaccount:shop:cart"},
		"session tags may be absent": {leastPods("Allow", `"StringEqualsIfExists":{"NS":"shop","SA":"cart"}`), "/Statement/0", "system:serviceaccount:shop:cart"},
		"a statement with a flaw":    {strings.Replace(leastPods("Allow", `"StringEquals":{"NS":"shop","SA":"cart"}`), `{"Effect"`, `{"Comment":"x","Effect"`, 1), "/Statement/0", "system:serviceaccount:shop:cart"},
	} {
		out, err := parse(t, statement(c.body)).WithoutPodIdentity(cart)
		var refused *trust.EditError
		require.ErrorAs(t, err, &refused, "%s: %s", name, out)
		assert.Equal(t, []string{c.path, c.subject}, []string{refused.Path, refused.Subject}, name)
	}
	_, err := parse(t, statement(leastPods("Allow", ``))).WithoutPodIdentity(trust.PodIdentityGrant{Namespaces: []string{"shop"}})
	require.ErrorContains(t, err, `"system:serviceaccount:shop:*"`, "a namespace is named as a pattern")
}

func TestWithPodIdentityBesideAnotherKindOfGrant(t *testing.T) {
	t.Parallel()
	cart := must(trust.NewPodIdentity(trust.PodIdentityGrant{Subjects: []trust.Subject{account(t, "shop", "cart")}}))
	with, err := cart.WithPodIdentity(trust.PodIdentityGrant{Namespaces: []string{"post"}})
	require.NoError(t, err)
	assert.Equal(t, 2, with.Len(), "a namespace does not join a statement for an account")
	assert.True(t, with.Allows(podOf(cluster1, "post", "x")))
	_, err = parse(t, statement(statementOf(cart.Document())+","+leastPods("Deny", ``))).WithPodIdentity(trust.PodIdentityGrant{Subjects: []trust.Subject{account(t, "shop", "cart")}})
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, []string{"/Statement/1", "would be denied"}, []string{refused.Path, refused.Reason})
}

package trust_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestWithoutGrantNeverLeavesAStatementWithoutItsSub(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	both := build(t, grant(p, cart, mail))
	one, err := both.WithoutGrant(grant(p, cart))
	require.NoError(t, err)
	assert.True(t, one.Allows(token(p, mail)))
	assert.False(t, one.Allows(token(p, cart)))
	assert.True(t, one.Equal(build(t, grant(p, mail))))

	none, err := one.WithoutGrant(grant(p, mail))
	require.NoError(t, err)
	assert.Zero(t, none.Len(), "the statement goes with its last subject")
	assert.NotContains(t, none.Document(), ":aud")
	again, err := none.WithoutGrant(grant(p, mail))
	require.NoError(t, err)
	assert.Same(t, none, again)

	kept, err := parse(t, statement(vendor+","+statementOf(both.Document()))).WithoutGrant(grant(p, cart, mail))
	require.NoError(t, err)
	assert.Equal(t, statement(vendor), kept.Document(), "unrelated statements stay to the letter")

	// The written form of a single value and of a single statement stays.
	single := parse(t, strings.NewReplacer("[{", "{", "}]", "}").Replace(both.Document()))
	left, err := single.WithoutGrant(grant(p, mail))
	require.NoError(t, err)
	assert.Contains(t, left.Document(), `"Statement":{`)
	assert.Contains(t, left.Document(), `["`+cart.String()+`"]`)
}

func TestWithoutGrantAndAudiences(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	vault := func(s trust.Subject) trust.Request {
		return trust.WebIdentity(p, trust.Claims{"sub": s.String(), "aud": "vault"})
	}
	two := build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{cart, mail}, Audiences: []string{"vault", trust.DefaultAudience}})
	left, err := two.WithoutGrant(grant(p, cart))
	require.NoError(t, err)
	assert.Equal(t, []bool{false, true, true, true}, []bool{left.Allows(token(p, cart)), left.Allows(vault(cart)), left.Allows(token(p, mail)), left.Allows(vault(mail))},
		"only the audience that the grant names is taken away")
	left, err = two.WithoutGrant(grant(p, cart, mail))
	require.NoError(t, err)
	assert.Equal(t, 1, left.Len())
	assert.Equal(t, []bool{false, true}, []bool{left.Allows(token(p, cart)), left.Allows(vault(mail))})

	other := build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{cart}, Audiences: []string{"vault"}})
	same, err := other.WithoutGrant(grant(p, cart))
	require.NoError(t, err)
	assert.Same(t, other, same, "a grant for another audience is another grant")

	unasked := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+p.ConditionKey("sub")+`":["`+cart.String()+`","x"]}}}`))
	left, err = unasked.WithoutGrant(grant(p, cart))
	require.NoError(t, err)
	assert.False(t, left.Allows(vault(cart)), "a statement that asks for no audience loses the subject")
	assert.Equal(t, 1, left.Len())
}

func TestWithoutGrantIsRefusedWhenSomebodyStays(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart := account(t, "shop", "cart")
	literal := statementOf(build(t, grant(p, cart)).Document())
	web := func(conditions string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(conditions, "HOST", p.HostPath()) + `}`
	}
	for name, c := range map[string]struct{ body, path, reason string }{
		"a pattern":                    {literal + "," + web(`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}}`), "/Statement/1", "a pattern"},
		"a pattern in the same list":   {web(`{"StringLike":{"HOST:sub":["` + cart.String() + `","system:serviceaccount:s*"]}}`), "/Statement/0", "a pattern"},
		"no sub at all":                {web(`{"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`), "/Statement/0", "does not ask for sub"},
		"another claim":                {web(`{"StringEquals":{"HOST:amr":"x"}}`), "/Statement/0", "does not ask for sub"},
		"a negated sub":                {web(`{"StringNotEquals":{"HOST:sub":"x"}}`), "/Statement/0", "another statement"},
		"a variable":                   {web(`{"StringEquals":{"HOST:sub":"${HOST:sub}"}}`), "/Statement/0", "another statement"},
		"an unknown operator":          {web(`{"StringMatches":{"HOST:sub":"x"}}`), "/Statement/0", "another statement"},
		"a principal of everybody":     {`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity"}`, "/Statement/0", "does not ask for sub"},
		"an audience by pattern":       {web(`{"StringLike":{"HOST:aud":"sts.*","HOST:sub":"` + cart.String() + `"}}`), "/Statement/0", "another statement"},
		"the sub in another case":      {web(`{"StringEqualsIgnoreCase":{"HOST:sub":"` + strings.ToUpper(cart.String()) + `"}}`), "/Statement/0", "another statement"},
		"no values, negated":           {web(`{"StringNotEquals":{"HOST:sub":[]}}`), "/Statement/0", "without a sub"},
		"no values, if it exists":      {web(`{"StringEqualsIfExists":{"HOST:sub":[]}}`), "/Statement/0", "without a sub"},
		"no values, for all values":    {web(`{"ForAllValues:StringEquals":{"HOST:sub":[]}}`), "/Statement/0", "without a sub"},
		"no values, unknown operator":  {web(`{"StringMatches":{"HOST:sub":[]}}`), "/Statement/0", "another statement"},
		"a literal star in the list":   {web(`{"StringEqualsIgnoreCase":{"HOST:sub":["x*","` + strings.ToUpper(cart.String()) + `"]}}`), "/Statement/0", "another statement"},
		"the first of two":             {web(`{"StringLike":{"HOST:sub":"*:cart"}}`) + "," + web(`{"StringLike":{"HOST:sub":"*shop:cart"}}`), "/Statement/0", "a pattern"},
		"a statement with a flaw":      {strings.Replace(literal, `{"Effect"`, `{"Comment":"x","Effect"`, 1), "/Statement/0", "another statement"},
		"too many claims":              {web(`{"StringEquals":{"HOST:sub":"` + cart.String() + `"` + manyClaims() + `}}`), "", "too large or too intricate"},
		"somebody of another provider": {`{"Effect":"Allow","Principal":{"Federated":["` + p.ARN() + `","accounts.google.com"]},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEqualsIfExists":{"` + p.ConditionKey("sub") + `":"` + cart.String() + `"}}}`, "/Statement/0", "another statement"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := parse(t, statement(c.body))
			before := policy.Document()
			without, err := policy.WithoutGrant(grant(p, cart))
			var refused *trust.EditError
			require.ErrorAs(t, err, &refused)
			assert.Nil(t, without)
			assert.Equal(t, cart.String(), refused.Subject)
			assert.Equal(t, c.path, refused.Path)
			assert.Contains(t, refused.Reason, c.reason)
			assert.Equal(t, before, policy.Document())
		})
	}
	_, err := build(t, grant(p, cart)).WithoutGrant(trust.Grant{Provider: p})
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused, "a request that names nobody")
	_, err = build(t, grant(p, cart)).WithGrant(trust.Grant{Provider: p})
	require.ErrorAs(t, err, &refused)
}

// manyClaims are more combinations of claims than anybody could try.
func manyClaims() string {
	var b strings.Builder
	for i := range 12 {
		fmt.Fprintf(&b, `,"HOST:c%d":["a","b","c","d","e","f"]`, i)
	}
	return b.String()
}

func TestWithoutGrantLeavesEverythingElseAsItIs(t *testing.T) {
	t.Parallel()
	p, other := provider(t, blue), provider(t, green)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	web := func(effect string, of trust.Provider, conditions string) string {
		return `{"Effect":"` + effect + `","Principal":{"Federated":"` + of.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(conditions, "HOST", p.HostPath()) + `}`
	}
	vault := web("Allow", p, `{"StringEquals":{"HOST:aud":"vault","HOST:sub":["`+cart.String()+`","`+mail.String()+`"]}}`)
	for name, body := range map[string]string{
		"a Deny of the subject":                  web("Deny", p, `{"StringEquals":{"HOST:sub":["`+cart.String()+`","x"]}}`),
		"an Allow for another audience":          vault,
		"an Allow of another provider":           web("Allow", other, `{"StringEquals":{"HOST:sub":["`+cart.String()+`","x"]}}`),
		"a statement that IAM refuses":           `{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`,
		"a statement that nobody can meet":       web("Allow", p, `{"StringEquals":{"HOST:sub":[]}}`),
		"a statement of another kind of subject": web("Allow", p, `{"StringEquals":{"HOST:sub":"x","HOST:amr":"`+cart.String()+`"}}`),
	} {
		policy := parse(t, statement(body))
		same, err := policy.WithoutGrant(grant(p, cart))
		require.NoError(t, err, name)
		assert.Same(t, policy, same, name)
		left, err := parse(t, statement(body+","+statementOf(build(t, grant(p, cart)).Document()))).WithoutGrant(grant(p, cart))
		require.NoError(t, err, name)
		assert.Equal(t, statement(body), left.Document(), name)
	}
}

func TestAStatementThatIsSplitKeepsItsSidOnce(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	two := build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{cart, mail}, Audiences: []string{"vault", trust.DefaultAudience}})
	named := parse(t, strings.Replace(two.Document(), `{"Effect"`, `{"Sid":"Web","Effect"`, 1))
	left, err := named.WithoutGrant(grant(p, cart))
	require.NoError(t, err)
	require.Equal(t, 2, left.Len())
	assert.Equal(t, 1, strings.Count(left.Document(), `"Sid":"Web"`))
	require.NoError(t, left.Validate())
	left, err = named.WithoutGrant(grant(p, cart, mail))
	require.NoError(t, err)
	require.Equal(t, 1, left.Len())
	assert.Contains(t, left.Document(), `"Sid":"Web"`)
}

func TestAnEditErrorNamesOnlyWhoStays(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"`+p.ConditionKey("sub")+`":"*:mail"}}}`))
	_, err := policy.WithoutGrant(grant(p, cart, mail))
	require.EqualError(t, err, `trust: WithoutGrant: subject "system:serviceaccount:post:mail" would stay admitted by a pattern (/Statement/0)`)
	_, err = policy.WithoutGrant(trust.Grant{Provider: p})
	require.EqualError(t, err, "trust: WithoutGrant: the grant names nobody")
}

func TestWithoutGrantOfWhatIsGoneIsTheReceiver(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart := account(t, "shop", "cart")
	key := `{"` + p.ConditionKey("sub") + `":`
	sub := `"` + cart.String() + `"}`
	policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEqualsIfExists":`+key+sub+
		`,"ForAllValues:StringLike":`+key+`["`+cart.String()+`","system:serviceaccount:*:cart"]},"StringNotEquals":`+key+sub+`}}`))
	left, err := policy.WithoutGrant(grant(p, cart))
	require.NoError(t, err)
	same, err := left.WithoutGrant(grant(p, cart))
	require.NoError(t, err)
	assert.Same(t, left, same)
}

func TestWithoutGrantOfAPattern(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	narrow, wide := pattern(t, "system:serviceaccount:shop:c*"), pattern(t, "system:serviceaccount:shop:*")
	policy := build(t, trust.Grant{Provider: p, Patterns: []trust.Pattern{narrow, wide}})
	for _, one := range []trust.Pattern{narrow, wide} {
		_, err := policy.WithoutGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{one}})
		var refused *trust.EditError
		require.ErrorAs(t, err, &refused, "the other pattern still admits somebody whom it names")
		assert.Equal(t, one.String(), refused.Subject)
	}
	none, err := policy.WithoutGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{narrow, wide}})
	require.NoError(t, err)
	assert.Zero(t, none.Len())
	apart := pattern(t, "system:serviceaccount:post:*")
	left, err := build(t, trust.Grant{Provider: p, Patterns: []trust.Pattern{apart, wide}}).WithoutGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{wide}})
	require.NoError(t, err)
	assert.True(t, left.Allows(token(p, account(t, "post", "mail"))))
	assert.False(t, left.Allows(token(p, account(t, "shop", "mail"))))
}

package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func grant(p trust.Provider, subjects ...trust.Subject) trust.Grant {
	return trust.Grant{Provider: p, Subjects: subjects}
}

const vendor = `{"Sid":"Vendor","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::444455556666:root"]},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}`

func TestWithGrantChangesTheLeast(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	// Written by hand: keys in another case and order, lists of one.
	plain := `{"Action":["sts:AssumeRoleWithWebIdentity"],"Condition":{"StringEquals":{"` + strings.ToUpper(p.HostPath()) + `:SUB":["` + cart.String() + `"],"` +
		p.ConditionKey("aud") + `":["sts.amazonaws.com"]}},"Principal":{"Federated":["` + p.ARN() + `"]},"Effect":"Allow","Sid":"Web"}`
	policy := parse(t, statement(vendor+","+plain))

	with, err := policy.WithGrant(grant(p, cart, mail))
	require.NoError(t, err)
	assert.Equal(t, strings.Replace(policy.Document(), `"`+cart.String()+`"`, `"`+cart.String()+`","`+mail.String()+`"`, 1), with.Document(),
		"one value more, and nothing else")
	assert.False(t, policy.Allows(token(p, mail)), "the receiver is as it was")
	assert.True(t, with.Allows(token(p, mail)))

	same, err := with.WithGrant(grant(p, mail, cart))
	require.NoError(t, err)
	assert.Same(t, with, same)

	other, err := with.WithGrant(grant(q, cart))
	require.NoError(t, err)
	assert.Equal(t, 3, other.Len(), "another provider is another statement")
	assert.True(t, strings.HasPrefix(other.Document(), strings.TrimSuffix(with.Document(), "]}")))

	aud, err := with.WithGrant(trust.Grant{Provider: p, Subjects: []trust.Subject{cart}, Audiences: []string{"vault"}})
	require.NoError(t, err)
	assert.Equal(t, 3, aud.Len(), "another audience is another statement: conditions are ANDed")

	wide, err := with.WithGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:post:*")}})
	require.NoError(t, err)
	assert.Equal(t, 3, wide.Len(), "a pattern is another statement")
	covered, err := wide.WithGrant(grant(p, account(t, "post", "other")))
	require.NoError(t, err)
	assert.Same(t, wide, covered, "the pattern admits it already")

	single := parse(t, `{"Version":"2012-10-17","Statement":`+vendor+`}`)
	listed, err := single.WithGrant(grant(p, cart))
	require.NoError(t, err)
	assert.Equal(t, 2, listed.Len())
	assert.NoError(t, listed.Validate())

	for _, empty := range []*trust.Policy{nil, {}, parse(t, `{"Version":"2012-10-17"}`)} {
		first, err := empty.WithGrant(grant(p, cart))
		require.NoError(t, err)
		assert.True(t, first.Equal(build(t, grant(p, cart))))
	}
}

func TestWithGrantDoesNotJoinAStatementThatAsksForMore(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	key := func(claim string) string { return `"` + p.ConditionKey(claim) + `":` }
	for name, s := range map[string]string{
		"another condition": `"Principal":{"Federated":"ARN"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{` + key("aud") + `"sts.amazonaws.com",` + key("sub") + `"` + cart.String() + `",` + key("amr") + `"x"}}`,
		"another action":    `"Principal":{"Federated":"ARN"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"StringEquals":{` + key("aud") + `"sts.amazonaws.com",` + key("sub") + `"` + cart.String() + `"}}`,
		"another principal": `"Principal":{"Federated":"ARN","AWS":"111122223333"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{` + key("aud") + `"sts.amazonaws.com",` + key("sub") + `"` + cart.String() + `"}}`,
		"no audience":       `"Principal":{"Federated":"ARN"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{` + key("sub") + `"` + cart.String() + `"}}`,
		"no sub":            `"Principal":{"Federated":"ARN"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{` + key("aud") + `"sts.amazonaws.com"}}`,
		"if it exists":      `"Principal":{"Federated":"ARN"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEqualsIfExists":{` + key("aud") + `"sts.amazonaws.com",` + key("sub") + `"` + cart.String() + `"}}`,
	} {
		policy := parse(t, statement(`{"Effect":"Allow",`+strings.ReplaceAll(s, "ARN", p.ARN())+`}`))
		with, err := policy.WithGrant(grant(p, mail))
		require.NoError(t, err, name)
		assert.Equal(t, policy.Len()+1, with.Len(), name)
		assert.True(t, with.Allows(token(p, mail)), name)
	}
}

func TestWithGrantIsRefusedWhenADenyOverridesIt(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart := account(t, "shop", "cart")
	deny := func(rest string) *trust.Policy {
		return parse(t, statement(`{"Effect":"Deny","Principal":`+strings.NewReplacer("ARN", p.ARN(), "HOST", p.HostPath()).Replace(rest)+`}`))
	}
	web := `{"Federated":"ARN"},"Action":"sts:AssumeRoleWithWebIdentity"`
	for name, policy := range map[string]*trust.Policy{
		"for all":              deny(web),
		"for everybody":        deny(`"*","Action":"*"`),
		"by sub":               deny(web + `,"Condition":{"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}}`),
		"by not being another": deny(web + `,"Condition":{"StringNotEquals":{"HOST:sub":"x"}}`),
		"by unknown operator":  deny(web + `,"Condition":{"StringMatches":{"HOST:sub":"x"}}`),
		"by version":           parse(t, `{"Version":"2020-01-01","Statement":[]}`),
	} {
		with, err := policy.WithGrant(grant(p, cart))
		if name == "by version" {
			require.Error(t, err, name)
			continue
		}
		var refused *trust.EditError
		require.ErrorAs(t, err, &refused, name)
		assert.Nil(t, with, name)
		assert.Equal(t, []string{"WithGrant", cart.String(), "/Statement/0"}, []string{refused.Edit, refused.Subject, refused.Path}, name)
		_, err = policy.WithGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:shop:*")}})
		assert.ErrorAs(t, err, &refused, name)
	}
	for name, policy := range map[string]*trust.Policy{
		"of others":    deny(web + `,"Condition":{"StringEquals":{"HOST:sub":"x"}}`),
		"at times":     deny(web + `,"Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`),
		"of AWS":       deny(`{"AWS":"111122223333"},"Action":"sts:AssumeRole"`),
		"without TLS":  deny(web + `,"Condition":{"Bool":{"aws:SecureTransport":"false"}}`),
		"of a service": deny(`{"Service":"ec2.amazonaws.com"},"Action":"*"`),
	} {
		_, err := policy.WithGrant(grant(p, cart))
		assert.NoError(t, err, name)
	}
}

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
		"a pattern":                    {literal + "," + web(`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}}`), "/Statement/0", "a pattern"},
		"a pattern in the same list":   {web(`{"StringLike":{"HOST:sub":["` + cart.String() + `","system:serviceaccount:s*"]}}`), "/Statement/0", "a pattern"},
		"no sub at all":                {web(`{"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`), "/Statement/0", "does not ask for sub"},
		"another claim":                {web(`{"StringEquals":{"HOST:amr":"x"}}`), "/Statement/0", "does not ask for sub"},
		"a negated sub":                {web(`{"StringNotEquals":{"HOST:sub":"x"}}`), "/Statement/0", "another statement"},
		"a variable":                   {web(`{"StringEquals":{"HOST:sub":"${HOST:sub}"}}`), "/Statement/0", "another statement"},
		"an unknown operator":          {web(`{"StringMatches":{"HOST:sub":"x"}}`), "/Statement/0", "another statement"},
		"a principal of everybody":     {`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity"}`, "/Statement/0", "does not ask for sub"},
		"an audience by pattern":       {web(`{"StringLike":{"HOST:aud":"sts.*","HOST:sub":"` + cart.String() + `"}}`), "/Statement/0", "another statement"},
		"the sub in another case":      {web(`{"StringEqualsIgnoreCase":{"HOST:sub":"` + strings.ToUpper(cart.String()) + `"}}`), "/Statement/0", "another statement"},
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

func TestWithoutGrantOfAPattern(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	narrow, wide := pattern(t, "system:serviceaccount:shop:c*"), pattern(t, "system:serviceaccount:shop:*")
	policy := build(t, trust.Grant{Provider: p, Patterns: []trust.Pattern{narrow, wide}})
	left, err := policy.WithoutGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{wide}})
	require.NoError(t, err)
	assert.True(t, left.Allows(token(p, account(t, "shop", "cart"))))
	assert.False(t, left.Allows(token(p, account(t, "shop", "mail"))))
	_, err = policy.WithoutGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{narrow}})
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused, "the wider pattern still admits all of the narrower")
	none, err := left.WithoutGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{narrow, wide}})
	require.NoError(t, err)
	assert.Zero(t, none.Len())
}

func TestWithoutProvider(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	cart := account(t, "shop", "cart")
	policy := build(t, grant(p, cart), grant(q, cart))
	left, err := policy.WithoutProvider(p)
	require.NoError(t, err)
	assert.Equal(t, build(t, grant(q, cart)).Document(), left.Document())
	same, err := left.WithoutProvider(p)
	require.NoError(t, err)
	assert.Same(t, left, same)

	shared := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":["`+p.ARN()+`","`+q.ARN()+`"]},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"`+q.ConditionKey("sub")+`":"x*"}}},`+
		`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`","AWS":"111122223333"},"Action":"sts:AssumeRole"},`+
		`{"Effect":"Deny","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity"}`))
	left, err = shared.WithoutProvider(p)
	require.NoError(t, err)
	assert.Equal(t, 2, left.Len())
	assert.NotContains(t, left.Document(), p.ARN())
	assert.Contains(t, left.Document(), `{"Federated":["`+q.ARN()+`"]}`)
	assert.Contains(t, left.Document(), `"Principal":{"AWS":"111122223333"}`)

	_, err = parse(t, statement(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity"}`)).WithoutProvider(p)
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused)
	_, err = policy.WithoutProvider(trust.Provider{})
	assert.Error(t, err)
	var none *trust.Policy
	still, err := none.WithoutProvider(p)
	require.NoError(t, err)
	assert.Same(t, none, still)
}

func TestRetargeted(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	cart := account(t, "shop", "cart")
	policy := parse(t, statement(vendor+`,{"Effect":"Allow","Principal":{"Federated":["`+p.ARN()+`"]},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+
		strings.ToUpper(p.HostPath())+`:sub":"`+cart.String()+`","`+p.ConditionKey("aud")+`":["sts.amazonaws.com"],"other.example.com:sub":"x"},"StringLike":{"`+p.ConditionKey("email")+`":"${`+p.ConditionKey("sub")+`}@${aws:x}"}}}`))
	moved, err := policy.Retargeted(p, q)
	require.NoError(t, err)
	want := strings.NewReplacer(p.ARN(), q.ARN(), p.HostPath(), q.HostPath(), strings.ToUpper(p.HostPath()), q.HostPath()).Replace(policy.Document())
	assert.Equal(t, want, moved.Document())
	same, err := moved.Retargeted(p, q)
	require.NoError(t, err)
	assert.Same(t, moved, same)
	same, err = moved.Retargeted(q, q)
	require.NoError(t, err)
	assert.Same(t, moved, same)

	simple, err := build(t, grant(p, cart)).Retargeted(p, q)
	require.NoError(t, err)
	assert.True(t, simple.Equal(build(t, grant(q, cart))))
	assert.False(t, simple.Allows(token(p, cart)))

	clash := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+p.ConditionKey("sub")+`":"a","`+q.ConditionKey("SUB")+`":"b"}}}`))
	_, err = clash.Retargeted(p, q)
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused)
	for _, zero := range [][2]trust.Provider{{p, {}}, {{}, q}} {
		_, err = policy.Retargeted(zero[0], zero[1])
		assert.Error(t, err)
	}
}

// Whatever is granted and taken away again, in any order: what is left admits exactly those
// that were not taken away.
func FuzzGrantsAddUp(f *testing.F) {
	f.Add([]byte("abcdefghijklmnop"))
	f.Add([]byte{0, 1, 2, 3, 128, 129, 130, 131, 255})
	providers := []trust.Provider{provider(f, blue), provider(f, green)}
	var subjects []trust.Subject
	for _, n := range []string{"a", "b", "c", "d"} {
		subjects = append(subjects, account(f, "ns", n))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		type admission struct {
			provider trust.Provider
			subject  trust.Subject
			audience string
		}
		want := map[admission]bool{}
		policy := parse(t, statement(vendor))
		for _, b := range data[:min(len(data), 40)] {
			g := trust.Grant{Provider: providers[b&1], Subjects: []trust.Subject{subjects[b>>1&3], subjects[b>>3&3]}}
			if b>>5&1 == 1 {
				g.Audiences = []string{"vault"}
			}
			if b>>6&1 == 1 {
				g.Audiences = []string{"vault", trust.DefaultAudience}
			}
			edit := policy.WithGrant
			if b>>7 == 1 {
				edit = policy.WithoutGrant
			}
			next, err := edit(g)
			require.NoError(t, err)
			for _, s := range g.Subjects {
				for _, aud := range append(g.Audiences, map[bool][]string{true: {trust.DefaultAudience}}[g.Audiences == nil]...) {
					want[admission{g.Provider, s, aud}] = b>>7 == 0
				}
			}
			policy = next
			require.NoError(t, policy.Validate(), policy.Document())
		}
		for _, p := range providers {
			for _, s := range subjects {
				for _, aud := range []string{trust.DefaultAudience, "vault"} {
					q := trust.WebIdentity(p, trust.Claims{"sub": s.String(), "aud": aud})
					require.Equal(t, want[admission{p, s, aud}], policy.Allows(q), "%s %s of %s\n%s", s, aud, p, policy)
				}
			}
			require.False(t, policy.Allows(trust.WebIdentity(p, trust.Claims{"sub": "stranger", "aud": trust.DefaultAudience})))
		}
	})
}

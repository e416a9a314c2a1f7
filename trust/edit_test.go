package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// What IAM refuses allows nobody; an edit may not change that for those whom it does not name.
func TestAnEditDoesNotChangeWhetherIAMStoresThePolicy(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	web := func(p trust.Provider, rest string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity"` + rest + `}`
	}
	cart := grant(p, account(t, "shop", "cart"))
	broken := parse(t, statement(web(q, `,"Resource":"*"`)+","+web(p, "")))
	for name, edit := range map[string]func() (*trust.Policy, error){
		"without the one that is refused": func() (*trust.Policy, error) { return broken.WithoutProvider(q) },
		"with somebody more":              func() (*trust.Policy, error) { return broken.WithGrant(cart) },
		"with pods":                       func() (*trust.Policy, error) { return broken.WithPodIdentity(trust.PodIdentityGrant{}) },
	} {
		out, err := edit()
		var refused *trust.EditError
		require.ErrorAs(t, err, &refused, name)
		assert.Contains(t, refused.Reason, "IAM ", name)
		assert.Nil(t, out, name)
	}
	alone := parse(t, statement(web(q, `,"Resource":"*"`)))
	gone, err := alone.WithoutProvider(q)
	require.NoError(t, err)
	assert.Zero(t, gone.Len(), "nobody else is there")
}

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

	open := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"`+p.ConditionKey("sub")+`":"`+cart.String()+`"}}}`))
	require.True(t, open.Allows(token(p, cart)))
	asked, err := open.WithGrant(grant(p, cart))
	require.NoError(t, err)
	assert.Equal(t, 2, asked.Len(), "a statement that asks for less does not count")

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
		with, err = policy.WithGrant(grant(p, cart))
		require.NoError(t, err, name)
		assert.Equal(t, policy.Len()+1, with.Len(), "%s: a statement of another kind is not a grant", name)
		assert.True(t, with.Allows(token(p, cart)), name)
	}
	wide := pattern(t, "system:serviceaccount:shop:*")
	for name, conditions := range map[string]string{
		"a pattern that is taken literally": `{"StringEquals":{` + key("aud") + `"sts.amazonaws.com",` + key("sub") + `"` + wide.String() + `"}}`,
		"a pattern for others":              `{"StringEquals":{` + key("aud") + `"sts.amazonaws.com"},"StringLike":{` + key("sub") + `"system:serviceaccount:post:*"}}`,
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":`+conditions+`}`))
		for _, g := range []trust.Grant{grant(p, cart), {Provider: p, Patterns: []trust.Pattern{wide}}} {
			with, err := policy.WithGrant(g)
			require.NoError(t, err, name)
			assert.NotSame(t, policy, with, name)
			assert.True(t, with.Allows(token(p, cart)), name)
		}
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
		"for everybody":        deny(`{"AWS":"*"},"Action":"sts:AssumeRoleWithWebIdentity"`),
		"by sub":               deny(web + `,"Condition":{"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}}`),
		"by not being another": deny(web + `,"Condition":{"StringNotEquals":{"HOST:sub":"x"}}`),
		"by unknown operator":  deny(web + `,"Condition":{"StringMatches":{"HOST:sub":"x"}}`),
		"by version":           parse(t, `{"Version":"2020-01-01","Statement":[]}`),
	} {
		with, err := policy.WithGrant(grant(p, cart))
		if name == "by version" {
			require.ErrorContains(t, err, "Policy document must be version 2012-10-17 or greater.")
			continue
		}
		var refused *trust.EditError
		require.ErrorAs(t, err, &refused, name)
		assert.Nil(t, with, name)
		assert.Equal(t, []string{"WithGrant", cart.String(), "/Statement/0"}, []string{refused.Edit, refused.Subject, refused.Path}, name)
		_, err = policy.WithGrant(trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:shop:*")}})
		assert.ErrorAs(t, err, &refused, name)
	}
	others := statementOf(deny(web + `,"Condition":{"StringEquals":{"HOST:sub":"x"}}`).Document())
	all := statementOf(deny(web).Document())
	for path, doc := range map[string]string{
		"/Statement/2": statement(vendor + "," + others + "," + all + "," + all),
		"/Statement":   `{"Version":"2012-10-17","Statement":` + all + `}`,
	} {
		_, err := parse(t, doc).WithGrant(trust.Grant{Provider: p, Subjects: []trust.Subject{cart}, Audiences: []string{"a", "b"}})
		require.EqualError(t, err, `trust: WithGrant: subject "system:serviceaccount:shop:cart" would be denied (`+path+`)`)
	}
	for name, policy := range map[string]*trust.Policy{
		"of others":    deny(web + `,"Condition":{"StringEquals":{"HOST:sub":"x"}}`),
		"at times":     deny(web + `,"Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`),
		"of AWS":       deny(`{"AWS":"111122223333"},"Action":"sts:AssumeRole"`),
		"without TLS":  deny(web + `,"Condition":{"Bool":{"aws:SecureTransport":"false"}}`),
		"of a service": deny(`{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"`),
	} {
		_, err := policy.WithGrant(grant(p, cart))
		assert.NoError(t, err, name)
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

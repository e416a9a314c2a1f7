package trust_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
	"github.com/irsa-go/irsa/trust"
)

func TestAnIndexAnswersAsEachPolicyDoes(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), chooseFrom{rand.New(rand.NewPCG(17, 18))}
	policies := map[string]*trust.Policy{}
	for i := range 120 {
		doc := w.policy(r.Rand)
		switch i % 3 {
		case 1:
			doc = r.chain()
		case 2:
			c := &chooser{make([]byte, 300)}
			for j := range c.data {
				c.data[j] = byte(r.IntN(256))
			}
			doc = c.policy(w.provider.ARN())
		}
		policies[fmt.Sprintf("arn:aws:iam::111122223333:role/r%d", i)] = parse(t, string(doc))
	}
	policies["arn:aws:iam::111122223333:role/none"] = nil
	x := trust.NewIndex(policies)
	ask := func(q trust.Request) {
		var want []string
		for role, p := range policies {
			if p.Allows(q) {
				want = append(want, role)
			}
		}
		require.ElementsMatch(t, want, x.Roles(q))
	}
	for i := range 400 {
		ask(r.request())
		ask(trust.WebIdentity(w.provider, w.tokens[(i*37)%len(w.tokens)].claims))
	}
	for _, text := range append(fuzzValues, "a", "ab", "b:a") {
		subject, err := trust.ParseSubject(text)
		if err != nil {
			continue
		}
		var want []trust.RoleAdmission
		for role, p := range policies {
			for _, a := range p.Who(w.provider, []trust.Subject{subject}, "a", "x") {
				want = append(want, trust.RoleAdmission{Role: role, Admission: a})
			}
		}
		require.ElementsMatch(t, want, x.Who(w.provider, subject, "a", "x"), text)
	}
	ask(trust.Request{})
	assert.Empty(t, new(trust.Index).Roles(r.request()))
	assert.Empty(t, x.Who(trust.Provider{}, trust.Subject{}))
}

func TestChainsOfRoles(t *testing.T) {
	t.Parallel()
	role := func(name string) string { return "arn:aws:iam::111122223333:role/" + name }
	by := func(conditions string, names ...string) *trust.Policy {
		list := ""
		for i, name := range names {
			list += []string{`"`, `,"`}[min(i, 1)] + role(name) + `"`
		}
		return parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":[`+list+`]},"Action":"sts:AssumeRole","Condition":`+conditions+`}`))
	}
	x := trust.NewIndex(map[string]*trust.Policy{
		role("reader"): by(`{}`, "team/checkout"), role("archive"): by(`{}`, "reader"), role("again"): by(`{}`, "archive", "team/checkout"),
		role("guarded"): by(`{"StringEquals":{"sts:ExternalId":"abc"}}`, "reader"), role("team/checkout"): by(`{}`, "archive"),
		role("whole"): parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}`)),
	})
	assert.Equal(t, [][]string{
		{role("team/checkout"), role("again")},
		{role("team/checkout"), role("reader"), role("archive")},
		{role("team/checkout"), role("reader")},
	}, x.Through(role("team/checkout")))
	assert.Empty(t, x.Through(role("whole")))
	assert.Empty(t, x.Through("nonsense"))
	assert.Contains(t, x.Roles(trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: role("x")})), role("whole"))
}

// manyRoles is an account as large as they come: most roles name an account, some a pattern.
func manyRoles(t testing.TB, p trust.Provider, roles int) map[string]*trust.Policy {
	t.Helper()
	policies := map[string]*trust.Policy{}
	for i := range roles {
		g := trust.Grant{Provider: p, Subjects: []trust.Subject{account(t, fmt.Sprintf("ns-%d", i%5000), fmt.Sprintf("sa-%d", i%10))}}
		switch i % 10 {
		case 8:
			g = trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, fmt.Sprintf("system:serviceaccount:ns-%d:*", i%5000))}}
		case 9:
			g.Subjects = append(g.Subjects, account(t, fmt.Sprintf("ns-%d", i%4999), "default"))
		}
		policies[fmt.Sprintf("arn:aws:iam::111122223333:role/role-%d", i)] = build(t, g)
	}
	return policies
}

func TestThousandsOfRolesAndOfAccountsTakeOnePass(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	assert.NoError(t, growth.Linear(1000, func(roles int) func() {
		policies := manyRoles(t, p, roles)
		return func() {
			x := trust.NewIndex(policies)
			admitted := 0
			for i := range 5 * roles {
				admitted += len(x.Who(p, account(t, fmt.Sprintf("ns-%d", i%5000), fmt.Sprintf("sa-%d", i/5000))))
			}
			assert.Positive(t, admitted)
		}
	}), "a verdict for each pair would be the square")
}

// BenchmarkIndex shows that twice the roles take twice the time, not four times: an index is made,
// and asked for five accounts a role.
func BenchmarkIndex(b *testing.B) {
	p := provider(b, blue)
	for _, roles := range []int{1000, 2000, 4000, 10_000} {
		policies := manyRoles(b, p, roles)
		var subjects []trust.Subject
		for i := range 5 * roles {
			subjects = append(subjects, account(b, fmt.Sprintf("ns-%d", i%5000), fmt.Sprintf("sa-%d", i%10)))
		}
		b.Run(fmt.Sprint(roles), func(b *testing.B) {
			for b.Loop() {
				x := trust.NewIndex(policies)
				for _, s := range subjects {
					x.Who(p, s)
				}
			}
		})
	}
}

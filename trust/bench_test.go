package trust_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// atQuota is a policy that just fits the default quota.
func atQuota(t testing.TB) (*trust.Policy, trust.Provider, trust.Subject) {
	t.Helper()
	p := provider(t, blue)
	last := account(t, "namespace", "account-0")
	policy := build(t, grant(p, last))
	for i := 1; ; i++ {
		s := account(t, "namespace", fmt.Sprintf("account-%d", i))
		next, err := policy.WithGrant(grant(p, s))
		require.NoError(t, err)
		if next.CheckSize(0) != nil {
			return policy, p, last
		}
		policy, last = next, s
	}
}

// BenchmarkAllows/one is the usual policy: one statement, aud and sub. The others put it in
// relation: the token's claims made into a request each time, and a policy at the quota.
func BenchmarkAllows(b *testing.B) {
	p, s := provider(b, blue), account(b, "shop", "cart")
	one := build(b, grant(p, s))
	claims := trust.Claims{"iss": blue, "sub": s.String(), "aud": []any{trust.DefaultAudience},
		"kubernetes.io": map[string]any{"namespace": "shop", "serviceaccount": map[string]any{"name": "cart", "uid": "u"}}}
	q := trust.WebIdentity(p, claims)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !one.Allows(q) {
				b.Fatal()
			}
		}
	})
	b.Run("claims", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !one.Allows(trust.WebIdentity(p, claims)) {
				b.Fatal()
			}
		}
	})
	full, p, last := atQuota(b)
	q = token(p, last)
	b.Run("quota", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !full.Allows(q) {
				b.Fatal()
			}
		}
	})
	b.Run("explained", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !full.Evaluate(q).Allowed {
				b.Fatal()
			}
		}
	})
}

func BenchmarkParseAtTheQuota(b *testing.B) {
	full, _, _ := atQuota(b)
	doc := []byte(full.Document())
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trust.Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	g := grant(provider(b, blue), account(b, "shop", "cart"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trust.New(g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLintAtTheQuota(b *testing.B) {
	full, _, _ := atQuota(b)
	b.ReportAllocs()
	for b.Loop() {
		full.Lint()
	}
}

// BenchmarkManyStars is the pattern that makes a backtracking matcher explode.
func BenchmarkManyStars(b *testing.B) {
	p := provider(b, blue)
	policy, q := manyStars(b, p)
	b.ReportAllocs()
	for b.Loop() {
		if policy.Allows(q) {
			b.Fatal()
		}
	}
}

func manyStars(t testing.TB, p trust.Provider) (*trust.Policy, trust.Request) {
	t.Helper()
	policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"`+
		p.ConditionKey("sub")+`":"`+strings.Repeat("a*", 900)+`b"}}}`))
	return policy, trust.WebIdentity(p, trust.Claims{"sub": strings.Repeat("a", 2000)})
}

func TestTheUsualDecisionAllocatesNothing(t *testing.T) {
	p, s := provider(t, blue), account(t, "shop", "cart")
	policy := build(t, grant(p, s))
	q := token(p, s)
	require.True(t, policy.Allows(q))
	assert.Zero(t, testing.AllocsPerRun(100, func() { policy.Allows(q) }))
	claims := trust.Claims{"sub": s.String(), "aud": []any{trust.DefaultAudience}}
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { policy.Allows(trust.WebIdentity(p, claims)) }), 5.0)
}

// A document far larger than IAM takes, and as bad as it can be made, must not stop anybody: the
// work stays near that of reading it.
func TestHostileDocumentsEnd(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	web := func(conditions string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(conditions, "HOST", p.HostPath()) + `}`
	}
	list := func(n int, format string) string {
		values := make([]string, n)
		for i := range values {
			values[i] = fmt.Sprintf(format, i)
		}
		return `["` + strings.Join(values, `","`) + `"]`
	}
	var many []string
	for i := range 500 {
		many = append(many, web(fmt.Sprintf(`{"StringLike":{"HOST:sub":"%d*","HOST:aud":["%d*"]}}`, i, i)))
	}
	for name, doc := range map[string]string{
		"patterns":               statement(web(`{"StringLike":{"HOST:sub":` + list(9000, "%d*") + `}}`)),
		"subjects and audiences": statement(web(`{"StringEquals":{"HOST:sub":` + list(3000, "%d") + `,"HOST:aud":` + list(3000, "%d") + `}}`)),
		"statements":             statement(strings.Join(many, ",")),
		"stars":                  statement(web(`{"StringLike":{"HOST:sub":"` + strings.Repeat("a*", 30000) + `b"}}`)),
		"holes":                  statement(web(`{"StringLike":{"HOST:sub":"*` + strings.Repeat("?a", 2500) + `b*"}}`)),
	} {
		policy, err := trust.Parse([]byte(doc))
		require.NoError(t, err, name)
		q := trust.WebIdentity(p, trust.Claims{"sub": strings.Repeat("a", 10000), "aud": "x"})
		assert.False(t, policy.Allows(q), name)
		_ = policy.Evaluate(q).String()
		assert.NotEmpty(t, policy.Lint(), name)
		assert.NoError(t, policy.Validate(), name)
		assert.True(t, policy.Equal(policy.Compact()), name)
		var none *trust.Policy
		assert.NotEmpty(t, none.Diff(policy), name)
	}
}

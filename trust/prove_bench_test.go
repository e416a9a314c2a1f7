package trust_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// BenchmarkWithin/typical is the pair of a pull request that adds a service account, one way and
// the other; quota is two policies that just fit the default quota.
func BenchmarkWithin(b *testing.B) {
	p, cart, mail := provider(b, blue), account(b, "shop", "cart"), account(b, "post", "mail")
	one, two := build(b, grant(p, cart)), build(b, grant(p, cart, mail))
	wide := build(b, trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(b, "system:serviceaccount:shop:*")}})
	full, _, last := atQuota(b)
	fewer, err := full.WithoutGrant(grant(p, last))
	require.NoError(b, err)
	scattered := scatteredAtQuota(b, p)
	parts := strings.Split(strings.TrimSuffix(statementOf(scattered.Document()), "}"), `},{"Effect"`)
	slices.Reverse(parts[1:])
	reversed := parse(b, statement(strings.Join(parts, `},{"Effect"`)+"}"))
	for _, c := range []struct {
		name     string
		p, outer *trust.Policy
		want     trust.Outcome
	}{
		{"typical/holds", one, two, trust.Holds},
		{"typical/fails", two, one, trust.Fails},
		{"pattern/holds", one, wide, trust.Holds},
		{"pattern/fails", wide, one, trust.Fails},
		{"quota/holds", fewer, full, trust.Holds},
		{"quota/fails", full, fewer, trust.Fails},
		{"scattered/holds", scattered, reversed, trust.Holds},
		{"scattered/fails", scattered, full, trust.Fails},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := c.p.Within(c.outer).Outcome; got != c.want {
					b.Fatal(got)
				}
			}
		})
	}
}

// scatteredAtQuota has statements of all kinds: patterns, several audiences, a Deny.
func scatteredAtQuota(t testing.TB, p trust.Provider) *trust.Policy {
	var bodies []string
	for i := 0; ; i++ {
		bodies = append(bodies, fmt.Sprintf(`{"Effect":"%s","Principal":{"Federated":"%s"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{
			"StringEquals":{"%s":["a%d","%s"]},"StringLike":{"%s":["system:serviceaccount:team-%d-*:*","*:job-%d"]}}}`,
			[]string{"Allow", "Allow", "Deny"}[i%3], p.ARN(), p.ConditionKey("aud"), i, trust.DefaultAudience, p.ConditionKey("sub"), i, i))
		policy := parse(t, statement(strings.Join(bodies, ",")))
		if policy.CheckSize(0) != nil {
			return parse(t, statement(strings.Join(bodies[:i], ",")))
		}
	}
}

func TestHostileDocumentsEndInTime(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	hostile := func(seed, perStatement int) *trust.Policy {
		var bodies []string
		for i := 0; i < 30; i += perStatement {
			var patterns []string
			for j := i; j < i+perStatement; j++ {
				patterns = append(patterns, fmt.Sprintf(`"*%c*%c*%c*"`, 'a'+(j*seed)%23, 'b'+(j+seed)%19, 'c'+(j*j)%17))
			}
			bodies = append(bodies, `{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"`+
				p.ConditionKey("sub")+`":[`+strings.Join(patterns, ",")+`]}}}`)
		}
		return parse(t, statement(strings.Join(bodies, ",")))
	}
	for _, perStatement := range []int{1, 5, 30} {
		began := time.Now()
		proof := hostile(3, perStatement).Within(hostile(7, perStatement))
		took := time.Since(began)
		checkProof(t, hostile(3, perStatement), hostile(7, perStatement), proof)
		t.Log(perStatement, took, proof)
		assert.Less(t, took, time.Minute, "a fraction of a second, when nothing else runs")
	}
	assert.Equal(t, trust.Holds, hostile(3, 1).Within(hostile(3, 1)).Outcome)
}

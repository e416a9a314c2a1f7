package trust_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// FuzzAProofIsNeverContradicted holds what Within says of two policies against the naive
// evaluator: no token contradicts Holds, and the witness of Fails is what it claims to be.
func FuzzAProofIsNeverContradicted(f *testing.F) {
	for i := range 64 {
		f.Add([]byte(strings.Repeat(fmt.Sprintf("%c%d", rune(i*11), i*37), 40)))
	}
	provider, err := trust.NewProvider("aws", "111122223333", "https://"+fuzzHost)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &chooser{data}
		docs := [2][]byte{c.policy(provider.ARN()), c.policy(provider.ARN())}
		p, outer := parse(t, string(docs[0])), parse(t, string(docs[1]))
		proof := p.Within(outer)
		checkProof(t, p, outer, proof)
		reach := p.Reach()
		checkReach(t, p, reach)
		for range 8 {
			claims, ctx, actions := c.claims(provider.ARN())
			q := trust.WebIdentity(provider, claims)
			if proof.Outcome == trust.Holds {
				require.False(t, naiveAllowsAll(docs[0], ctx, actions) && !naiveAllowsAll(docs[1], ctx, actions), "%s\n%s\n%v", docs[0], docs[1], claims)
				require.False(t, p.Allows(q) && !outer.Allows(q))
			}
			n := admitting(reach, q)
			require.LessOrEqual(t, n, 1, "%s\n%v", docs[0], claims)
			if p.Allows(q) && n == 0 && strings.Contains(string(docs[0]), "${") {
				require.True(t, slices.ContainsFunc(reach, func(r trust.Reach) bool { return r.Unproven }), "%s\n%v", docs[0], claims)
			} else {
				require.Equal(t, p.Allows(q), n > 0, "%s\n%v", docs[0], claims)
			}
		}
		assert.Equal(t, trust.Holds, p.Within(p).Outcome)
		assert.NotEqual(t, trust.Fails, p.Within(p.Compact()).Outcome)
		assert.NotEqual(t, trust.Fails, p.Compact().Within(p).Outcome)
	})
}

// checkProof holds for every proof.
func checkProof(t *testing.T, p, outer *trust.Policy, proof trust.Proof) {
	t.Helper()
	require.Equal(t, proof.Outcome == trust.Fails, proof.Witness != nil)
	require.Equal(t, proof.Outcome == trust.Undecided, len(proof.Obstacles) > 0)
	if proof.Witness != nil {
		require.True(t, p.Allows(proof.Witness.Request), "%s\n%s\n%s", p, outer, proof)
		require.False(t, outer.Allows(proof.Witness.Request), "%s\n%s\n%s", p, outer, proof)
		require.Contains(t, proof.String(), proof.Witness.String())
		if !proof.Witness.Provider.IsZero() && proof.Witness.Claims != nil {
			require.True(t, p.Allows(trust.WebIdentity(proof.Witness.Provider, proof.Witness.Claims)) ||
				strings.Contains(proof.Witness.String(), "aws:"), "%s\n%s\n%s", p, outer, proof)
		}
	}
}

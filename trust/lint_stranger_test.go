package trust_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// randomConditions puts conditions together as people do, and as they should not.
func randomConditions(r *rand.Rand, issuer string) map[string]map[string][]string {
	operators := []string{"StringEquals", "StringLike", "StringEqualsIgnoreCase", "StringNotEquals", "StringNotLike", "StringEqualsIfExists",
		"StringLikeIfExists", "ForAllValues:StringLike", "ForAnyValue:StringEquals", "Null"}
	keys := []string{issuer + ":sub", issuer + ":sub", issuer + ":aud", "https://" + issuer + ":sub", "sub", "c.d:sub", issuer + ":groups", "aws:SourceAccount"}
	subs := []string{"system:serviceaccount:a:b", "system:serviceaccount:a:*", "*", "system:serviceaccount:*", "**", "System:ServiceAccount:a:b", "?*", "*:b",
		"system:serviceaccount:a:b", "system:serviceaccount:a:c", "sys*:b", "sys*:a:*", "*:serviceaccount:*:b", "*:serviceaccount:a:*", "?ystem:serviceaccount:*:b", "${" + issuer + ":sub}", "${" + issuer + ":SUB, 'x'}", "${*}"}
	conditions := map[string]map[string][]string{"StringEquals": {issuer + ":aud": {"sts.amazonaws.com"}}}
	if r.IntN(4) == 0 {
		audiences := []string{"*", "?*", "${" + issuer + ":aud}", "sts.amazonaws.com"}
		conditions = map[string]map[string][]string{"StringLike": {issuer + ":aud": {audiences[r.IntN(4)]}}}
	}
	for range 1 + r.IntN(2) {
		operator, key := operators[r.IntN(len(operators))], keys[r.IntN(len(keys))]
		values := []string{subs[r.IntN(len(subs))]}
		switch {
		case operator == "Null" && key != issuer+":aud":
			values = []string{[]string{"true", "false"}[r.IntN(2)]}
		case key == issuer+":aud": // conditions that contradict each other are not what this is about
			operator, values = "StringLike", []string{"sts.*"}
		case r.IntN(3) == 0:
			values = append(values, subs[r.IntN(len(subs))])
		}
		if strings.Contains(operator, "Not") && strings.Contains(strings.Join(values, ""), "$") { // that contradicts itself
			values = subs[:1]
		}
		if conditions[operator] == nil {
			conditions[operator] = map[string][]string{}
		}
		conditions[operator][key] = values
	}
	return conditions
}

// Laws that hold Lint to the judge: a clean policy admits no stranger, and who is told that every
// token may have the role can see a stranger have it.
func TestLintAndTheJudgeAgreeOnStrangers(t *testing.T) {
	t.Parallel()
	const issuer = "oidc.eks.eu-west-1.amazonaws.com/id/A"
	p := provider(t, "https://"+issuer)
	stranger := token(p, account(t, "stranger", "stranger"))
	namesake := token(p, account(t, "stranger", "b"))
	elsewhere := trust.WebIdentity(p, trust.Claims{"sub": "system:serviceaccount:a:b", "aud": "https://kubernetes.default.svc"})
	r := rand.New(rand.NewPCG(1, 2))
	clean, open := 0, 0
	for range 5000 {
		conditions, err := json.Marshal(randomConditions(r, issuer))
		require.NoError(t, err)
		policy := parse(t, web("Allow", issuer, string(conditions)))
		found := policy.Lint()
		admitted := policy.Allows(stranger)
		if len(found) == 0 {
			clean++
			require.False(t, admitted, "clean, and open to strangers: %s", conditions)
			require.False(t, policy.Allows(namesake), "clean, and open to every namespace: %s", conditions)
			require.False(t, policy.Allows(elsewhere), "clean, and open to tokens that are for others: %s", conditions)
		}
		if slices.ContainsFunc(found, func(f trust.Finding) bool { return f.Code == trust.CodeMissingSub }) && policy.Validate() == nil {
			open++
			require.True(t, admitted, "called open, but a stranger is refused: %s: %v", conditions, found)
		}
		if admitted {
			assert.True(t, slices.ContainsFunc(found, func(f trust.Finding) bool { return f.Severity >= trust.SeverityWarning }), "%s", conditions)
		}
	}
	assert.Greater(t, clean, 50)
	assert.Greater(t, open, 50)
}

package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestDecisionShowsAHostileClaimQuoted(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	policy := build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{account(t, "a", "b")}})
	for _, sub := range []string{"\x1b]0;owned\a", "x\nallowed", "\u202eabc", "a, the policy wants a", `"quoted"`, "\u2028", "absent"} {
		text := policy.Evaluate(trust.WebIdentity(p, trust.Claims{"sub": sub, "aud": trust.DefaultAudience})).String()
		for _, c := range text {
			require.True(t, c == '\n' || ' ' <= c && c < 0x7f, "%q", text)
		}
		assert.NotContains(t, text, "\nallowed")
		assert.NotContains(t, text, "is a, the policy")
		assert.NotContains(t, text, "is absent, ", "what the token has cannot be taken for nothing")
	}
}

func TestDecisionSaysWhatIsWrongAtOnce(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	like := judged(t, p, "Allow", `{"StringEquals":{"HOST:sub":"system:serviceaccount:b:*"}}`)
	for _, c := range []struct {
		policy *trust.Policy
		sub    string
		want   string
	}{
		{build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{account(t, "b", "a")}}), "system:serviceaccount:a:b",
			"denied: sub is system:serviceaccount:a:b, the policy wants system:serviceaccount:b:a (namespace and name swapped?)"},
		{build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{account(t, "a", "a")}}), "system:serviceaccount:a:b",
			"denied: sub is system:serviceaccount:a:b, the policy wants system:serviceaccount:a:a (the policy has one name twice?)"},
		{like, "system:serviceaccount:b:c",
			"denied: sub is system:serviceaccount:b:c, the policy wants system:serviceaccount:b:* (StringEquals takes wildcards literally: StringLike would match)"},
		{build(t, trust.Grant{Provider: provider(t, green), Subjects: []trust.Subject{account(t, "b", "a")}}), "system:serviceaccount:b:a",
			"denied: the caller is " + p.ARN() + ", the policy wants " + provider(t, green).ARN()},
	} {
		d := c.policy.Evaluate(trust.WebIdentity(p, trust.Claims{"sub": c.sub, "aud": trust.DefaultAudience}))
		assert.Equal(t, c.want, strings.SplitN(d.String(), "\n", 2)[0])
	}
}

package token_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// sessionNameOf is the session name that STS gets for a token with these claims.
func sessionNameOf(t *testing.T, claims string) string {
	t.Helper()
	s := &fakeSTS{}
	src := token.SourceFunc(func(context.Context) (string, error) { return claimsOnly(claims), nil })
	_, err := newProvider(t, s, src, token.Config{}).Retrieve(t.Context())
	require.NoError(t, err)
	return s.last().Get("RoleSessionName")
}

func TestSessionNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("p", 63)
	for name, tc := range map[string]struct{ claims, want string }{
		"of a pod":             {`{"kubernetes.io":{"namespace":"ns","serviceaccount":{"name":"sa"},"pod":{"name":"pod-1"}}}`, `ns\.sa@pod-1`},
		"of an account":        {`{"kubernetes.io":{"namespace":"ns","serviceaccount":{"name":"sa"}}}`, `ns\.sa`},
		"of a subject alone":   {`{"sub":"system:serviceaccount:ns:sa"}`, `ns\.sa`},
		"of another subject":   {`{"iss":"https://i","sub":"repo:org/app"}`, `irsa-[0-9a-f]{12}`},
		"of nobody":            {`{}`, `irsa`},
		"of a half subject":    {`{"sub":"system:serviceaccount:ns"}`, `irsa-[0-9a-f]{12}`},
		"of a long pod":        {`{"sub":"system:serviceaccount:ns:sa","kubernetes.io":{"pod":{"name":"` + long + `"}}}`, `ns\.sa@p{45}-[0-9a-f]{12}`},
		"of strange names":     {`{"sub":"system:serviceaccount:nß:s a"}`, `irsa-[0-9a-f]{12}`},
		"of names with a dot":  {`{"sub":"system:serviceaccount:ns:a.b"}`, `ns\.a\.b`},
		"of a cut at its edge": {`{"sub":"system:serviceaccount:ns:` + long[:61] + `"}`, `ns\.p{61}`},
	} {
		t.Run(name, in(func(t *testing.T) {
			assert.Regexp(t, "^"+tc.want+"$", sessionNameOf(t, tc.claims))
			assert.Equal(t, sessionNameOf(t, tc.claims), sessionNameOf(t, tc.claims))
		}))
	}
}

func TestSessionNamesOfTwoStayTwo(t *testing.T) {
	in(func(t *testing.T) {
		seen := map[string]string{}
		for _, account := range []string{
			strings.Repeat("a", 70), strings.Repeat("a", 71), strings.Repeat("a", 70) + "b", "a b", "a-b", "a_b", "aß", "aé",
		} {
			name := sessionNameOf(t, fmt.Sprintf(`{"sub":"system:serviceaccount:ns:%s"}`, account))
			require.LessOrEqual(t, len(name), 64)
			require.Regexp(t, regexp.MustCompile(`^[\w+=,.@-]{2,64}$`), name)
			require.Empty(t, seen[name], "%q and %q", seen[name], account)
			seen[name] = account
		}
	})(t)
}

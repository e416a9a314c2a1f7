package trust_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

const (
	blue  = "https://oidc.eks.eu-west-1.amazonaws.com/id/B1D5A3CE2F5D4D6E8A7B9C0D1E2F3A4B"
	green = "https://oidc.eks.eu-west-1.amazonaws.com/id/6E3E40E1B3F44C1BA9C8D7E6F5A4B3C2"
)

// draws is how many random cases a law tries: a sixth of n with -short.
func draws(n int) int {
	if testing.Short() {
		return n / 6
	}
	return n
}

func provider(t testing.TB, issuer string) trust.Provider {
	t.Helper()
	p, err := trust.NewProvider("aws", "111122223333", issuer)
	require.NoError(t, err)
	return p
}

func account(t testing.TB, namespace, name string) trust.Subject {
	t.Helper()
	s, err := trust.ServiceAccount(namespace, name)
	require.NoError(t, err)
	return s
}

func pattern(t testing.TB, text string) trust.Pattern {
	t.Helper()
	p, err := trust.ParsePattern(text)
	require.NoError(t, err)
	return p
}

func parse(t testing.TB, document string) *trust.Policy {
	t.Helper()
	p, err := trust.Parse([]byte(document))
	require.NoError(t, err)
	return p
}

func build(t testing.TB, grants ...trust.Grant) *trust.Policy {
	t.Helper()
	p, err := trust.New(grants...)
	require.NoError(t, err)
	return p
}

// token is the request of a service account's token for STS.
func token(p trust.Provider, s trust.Subject) trust.Request {
	return trust.WebIdentity(p, trust.Claims{"sub": s.String(), "aud": []any{trust.DefaultAudience}})
}

// statement wraps the text of one statement into a policy.
func statement(body string) string {
	return `{"Version":"2012-10-17","Statement":[` + body + `]}`
}

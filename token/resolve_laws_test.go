package token_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// Every variable of an identity is absent or empty, blank, or good: 59049 environments.
func TestOfEveryEnvironmentAWholeIdentityIsTakenOrAnErrorSaysWhatIsThere(t *testing.T) {
	t.Parallel()
	good := env{
		"AWS_ROLE_ARN": roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token", "AWS_ROLE_SESSION_NAME": "me",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN": "abc", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/agent",
		"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "very-secret", "AWS_SESSION_TOKEN": "session",
	}
	var names []string
	all := 1
	for name := range good {
		names, all = append(names, name), 3*all
	}
	for i := range all {
		e, rest, blank := env{}, i, false
		for _, name := range names {
			switch rest % 3 {
			case 0:
				if i%2 == 0 { // absent and empty are one
					e[name] = ""
				}
			case 1:
				e[name], blank = " \n", true
			case 2:
				e[name] = good[name]
			}
			rest /= 3
		}
		r, err := token.Resolve(e.lookup)
		want, half := expected(e)
		switch {
		case blank, half:
			require.ErrorIs(t, err, token.ErrHalfIdentity, "%v", e)
		case want == "":
			require.ErrorIs(t, err, token.ErrNoIdentity, "%v", e)
		default:
			require.NoError(t, err, "%v", e)
		}
		if err != nil {
			require.NotEqual(t, errors.Is(err, token.ErrNoIdentity), errors.Is(err, token.ErrHalfIdentity), "%v", e)
			require.NotContains(t, err.Error(), "very-secret")
			require.Equal(t, token.Resolution{}, r)
			continue
		}
		require.Equal(t, want, r.Kind, "%v", e)
	}
	assert.Equal(t, 59049, all)
}

// expected is whose credentials an environment without blanks gives, and whether it has a part of
// an identity alone.
func expected(e env) (kind token.Kind, half bool) {
	switch {
	case e["AWS_ACCESS_KEY_ID"] != "" && e["AWS_SECRET_ACCESS_KEY"] != "":
		return token.StaticKeys, false
	case e["AWS_WEB_IDENTITY_TOKEN_FILE"] != "":
		return token.WebIdentity, e["AWS_ROLE_ARN"] == ""
	case e["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] != "" || e["AWS_CONTAINER_CREDENTIALS_FULL_URI"] != "":
		return token.Container, false
	}
	for _, value := range e {
		half = half || value != ""
	}
	return "", half
}

func TestTheProviderOfAChoiceNamesWhereItAsksAndNeverTheNode(t *testing.T) {
	t.Parallel()
	for want, e := range map[aws.CredentialSource]env{
		aws.CredentialSourceEnvVars: staticEnv.and(webIdentityEnv).and(podIdentityEnv),
		aws.CredentialSourceHTTP:    podIdentityEnv,
	} {
		r, err := token.Resolve(e.lookup)
		require.NoError(t, err)
		p, err := r.Provider(nil, token.Config{})
		require.NoError(t, err)
		assert.Equal(t, []aws.CredentialSource{want}, p.ProviderSources())
	}
}

func TestAVariableWithWhiteSpaceAloneHidesNoIdentity(t *testing.T) {
	t.Parallel()
	for name := range staticEnv.and(podIdentityEnv) {
		_, err := token.Resolve(webIdentityEnv.and(env{name: "\t "}).lookup)
		require.ErrorIs(t, err, token.ErrHalfIdentity)
		assert.True(t, strings.Contains(err.Error(), name+" contains only white space"), err)
	}
}

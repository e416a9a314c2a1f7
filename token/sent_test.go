package token_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

func TestTokensThatAreRefusedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		token string
		is    error
		says  string
	}{
		"nothing":                        {"", token.ErrEmptyToken, "the token is empty"},
		"white space":                    {" \r\n", token.ErrEmptyToken, "the token is empty"},
		"two parts":                      {"e30.e30", nil, "it has 1 dots, want 2"},
		"four parts":                     {"e30.e30.e30.e30", nil, "it has 3 dots, want 2"},
		"no signature":                   {"e30.e30.", nil, "the token is not signed"},
		"a line break within":            {"e30.e3\n0.e30", nil, "the claims: it has a character that base64url does not have, at offset 2"},
		"more than 20000 characters":     {claimsOnly(`{"x":"` + strings.Repeat("x", 20000) + `"}`), nil, "it has 26727 characters, more than 20000"},
		"an exp that is not a number":    {claimsOnly(`{"exp":"tomorrow"}`), nil, `"exp": want a number of seconds`},
		"an issuer that is not a string": {claimsOnly(`{"iss":7}`), nil, `"iss": want a string`},
		"an audience that is a number":   {claimsOnly(`{"aud":7}`), nil, `"aud": want a string`},
	} {
		t.Run(name, in(func(t *testing.T) {
			s := &fakeSTS{}
			p := newProvider(t, s, token.SourceFunc(func(context.Context) (string, error) { return tc.token, nil }), token.Config{})
			creds, err := p.Retrieve(t.Context())
			require.ErrorContains(t, err, tc.says)
			assert.Zero(t, creds)
			assert.Zero(t, s.count(), "STS is not called")
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			} else {
				var malformed *token.MalformedTokenError
				require.ErrorAs(t, err, &malformed)
			}
			assert.False(t, token.IsFinal(err), "the next token may be better")
			var e *token.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, roleARN, e.RoleARN)
			if parts := strings.Split(tc.token, "."); len(parts) == 3 && len(parts[1]) > 8 {
				assert.NotContains(t, err.Error(), parts[1])
			}
		}))
	}
}

func TestTokensThatAreLeftToSTS(t *testing.T) {
	t.Parallel()
	soon := time.Date(2000, 1, 1, 0, 4, 0, 0, time.UTC).Unix()
	for name, jwt := range map[string]string{
		"no claims":                       claimsOnly(`{}`),
		"an nbf far in the future":        claimsOnly(fmt.Sprintf(`{"iat":%d,"nbf":%d}`, soon+3600, soon+3600)),
		"an exp in the past":              claimsOnly(fmt.Sprintf(`{"exp":%d}`, soon-3600)),
		"an iat in the future":            claimsOnly(fmt.Sprintf(`{"iat":%d}`, soon+3600)),
		"a foreign audience":              claimsOnly(`{"aud":"vault"}`),
		"a subject of no service account": claimsOnly(`{"sub":"repo:org/app"}`),
		"claims that cannot be read":      "header.claims.signature",
		"white space around":              "\n " + claimsOnly(`{}`) + " \r\n",
	} {
		t.Run(name, in(func(t *testing.T) {
			s := &fakeSTS{}
			p := newProvider(t, s, token.SourceFunc(func(context.Context) (string, error) { return jwt, nil }), token.Config{})
			_, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, strings.TrimSpace(jwt), s.last().Get("WebIdentityToken"))
		}))
	}
}

func TestErrorsOfSTS(t *testing.T) {
	t.Parallel()
	const key = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	for name, tc := range map[string]struct {
		fault stsFault
		once  bool
		final bool
	}{
		"access denied is final":                     {stsFault{403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"}, true, true},
		"an invalid token is final":                  {stsFault{400, "InvalidIdentityToken", "Incorrect token audience"}, true, true},
		"a rejected claim is final":                  {stsFault{403, "IDPRejectedClaim", "no"}, true, true},
		"a malformed policy is final":                {stsFault{400, "MalformedPolicyDocument", "no"}, true, true},
		"a large policy is final":                    {stsFault{400, "PackedPolicyTooLarge", "no"}, true, true},
		"a disabled region is final":                 {stsFault{403, "RegionDisabledException", "no"}, true, true},
		"a disabled region of the older code too":    {stsFault{403, "RegionDisabled", "no"}, true, true},
		"a bad parameter is final":                   {stsFault{400, "ValidationError", "Request ARN is invalid"}, true, true},
		"a key that STS did not get is tried again":  {stsFault{400, "InvalidIdentityToken", key}, false, false},
		"an issuer out of reach is tried again":      {stsFault{400, "IDPCommunicationError", "no"}, false, false},
		"throttling is tried again":                  {stsFault{400, "Throttling", "Rate exceeded"}, false, false},
		"too many requests are tried again":          {stsFault{429, "Other", "no"}, false, false},
		"a server's error is tried again":            {stsFault{503, "ServiceUnavailable", "no"}, false, false},
		"a broken connection is tried again":         {stsFault{}, false, false},
		"an expired token that stays is sent once":   {stsFault{400, "ExpiredTokenException", "Token expired"}, true, false},
		"an answer of no known code is not repeated": {stsFault{418, "Teapot", "no"}, true, false},
		"an operation that is not there is final":    {stsFault{400, "InvalidAction", "no"}, true, true},
	} {
		t.Run(name, in(func(t *testing.T) {
			s := &fakeSTS{fault: always(tc.fault)}
			jwt := podToken(1, 24*time.Hour)
			src := token.SourceFunc(func(context.Context) (string, error) { return jwt, nil })
			began := time.Now()
			creds, err := newProvider(t, s, src, token.Config{}).Retrieve(t.Context())
			require.ErrorContains(t, err, "assume the role: ")
			assert.Zero(t, creds)
			if tc.once {
				assert.Equal(t, 1, s.count())
				assert.Zero(t, time.Since(began))
			} else {
				assert.Greater(t, s.count(), 5)
				assert.LessOrEqual(t, time.Since(began), time.Minute)
			}
			assert.Equal(t, tc.final, token.IsFinal(err))
			var e *token.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, roleARN, e.RoleARN)
			assert.Equal(t, "system:serviceaccount:payments:api", e.Token.Subject)
			if tc.fault.code != "" {
				var api smithy.APIError
				require.ErrorAs(t, err, &api)
				assert.Equal(t, tc.fault.code, api.ErrorCode())
			}
		}))
	}
}

func TestWithCachedCredentialsAnAttemptIsOneCall(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{}
		p := newProvider(t, s, rotating(), token.Config{})
		_, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		time.Sleep(50 * time.Minute)
		s.setFault(always(stsFault{503, "ServiceUnavailable", "no"}))
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "ASIA1", creds.AccessKeyID)
		assert.Equal(t, 2, s.count())
	})(t)
}

func TestTheTokenIsReadAgainForEveryCall(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]stsFault{
		"after a server's error": {500, "InternalFailure", "no"},
		"after a token expired":  {400, "ExpiredTokenException", "Token expired: current date/time 2 must be before the expiration date/time1"},
	} {
		t.Run(name, in(func(t *testing.T) {
			s := &fakeSTS{fault: first(2, fault)}
			creds, err := newProvider(t, s, rotating(), token.Config{}).Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "ASIA3", creds.AccessKeyID)
			for i, form := range s.calls {
				assert.Equal(t, podToken(i+1, time.Hour)[:40], form.Get("WebIdentityToken")[:40])
				assert.Equal(t, fmt.Sprintf("%08d", i+1), lastOf(form.Get("WebIdentityToken"), 8))
			}
		}))
	}
	t.Run("and an expired token is exchanged with cached credentials too", in(func(t *testing.T) {
		s := &fakeSTS{}
		p := newProvider(t, s, rotating(), token.Config{})
		_, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Hour)
		s.setFault(first(2, stsFault{400, "ExpiredTokenException", "Token expired"}))
		began := time.Now()
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "ASIA3", creds.AccessKeyID)
		assert.Equal(t, began, time.Now(), "there is nothing to wait for")
	}))
}

func lastOf(s string, n int) string { return s[max(0, len(s)-n):] }

package token_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// in runs a test on a clock of its own, in the year 2000.
func in(f func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, f)
	}
}

func newProvider(t *testing.T, s *fakeSTS, src token.Source, cfg token.Config) *token.Provider {
	t.Helper()
	p, err := token.NewProvider(s.client(), roleARN, src, cfg)
	require.NoError(t, err)
	return p
}

func TestProviderAssumesTheRole(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{}
		p := newProvider(t, s, rotating(), token.Config{
			Duration: 2 * time.Hour, Policy: `{"Version":"2012-10-17"}`,
			PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::111122223333:policy/a/b"},
		})
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, aws.Credentials{
			AccessKeyID: "ASIA1", SecretAccessKey: "secret-1", SessionToken: "session-1", AccountID: "111122223333",
			Source: "WebIdentityCredentials", CanExpire: true, Expires: time.Now().Add(time.Hour).UTC(),
		}, creds, "two hours less the advisory window of one")
		form := s.last()
		assert.Equal(t, podToken(1, time.Hour), form.Get("WebIdentityToken"))
		form.Del("WebIdentityToken")
		assert.Equal(t, map[string][]string{
			"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {roleARN},
			"RoleSessionName": {"payments.api@api-7d4b9-x2x"}, "DurationSeconds": {"7200"}, "Policy": {`{"Version":"2012-10-17"}`},
			"PolicyArns.member.1.arn": {"arn:aws:iam::aws:policy/ReadOnlyAccess"},
			"PolicyArns.member.2.arn": {"arn:aws:iam::111122223333:policy/a/b"},
		}, map[string][]string(form))
		assert.Equal(t, []aws.CredentialSource{aws.CredentialSourceSTSAssumeRoleWebID}, p.ProviderSources())
	})(t)
}

func TestSessionNameStaysTheSameAcrossRefreshes(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{}
		p := newProvider(t, s, rotating(), token.Config{})
		for range 3 {
			_, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "payments.api@api-7d4b9-x2x", s.last().Get("RoleSessionName"))
			time.Sleep(50 * time.Minute)
		}
		assert.Equal(t, 3, s.count())
	})(t)
}

func TestNewProviderReportsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := token.NewProvider(sts.New(sts.Options{}), "arn:aws:iam::1:role/x", nil, token.Config{
		SessionName: "a b", Duration: time.Minute, Policy: strings.Repeat("x", 2049),
		PolicyARNs: []string{"ReadOnlyAccess"},
		Refresh:    token.Refresh{AdvisoryWindow: -1, Timeout: -1},
	})
	require.ErrorIs(t, err, token.ErrNoRegion)
	for _, part := range []string{
		"AWS_REGION", "role ARN", "source", "SessionName", "Duration", "Policy:", "PolicyARNs[0]",
		"Refresh.AdvisoryWindow", "Refresh.Timeout",
	} {
		assert.ErrorContains(t, err, part)
	}
	assert.Regexp(t, "^token: provider: ", err.Error())
	assert.Equal(t, 1, strings.Count(err.Error(), "token: "))
}

func TestNewProviderRefuses(t *testing.T) {
	t.Parallel()
	good := token.SourceFunc(func(context.Context) (string, error) { return "", nil })
	client := (&fakeSTS{}).client()
	for name, tc := range map[string]struct {
		build func() (*token.Provider, error)
		says  string
	}{
		"no client": {func() (*token.Provider, error) { return token.NewProvider(nil, roleARN, good, token.Config{}) }, "client"},
		"a nil *sts.Client": {func() (*token.Provider, error) {
			return token.NewProvider((*sts.Client)(nil), roleARN, good, token.Config{})
		}, "client"},
		"no source": {func() (*token.Provider, error) { return token.NewProvider(client, roleARN, nil, token.Config{}) }, "source"},
		"a nil function": {func() (*token.Provider, error) {
			return token.NewProvider(client, roleARN, token.SourceFunc(nil), token.Config{})
		}, "source"},
		"a file without name": {func() (*token.Provider, error) {
			return token.NewProvider(client, roleARN, token.File(""), token.Config{})
		}, "source"},
		"a role of another partition than the region": {func() (*token.Provider, error) {
			return token.NewProvider(client, "arn:aws-cn:iam::111122223333:role/r", good, token.Config{})
		}, `partition is "aws-cn"`},
		"a fraction of a second": {func() (*token.Provider, error) {
			return token.NewProvider(client, roleARN, good, token.Config{Duration: time.Hour + time.Millisecond})
		}, "whole seconds"},
		"more than twelve hours": {func() (*token.Provider, error) {
			return token.NewProvider(client, roleARN, good, token.Config{Duration: 13 * time.Hour})
		}, "12h"},
		"eleven policies": {func() (*token.Provider, error) {
			return token.NewProvider(client, roleARN, good, token.Config{PolicyARNs: slicesOf(11, "arn:aws:iam::aws:policy/P")})
		}, "at most 10"},
		"a session name of one character": {func() (*token.Provider, error) {
			return token.NewProvider(client, roleARN, good, token.Config{SessionName: "x"})
		}, "SessionName"},
		"no inner provider":  {func() (*token.Provider, error) { return token.Keep(nil, token.Refresh{}) }, "nil"},
		"a nil inner one":    {func() (*token.Provider, error) { return token.Keep((*token.Provider)(nil), token.Refresh{}) }, "nil"},
		"a negative timeout": {func() (*token.Provider, error) { return token.Keep(&scripted{}, token.Refresh{Timeout: -1}) }, "Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := tc.build()
			require.ErrorContains(t, err, tc.says)
			assert.Nil(t, p)
			assert.Regexp(t, "^token: (provider|keep): ", err.Error())
		})
	}
}

func slicesOf(n int, s string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

func TestAProviderThatNobodyBuiltGivesErrors(t *testing.T) {
	t.Parallel()
	for _, p := range []*token.Provider{nil, {}} {
		creds, err := p.Retrieve(t.Context())
		require.Error(t, err)
		assert.Zero(t, creds)
		p.Invalidate("AKID")
		assert.Empty(t, p.ProviderSources())
	}
}

func TestTokensThatAreRefusedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	now := func(d time.Duration) int64 { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(d).Unix() }
	for name, tc := range map[string]struct {
		token string
		is    error
	}{
		"nothing":                      {"", token.ErrEmptyToken},
		"white space":                  {" \r\n", token.ErrEmptyToken},
		"two parts":                    {"e30.e30", nil},
		"four parts":                   {"e30.e30.e30.e30", nil},
		"no signature":                 {"e30.e30.", nil},
		"a line break within":          {"e30.e3\n0.e30", nil},
		"more than 20000 characters":   {claimsOnly(`{"x":"` + strings.Repeat("x", 20000) + `"}`), nil},
		"an exp in the past":           {claimsOnly(fmt.Sprintf(`{"exp":%d}`, now(-time.Hour))), token.ErrTokenExpired},
		"an exp of this very second":   {claimsOnly(fmt.Sprintf(`{"exp":%d}`, now(0))), token.ErrTokenExpired},
		"an exp that is no number":     {claimsOnly(`{"exp":"tomorrow"}`), nil},
		"an nbf far in the future":     {claimsOnly(fmt.Sprintf(`{"nbf":%d}`, now(time.Hour))), token.ErrTokenNotYetValid},
		"an issuer that is no string":  {claimsOnly(`{"iss":7}`), nil},
		"an audience that is a number": {claimsOnly(`{"aud":7}`), nil},
	} {
		t.Run(name, in(func(t *testing.T) {
			s := &fakeSTS{}
			p := newProvider(t, s, token.SourceFunc(func(context.Context) (string, error) { return tc.token, nil }), token.Config{})
			creds, err := p.Retrieve(t.Context())
			require.Error(t, err)
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
		"an nbf within the clocks' skew":  claimsOnly(fmt.Sprintf(`{"iat":%d,"nbf":%d}`, soon, soon)),
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
		calls int
		final bool
	}{
		"access denied is final":                      {stsFault{403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"}, 1, true},
		"an invalid token is final":                   {stsFault{400, "InvalidIdentityToken", "Incorrect token audience"}, 1, true},
		"a rejected claim is final":                   {stsFault{403, "IDPRejectedClaim", "no"}, 1, true},
		"a malformed policy is final":                 {stsFault{400, "MalformedPolicyDocument", "no"}, 1, true},
		"a large policy is final":                     {stsFault{400, "PackedPolicyTooLarge", "no"}, 1, true},
		"a disabled region is final":                  {stsFault{403, "RegionDisabledException", "no"}, 1, true},
		"a disabled region of the older code too":     {stsFault{403, "RegionDisabled", "no"}, 1, true},
		"a bad parameter is not final":                {stsFault{400, "ValidationError", "Request ARN is invalid"}, 1, false},
		"a key that STS did not get is tried again":   {stsFault{400, "InvalidIdentityToken", key}, 3, false},
		"an issuer out of reach is tried again":       {stsFault{400, "IDPCommunicationError", "no"}, 3, false},
		"throttling is tried again":                   {stsFault{400, "Throttling", "Rate exceeded"}, 3, false},
		"too many requests are tried again":           {stsFault{429, "Other", "no"}, 3, false},
		"a server's error is tried again":             {stsFault{503, "ServiceUnavailable", "no"}, 3, false},
		"a broken connection is tried again":          {stsFault{}, 3, false},
		"an expired token that stays is sent once":    {stsFault{400, "ExpiredTokenException", "Token expired"}, 1, false},
		"an answer of no known code is not repeated":  {stsFault{418, "Teapot", "no"}, 1, false},
		"an operation that is not there not repeated": {stsFault{400, "InvalidAction", "no"}, 1, false},
	} {
		t.Run(name, in(func(t *testing.T) {
			s := &fakeSTS{fault: always(tc.fault)}
			jwt := podToken(1, 24*time.Hour)
			src := token.SourceFunc(func(context.Context) (string, error) { return jwt, nil })
			creds, err := newProvider(t, s, src, token.Config{}).Retrieve(t.Context())
			require.Error(t, err)
			assert.Zero(t, creds)
			assert.Equal(t, tc.calls, s.count())
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

func TestTheTokenIsInNoErrorAlsoWhenSTSEchoesIt(t *testing.T) {
	t.Parallel()
	const form = `1 validation error detected: Value '%s' at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 4`
	for name, echo := range map[string]func(jwt string, parts []string) string{
		"whole":             func(jwt string, _ []string) string { return jwt },
		"cut short":         func(jwt string, _ []string) string { return jwt[:30] },
		"its claims":        func(_ string, parts []string) string { return parts[1] },
		"the signature":     func(_ string, parts []string) string { return parts[2] },
		"from the middle":   func(jwt string, parts []string) string { return jwt[len(parts[0])+10 : len(parts[0])+60] },
		"twice":             func(jwt string, _ []string) string { return jwt + "' and '" + jwt },
		"between other hex": func(_ string, parts []string) string { return "abcdef0123456789" + parts[1] + "abcdef0123456789" },
	} {
		t.Run(name, in(func(t *testing.T) {
			jwt := podToken(7, time.Hour)
			s := &fakeSTS{fault: always(stsFault{400, "ValidationError", fmt.Sprintf(form, echo(jwt, strings.Split(jwt, ".")))})}
			var hooked error
			_, err := newProvider(t, s, token.SourceFunc(func(context.Context) (string, error) { return jwt, nil }),
				token.Config{Refresh: token.Refresh{OnAttempt: func(a token.Attempt) { hooked = a.Err }}}).Retrieve(t.Context())
			require.Error(t, err)
			assert.Equal(t, err, hooked)
			var api smithy.APIError
			require.ErrorAs(t, err, &api)
			assert.Equal(t, "ValidationError", api.ErrorCode())
			assert.Contains(t, api.ErrorMessage(), "at 'webIdentityToken' failed to satisfy constraint")
			for e := error(err); e != nil; e = errors.Unwrap(e) {
				for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
					requireNoShare(t, fmt.Sprintf(verb, e), jwt)
				}
			}
			requireNoShare(t, api.ErrorMessage(), jwt)
			var status interface{ HTTPStatusCode() int }
			require.ErrorAs(t, err, &status)
			assert.Equal(t, http.StatusBadRequest, status.HTTPStatusCode())
		}))
	}
}

// requireNoShare fails when text has 16 characters in a row of the token.
func requireNoShare(t *testing.T, text, jwt string) {
	t.Helper()
	for i := 0; i+16 <= len(jwt); i++ {
		require.NotContains(t, text, jwt[i:i+16])
	}
}

func TestATokenInASourcesErrorIsTakenOut(t *testing.T) {
	in(func(t *testing.T) {
		jwt := podToken(1, time.Hour)
		src := token.SourceFunc(func(context.Context) (string, error) {
			return "", token.Final(fmt.Errorf("cannot parse %s: %w", jwt, fs.ErrInvalid))
		})
		_, err := newProvider(t, &fakeSTS{}, src, token.Config{}).Retrieve(t.Context())
		require.ErrorIs(t, err, fs.ErrInvalid)
		assert.True(t, token.IsFinal(err))
		requireNoShare(t, fmt.Sprintf("%+v %#v", err, err), jwt)
	})(t)
}

func TestTheSDKsBodyLoggingDoesNotPrintTheToken(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{}
		cfg := s.config()
		var log strings.Builder
		cfg.Logger = logTo{&log}
		cfg.ClientLogMode = aws.LogRequestWithBody | aws.LogResponseWithBody
		p, err := token.NewProvider(sts.NewFromConfig(cfg), roleARN, rotating(), token.Config{})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Contains(t, log.String(), "POST / HTTP/1.1")
		requireNoShare(t, log.String(), s.last().Get("WebIdentityToken"))
		assert.NotContains(t, log.String(), "secret-1")
	})(t)
}

// TestEarlyRefreshThroughLoadDefaultConfig goes the way that every program goes: the SDK wraps the
// provider in a cache that never asks early by itself.
func TestEarlyRefreshThroughLoadDefaultConfig(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{}
		p := newProvider(t, s, rotating(), token.Config{})
		cfg, err := config.LoadDefaultConfig(t.Context(), config.WithCredentialsProvider(p), config.WithRegion("eu-central-1"),
			config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}))
		require.NoError(t, err)
		require.IsType(t, (*aws.CredentialsCache)(nil), cfg.Credentials)
		retrieve := func(want string) {
			t.Helper()
			for range 3 {
				creds, err := cfg.Credentials.Retrieve(t.Context())
				require.NoError(t, err)
				assert.Equal(t, want, creds.AccessKeyID)
				assert.True(t, creds.Expires.After(time.Now()))
			}
		}
		retrieve("ASIA1")
		time.Sleep(45*time.Minute - time.Second)
		retrieve("ASIA1")
		time.Sleep(time.Second) // 15 minutes before expiry
		retrieve("ASIA2")
		s.setFault(always(stsFault{503, "ServiceUnavailable", "no"}))
		for range 24 { // two hours of an outage
			time.Sleep(5 * time.Minute)
			retrieve("ASIA2")
		}
		assert.LessOrEqual(t, s.count(), 2+24)
		assert.GreaterOrEqual(t, s.count(), 2+7)
		s.setFault(nil)
		time.Sleep(10 * time.Minute)
		creds, err := cfg.Credentials.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("ASIA%d", s.count()), creds.AccessKeyID)
	})(t)
}

func TestFileSourceFollowsTheKubeletsRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(version, content string) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, version, "token"), []byte(content), 0o600))
		require.NoError(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	write("..1", podToken(1, time.Hour))
	require.NoError(t, os.Symlink("..data/token", filepath.Join(dir, "token")))

	s := &fakeSTS{}
	p := newProvider(t, s, token.File(filepath.Join(dir, "token")), token.Config{})
	creds, err := p.Retrieve(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "00000001", lastOf(s.last().Get("WebIdentityToken"), 8))
	write("..2", podToken(2, time.Hour)+"\n")
	p.Invalidate(creds.AccessKeyID)
	_, err = p.Retrieve(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "00000002", lastOf(s.last().Get("WebIdentityToken"), 8))
}

// answering is a client that is not the SDK's.
type answering struct {
	out *sts.AssumeRoleWithWebIdentityOutput
	err func(jwt string) error
}

func (a answering) AssumeRoleWithWebIdentity(
	_ context.Context, in *sts.AssumeRoleWithWebIdentityInput, _ ...func(*sts.Options),
) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	if a.err != nil {
		return nil, a.err(*in.WebIdentityToken)
	}
	return a.out, nil
}

func TestAnyClientOfStscredsInterfaceWillDo(t *testing.T) {
	t.Parallel()
	key, secret, expiry := "ASIA1", "s", time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		client answering
		is     error
		says   string
	}{
		"that answers": {answering{out: &sts.AssumeRoleWithWebIdentityOutput{
			Credentials: &types.Credentials{AccessKeyId: &key, SecretAccessKey: &secret, Expiration: &expiry},
		}}, nil, ""},
		"that answers nothing":         {answering{}, nil, "no credentials"},
		"that answers no credentials":  {answering{out: &sts.AssumeRoleWithWebIdentityOutput{}}, nil, "no credentials"},
		"that does not say how long":   {answering{out: &sts.AssumeRoleWithWebIdentityOutput{Credentials: &types.Credentials{AccessKeyId: &key, SecretAccessKey: &secret}}}, nil, "when they expire"},
		"that quotes the token":        {answering{err: func(jwt string) error { return fmt.Errorf("sent %s: %w", jwt, fs.ErrInvalid) }}, fs.ErrInvalid, "sent [token]"},
		"that quotes it further in":    {answering{err: func(jwt string) error { return hiding{errors.New(jwt)} }}, nil, "it failed"},
		"that quotes it among others":  {answering{err: func(jwt string) error { return errors.Join(fs.ErrInvalid, errors.New(jwt)) }}, fs.ErrInvalid, "[token]"},
		"that quotes it in the answer": {answering{err: func(jwt string) error { return &hidingAPI{smithy.GenericAPIError{Code: "X", Message: jwt}} }}, nil, "it failed"},
		"that marks its error final":   {answering{err: func(jwt string) error { return token.Final(errors.New(jwt)) }}, nil, "[token]"},
	} {
		t.Run(name, in(func(t *testing.T) {
			jwt := podToken(1, time.Hour)
			p, err := token.NewProvider(tc.client, roleARN, token.SourceFunc(func(context.Context) (string, error) { return jwt, nil }), token.Config{})
			require.NoError(t, err)
			creds, err := p.Retrieve(t.Context())
			if tc.says == "" {
				require.NoError(t, err)
				assert.Equal(t, key, creds.AccessKeyID)
				assert.Empty(t, creds.AccountID, "it is not guessed")
				return
			}
			require.ErrorContains(t, err, tc.says)
			assert.Zero(t, creds)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			assert.Equal(t, name == "that marks its error final", token.IsFinal(err))
			for e := err; e != nil; e = errors.Unwrap(e) {
				requireNoShare(t, fmt.Sprintf("%v %+v %#v", e, e, e), jwt)
			}
			var api smithy.APIError
			if errors.As(err, &api) {
				requireNoShare(t, api.ErrorMessage(), jwt)
				assert.Equal(t, smithy.FaultUnknown, api.ErrorFault())
			}
		}))
	}
}

// hiding is an error that says less than the one it wraps.
type hiding struct{ error }

func (hiding) Error() string   { return "it failed" }
func (h hiding) Unwrap() error { return h.error }

// hidingAPI is an answer that does not print its message.
type hidingAPI struct{ smithy.GenericAPIError }

func (*hidingAPI) Error() string { return "it failed" }

func TestANilContextIsNoPanic(t *testing.T) {
	in(func(t *testing.T) {
		p := newProvider(t, &fakeSTS{}, rotating(), token.Config{})
		var none context.Context
		_, err := p.Retrieve(none)
		require.NoError(t, err)
		_, err = token.File("/none").Token(none)
		require.ErrorIs(t, err, os.ErrNotExist)
		_, err = token.SourceFunc(nil).Token(none)
		require.Error(t, err)
	})(t)
}

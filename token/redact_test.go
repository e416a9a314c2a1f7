package token_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
	"github.com/irsa-go/irsa/token"
)

func TestTheTokenIsInNoErrorAlsoWhenSTSEchoesIt(t *testing.T) {
	t.Parallel()
	const form = `1 validation error detected: Value '%s' at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 4`
	for name, echo := range map[string]func(jwt string, parts []string) string{
		"whole":               func(jwt string, _ []string) string { return jwt },
		"cut short":           func(jwt string, _ []string) string { return jwt[:30] },
		"its claims":          func(_ string, parts []string) string { return parts[1] },
		"the signature":       func(_ string, parts []string) string { return parts[2] },
		"its last characters": func(jwt string, _ []string) string { return jwt[len(jwt)-16:] },
		"from the middle":     func(jwt string, parts []string) string { return jwt[len(parts[0])+10 : len(parts[0])+60] },
		"twice":               func(jwt string, _ []string) string { return jwt + "' and '" + jwt },
		"between other hex":   func(_ string, parts []string) string { return "abcdef0123456789" + parts[1] + "abcdef0123456789" },
	} {
		t.Run(name, in(func(t *testing.T) {
			jwt := podToken(7, time.Hour)
			s := &fakeSTS{fault: always(stsFault{400, "ValidationError", fmt.Sprintf(form, echo(jwt, strings.Split(jwt, ".")))})}
			var hooked error
			_, err := newProvider(t, s, token.SourceFunc(func(context.Context) (string, error) { return jwt, nil }),
				token.Config{Refresh: token.Refresh{OnAttempt: func(a token.Attempt) { hooked = a.Err }}}).Retrieve(t.Context())
			synctest.Wait()
			require.ErrorContains(t, err, "api error ValidationError")
			assert.Equal(t, err, hooked)
			var api smithy.APIError
			require.ErrorAs(t, err, &api)
			assert.Equal(t, "ValidationError", api.ErrorCode())
			assert.Contains(t, api.ErrorMessage(), "at 'webIdentityToken' failed to satisfy constraint")
			assert.Contains(t, api.ErrorMessage(), "[token]")
			if alone := strings.Contains("whole, cut short, its claims, the signature, its last characters, from the middle", name); alone {
				assert.Equal(t, fmt.Sprintf(form, "[token]"), api.ErrorMessage(), "nothing else is taken out, and nothing is left")
			}
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
		"that ends with a part of it":  {answering{err: func(jwt string) error { return errors.New("sent " + jwt[60:90]) }}, nil, "sent [token]"},
		"whose error wraps nothing":    {answering{err: func(string) error { return hiding{} }}, nil, "it failed"},
		"whose errors are nothing":     {answering{err: func(string) error { return several{nil, fs.ErrInvalid} }}, fs.ErrInvalid, "several things went wrong"},
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
			if name == "that ends with a part of it" {
				assert.True(t, strings.HasSuffix(err.Error(), tc.says), err.Error())
			}
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

func (hiding) Error() string { return "it failed" }

func (h hiding) Unwrap() error { return h.error }

// hidingAPI is an answer that does not print its message.
type hidingAPI struct{ smithy.GenericAPIError }

func (*hidingAPI) Error() string { return "it failed" }

// Whatever STS echoes of the token, and wherever, no error shares 16 characters with it.
func FuzzNoErrorQuotesTheToken(f *testing.F) {
	f.Add("Value '", 0, 400, "' at 'webIdentityToken'")
	f.Add("eyJ", 3, 20, "eyJ")
	f.Add("", 100, 117, ".")
	jwt := podToken(1, 24*time.Hour)
	src := token.SourceFunc(func(context.Context) (string, error) { return jwt, nil })
	f.Fuzz(func(t *testing.T, before string, from, to int, after string) {
		from, to = max(0, min(from, len(jwt))), max(0, min(to, len(jwt)))
		echo := before + jwt[min(from, to):max(from, to)] + after
		client := answering{err: func(string) error {
			return fmt.Errorf("%s: %w", echo, &smithy.GenericAPIError{Code: "ValidationError", Message: echo})
		}}
		p, err := token.NewProvider(client, roleARN, src, token.Config{})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		var api smithy.APIError
		require.ErrorAs(t, err, &api)
		requireNoShare(t, err.Error(), jwt)
		requireNoShare(t, api.ErrorMessage(), jwt)
	})
}

// several is an error whose own text says nothing of those within it.
type several []error

func (s several) Error() string   { return "several things went wrong" }
func (s several) Unwrap() []error { return s }

// reachable says whether any error that errors.As could reach, or a printer, has the text.
func reachable(err error, text string) bool {
	if err == nil {
		return false
	}
	if strings.Contains(err.Error(), text) || strings.Contains(fmt.Sprintf("%+v %#v", err, err), text) {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return reachable(e.Unwrap(), text)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), func(err error) bool { return reachable(err, text) })
	}
	return false
}

func TestAnErrorThatQuotesNoTokenStaysAsItIs(t *testing.T) {
	in(func(t *testing.T) {
		cause := &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrInvalid}
		client := answering{err: func(string) error { return fmt.Errorf("x: %w", errors.Join(fs.ErrExist, cause)) }}
		p, err := token.NewProvider(client, roleARN, rotating(), token.Config{})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		var found *fs.PathError
		require.ErrorAs(t, err, &found)
		assert.Same(t, cause, found)
	})(t)
}

func TestATokenIsNotReachableThroughAJoinedError(t *testing.T) {
	in(func(t *testing.T) {
		jwt := podToken(1, time.Hour)
		signature := jwt[strings.LastIndexByte(jwt, '.')+1:]
		for name, failure := range map[string]error{
			"joined":            errors.Join(fs.ErrInvalid, errors.New("cannot parse "+jwt)),
			"hidden among many": several{fs.ErrInvalid, errors.New("cannot parse " + jwt)},
			"hidden deep":       fmt.Errorf("x: %w", several{fs.ErrInvalid, several{fmt.Errorf("y: %w", errors.New(jwt))}}),
			"hidden below one":  hiding{several{fs.ErrInvalid, errors.New(jwt)}},
		} {
			require.True(t, reachable(failure, signature), name)
			client := answering{err: func(string) error { return failure }}
			p, err := token.NewProvider(client, roleARN, token.SourceFunc(func(context.Context) (string, error) { return jwt, nil }), token.Config{})
			require.NoError(t, err)
			_, err = p.Retrieve(t.Context())
			require.ErrorIs(t, err, fs.ErrInvalid, name)
			assert.False(t, reachable(err, signature), name)
		}
	})(t)
}

func TestTheSDKsBodyLoggingDoesNotPrintTheCredentialsOfAHop(t *testing.T) {
	in(func(t *testing.T) {
		var log strings.Builder
		s := &fakeSTS{}
		base, err := token.NewProvider(s.client(), roleARN, rotating(), token.Config{})
		require.NoError(t, err)
		p, err := token.Chain(base, func(c aws.CredentialsProvider) stscreds.AssumeRoleAPIClient {
			cfg := s.config()
			cfg.Credentials, cfg.Logger = c, logTo{&log}
			cfg.ClientLogMode = aws.LogRequestWithBody | aws.LogResponseWithBody
			return sts.NewFromConfig(cfg)
		}, token.Hop{RoleARN: otherARN})
		require.NoError(t, err)
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Contains(t, log.String(), "HTTP/", "it does log")
		assert.NotContains(t, log.String(), creds.SecretAccessKey)
		assert.NotContains(t, log.String(), creds.SessionToken)
	})(t)
}

// Whoever stands between a process and STS may answer at any length.
func TestALongMessageIsFreedOfTheTokenInOnePass(t *testing.T) {
	t.Parallel()
	jwt := claimsOnly(`{"sub":"x","pad":"` + strings.Repeat("0123456789abcdef-", 700) + `"}`)
	assert.NoError(t, growth.Linear(10_000, func(n int) func() {
		long := strings.Repeat("a long message without end ", n)
		src := token.SourceFunc(func(context.Context) (string, error) { return jwt, errors.New(long + jwt[20:60] + long) })
		p, err := token.NewProvider((&fakeSTS{}).client(), roleARN, src, token.Config{Refresh: token.Refresh{Timeout: time.Hour}})
		require.NoError(t, err)
		return func() {
			_, err := p.Retrieve(t.Context())
			require.ErrorContains(t, err, "[token]")
			assert.NotContains(t, err.Error(), jwt[25:50])
		}
	}))
}

package token_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
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

// The SDK takes such regions for the FIPS endpoint of the region in them.
func TestARegionMayNameItsFIPSEndpoint(t *testing.T) {
	t.Parallel()
	for _, region := range []string{"fips-us-gov-west-1", "us-gov-west-1-fips", "us-gov-fips-west-1", "us-gov-west-1"} {
		client := sts.New(sts.Options{Region: region})
		_, err := token.NewProvider(client, "arn:aws-us-gov:iam::111122223333:role/r", rotating(), token.Config{})
		require.NoError(t, err, region)
		_, err = token.NewProvider(client, roleARN, rotating(), token.Config{})
		require.ErrorContains(t, err, `is of "aws-us-gov"`, region)
	}
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
			return token.NewProvider(client, roleARN, good, token.Config{PolicyARNs: slices.Repeat([]string{"arn:aws:iam::aws:policy/P"}, 11)})
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

func TestAProviderThatNobodyBuiltGivesErrors(t *testing.T) {
	t.Parallel()
	for _, p := range []*token.Provider{nil, {}} {
		creds, err := p.Retrieve(t.Context())
		require.ErrorContains(t, err, "the Provider is nil or zero")
		assert.Zero(t, creds)
		p.Invalidate("AKID")
		assert.Empty(t, p.ProviderSources())
	}
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

func TestANilContextDoesNotPanic(t *testing.T) {
	in(func(t *testing.T) {
		p := newProvider(t, &fakeSTS{}, rotating(), token.Config{})
		var none context.Context
		_, err := p.Retrieve(none)
		require.NoError(t, err)
		_, err = token.File("/none").Token(none)
		require.ErrorIs(t, err, os.ErrNotExist)
		_, err = token.SourceFunc(nil).Token(none)
		require.ErrorContains(t, err, "the SourceFunc is nil")
	})(t)
}

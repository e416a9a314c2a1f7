package token_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

const lastARN = "arn:aws:iam::777788889999:role/last"

// signing makes clients of s for a chain.
func (s *fakeSTS) signing(c aws.CredentialsProvider) stscreds.AssumeRoleAPIClient {
	cfg := s.config()
	cfg.Credentials = c
	cfg.RetryMaxAttempts = 1
	return sts.NewFromConfig(cfg)
}

func TestChainAssumesOneRoleAfterTheOther(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{}
		base := newProvider(t, s, rotating(), token.Config{Duration: 2 * time.Hour})
		p, err := token.Chain(base, s.signing,
			token.Hop{RoleARN: otherARN, ExternalID: "ext", Tags: map[string]string{"team": "a", "app": "b"}, TransitiveTagKeys: []string{"team"}, SourceIdentity: "me"},
			token.Hop{RoleARN: lastARN, Duration: 15 * time.Minute, SessionName: "last", PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}})
		require.NoError(t, err)
		assert.Zero(t, s.count(), "nothing is called before it is needed")
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "ASIA3", creds.AccessKeyID)
		assert.Equal(t, "777788889999", creds.AccountID)
		assert.Equal(t, []string{"", "ASIA1", "ASIA2"}, s.signers)
		s.calls[0].Del("WebIdentityToken")
		assert.Equal(t, map[string][]string{
			"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {otherARN}, "ExternalId": {"ext"}, "SourceIdentity": {"me"},
			"RoleSessionName":     {"payments.api@api-7d4b9-x2x"},
			"Tags.member.1.Key":   {"app"},
			"Tags.member.1.Value": {"b"}, "Tags.member.2.Key": {"team"}, "Tags.member.2.Value": {"a"}, "TransitiveTagKeys.member.1": {"team"},
		}, map[string][]string(s.calls[1]), "the session keeps its name")
		assert.Equal(t, map[string][]string{
			"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {lastARN}, "RoleSessionName": {"last"}, "DurationSeconds": {"900"},
			"PolicyArns.member.1.arn": {"arn:aws:iam::aws:policy/ReadOnlyAccess"},
		}, map[string][]string(s.calls[2]))
		assert.Equal(t, []aws.CredentialSource{
			aws.CredentialSourceSTSAssumeRoleWebID, aws.CredentialSourceSTSAssumeRole, aws.CredentialSourceSTSAssumeRole,
		}, p.ProviderSources())

		// Each has its own refresh: the last one is renewed alone, with the cached credentials before it.
		time.Sleep(10 * time.Minute)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"", "ASIA1", "ASIA2", "ASIA2"}, s.signers)
		time.Sleep(40 * time.Minute) // the hop in the middle is due, the base is not
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"", "ASIA1", "ASIA2", "ASIA2", "ASIA1", "ASIA5"}, s.signers)
	})(t)
}

func TestChainRefuses(t *testing.T) {
	t.Parallel()
	base, err := token.Keep(aws.CredentialsProviderFunc(lasting), token.Refresh{})
	require.NoError(t, err)
	s := &fakeSTS{}
	good := token.Hop{RoleARN: otherARN}
	for name, tc := range map[string]struct {
		build func() (*token.Provider, error)
		says  []string
	}{
		"no base":    {func() (*token.Provider, error) { return token.Chain(nil, s.signing, good) }, []string{"base"}},
		"no clients": {func() (*token.Provider, error) { return token.Chain(base, nil, good) }, []string{"newClient"}},
		"no hop":     {func() (*token.Provider, error) { return token.Chain(base, s.signing) }, []string{"no hop"}},
		"a nil client": {func() (*token.Provider, error) {
			return token.Chain(base, func(aws.CredentialsProvider) stscreds.AssumeRoleAPIClient { return nil }, good)
		}, []string{"hop 1: client"}},
		"a client without a region": {func() (*token.Provider, error) {
			return token.Chain(base, func(aws.CredentialsProvider) stscreds.AssumeRoleAPIClient { return sts.New(sts.Options{}) }, good)
		}, []string{"hop 1", "AWS_REGION"}},
		"another partition": {func() (*token.Provider, error) {
			return token.Chain(base, s.signing, token.Hop{RoleARN: "arn:aws-us-gov:iam::111122223333:role/r"})
		}, []string{"aws-us-gov"}},
		"all that is wrong with all hops": {func() (*token.Provider, error) {
			return token.Chain(base, s.signing, token.Hop{RoleARN: "x", Duration: 2 * time.Hour},
				token.Hop{RoleARN: otherARN, SessionName: "a b", SourceIdentity: "c d", TransitiveTagKeys: []string{"k"}, Policy: strings.Repeat("x", 2049)})
		}, []string{"hop 1: RoleARN", "hop 1: Duration", "1h", "hop 2: SessionName", "hop 2: SourceIdentity", "hop 2: TransitiveTagKeys", "hop 2: Policy"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := tc.build()
			require.ErrorContains(t, err, "token: chain: ")
			assert.Nil(t, p)
			for _, part := range tc.says {
				assert.ErrorContains(t, err, part)
			}
		})
	}
}

func TestChainTellsWhichHopFailed(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{}
		p, err := token.Chain(newProvider(t, s, rotating(), token.Config{}), s.signing, token.Hop{RoleARN: otherARN}, token.Hop{RoleARN: lastARN})
		require.NoError(t, err)
		s.setFault(first(1, stsFault{403, "AccessDenied", "no"}))
		_, err = p.Retrieve(t.Context())
		var e *token.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, roleARN, e.RoleARN, "the web identity's own")
		assert.True(t, token.IsFinal(err))

		time.Sleep(6 * time.Second)
		s.setFault(func(_ int, form url.Values) *stsFault {
			if form["RoleArn"][0] == otherARN {
				return &stsFault{403, "AccessDenied", "no"}
			}
			return nil
		})
		_, err = p.Retrieve(t.Context())
		require.ErrorAs(t, err, &e)
		assert.Equal(t, otherARN, e.RoleARN)
		var api smithy.APIError
		require.ErrorAs(t, err, &api)
		assert.Equal(t, "AccessDenied", api.ErrorCode())
	})(t)
}

func TestChainRenewsCredentialsThatSTSRejects(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{}
		p, err := token.Chain(newProvider(t, s, rotating(), token.Config{}), s.signing, token.Hop{RoleARN: otherARN})
		require.NoError(t, err)
		s.setFault(func(n int, _ url.Values) *stsFault {
			if n == 2 {
				return &stsFault{403, "ExpiredToken", "The security token included in the request is expired"}
			}
			return nil
		})
		_, err = p.Retrieve(t.Context())
		require.ErrorContains(t, err, "api error ExpiredToken")
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "ASIA4", creds.AccessKeyID)
		assert.Equal(t, []string{"", "ASIA1", "", "ASIA3"}, s.signers)
	})(t)
}

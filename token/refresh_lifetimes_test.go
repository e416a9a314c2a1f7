package token_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// stub is a client without HTTP, as tests and brokers have them; its times are of this process.
type stub struct {
	lifetime time.Duration // or neverSaid
	calls    int
}

func (s *stub) AssumeRoleWithWebIdentity(context.Context, *sts.AssumeRoleWithWebIdentityInput, ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	s.calls++
	expiration := time.Now().Add(s.lifetime)
	if s.lifetime == neverSaid {
		expiration = time.Time{}
	}
	return &sts.AssumeRoleWithWebIdentityOutput{Credentials: &types.Credentials{
		AccessKeyId: aws.String("KEY"), SecretAccessKey: aws.String("s"), Expiration: &expiration,
	}}, nil
}

const neverSaid = time.Duration(1)

// Whatever was asked for: nobody is served what is dead, nor asks sooner than the window says.
func TestCredentialsLiveForAsLongAsTheAnswerSays(t *testing.T) {
	t.Parallel()
	for lifetime, window := range map[time.Duration]time.Duration{
		2 * time.Minute: time.Minute, 10 * time.Minute: 5 * time.Minute, 30 * time.Minute: 15 * time.Minute, 6 * time.Hour: time.Hour,
	} {
		asks := func(t *testing.T, client stscreds.AssumeRoleWithWebIdentityAPIClient, calls func() int) {
			p, err := token.NewProvider(client, roleARN, rotating(), token.Config{})
			require.NoError(t, err)
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.WithinDuration(t, time.Now().Add(lifetime-window), creds.Expires, 0)
			time.Sleep(lifetime - window)
			_, err = p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 2, calls())
		}
		t.Run("without HTTP", in(func(t *testing.T) {
			s := &stub{lifetime: lifetime}
			asks(t, s, func() int { return s.calls })
		}))
		t.Run("with the answer's Date", in(func(t *testing.T) {
			s := &fakeSTS{lifetime: lifetime, dated: true}
			asks(t, s.client(), s.count)
		}))
	}
	t.Run("and what does not say when it expires is none", in(func(t *testing.T) {
		p, err := token.NewProvider(&stub{lifetime: neverSaid}, roleARN, rotating(), token.Config{})
		require.NoError(t, err)
		creds, err := p.Retrieve(t.Context())
		require.ErrorContains(t, err, "when they expire")
		assert.Zero(t, creds)
	}))
	t.Run("and what had expired when it came is served, and asked for again after a backoff", in(func(t *testing.T) {
		s := &stub{lifetime: -time.Minute}
		hook := make(chan token.Attempt, 1)
		p, err := token.NewProvider(s, roleARN, rotating(), token.Config{Refresh: token.Refresh{OnAttempt: func(a token.Attempt) { hook <- a }}})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, (<-hook).Err, token.ErrStaleCredentials)
		time.Sleep(10 * time.Minute)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 2, s.calls)
	}))
}

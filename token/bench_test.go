package token_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// lasting gives credentials like those of STS, which outlive any test.
func lasting(context.Context) (aws.Credentials, error) {
	return aws.Credentials{
		AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		SessionToken: "session", Source: "test", AccountID: "111122223333", CanExpire: true, Expires: time.Now().Add(12 * time.Hour),
	}, nil
}

// cached are the two ways to cached credentials, to be compared in one run.
func cached(t testing.TB) map[string]aws.CredentialsProvider {
	p, err := token.Keep(aws.CredentialsProviderFunc(lasting), token.Refresh{})
	require.NoError(t, err)
	both := map[string]aws.CredentialsProvider{
		"Provider":         p,
		"CredentialsCache": aws.NewCredentialsCache(aws.CredentialsProviderFunc(lasting)),
	}
	for _, p := range both {
		_, err := p.Retrieve(t.Context())
		require.NoError(t, err)
	}
	return both
}

func TestACachedRetrieveAllocatesNothing(t *testing.T) {
	p := cached(t)["Provider"]
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = p.Retrieve(ctx) }))
}

// BenchmarkCachedRetrieve compares a cached Provider with the SDK's cache, from one goroutine and
// from many, and with the reading of the clock that both begin with.
func BenchmarkCachedRetrieve(b *testing.B) {
	b.Run("Clock/one", func(b *testing.B) {
		for b.Loop() {
			_ = time.Now()
		}
	})
	for _, name := range []string{"Provider", "CredentialsCache"} {
		p := cached(b)[name]
		ctx := b.Context()
		b.Run(name+"/one", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Retrieve(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/many", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := p.Retrieve(ctx); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

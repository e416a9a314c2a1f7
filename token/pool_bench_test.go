package token_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// BenchmarkPoolRetrieve compares the pool's cached path with a Provider's and with
// aws.CredentialsCache, for one and for ten thousand identities, in one run.
func BenchmarkPoolRetrieve(b *testing.B) {
	for _, identities := range []int{1, 10_000} {
		kinds := []struct {
			name string
			make func(testing.TB, int) []aws.CredentialsProvider
		}{
			{"provider", separateProviders},
			{"pool", pooledProviders},
			{"cache", sdkCaches},
		}
		for _, kind := range kinds {
			b.Run(fmt.Sprintf("%s/%d", kind.name, identities), func(b *testing.B) {
				providers := kind.make(b, identities)
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					if _, err := providers[i].Retrieve(context.Background()); err != nil {
						b.Fatal(err)
					}
					if i++; i == identities {
						i = 0
					}
				}
			})
			b.Run(fmt.Sprintf("%s/%d/parallel", kind.name, identities), func(b *testing.B) {
				providers := kind.make(b, identities)
				var starts atomic.Int64
				b.ResetTimer()
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					i := int(starts.Add(7919)) % identities
					for pb.Next() {
						if _, err := providers[i].Retrieve(context.Background()); err != nil {
							b.Error(err)
							return
						}
						if i++; i == identities {
							i = 0
						}
					}
				})
			})
		}
	}
}

func pooledProviders(tb testing.TB, n int) []aws.CredentialsProvider {
	pool := newPool(tb, &sizedSTS{}, token.PoolConfig{CallsPerSecond: 1e6})
	providers := make([]aws.CredentialsProvider, n)
	for i := range providers {
		providers[i] = poolProvider(tb, pool, poolKey(i))
		retrieved(tb, providers[i])
	}
	return providers
}

func separateProviders(tb testing.TB, n int) []aws.CredentialsProvider {
	client := &sizedSTS{}
	providers := make([]aws.CredentialsProvider, n)
	for i := range providers {
		p, err := token.NewProvider(client, poolKey(i).RoleARN, tokensOf(poolKey(i)), token.Config{})
		require.NoError(tb, err)
		providers[i] = p
		retrieved(tb, p)
	}
	return providers
}

func sdkCaches(tb testing.TB, n int) []aws.CredentialsProvider {
	providers := separateProviders(tb, n)
	for i, p := range providers {
		providers[i] = aws.NewCredentialsCache(p)
		retrieved(tb, providers[i])
	}
	return providers
}

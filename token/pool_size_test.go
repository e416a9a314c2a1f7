package token_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/token"
)

func TestPoolEvictsWhatWasNotUsedForLongest(t *testing.T) {
	t.Parallel()
	evicted := make(chan string, 8)
	client := &poolSTS{}
	pool := newPool(t, client, token.PoolConfig{MaxIdentities: 3, OnEvict: func(k token.Key) { evicted <- k.UID }})
	var providers []aws.CredentialsProvider
	for i := range 3 {
		providers = append(providers, poolProvider(t, pool, poolKey(i)))
		retrieved(t, providers[i])
	}
	first := retrieved(t, providers[0])
	retrieved(t, poolProvider(t, pool, poolKey(3)))
	assert.Equal(t, "uid-1", <-evicted, "0 was served after 1")
	assert.Equal(t, first, retrieved(t, providers[0]))
	retrieved(t, providers[1])
	assert.Equal(t, "uid-2", <-evicted, "an evicted identity comes back in the place of another")
	assert.Equal(t, 3, pool.Len())
}

func TestPoolStaysBoundedWhenAllOfItIsInUse(t *testing.T) {
	t.Parallel()
	pool := newPool(t, &poolSTS{}, token.PoolConfig{MaxIdentities: 10})
	var last aws.CredentialsProvider
	for i := range 100 {
		last = poolProvider(t, pool, poolKey(i))
		first := retrieved(t, last)
		assert.Equal(t, first, retrieved(t, last), "the one that just came in stays")
		assert.LessOrEqual(t, pool.Len(), 10)
	}
}

func TestPoolDoesNotEvictWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &poolSTS{enter: func(context.Context, *sts.AssumeRoleWithWebIdentityInput) { time.Sleep(time.Second) }}
		pool := newPool(t, client, token.PoolConfig{MaxIdentities: 2})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { retrieved(t, poolProvider(t, pool, poolKey(i))) })
		}
		wg.Wait()
		assert.EqualValues(t, 20, client.calls.Load(), "each got what it asked for, with one call")
		retrieved(t, poolProvider(t, pool, poolKey(20)))
		assert.Equal(t, 2, pool.Len(), "and the pool is as small as it should be")
	})
}

func TestTenThousandIdentitiesAreSmallAndQuiet(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory")
	}
	const identities, most = 10_000, 64 << 20
	goroutines, heap := runtime.NumGoroutine(), heapInUse()
	client := &sizedSTS{}
	pool := newPool(t, client, token.PoolConfig{CallsPerSecond: 1e6})
	providers := make([]aws.CredentialsProvider, identities)
	for i := range providers {
		key := poolKey(i)
		key.Issuer, key.Audience, key.Region = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF", "sts.amazonaws.com", "eu-central-1"
		key.UID = fmt.Sprintf("a4e1b5c2-0000-4000-8000-%012d", i)
		key.RoleARN = fmt.Sprintf("arn:aws:iam::111122223333:role/tenants/role-of-tenant-%d", i)
		providers[i] = poolProvider(t, pool, key)
		retrieved(t, providers[i])
	}
	used := heapInUse() - heap
	t.Logf("%.1f MiB, %d bytes for each identity, %d more goroutines", float64(used)/(1<<20), used/identities, runtime.NumGoroutine()-goroutines)
	assert.Equal(t, identities, pool.Len())
	assert.Less(t, used, int64(most))
	assert.Less(t, runtime.NumGoroutine()-goroutines, 100)
	runtime.KeepAlive(providers)
}

type sizedSTS struct{ n atomic.Int64 }

func (s *sizedSTS) AssumeRoleWithWebIdentity(context.Context, *sts.AssumeRoleWithWebIdentityInput, ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return &sts.AssumeRoleWithWebIdentityOutput{Credentials: &types.Credentials{
		AccessKeyId:     aws.String(fmt.Sprintf("ASIA%016d", s.n.Add(1))),
		SecretAccessKey: aws.String(strings.Repeat("k", 40)),
		SessionToken:    aws.String(strings.Repeat("t", 1400)),
		Expiration:      aws.Time(time.Now().Add(time.Hour)),
	}}, nil
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

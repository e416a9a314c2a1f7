package token_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// origin is a provider under a test's control: each call takes delay, then gives credentials
// numbered by the call, or err.
type origin struct {
	mu       sync.Mutex
	calls    int
	err      error
	lifetime time.Duration // 0: 1 h
	delay    time.Duration
	keyID    string // "": KEY and the number of the call
	deaf     bool   // does not look at its context while it waits
}

func (o *origin) Retrieve(ctx context.Context) (aws.Credentials, error) {
	o.mu.Lock()
	o.calls++
	id, err, lifetime, delay, deaf := fmt.Sprint("KEY", o.calls), o.err, o.lifetime, o.delay, o.deaf
	if o.keyID != "" {
		id = o.keyID
	}
	o.mu.Unlock()
	if deaf {
		time.Sleep(delay)
	} else if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return aws.Credentials{}, ctx.Err()
		}
	}
	if err != nil {
		return aws.Credentials{}, err
	}
	if lifetime == 0 {
		lifetime = time.Hour
	}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: "s", CanExpire: true, Expires: time.Now().Add(lifetime)}, nil
}

// ProviderSources makes it one whose credentials may be served past their expiry.
func (o *origin) ProviderSources() []aws.CredentialSource {
	return []aws.CredentialSource{aws.CredentialSourceHTTP}
}

func (o *origin) set(change func(*origin)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(o)
}

func (o *origin) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls
}

// keep returns a Provider around o that has credentials in its cache.
func keep(t *testing.T, o *origin, r token.Refresh) *token.Provider {
	t.Helper()
	p, err := token.Keep(o, r)
	require.NoError(t, err)
	_, err = p.Retrieve(t.Context())
	require.NoError(t, err)
	return p
}

// asked is a Retrieve under way.
type asked struct {
	creds aws.Credentials
	err   error
	took  time.Duration
	done  atomic.Bool
}

func ask(ctx context.Context, p *token.Provider) *asked {
	a, began := &asked{}, time.Now()
	go func() {
		a.creds, a.err = p.Retrieve(ctx)
		a.took = time.Since(began)
		a.done.Store(true)
	}()
	synctest.Wait()
	return a
}

package token

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"

	"github.com/irsa-go/irsa/internal/panics"
)

// entry is one identity in the pool, until it is evicted; then its engine is closed for good.
type entry struct {
	key     Key
	engine  *engine
	source  *poolSource
	touched atomic.Bool   // served since it got its place
	place   *list.Element // under the pool's mu
}

// newEntry checks the key and makes its client, without the pool's prefix. mu is not held.
func (p *Pool) newEntry(key Key, src Source) (*entry, error) {
	if p.tenants != nil {
		return p.newTenant(key, src)
	}
	cfg := key.config(p.cfg.refresh(key))
	problems := append(key.problems(), roleProblems(key.RoleARN, true)...)
	problems = append(problems, sourceProblems(src)...)
	problems = append(problems, cfg.problems()...)
	if key.TransitiveTags {
		problems = append(problems, errors.New("TransitiveTags: it is true, but only a pool of NewTenantPool sets session tags"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	client, err := made(func() (stscreds.AssumeRoleWithWebIdentityAPIClient, error) { return p.newClient(key) })
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	source := &poolSource{key: key, turn: p.turn}
	source.inner.Store(&src)
	w, err := newWebIdentity(client, key.RoleARN, source, cfg)
	if err != nil {
		return nil, err
	}
	return &entry{
		key:    key,
		engine: newEngine(w.fetch, key.RoleARN, cfg.Refresh, p.tune),
		source: source,
	}, nil
}

// made is a client that a function of the caller's makes, whose panic is an error. No lock is held.
func made[Client any](newClient func() (Client, error)) (client Client, err error) {
	err = panics.Call(func() (err error) {
		client, err = newClient()
		return err
	})
	return client, err
}

// pooled is a provider that the pool has handed out. It is safe for concurrent use.
type pooled struct {
	pool  *Pool
	src   Source
	entry atomic.Pointer[entry]
}

var (
	_ aws.CredentialProviderSource = (*pooled)(nil)
	_ PoolProvider                 = (*pooled)(nil)
)

// maxAnew bounds how often one call takes an identity up that is evicted under its feet.
const maxAnew = 3

// Retrieve returns the identity's credentials, as [Provider.Retrieve] does.
func (p *pooled) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := p.get(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	return c.creds, nil
}

// Current returns them with their real expiry, as [Provider.Current] does.
func (p *pooled) Current(ctx context.Context) (aws.Credentials, error) {
	c, err := p.get(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	return c.actual(), nil
}

func (p *pooled) get(ctx context.Context) (*cached, error) {
	e := p.entry.Load()
	c := e.engine.fresh()
	if c == nil {
		return p.wait(ctx)
	}
	if !e.touched.Load() { // written only once, so that many readers share the line
		e.touched.Store(true)
	}
	if hit := p.pool.cfg.OnHit; hit != nil {
		tellOf(hit, e.key)
	}
	return c, nil
}

// wait is get for an identity without fresh credentials.
func (p *pooled) wait(ctx context.Context) (c *cached, err error) {
	if ctx == nil {
		ctx = context.Background()
	}
	for range maxAnew {
		e := p.entry.Load()
		c, err = p.pool.get(ctx, e)
		if !errors.Is(err, ErrEvicted) || ctx.Err() != nil {
			return c, err
		}
		anew, refused := p.pool.take(e.key, p.src, false)
		if refused != nil {
			return nil, refused
		}
		p.entry.CompareAndSwap(e, anew)
	}
	return nil, err
}

// get returns an entry's credentials and tells the hooks whether they were there.
func (p *Pool) get(ctx context.Context, e *entry) (*cached, error) {
	p.mu.Lock()
	p.front(e)
	p.mu.Unlock()
	c, f, err := e.engine.enter(ctx)
	if c != nil {
		tellOf(p.cfg.OnHit, e.key)
		return c, nil
	}
	if errors.Is(err, ErrEvicted) {
		return nil, err
	}
	tellOf(p.cfg.OnMiss, e.key)
	if f == nil {
		return nil, err
	}
	return e.engine.await(ctx, f)
}

// Invalidate does what [Provider.Invalidate] does.
func (p *pooled) Invalidate(accessKeyID string) { p.entry.Load().engine.invalidate(accessKeyID) }

// ProviderSources tells the SDK where the credentials come from, for its user agent.
func (p *pooled) ProviderSources() []aws.CredentialSource {
	if p.pool.tenants != nil {
		return []aws.CredentialSource{aws.CredentialSourceSTSAssumeRole}
	}
	return []aws.CredentialSource{aws.CredentialSourceSTSAssumeRoleWebID}
}

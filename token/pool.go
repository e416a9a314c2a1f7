package token

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
)

// ErrEvicted is what errors.Is finds when an identity was evicted again and again while a caller
// waited for its credentials.
var ErrEvicted = errors.New("the identity was evicted from the pool")

// errUnbuiltPool is a Pool that NewPool did not make.
var errUnbuiltPool = errors.New("token: pool: it is nil or zero: use NewPool")

// Pool holds the credentials of many service accounts, for an operator that acts for them. Each
// identity is refreshed on its own, as by a [Provider]; a failing, slow or hostile one can take
// only so much from the others: see [PoolConfig].
//
// No lock is held while a source or STS is asked, and an identity at rest has no goroutine. A Pool
// is safe for concurrent use. It has nothing to close; an identity that nobody asks for does
// nothing.
//
// What acts for one account has an aws.Config of its own, made from that of the operator; account
// is the ServiceAccount that the operator has read:
//
//	pool, err := token.NewPool(token.RegionalClients(cfg), token.PoolConfig{}) // once
//	…
//	source, err := tokenrequest.New(clientset.CoreV1().ServiceAccounts("payments"), "api", tokenrequest.Config{})
//	…
//	provider, err := pool.Provider(token.Key{
//		Namespace: "payments", ServiceAccount: "api", UID: string(account.UID), RoleARN: roleARN,
//	}, source)
//	…
//	its := token.WithCredentials(cfg, provider)
type Pool struct {
	newClient func(Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error)
	tenants   *tenants // of NewTenantPool; else nil
	cfg       PoolConfig
	tune      tuning
	turn      *limiter

	mu      sync.Mutex
	entries map[Key]*entry
	recent  *list.List // of *entry, the one used last in front
}

// NewPool returns an empty pool. newClient returns the STS client for a key, by its Region and
// Endpoint; it need not look at the other fields. It is called without any lock, by many
// goroutines, once or a few times for each identity that enters the pool; clients should be shared
// between keys, as each takes memory.
func NewPool(newClient func(Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error), cfg PoolConfig) (*Pool, error) {
	p, problems := newPool(cfg)
	if newClient == nil {
		problems = append(problems, errors.New("newClient is nil"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("token: pool: %w", err)
	}
	p.newClient = newClient
	return p, nil
}

// newPool makes a pool without clients, unless there are problems.
func newPool(cfg PoolConfig) (*Pool, []error) {
	if problems := cfg.problems(); len(problems) > 0 {
		return &Pool{}, problems
	}
	return &Pool{
		cfg:     cfg,
		tune:    cfg.tuning(),
		turn:    newLimiter(cfg.callsPerSecond()),
		entries: make(map[Key]*entry),
		recent:  list.New(),
	}, nil
}

// PoolProvider gives the credentials of one identity of a [Pool], kept fresh: for an aws.Config and
// for [InvalidateRejected]. It is safe for concurrent use.
type PoolProvider interface {
	aws.CredentialsProvider
	Invalidator
	// Current works as [Provider.Current].
	Current(ctx context.Context) (aws.Credentials, error)
}

// Provider returns the credentials of an identity, whose tokens come from src. Nothing is read or
// called before the first Retrieve, but all of the key is checked, and the client is made.
//
// All providers of a key share its credentials; the src of the last call of Provider is the one that
// is asked. A provider outlives an eviction: it serves nothing that was evicted, and its next
// Retrieve takes the identity up anew. Set it as Credentials of an aws.Config after loading that:
// config.LoadDefaultConfig would put an aws.CredentialsCache around it, which learns of no eviction.
//
// Each token's sub and account UID, and its iss and aud when the key has them, must be the key's:
// otherwise the token is not used and the error is an *[IdentityError].
func (p *Pool) Provider(key Key, src Source) (PoolProvider, error) {
	if p == nil || p.entries == nil {
		return nil, errUnbuiltPool
	}
	if p.tenants != nil {
		return nil, errors.New("token: pool: it is one of NewTenantPool, which takes no tokens: use Tenant")
	}
	return p.provider(key, src)
}

func (p *Pool) provider(key Key, src Source) (PoolProvider, error) {
	e, err := p.take(key, src, true)
	if err != nil {
		return nil, err
	}
	pooled := &pooled{pool: p, src: src}
	pooled.entry.Store(e)
	return pooled, nil
}

// Evict drops the identities for which match returns true, and their credentials, at once: when a
// service account is deleted, or its annotations name another role. Callers that wait for such
// credentials do not get them; calls after Evict begin anew, with a new token. A nil match drops
// all. match is called without a lock.
func (p *Pool) Evict(match func(Key) bool) {
	if p == nil || p.entries == nil {
		return
	}
	var matched []*entry
	for _, e := range p.all() {
		if match == nil || match(e.key) {
			matched = append(matched, e)
		}
	}
	p.mu.Lock()
	matched = p.unlink(matched)
	p.mu.Unlock()
	p.drop(matched)
}

// Len returns how many identities the pool holds.
func (p *Pool) Len() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.entries)
}

func (p *Pool) all() []*entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*entry, 0, len(p.entries))
	for _, e := range p.entries {
		all = append(all, e)
	}
	return all
}

// unlink takes entries out of the pool and returns those that were still in it. mu is held.
func (p *Pool) unlink(entries []*entry) []*entry {
	gone := entries[:0]
	for _, e := range entries {
		if p.entries[e.key] == e {
			delete(p.entries, e.key)
			p.recent.Remove(e.place)
			gone = append(gone, e)
		}
	}
	return gone
}

// drop forgets the credentials of entries that are out of the pool, and has the hook told, for which
// nobody waits. mu is not held.
func (p *Pool) drop(entries []*entry) {
	for _, e := range entries {
		e.engine.close(ErrEvicted)
	}
	if p.cfg.OnEvict == nil || len(entries) == 0 {
		return
	}
	go func() {
		for _, e := range entries {
			tellOf(p.cfg.OnEvict, e.key)
		}
	}()
}

// tellOf calls a hook, unless it is nil; its panic is dropped. No lock is held.
func tellOf(hook func(Key), key Key) {
	if hook == nil {
		return
	}
	defer func() { _ = recover() }()
	hook(key)
}

// take returns the entry of a key, which is made when there is none. With brought, src becomes the source of
// one that is there; a provider that outlived its entry does not bring one, as a newer may have done so since.
func (p *Pool) take(key Key, src Source, brought bool) (*entry, error) {
	if len(sourceProblems(src)) == 0 { // else newEntry says so
		p.mu.Lock()
		e := p.held(key, src, brought)
		p.mu.Unlock()
		if e != nil {
			return e, nil
		}
	}
	made, err := p.newEntry(key, src)
	if err != nil {
		return nil, fmt.Errorf("token: pool: %s: %w", key.subject(), err)
	}
	p.mu.Lock()
	if e := p.held(key, src, brought); e != nil { // somebody was faster
		p.mu.Unlock()
		return e, nil
	}
	p.entries[key] = made
	made.place = p.recent.PushFront(made)
	surplus := p.trim(made)
	p.mu.Unlock()
	p.drop(surplus)
	return made, nil
}

// held returns the entry that the pool has for a key, else nil. mu is held.
func (p *Pool) held(key Key, src Source, brought bool) *entry {
	e := p.entries[key]
	if e == nil {
		return nil
	}
	if brought {
		e.source.inner.Store(&src)
	}
	p.front(e)
	return e
}

// front notes that an entry is in use. mu is held.
func (p *Pool) front(e *entry) {
	if p.entries[e.key] == e {
		p.recent.MoveToFront(e.place)
		e.touched.Store(false)
	}
}

// maxBusy bounds the look for an entry that can be evicted among those that cannot.
const maxBusy = 64

// trim unlinks what exceeds the pool's size, from the end of the list, and returns it. An entry
// that was served since it got its place there gets a second chance: serving takes no lock, so
// the list learns of it only now. mu is held.
func (p *Pool) trim(newcomer *entry) []*entry {
	var gone []*entry
	busy := 0
	for looks := 2 * p.recent.Len(); looks > 0 && busy < maxBusy && len(p.entries) > p.cfg.maxIdentities(); looks-- {
		e := p.recent.Back().Value.(*entry)
		switch {
		case e == newcomer, e.touched.Load():
			p.front(e)
		case e.engine.busy():
			p.front(e)
			busy++
		default:
			gone = append(gone, p.unlink([]*entry{e})...)
		}
	}
	p.front(newcomer)
	return gone
}

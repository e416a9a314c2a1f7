package soak

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
)

// pod is one workload: its token, which the kubelet renews, and its provider.
type pod struct {
	soak     *Soak
	account  string
	roleARN  string
	token    atomic.Pointer[string]
	provider atomic.Pointer[token.Provider]
	requests bool         // its tokens come from the API server, not from a file
	kept     bool         // it keeps the credentials of the SDK's own provider, which knows no other clock
	expires  atomic.Int64 // of the newest credentials, Unix nanoseconds of true time
	failed   atomic.Int64 // when an attempt failed last, Unix nanoseconds of this process
}

func (s *Soak) newPod(ctx context.Context, client *iam.Client, provider trust.Provider, name string) (*pod, error) {
	subject, err := trust.ServiceAccount(namespace, name)
	if err != nil {
		return nil, err
	}
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	if err != nil {
		return nil, err
	}
	role, err := iamrole.Ensure(ctx, client, iamrole.Spec{Name: name, Trust: policy}, iamrole.Config{})
	if err != nil {
		return nil, err
	}
	p := &pod{soak: s, account: name, roleARN: role.ARN, requests: len(s.pods)%2 == 0, kept: len(s.pods)%5 == 4}
	if err := p.mint(); err != nil {
		return nil, err
	}
	return p, p.start(ctx)
}

// start gives the pod a provider that knows nothing yet, and waits for its first credentials.
func (p *pod) start(ctx context.Context) error {
	refresh := p.soak.cfg.Refresh
	refresh.OnAttempt = p.attempted
	source := token.SourceFunc(func(context.Context) (string, error) {
		if status := p.soak.apiDown.Load(); p.requests && status != 0 {
			return "", apiError(status)
		}
		return *p.token.Load(), nil
	})
	client := sts.NewFromConfig(p.soak.awsCfg)
	provider, err := token.NewProvider(client, p.roleARN, source, token.Config{Duration: 15 * time.Minute, Refresh: refresh})
	if p.kept {
		provider, err = token.Keep(stscreds.NewWebIdentityRoleProvider(client, p.roleARN, tokenOf(source), func(o *stscreds.WebIdentityRoleOptions) {
			o.Duration = 15 * time.Minute
		}), refresh)
	}
	if err != nil {
		return err
	}
	for _, err = provider.Retrieve(ctx); err != nil; _, err = provider.Retrieve(ctx) {
		p.soak.cold.Add(1)
		if !sleep(ctx, time.Second) {
			return nil // the end
		}
	}
	p.provider.Store(provider)
	return nil
}

// tokenOf is a source as the SDK's provider takes it.
type tokenOf token.SourceFunc

func (t tokenOf) GetIdentityToken() ([]byte, error) {
	jwt, err := t(context.Background())
	return []byte(jwt), err
}

func (p *pod) attempted(a token.Attempt) {
	if errors.Is(a.Err, token.ErrStaleCredentials) {
		p.soak.doubtful.Add(1)
		p.expires.Store(a.Expires.UnixNano())
		return
	}
	if a.Err != nil {
		p.soak.failed.Add(1)
		p.failed.Store(time.Now().UnixNano())
		return
	}
	p.soak.refreshes.Add(1)
	p.expires.Store(a.Expires.UnixNano())
}

// wasItDead counts credentials that were served past their expiry although nobody had tried to replace
// them. Hooks are called after the callers were served, which a busy machine may draw out.
func (p *pod) wasItDead() {
	expired := p.expires.Load()
	excuse := p.soak.cfg.backoff() + 10*time.Second // between the ends of two failed attempts that a call finds
	for range 100 {
		if p.expires.Load() != expired || time.Since(time.Unix(0, p.failed.Load())) < excuse {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.soak.dead.Add(1)
}

func (p *pod) mint() error {
	signed, err := p.soak.cluster.Token(oidctest.TokenRequest{Namespace: namespace, ServiceAccount: p.account, Pod: p.account, Lifetime: tokenLife})
	if err != nil {
		return err
	}
	p.soak.tokens.Add(1)
	p.token.Store(&signed)
	return nil
}

// kubelet renews the token after 80 % of its life.
func (p *pod) kubelet(ctx context.Context) {
	for sleep(ctx, tokenLife*8/10) {
		if err := p.mint(); err != nil {
			p.soak.fail(err)
		}
	}
}

// ask is one caller in the pod.
func (p *pod) ask(ctx context.Context, random *rand.Rand) {
	for sleep(ctx, p.soak.cfg.Pause/2+time.Duration(random.Int64N(int64(p.soak.cfg.Pause)))) {
		provider := p.provider.Load()
		creds, err := provider.Retrieve(ctx)
		switch {
		case err == nil:
			p.soak.served.Add(1)
			switch dead := p.soak.trueTime().UnixNano() > p.expires.Load(); {
			case dead && p.kept: // by a slow clock they are alive, until a service refuses them
				provider.Invalidate(creds.AccessKeyID)
			case dead:
				p.soak.expired.Add(1)
				p.wasItDead()
			}
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil: // the end
		default:
			p.soak.fail(err)
		}
	}
}

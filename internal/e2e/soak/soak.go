// Package soak runs many pods' credential providers for a long time against an AWS account and an
// issuer on which everything that passes by itself goes wrong: throttling, server errors,
// latency, refused connections, issuer outages, rotation of keys and tokens, restarts of pods and of the
// API server, machines that are suspended, clocks that are set.
package soak

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/wallclock"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	account   = "111122223333"
	namespace = "soak"
	// tokenLife is what the kubelet asks for; it renews at 80 %.
	tokenLife = 20 * time.Minute
)

// Config says how long and how hard.
type Config struct {
	Pods     int
	Callers  int           // goroutines a pod
	Pause    time.Duration // of a caller between two questions, 1.5 times at most
	Duration time.Duration
	// Chaos is the time between two faults, Restart that between two pods' new beginnings.
	Chaos, Restart time.Duration
	Refresh        token.Refresh
	Backoff        time.Duration // the longest that Refresh has; 0: its default's
	// Suspend is the time between two suspends of all machines, ClockStep that between two settings of
	// their wall clocks, APIServer that between two restarts of the API server. 0: none.
	Suspend, ClockStep, APIServer time.Duration
	// Outage is how long STS is away once, in the middle of it all. 0: not at all.
	Outage time.Duration
	// OnLoopback puts sockets between the parts; otherwise all stays in memory, for a
	// testing/synctest bubble.
	OnLoopback bool
	Seed       uint64
}

func (c Config) backoff() time.Duration { return cmp.Or(c.Backoff, 10*time.Minute) }

// Result is what came of it.
type Result struct {
	Served       int64 // questions answered with credentials
	Failures     int64 // questions answered with an error, of a pod that had had credentials
	FirstFailure error
	Expired      int64 // of those served, credentials past their real expiry
	Dead         int64 // of those, the ones for which no attempt had failed before
	Suspends     int64
	Doubtful     int64 // credentials that had expired by a machine's clock when they came
	Refreshes    int64 // successful ones
	Failed       int64 // failed attempts
	STSCalls     int64
	Restarts     int64 // of pods
	ColdFailures int64 // attempts of pods that had not had credentials yet
	Rotations    int64 // of the issuer's keys
	Tokens       int64 // minted
	Faults       int64
}

func (r Result) String() string {
	return fmt.Sprintf("%d questions served (%d with expired credentials, %d of them without a failed attempt), %d failures seen by callers; %d refreshes, %d with credentials that a clock took for dead, %d failed attempts, %d calls to STS; %d faults, %d suspends, %d restarts of pods (%d failed attempts before the first credentials), %d key rotations, %d tokens",
		r.Served, r.Expired, r.Dead, r.Failures, r.Refreshes, r.Doubtful, r.Failed, r.STSCalls, r.Faults, r.Suspends, r.Restarts, r.ColdFailures, r.Rotations, r.Tokens)
}

// Soak is a bench with its pods, all of which have had credentials.
type Soak struct {
	cfg     Config
	cluster *oidctest.Server
	aws     *trusttest.Account
	awsCfg  aws.Config
	down    atomic.Bool  // STS refuses connections
	slept   atomic.Int64 // for how long the machines were suspended, in all
	skew    atomic.Int64 // of their wall clocks from true time
	away    atomic.Bool  // for the one outage
	apiDown atomic.Int64 // what the API server answers; 0: a token
	pods    []*pod

	dead, doubtful, suspends, served, failures, expired, refreshes, failed, restarts, cold, rotations, tokens, faults atomic.Int64
	first                                                                                                             atomic.Pointer[error]
}

// New builds the bench and warms every pod up.
func New(ctx context.Context, cfg Config) (*Soak, error) {
	s := &Soak{cfg: cfg}
	s.cfg.Refresh.Now = wallclock.Func(s.machineTime)
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("soak: %w", err)
	}
	return s, nil
}

func (s *Soak) open(ctx context.Context) error {
	issuer := oidctest.Config{Issuer: "https://oidc.soak.example", Now: s.trueTime}
	if s.cfg.OnLoopback {
		issuer.Issuer = ""
	}
	var err error
	if s.cluster, err = oidctest.NewServer(issuer); err != nil {
		return err
	}
	box := trusttest.Config{AccountID: account, Now: s.trueTime}
	if !s.cfg.OnLoopback {
		box.DialContext = s.cluster.DialContext
	}
	if s.aws, err = trusttest.NewAccount(box); err != nil {
		return err
	}
	s.awsCfg = s.aws.AWSConfig()
	if s.cfg.OnLoopback {
		s.awsCfg.BaseEndpoint = aws.String(s.aws.URL())
		s.awsCfg.HTTPClient = http.DefaultClient
	}
	s.awsCfg.HTTPClient = outage{s.awsCfg.HTTPClient, s}
	return s.populate(ctx)
}

func (s *Soak) populate(ctx context.Context) error {
	iamClient := iam.NewFromConfig(s.awsCfg)
	report, err := s.cluster.Client().Thumbprints(ctx, s.cluster.Issuer())
	if err != nil {
		return err
	}
	if _, err := iamprovider.Ensure(ctx, iamClient, iamprovider.Spec{
		Partition: "aws", AccountID: account, Issuer: s.cluster.Issuer(), Thumbprints: report.Thumbprints,
	}, iamprovider.Config{}); err != nil {
		return err
	}
	provider, err := trust.NewProvider("aws", account, s.cluster.URL())
	if err != nil {
		return err
	}
	for i := range s.cfg.Pods {
		p, err := s.newPod(ctx, iamClient, provider, fmt.Sprintf("pod-%d", i))
		if err != nil {
			return err
		}
		s.pods = append(s.pods, p)
	}
	return nil
}

// Close ends the bench.
func (s *Soak) Close() {
	if s.aws != nil {
		s.aws.Close()
	}
	if s.cluster != nil {
		s.cluster.Close()
	}
}

// Run lets pods and chaos loose for the configured time.
func (s *Soak) Run(ctx context.Context) Result {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Duration)
	defer cancel()
	before := s.aws.Calls("AssumeRoleWithWebIdentity")
	var wg sync.WaitGroup
	for i, p := range s.pods {
		wg.Go(func() { p.kubelet(ctx) })
		for j := range s.cfg.Callers {
			wg.Go(func() { p.ask(ctx, rand.New(rand.NewPCG(s.cfg.Seed, uint64(i*s.cfg.Callers+j)))) })
		}
	}
	s.machines(ctx, &wg)
	wg.Go(func() { s.restart(ctx, rand.New(rand.NewPCG(s.cfg.Seed, 2<<32))) })
	wg.Go(func() { s.chaos(ctx, rand.New(rand.NewPCG(s.cfg.Seed, 1<<32))) })
	wg.Wait()
	r := Result{
		Dead: s.dead.Load(), Doubtful: s.doubtful.Load(), Suspends: s.suspends.Load(),
		Served: s.served.Load(), Failures: s.failures.Load(), Expired: s.expired.Load(),
		Refreshes: s.refreshes.Load(), Failed: s.failed.Load(),
		STSCalls: int64(s.aws.Calls("AssumeRoleWithWebIdentity") - before),
		Restarts: s.restarts.Load(), ColdFailures: s.cold.Load(),
		Rotations: s.rotations.Load(), Tokens: s.tokens.Load(), Faults: s.faults.Load(),
	}
	if err := s.first.Load(); err != nil {
		r.FirstFailure = *err
	}
	return r
}

// outage refuses connections while STS is down. Its answers have the Date of true time.
type outage struct {
	next aws.HTTPClient
	soak *Soak
}

func (o outage) Do(req *http.Request) (*http.Response, error) {
	if o.soak.down.Load() || o.soak.away.Load() {
		return nil, fmt.Errorf("dial tcp 127.0.0.1:443: %w", syscall.ECONNREFUSED)
	}
	answer, err := o.next.Do(req)
	if err == nil {
		answer.Header.Set("Date", o.soak.trueTime().UTC().Format(http.TimeFormat))
	}
	return answer, err
}

// restart gives one pod after the other a new beginning.
func (s *Soak) restart(ctx context.Context, random *rand.Rand) {
	for sleep(ctx, s.cfg.Restart) {
		if err := s.pods[random.IntN(len(s.pods))].start(ctx); err != nil {
			s.fail(err)
		}
		s.restarts.Add(1)
	}
}

func (s *Soak) fail(err error) {
	s.failures.Add(1)
	s.first.CompareAndSwap(nil, &err)
}

// sleep says whether the time passed before the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

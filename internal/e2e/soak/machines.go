package soak

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// trueTime is what AWS and the API server go by: it goes on while machines are suspended.
func (s *Soak) trueTime() time.Time { return time.Now().Add(time.Duration(s.slept.Load())) }

// machineTime is the wall clock of the pods' machines, which may be wrong.
func (s *Soak) machineTime() time.Time { return s.trueTime().Add(time.Duration(s.skew.Load())) }

// machines suspends machines, sets their clocks, restarts the API server, and takes STS away once.
func (s *Soak) machines(ctx context.Context, wg *sync.WaitGroup) {
	random := rand.New(rand.NewPCG(s.cfg.Seed, 3<<32))
	var mu sync.Mutex
	upTo := func(d time.Duration) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(random.Int64N(int64(d)))
	}
	every := func(d time.Duration, do func()) {
		if d > 0 {
			wg.Go(func() {
				for sleep(ctx, d) {
					do()
				}
			})
		}
	}
	every(s.cfg.Suspend, func() { s.suspend(ctx, upTo(2*time.Hour)) })
	every(s.cfg.ClockStep, func() { s.skew.Store(int64(upTo(8*time.Hour) - 4*time.Hour)) })
	every(s.cfg.APIServer, func() {
		status := []int64{401, 403, 503}[upTo(3)]
		s.apiDown.Store(status)
		sleep(ctx, 8*time.Second)
		s.apiDown.Store(0)
	})
	if s.cfg.Outage > 0 {
		wg.Go(func() {
			sleep(ctx, s.cfg.Duration/3)
			s.away.Store(true)
			sleep(ctx, s.cfg.Outage)
			s.away.Store(false)
		})
	}
}

// suspend stops all machines for d. The kubelets see at once that the tokens are old; it takes them a
// few seconds to get new ones.
func (s *Soak) suspend(ctx context.Context, d time.Duration) {
	s.slept.Add(int64(d))
	s.suspends.Add(1)
	if !sleep(ctx, 5*time.Second) {
		return
	}
	for _, p := range s.pods {
		if err := p.mint(); err != nil {
			s.fail(err)
		}
	}
}

// apiError is an answer of the API server that is not a token.
type apiError int

func (e apiError) Error() string         { return "the API server does not give a token" }
func (e apiError) KubernetesStatus() int { return int(e) }

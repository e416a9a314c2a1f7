package soak

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// chaos brings one fault after the other, each for the time between two, and heals it.
func (s *Soak) chaos(ctx context.Context, random *rand.Rand) {
	faults := s.faultKinds()
	retire := time.Time{}
	old := ""
	for {
		heal := faults[random.IntN(len(faults))](random)
		s.faults.Add(1)
		onward := sleep(ctx, s.cfg.Chaos/2)
		heal()
		if !onward || !sleep(ctx, s.cfg.Chaos/2) {
			return
		}
		switch {
		case old == "": // rotate: tokens of the old key live on until their end
			old = s.cluster.KeyID()
			if _, err := s.cluster.Rotate(); err != nil {
				s.fail(err)
			}
			s.rotations.Add(1)
			retire = time.Now().Add(tokenLife)
		case time.Now().After(retire):
			if err := s.cluster.Retire(old); err != nil {
				s.fail(err)
			}
			old = ""
		}
	}
}

// faultKinds are the faults that pass by themselves. Each begins one and returns its end.
func (s *Soak) faultKinds() []func(*rand.Rand) (heal func()) {
	stsFault := func(f trusttest.Fault) func() {
		s.aws.SetFault(f)
		return func() { s.aws.SetFault(trusttest.Fault{}) }
	}
	issuerFault := func(f oidctest.Fault) func() {
		s.cluster.SetFault(f)
		return func() { s.cluster.SetFault(oidctest.Fault{}) }
	}
	return []func(*rand.Rand) func(){
		func(*rand.Rand) func() { return stsFault(trusttest.Fault{Failure: trusttest.Throttling}) },
		func(*rand.Rand) func() { return stsFault(trusttest.Fault{Failure: trusttest.InternalFailure}) },
		func(*rand.Rand) func() { return stsFault(trusttest.Fault{Failure: trusttest.ServiceUnavailable}) },
		func(*rand.Rand) func() { return stsFault(trusttest.Fault{Failure: trusttest.IDPCommunicationError}) },
		func(r *rand.Rand) func() {
			return stsFault(trusttest.Fault{Latency: time.Duration(r.Int64N(int64(5 * time.Second)))})
		},
		func(*rand.Rand) func() { return issuerFault(oidctest.Fault{Status: 503}) },
		func(*rand.Rand) func() { return issuerFault(oidctest.Fault{Latency: 7 * time.Second}) }, // STS gives up after 5
		func(*rand.Rand) func() {
			s.down.Store(true)
			return func() { s.down.Store(false) }
		},
	}
}

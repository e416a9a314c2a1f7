package soak_test

import (
	"flag"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/e2e/soak"
	"github.com/irsa-go/irsa/token"
)

var realTime = flag.Duration("soak.real", 90*time.Second, "how long the soak in real time takes; 60m for the full one")

// One hour of a cluster's life, with the refresh that the library has by default.
func TestOneHourOfSimulatedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := soak.Config{Pods: 50, Callers: 3, Pause: 4 * time.Second, Duration: time.Hour, Chaos: time.Minute, Restart: 20 * time.Second, Seed: 1}
		s, err := soak.New(t.Context(), cfg)
		require.NoError(t, err)
		defer s.Close()
		result := s.Run(t.Context())
		t.Log(result)
		assert.NoError(t, result.FirstFailure)
		assert.Zero(t, result.Failures, "a pod that had credentials never goes without")
		assert.Greater(t, result.Served, int64(cfg.Pods*cfg.Callers)*500)
		assert.Greater(t, result.Failed, int64(50), "faults were met")
		assert.Greater(t, result.Refreshes, int64(cfg.Pods)*3)
		assert.Greater(t, result.Rotations, int64(1))
		// An attempt is 5 minutes or more after the last, failed or not, and calls STS three
		// times at most. A pod that begins anew has nothing to serve and asks at once.
		attempts := int64(cfg.Pods)*(int64(cfg.Duration/(5*time.Minute))+1) + result.Restarts + result.ColdFailures
		permitted := 3 * attempts
		t.Logf("%d calls to STS, %d permitted", result.STSCalls, permitted)
		assert.LessOrEqual(t, result.STSCalls, permitted)
	})
}

// Eight hours in which everything happens: suspends, clocks that are set, restarts of the API server and
// an outage of STS of 20 minutes, longer than credentials live. No call fails, and credentials that have
// expired are only served when an attempt to replace them has failed.
func TestEightHoursOfWrongClocksAndRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := soak.Config{
			Pods: 20, Callers: 2, Pause: 10 * time.Second, Duration: 8 * time.Hour, Chaos: 5 * time.Minute, Restart: time.Minute, Seed: 3,
			Suspend: 25 * time.Minute, ClockStep: 17 * time.Minute, APIServer: 7 * time.Minute, Outage: 20 * time.Minute,
		}
		s, err := soak.New(t.Context(), cfg)
		require.NoError(t, err)
		defer s.Close()
		result := s.Run(t.Context())
		t.Log(result)
		assert.NoError(t, result.FirstFailure)
		assert.Zero(t, result.Failures)
		assert.Zero(t, result.Dead, "after a suspend the next call asks")
		assert.Positive(t, result.Expired, "the outage was longer than credentials live")
		assert.Positive(t, result.Doubtful, "some clocks were hours fast")
		assert.Greater(t, result.Suspends, int64(15))
		assert.Greater(t, result.Refreshes, int64(cfg.Pods)*20)
	})
}

// The same over sockets and in real time, with refreshes so frequent that a short run has many. In an
// hour, machines are suspended twenty times, and STS is away for 20 minutes.
func TestRealTimeOverLoopback(t *testing.T) {
	cfg := soak.Config{
		Pods: 50, Callers: 3, Pause: 50 * time.Millisecond, Duration: *realTime, Chaos: 2 * time.Second, Restart: 100 * time.Millisecond, Seed: 2, OnLoopback: true,
		Suspend: *realTime / 20, ClockStep: *realTime / 30, APIServer: *realTime / 15, Outage: *realTime / 3,
		// Credentials of 15 minutes are due again after the minute that new ones are kept for.
		Refresh: token.Refresh{
			AdvisoryWindow: 14*time.Minute + 30*time.Second,
			Backoff:        func() time.Duration { return 3 * time.Second },
		},
		Backoff: 3 * time.Second,
	}
	s, err := soak.New(t.Context(), cfg)
	require.NoError(t, err)
	defer s.Close()
	goroutines, heap := usage()
	result := s.Run(t.Context())
	t.Log(result)
	goroutinesAfter, heapAfter := usage()
	for began := time.Now(); goroutinesAfter > goroutines+20 && time.Since(began) < 70*time.Second; goroutinesAfter, heapAfter = usage() {
		time.Sleep(time.Second) // attempts that were under way at the end
	}
	t.Logf("goroutines %d before, %d after; heap %d KiB before, %d KiB after", goroutines, goroutinesAfter, heap>>10, heapAfter>>10)
	assert.NoError(t, result.FirstFailure)
	assert.Zero(t, result.Failures)
	assert.Zero(t, result.Dead, "after a suspend the next call asks")
	assert.Positive(t, result.Suspends)
	assert.Greater(t, result.Served, int64(cfg.Pods))
	assert.LessOrEqual(t, goroutinesAfter, goroutines+20, "connections are kept, nothing else")
	assert.LessOrEqual(t, heapAfter, heap+16<<20)
}

func usage() (goroutines int, heap uint64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

// Package load_test puts the webhook under load over TLS: beside a handler that does nothing, and
// while it is told to stop.
package load_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	reviewUID = "705ab4f5-6393-11e8-b7cc-42010a800002"
	clients   = 8
	round     = 1500 * time.Millisecond
	rounds    = 5
)

// review is an AdmissionReview of a pod of about 3 KB with two containers, as the API server
// sends it.
func review() []byte {
	var env strings.Builder
	for i := range 20 {
		fmt.Fprintf(&env, `{"name":"SETTING_%d","value":"%s"},`, i, strings.Repeat("x", 30))
	}
	container := `{"name":"%s","image":"registry.example/app:1","env":[` + strings.TrimSuffix(env.String(), ",") + `],"resources":{},"imagePullPolicy":"IfNotPresent"}`
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"app","namespace":"shop"},"spec":{"serviceAccountName":"checkout","containers":[` +
		fmt.Sprintf(container, "app") + "," + fmt.Sprintf(container, "proxy") + `]}}`
	return []byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"` + reviewUID + `",` +
		`"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},` +
		`"namespace":"shop","operation":"CREATE","userInfo":{"username":"system:admin"},"object":` + pod + `,"oldObject":null,"dryRun":false}}`)
}

// ask sends one review and checks that it was answered.
func ask(client *http.Client, url string, body []byte) (answer []byte, err error) {
	resp, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte(reviewUID)) {
		return nil, fmt.Errorf("status %d without an answer to the review", resp.StatusCode)
	}
	return answer, nil
}

// measured is what one round showed.
type measured struct {
	perSecond float64
	p99       time.Duration
}

func measure(t *testing.T, server *httptest.Server, body []byte) measured {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	client := server.Client()
	end := time.Now().Add(round)
	for range clients {
		wg.Go(func() {
			var own []time.Duration
			for time.Now().Before(end) {
				began := time.Now()
				if _, err := ask(client, server.URL, body); !assert.NoError(t, err) {
					return
				}
				own = append(own, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
		})
	}
	wg.Wait()
	require.NotEmpty(t, took)
	slices.Sort(took)
	return measured{perSecond: float64(len(took)) / round.Seconds(), p99: took[len(took)*99/100]}
}

func startTLS(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestTheWebhookKeepsUpWithAHandlerThatDoesNothing(t *testing.T) {
	handler, err := newWebhook()
	require.NoError(t, err)
	body := review()
	require.True(t, json.Valid(body))
	ours := startTLS(t, handler)
	answer, err := ask(ours.Client(), ours.URL, body)
	require.NoError(t, err)
	idle, blind := startTLS(t, http.HandlerFunc(doNothing)), startTLS(t, echo(answer))
	measure(t, ours, body) // connections and caches are warm from here on
	measure(t, idle, body)
	heap := liveHeap()

	// Rounds take turns, and the median of their ratios counts, for machines are noisy. What
	// they show at the third try is not noise.
	var throughput, latency float64
	for try := range 3 {
		throughput, latency = compare(t, ours, idle, body)
		if throughput >= 0.8 && latency <= 2 {
			break
		}
		t.Logf("try %d: noise, or too slow", try+1)
	}
	t.Log("for the record, beside a handler that does not look at the review:")
	compare(t, ours, blind, body)
	assert.GreaterOrEqual(t, throughput, 0.8, "throughput beside a handler that does nothing")
	assert.LessOrEqual(t, latency, 2.0, "p99 beside it")
	after := liveHeap()
	t.Logf("heap %d KiB before, %d KiB after", heap>>10, after>>10)
	assert.LessOrEqual(t, after, heap+8<<20, "memory stays flat")
}

func compare(t *testing.T, ours, idle *httptest.Server, body []byte) (throughput, latency float64) {
	t.Helper()
	var throughputs, latencies []float64
	for range rounds {
		a, b := measure(t, ours, body), measure(t, idle, body)
		throughputs = append(throughputs, a.perSecond/b.perSecond)
		latencies = append(latencies, float64(a.p99)/float64(b.p99))
		t.Logf("webhook %.0f/s p99 %v, doing nothing %.0f/s p99 %v", a.perSecond, a.p99.Round(time.Microsecond), b.perSecond, b.p99.Round(time.Microsecond))
	}
	slices.Sort(throughputs)
	slices.Sort(latencies)
	t.Logf("throughput %.2f of doing nothing, p99 %.2f times", throughputs[rounds/2], latencies[rounds/2])
	return throughputs[rounds/2], latencies[rounds/2]
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

package trusttest

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// loopback serves the account to other processes. The listener is there from the start, the
// goroutine only once somebody asks for the address: in a testing/synctest bubble a
// goroutine that waits for the network would stop the clock.
type loopback struct {
	listener net.Listener
	server   *http.Server
	running  sync.WaitGroup // Serve and every connection

	mu      sync.Mutex
	started bool
	closed  bool
}

func newLoopback(handler http.Handler) (*loopback, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	l := &loopback{listener: listener}
	l.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				l.running.Add(1)
			case http.StateClosed, http.StateHijacked:
				l.running.Done()
			}
		},
	}
	return l, nil
}

// start returns the endpoint and makes sure that it is served.
func (l *loopback) start() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started && !l.closed {
		l.started = true
		l.running.Go(func() { _ = l.server.Serve(l.listener) }) // always ErrServerClosed
	}
	return "http://" + l.listener.Addr().String()
}

func (l *loopback) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	_ = l.server.Close() // cancels the requests under way; the listener's error is of no use
	_ = l.listener.Close()
	l.running.Wait()
}

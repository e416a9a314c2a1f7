package oidctest

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
)

var errClosed = errors.New("oidctest: the server is closed")

// serve answers one connection in goroutines of its own. Each connection has an http.Server
// of its own, started by whoever dials: in a testing/synctest bubble everything then belongs
// to the bubble.
func (s *Server) serve(conn net.Conn, site *site) error {
	done := make(chan struct{})
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		conn.Close()
		return errClosed
	}
	s.open[conn] = done
	s.mu.Unlock()
	srv := &http.Server{
		Handler:  s.handler(),
		ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed || state == http.StateHijacked {
				s.mu.Lock()
				delete(s.open, conn)
				s.mu.Unlock()
				close(done)
			}
		},
	}
	// Serve returns after the one connection has its goroutine.
	_ = srv.Serve(&onlyConn{conn: tls.Server(conn, s.tlsConfig(site))})
	return nil
}

// onlyConn is a listener that has one connection to give.
type onlyConn struct{ conn net.Conn }

func (l *onlyConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, io.EOF
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}

func (l *onlyConn) Close() error   { return nil }
func (l *onlyConn) Addr() net.Addr { return memoryAddr("oidctest") }

// memoryAddr is the address of an end in memory. It is not an IP address.
type memoryAddr string

func (a memoryAddr) Network() string { return "memory" }
func (a memoryAddr) String() string  { return "memory:" + string(a) }

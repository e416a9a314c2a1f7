package oidctest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffer is what one end may write before the other reads. net.Pipe has none, and TLS
// would block there for good: a client that refuses a certificate says so while the server is
// still writing.
const pipeBuffer = 256 << 10

// pipe returns two connected ends in memory.
func pipe(addr string) (client, server net.Conn) {
	up, down := newStream(), newStream()
	return &memoryConn{in: down, out: up, local: "client", remote: memoryAddr(addr)},
		&memoryConn{in: up, out: down, local: memoryAddr(addr), remote: "client"}
}

// memoryConn is one end.
type memoryConn struct {
	in, out       *stream
	local, remote memoryAddr
}

func (c *memoryConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *memoryConn) Write(p []byte) (int, error) { return c.out.write(p) }
func (c *memoryConn) LocalAddr() net.Addr         { return c.local }
func (c *memoryConn) RemoteAddr() net.Addr        { return c.remote }

func (c *memoryConn) Close() error {
	c.in.change(func() { c.in.readerGone = true })
	c.out.change(func() { c.out.writerGone = true })
	return c.SetDeadline(time.Time{}) // stops the timers
}

func (c *memoryConn) SetDeadline(t time.Time) error {
	c.in.reading.set(c.in, t)
	c.out.writing.set(c.out, t)
	return nil
}

func (c *memoryConn) SetReadDeadline(t time.Time) error {
	c.in.reading.set(c.in, t)
	return nil
}

func (c *memoryConn) SetWriteDeadline(t time.Time) error {
	c.out.writing.set(c.out, t)
	return nil
}

// stream is one direction. All fields are under the lock.
type stream struct {
	mu                     sync.Mutex
	changed                *sync.Cond
	data                   []byte
	readerGone, writerGone bool
	reading, writing       deadline
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	s.changed.Broadcast()
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readerGone:
			return 0, net.ErrClosed
		case s.reading.passed:
			return 0, os.ErrDeadlineExceeded
		case len(s.data) > 0 || len(p) == 0:
			n := copy(p, s.data)
			s.data = s.data[n:]
			s.changed.Broadcast()
			return n, nil
		case s.writerGone:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (written int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.writerGone:
			return written, net.ErrClosed
		case s.readerGone:
			return written, io.ErrClosedPipe
		case s.writing.passed:
			return written, os.ErrDeadlineExceeded
		case written == len(p):
			return written, nil
		}
		if room := pipeBuffer - len(s.data); room > 0 {
			n := min(room, len(p)-written)
			s.data = append(s.data, p[written:written+n]...)
			written += n
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

// deadline is under the lock of its stream.
type deadline struct {
	passed bool
	timer  *time.Timer
}

func (d *deadline) set(s *stream, t time.Time) {
	s.change(func() {
		if d.timer != nil {
			d.timer.Stop()
		}
		d.timer, d.passed = nil, false
		if t.IsZero() {
			return
		}
		left := time.Until(t)
		if d.passed = left <= 0; d.passed {
			return
		}
		var mine *time.Timer
		mine = time.AfterFunc(left, func() {
			s.change(func() { d.passed = d.passed || d.timer == mine })
		})
		d.timer = mine
	})
}

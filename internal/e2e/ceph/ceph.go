// Package ceph starts a real IAM and STS that others wrote: Ceph's RADOS gateway, with the
// monitor and the one in-memory object store that it needs, as ordinary processes on loopback.
//
// It enforces web identity tokens and trust policies, but is not AWS. What is known to differ is
// listed beside the cases that are held against it.
package ceph

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The gateway's administrator. It lives for one test, on loopback.
const (
	AccessKey = "ADMINKEY"
	SecretKey = "ADMINSECRET"
)

// ErrNotInstalled says that the programs are not on this machine; the message says what to install.
var ErrNotInstalled = errors.New("ceph: not installed: apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd")

// Gateway is a running gateway. It is safe for concurrent use.
type Gateway struct {
	URL     string // of IAM, STS and S3, plain http
	Version string // "16.2.15"

	conf  string
	mu    sync.Mutex
	procs []*exec.Cmd
}

// Start runs monitor, store and gateway with their files in dir. The account becomes the
// gateway's tenant, so that its ARNs are spelled as AWS's. Call Stop at the end.
func Start(ctx context.Context, dir, account string) (*Gateway, error) {
	for _, program := range []string{"ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%w (%s is missing)", ErrNotInstalled, program)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	layout, err := newLayout(dir)
	if err != nil {
		return nil, err
	}
	g := &Gateway{URL: fmt.Sprintf("http://127.0.0.1:%d", layout.gatewayPort), conf: layout.conf}
	if err := g.up(ctx, layout, account); err != nil {
		g.Stop()
		return nil, fmt.Errorf("ceph: %w", err)
	}
	return g, nil
}

func (g *Gateway) up(ctx context.Context, l layout, account string) error {
	steps := []func() error{
		func() error {
			return g.do(ctx, "monmaptool", "--create", "--fsid", l.fsid, "--addv", "a", fmt.Sprintf("[v2:127.0.0.1:%d/0]", l.monitorPort), l.path("monmap"))
		},
		func() error { return g.do(ctx, "ceph-mon", "-i", "a", "--mkfs", "--monmap", l.path("monmap")) },
		func() error { return g.daemon("ceph-mon", "-i", "a") },
		func() error { return g.do(ctx, "ceph", "osd", "new", l.osd, "0") },
		func() error { return g.do(ctx, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", l.osd) },
		func() error { return g.daemon("ceph-osd", "-i", "0") },
		func() error { return g.until(ctx, g.storeIsUp) },
		func() error { return g.daemon("radosgw", "-n", "client.rgw") },
		func() error { return g.until(ctx, g.answers) },
		func() error {
			return g.do(ctx, "radosgw-admin", "-n", "client.rgw", "user", "create", "--tenant="+account, "--uid=admin", "--display-name=Admin",
				"--access-key="+AccessKey, "--secret="+SecretKey, "--caps=oidc-provider=*;roles=*")
		},
		func() error { return g.learnVersion(ctx) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gateway) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, program, append([]string{"-c", g.conf}, args...)...)
}

// do runs a program to its end.
func (g *Gateway) do(ctx context.Context, program string, args ...string) error {
	if out, err := g.command(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, out)
	}
	return nil
}

// daemon starts a program that runs until Stop: in the foreground, so that it is our child, and
// dying with us, so that an interrupted test leaves nothing behind.
func (g *Gateway) daemon(program string, args ...string) error {
	cmd := g.command(context.Background(), program, append(args, "-f")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.procs = append(g.procs, cmd)
	return nil
}

func (g *Gateway) until(ctx context.Context, ready func(context.Context) bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func (g *Gateway) storeIsUp(ctx context.Context) bool {
	out, err := g.command(ctx, "ceph", "osd", "stat").Output()
	return err == nil && strings.Contains(string(out), " 1 up")
}

func (g *Gateway) answers(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.URL, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (g *Gateway) learnVersion(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "radosgw", "--version").Output()
	if err != nil {
		return err
	}
	if m := regexp.MustCompile(`ceph version (\S+)`).FindSubmatch(out); m != nil {
		g.Version = string(m[1])
	}
	return nil
}

// Stop ends the processes, the gateway first. Further calls do nothing.
func (g *Gateway) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := len(g.procs) - 1; i >= 0; i-- {
		_ = g.procs[i].Process.Kill() // nothing in memory is worth a clean end
		_ = g.procs[i].Wait()
	}
	g.procs = nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// layout is where the processes keep their files and listen.
type layout struct {
	dir, conf, fsid, osd     string
	gatewayPort, monitorPort int
}

func (l layout) path(name string) string { return filepath.Join(l.dir, name) }

func newLayout(dir string) (layout, error) {
	l := layout{dir: dir, fsid: newUUID(), osd: newUUID()}
	l.conf = l.path("ceph.conf")
	var err error
	if l.gatewayPort, err = freePort(); err != nil {
		return layout{}, err
	}
	if l.monitorPort, err = freePort(); err != nil {
		return layout{}, err
	}
	for _, name := range []string{"run", "log", "osd.0", "rgw"} {
		if err := os.MkdirAll(l.path(name), 0o700); err != nil {
			return layout{}, err
		}
	}
	return l, os.WriteFile(l.conf, []byte(l.configuration()), 0o600)
}

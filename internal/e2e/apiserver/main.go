// Command apiserver is a Kubernetes control plane in one process: etcd and kube-apiserver, both as
// their projects ship them, and nothing else. No scheduler, no controllers, no kubelet.
//
// It takes kube-apiserver's own flags and adds --etcd-servers; the folder for etcd's data is the
// environment variable APISERVER_ETCD_DIR, and empty means a temporary one that is removed at the end.
// SIGTERM and SIGINT end it. So does the end of its standard input when APISERVER_DIE_WITH_STDIN is
// set, and so a test that is killed leaves no server behind.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(run())
}

func run() int {
	dir, remove, err := etcdDir()
	if err != nil {
		return fail(err)
	}
	defer remove()
	etcd, err := startEtcd(dir)
	if err != nil {
		return fail(err)
	}
	defer etcd.Close()
	if os.Getenv("APISERVER_DIE_WITH_STDIN") != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			// Through the signal, so that kube-apiserver drains and the deferred calls run.
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		}()
	}
	command := app.NewAPIServerCommand()
	command.SetArgs(append(os.Args[1:], "--etcd-servers="+etcd.Clients[0].Addr().String()))
	return cli.Run(command)
}

func etcdDir() (dir string, remove func(), err error) {
	if dir := os.Getenv("APISERVER_ETCD_DIR"); dir != "" {
		return dir, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "apiserver-etcd-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

// startEtcd serves etcd on two free loopback ports, without fsync: the data lives as long as the process.
func startEtcd(dir string) (*embed.Etcd, error) {
	loopback := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	cfg := embed.NewConfig()
	cfg.Dir = dir
	cfg.LogLevel = "error"
	cfg.UnsafeNoFsync = true
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = loopback, loopback
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = loopback, loopback
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		return nil, fmt.Errorf("etcd: %w", err)
	case <-time.After(time.Minute):
		etcd.Close()
		return nil, errors.New("etcd: not ready within a minute")
	}
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "apiserver:", err)
	return 1
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/oidc/oidctest"
)

// kubelet stands for the node: it gives a pod's containers the tokens that the pod's own
// volumes ask for, laid out as the real one does.
type kubelet struct {
	dir    string // one directory a volume
	issuer *oidctest.Server
}

// projection is one token that a volume asks for.
type projection struct {
	Volume   string
	Path     string
	Audience string
	Lifetime time.Duration
}

// projections lists the service account tokens among the pod's volumes.
func projections(pod *corev1.Pod) []projection {
	var all []projection
	for _, v := range pod.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			if t := s.ServiceAccountToken; t != nil {
				p := projection{Volume: v.Name, Path: t.Path, Audience: t.Audience, Lifetime: time.Hour}
				if t.ExpirationSeconds != nil {
					p.Lifetime = time.Duration(*t.ExpirationSeconds) * time.Second
				}
				all = append(all, p)
			}
		}
	}
	return all
}

// mint asks the cluster for the token of one projection, as TokenRequest would answer it.
func (k kubelet) mint(pod *corev1.Pod, account string, p projection) (string, error) {
	return k.issuer.Token(oidctest.TokenRequest{
		Namespace:      pod.Namespace,
		ServiceAccount: account,
		Pod:            pod.Name,
		PodUID:         string(pod.UID),
		Audiences:      []string{p.Audience},
		Lifetime:       p.Lifetime,
	})
}

// write puts a token where the containers will see it. A volume is swapped whole: the files are
// links through "..data", which is renamed into place
// (https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter).
func (k kubelet) write(p projection, token string) error {
	volume := filepath.Join(k.dir, p.Volume)
	payload := ".." + time.Now().UTC().Format("2006_01_02_15_04_05.000000000")
	if err := os.MkdirAll(filepath.Join(volume, payload), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(volume, payload, p.Path), []byte(token), 0o600); err != nil {
		return err
	}
	next := filepath.Join(volume, "..data_tmp")
	if err := os.Symlink(payload, next); err != nil {
		return err
	}
	if err := os.Rename(next, filepath.Join(volume, "..data")); err != nil {
		return err
	}
	err := os.Symlink(filepath.Join("..data", p.Path), filepath.Join(volume, p.Path))
	if errors.Is(err, os.ErrExist) {
		return nil // the link stays; what it leads to was swapped
	}
	return err
}

// hostPath translates a path of the container into this machine's, by the container's mounts.
func (k kubelet) hostPath(container corev1.Container, path string) (string, error) {
	for _, m := range container.VolumeMounts {
		if rest, ok := strings.CutPrefix(path, m.MountPath+"/"); ok {
			return filepath.Join(k.dir, m.Name, rest), nil
		}
	}
	return "", fmt.Errorf("container %q: %s lies in none of its mounts", container.Name, path)
}

package mutate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/admissionbench"
	"github.com/irsa-go/irsa/mutate"
)

const role = "arn:aws:iam::111122223333:role/reader"

func sizedPod(tb testing.TB, size int) []byte {
	tb.Helper()
	pod, err := admissionbench.Pod(size)
	require.NoError(tb, err)
	return pod
}

// BenchmarkRaw compares, for the same pod, this package with what else there is to do.
func BenchmarkRaw(b *testing.B) {
	m := newMutator(b, mutate.EKS("eu-central-1"))
	id := mutate.Identity{RoleARN: role, RegionalSTS: true}
	for _, size := range admissionbench.Sizes() {
		pod := sizedPod(b, size)
		for _, way := range []struct {
			name string
			run  func([]byte) ([]byte, error)
		}{
			{"RawPod", func(pod []byte) ([]byte, error) {
				r, err := m.RawPod(pod, id)
				return r.PatchJSON(), err
			}},
			{"a-typed-round-trip", admissionbench.Typed},
			{"b-create-patch", admissionbench.CreatePatch},
			{"c-json-valid", func(pod []byte) ([]byte, error) {
				if !json.Valid(pod) {
					return nil, errors.New("invalid")
				}
				return pod, nil
			}},
		} {
			b.Run(fmt.Sprintf("%d/%s", size, way.name), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(pod)))
				for b.Loop() {
					if out, err := way.run(pod); err != nil || len(out) == 0 {
						b.Fatal(len(out), err)
					}
				}
			})
		}
	}
}

// BenchmarkPod plans the patch for a decoded pod of three containers.
func BenchmarkPod(b *testing.B) {
	m := newMutator(b, mutate.EKS("eu-central-1"))
	id := mutate.Identity{RoleARN: role, RegionalSTS: true}
	var pod corev1.Pod
	require.NoError(b, json.Unmarshal(sizedPod(b, 3000), &pod))
	require.Len(b, pod.Spec.Containers, 3)
	b.ReportAllocs()
	for b.Loop() {
		if r, err := m.Pod(&pod, id); err != nil || !r.Changed() {
			b.Fatal(err)
		}
	}
}

// BenchmarkApply writes patches of many operations: ten times as many take ten times as long.
func BenchmarkApply(b *testing.B) {
	m := newMutator(b, mutate.EKS("eu-central-1"))
	for _, containers := range []int{100, 1000} {
		pod := []byte(`{"spec":{"containers":[` + strings.Repeat(`{"name":"a","image":"registry.example.com/app:1.2.3"},`, containers) + `{}]}}`)
		r, err := m.RawPod(pod, mutate.Identity{RoleARN: role})
		require.NoError(b, err)
		b.Run(strconv.Itoa(containers), func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Apply(pod); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

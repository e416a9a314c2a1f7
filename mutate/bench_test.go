package mutate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
)

const role = "arn:aws:iam::111122223333:role/reader"

// sizedPod is a pod as an API server sends it, of about so many bytes: one container at
// first, then three with probes and fields that the mutation skips.
func sizedPod(tb testing.TB, size int) []byte {
	tb.Helper()
	pod := corev1.Pod{
		TypeMeta:   metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Name: "app-7d4b9c6f5-x2x7q", Namespace: "default", Labels: map[string]string{"app": "app"}},
		Spec: corev1.PodSpec{
			ServiceAccountName: "reader",
			Containers:         []corev1.Container{{Name: "app", Image: "registry.example.com/app:1.2.3", Env: []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}}}},
			Volumes:            []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
	if size > 1000 {
		for _, name := range []string{"proxy", "agent"} {
			c := pod.Spec.Containers[0].DeepCopy()
			c.Name = name
			c.Ports = []corev1.ContainerPort{{ContainerPort: 8080}}
			c.Resources.Requests = corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("64Mi")}
			pod.Spec.Containers = append(pod.Spec.Containers, *c)
		}
	}
	for i := 0; ; i++ {
		doc, err := json.Marshal(&pod)
		require.NoError(tb, err)
		if len(doc) >= size {
			return doc
		}
		switch c := &pod.Spec.Containers[i%len(pod.Spec.Containers)]; i % 4 {
		case 0:
			c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", i), Value: "some value of a setting"})
		case 1:
			c.Args = append(c.Args, fmt.Sprintf("--flag-%d=value", i))
		case 2:
			c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("FIELD_%d", i), ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}})
		case 3:
			metav1.SetMetaDataAnnotation(&pod.ObjectMeta, fmt.Sprintf("example.com/note-%d", i), strings.Repeat("x", 40))
		}
	}
}

// BenchmarkRaw compares, for the same pod, this package with what else there is to do.
func BenchmarkRaw(b *testing.B) {
	m := newMutator(b, mutate.EKS("eu-central-1"))
	id := mutate.Identity{RoleARN: role, RegionalSTS: true}
	for _, size := range []int{600, 3_000, 60_000} {
		pod := sizedPod(b, size)
		for _, way := range []struct {
			name string
			run  func() (int, error)
		}{
			{"RawPod", func() (int, error) {
				r, err := m.RawPod(pod, id)
				return len(r.PatchJSON()), err
			}},
			{"a-typed-round-trip", func() (int, error) { return typedRoundTrip(pod) }},
			{"b-create-patch", func() (int, error) { return createPatch(pod) }},
			{"c-json-valid", func() (int, error) {
				if !json.Valid(pod) {
					return 0, fmt.Errorf("invalid")
				}
				return 1, nil
			}},
		} {
			b.Run(fmt.Sprintf("%d/%s", size, way.name), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(pod)))
				for b.Loop() {
					if n, err := way.run(); err != nil || n == 0 {
						b.Fatal(n, err)
					}
				}
			})
		}
	}
}

// typedRoundTrip is how the EKS webhook makes its patch: whole containers.
func typedRoundTrip(doc []byte) (int, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(doc, &pod); err != nil {
		return 0, err
	}
	addTo(&pod)
	out, err := json.Marshal([]jsonpatch.Operation{
		{Operation: "add", Path: "/spec/volumes/0", Value: pod.Spec.Volumes[0]},
		{Operation: "add", Path: "/spec/containers", Value: pod.Spec.Containers},
	})
	return len(out), err
}

// createPatch is how most webhooks do: change the pod and let the patch be computed.
func createPatch(doc []byte) (int, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(doc, &pod); err != nil {
		return 0, err
	}
	addTo(&pod)
	changed, err := json.Marshal(&pod)
	if err != nil {
		return 0, err
	}
	ops, err := jsonpatch.CreatePatch(doc, changed)
	if err != nil {
		return 0, err
	}
	out, err := json.Marshal(ops)
	return len(out), err
}

func addTo(pod *corev1.Pod) {
	seconds := int64(86400)
	pod.Spec.Volumes = append([]corev1.Volume{{Name: mutate.VolumeName, VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
			ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
				Audience: mutate.DefaultAudience, ExpirationSeconds: &seconds, Path: mutate.TokenFileName,
			},
		}}},
	}}}, pod.Spec.Volumes...)
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		c.Env = append(c.Env,
			corev1.EnvVar{Name: mutate.EnvRegionalSTS, Value: "regional"},
			corev1.EnvVar{Name: mutate.EnvDefaultRegion, Value: "eu-central-1"},
			corev1.EnvVar{Name: mutate.EnvRegion, Value: "eu-central-1"},
			corev1.EnvVar{Name: mutate.EnvRoleARN, Value: role},
			corev1.EnvVar{Name: mutate.EnvTokenFile, Value: mutate.DefaultMountPath + "/token"})
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{
			Name: mutate.VolumeName, ReadOnly: true, MountPath: mutate.DefaultMountPath,
		})
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

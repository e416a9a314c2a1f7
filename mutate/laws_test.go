package mutate_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
)

// rawPods are the pods that the fuzz targets start from.
var rawPods = []string{
	`{}`, `null`, `[]`, `{"spec":null}`, `{"metadata":null,"spec":{"containers":null,"volumes":null}}`,
	`{"spec":{"containers":[{"name":"a"}]}}`,
	`{"spec":{"volumes":[],"containers":[{"name":"a","env":[],"volumeMounts":[]}]}}`,
	`{"spec":{"containers":[{"name":"a","env":null,"volumeMounts":null}],"initContainers":[{"name":"i","restartPolicy":"Always","x-unknown":1e400}]}}`,
	`{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":" a ,b","eks.amazonaws.com/token-expiration":"5"}},"spec":{"containers":[{"name":"a"},{"name":"c","env":[{"name":"AWS_ROLE_ARN"}]}]}}`,
	`{"spec":{"os":{"name":"windows"},"containers":[{"name":"a","env":[{"value":"x","name":"AWS_\u0052EGION"}],"envFrom":[{"prefix":"AWS"}]}]}}`,
	`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/os","operator":"In","values":["windows"]}]}]}}},"containers":[{"name":"a"}]}}`,
	`{"spec":{"volumes":[{"projected":{"sources":[{"serviceAccountToken":{"path":"token","expirationSeconds":900,"audience":"x"}}]},"name":"aws-iam-token"}],"containers":[{"name":"a","volumeMounts":[{"mountPath":"/var/run/secrets/eks.amazonaws.com/serviceaccount/","name":"x"}]},{"name":"b"}]}}`,
	`{"spec":{"volumes":[{"name":"aws-iam-token","emptyDir":{}}],"containers":[{"name":"a","volumeDevices":[{"devicePath":"/x"}]}]}}`,
	`{"metadata":{"labels":{"eks.amazonaws.com/pod-identity":"no"}},"spec":{"containers":[{"name":"a"}]}}`,
	`{"metadata":{"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"containers":[{"name":"a"}]}}`,
	`{"spec":{"containers":[null]}}`, `{"spec":{"containers":[{"name":5}]}}`, `{"a":1,"a":2}`,
}

var lawIdentities = []mutate.Identity{
	{RoleARN: role},
	{RoleARN: role, RegionalSTS: true, Audience: "é\"<&>", TokenExpiration: 1},
	{Method: mutate.PodIdentity, Seed: "x"},
}

func FuzzRawPod(f *testing.F) {
	for _, pod := range rawPods {
		f.Add([]byte(pod), uint8(0))
		f.Add([]byte(pod), uint8(2))
	}
	plain := newMutator(f, mutate.Config{})
	full := newMutator(f, mutate.Config{Region: "eu-central-1", SessionName: mutate.SessionNamePodName, DisableEC2Metadata: true})
	f.Fuzz(func(t *testing.T, pod []byte, choice uint8) {
		m := plain
		if choice&8 != 0 {
			m = full
		}
		checkLaws(t, m, pod, lawIdentities[int(choice&7)%len(lawIdentities)])
	})
}

// checkLaws asserts what must hold for every pod.
func checkLaws(t *testing.T, m *mutate.Mutator, pod []byte, id mutate.Identity) {
	t.Helper()
	rawPod := func(pod []byte) (mutate.Result, error) { return m.RawPod(pod, id) }
	patchlaws.Check(t, pod, rawPod)
	if _, err := rawPod(pod); err != nil {
		var syntax *mutate.SyntaxError
		require.ErrorAs(t, err, &syntax)
		require.Positive(t, syntax.Line)
		return
	}
	patchlaws.Cloud{
		RawPod:   rawPod,
		Pod:      func(pod *corev1.Pod) (mutate.Result, error) { return m.Pod(pod, id) },
		Diagnose: func(pod *corev1.Pod) (mutate.Diagnosis, error) { return m.Diagnose(pod, id) },
	}.CheckDiagnosis(t, pod)
}

func FuzzIdentity(f *testing.F) {
	f.Add(role, "", "", "")
	f.Add("", "x", "true", "900")
	f.Add("reader", "\x00", "maybe", "-1")
	f.Add("team/reader", "é", "0", "4294967297")
	f.Add("/reader", "", "", "9223372036854775808")
	strict := newMutator(f, mutate.Config{})
	lax := newMutator(f, mutate.Config{BadAnnotations: mutate.WarnAllBad, RoleAccountID: "111122223333", Region: "cn-north-1"})
	f.Fuzz(func(t *testing.T, roleARN, audience, regional, expiration string) {
		sa := account(map[string]string{
			"role-arn": roleARN, "audience": audience, "sts-regional-endpoints": regional, "token-expiration": expiration,
		})
		for _, m := range []*mutate.Mutator{strict, lax} {
			id, err := m.Identity(sa)
			if err != nil {
				require.Zero(t, id)
				require.ErrorIs(t, err, mutate.ErrBadAnnotation)
				continue
			}
			require.Equal(t, roleARN == "", id.IsZero(), "an annotated account is never nobody")
			_, err = m.RawPod([]byte(rawPods[5]), id)
			require.NoError(t, err, "an identity can be injected")
			if id.IsZero() {
				continue
			}
			annotations, err := m.Annotations(id)
			require.NoError(t, err)
			annotated := sa.DeepCopy()
			annotated.Annotations = annotations
			again, err := m.Identity(annotated)
			require.NoError(t, err)
			assert.Equal(t, effective(id), effective(again), "annotating is the inverse")
		}
	})
}

// effective writes out the defaults, which annotations leave out.
func effective(id mutate.Identity) mutate.Identity {
	if id.Audience == "" {
		id.Audience = mutate.DefaultAudience
	}
	if id.TokenExpiration == 0 {
		id.TokenExpiration = mutate.DefaultTokenExpiration
	}
	return id
}

func FuzzReview(f *testing.F) {
	for _, pod := range rawPods {
		f.Add([]byte(pod), []byte(pod), "CREATE", "")
		f.Add([]byte(pod), []byte(pod), "UPDATE", "ephemeralcontainers")
	}
	f.Add([]byte(`{"spec":{"ephemeralContainers":[{"name":"d"}]}}`), []byte(`{}`), "UPDATE", "ephemeralcontainers")
	m := newMutator(f, mutate.Config{})
	f.Fuzz(func(t *testing.T, pod, old []byte, operation, subresource string) {
		req := request(pod)
		req.OldObject = runtime.RawExtension{Raw: old}
		req.Operation, req.SubResource = admissionv1.Operation(operation), subresource
		resp := m.Review(req, mutate.Identity{RoleARN: role})
		require.Equal(t, req.UID, resp.UID)
		require.Equal(t, resp.Patch != nil, resp.PatchType != nil)
		total := 0
		for _, w := range resp.Warnings {
			require.LessOrEqual(t, len([]rune(w)), 256)
			total += len([]rune(w))
		}
		require.LessOrEqual(t, total, 4096)
		if !resp.Allowed {
			require.Equal(t, int32(400), resp.Result.Code)
			require.Empty(t, resp.Patch)
			return
		}
		if resp.Patch != nil {
			patch, err := jsonpatch.DecodePatch(resp.Patch)
			require.NoError(t, err)
			_, err = patch.Apply(pod)
			require.NoError(t, err)
		}
		target, err := mutate.RequestTarget(req)
		if err != nil {
			var syntax *mutate.SyntaxError
			require.True(t, errors.As(err, &syntax))
			require.Zero(t, target)
		}
	})
}

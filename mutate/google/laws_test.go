package google_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/google"
)

func FuzzRawPod(f *testing.F) {
	for _, pod := range []string{
		plain, `{"metadata":{"annotations":{"cloud.google.com/skip-containers":"a, b","cloud.google.com/token-expiration":"600"}},"spec":{"containers":[{"name":"a"},{"name":"c"}]}}`,
		`{"metadata":{"annotations":null},"spec":{"volumes":null,"containers":[{"name":"a","env":null,"volumeMounts":null}],"initContainers":[{"name":"b","env":[{"name":"GOOGLE_APPLICATION_CREDENTIALS","value":"/x"}]}]}}`,
		`{"metadata":{"annotations":{"cloud.google.com/external-credentials-json":"x"}},"spec":{"containers":[{"name":"a"}]}}`,
		`{"spec":{"volumes":[{"name":"gcp-iam-token","projected":{"sources":[{"serviceAccountToken":{"path":"token"}},{"downwardAPI":{"items":[{"path":"federation.json","fieldRef":{"fieldPath":"metadata.annotations['cloud.google.com/external-credentials-json']"}}]}}]}}],"containers":[{"name":"a","volumeMounts":[{"name":"gcp-iam-token","mountPath":"/x"}]}]}}`,
		`{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/run/secrets/sts.googleapis.com/serviceaccount"}]}],"future":1e400}}`, `null`, `{"a":1,"a":2}`,
	} {
		f.Add([]byte(pod), true)
		f.Add([]byte(pod), false)
	}
	m := newMutator(f, google.Config{ComputeRegion: "europe-west4"})
	f.Fuzz(func(t *testing.T, pod []byte, impersonate bool) {
		id := direct
		if impersonate {
			id = impersonating
		}
		patchlaws.Check(t, pod, laws(m, id).RawPod)
		laws(m, id).CheckDiagnosis(t, pod)
	})
}

func TestTheLawsHoldForManyShapes(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	_, patched, err := mutatePod(t, m, []byte(plain), direct)
	require.NoError(t, err)
	credentials, err := json.Marshal(patchlaws.Decode(t, patched).Annotations[google.AnnotationCredentials])
	require.NoError(t, err)
	outcomes := map[mutate.Outcome]int{}
	patchlaws.Shapes(600, patchlaws.Words{
		Labels: []string{`{}`},
		Annotations: []string{
			`"cloud.google.com/external-credentials-json":` + string(credentials), `"cloud.google.com\/skip-containers":"b, c"`,
			`"cloud.google.com/token-expiration":"600"`, `"other":"x"`,
		},
		EnvNames:     []string{`"GOOGLE_APPLICATION_CREDENTIALS"`, `"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"`, `"X"`},
		EnvValues:    []string{`"/own"`, `""`, `"` + directory + `/federation.json"`, `"$(X)"`},
		VolumeNames:  []string{`"gcp-iam-token"`, `"gcp-iam-token-2"`, `"v"`},
		Paths:        []string{`"` + directory + `"`, `"` + directory + `/token"`, `"/run/secrets/sts.googleapis.com/serviceaccount"`, `"/x"`, `"/var/run"`},
		TokenPaths:   []string{`"token"`, `"token"`, `"x"`},
		Audiences:    []string{`"https://iam.googleapis.com/` + provider + `"`, `"sts.googleapis.com"`},
		OtherSources: []string{`"downwardAPI":{"items":[{"path":"federation.json","fieldRef":{"fieldPath":"metadata.annotations['cloud.google.com/external-credentials-json']"}}]}`},
	}, func(pod string) {
		r, _, err := mutatePod(t, m, []byte(pod), direct)
		require.NoError(t, err)
		laws(m, direct).CheckDiagnosis(t, []byte(pod))
		for _, c := range r.Containers {
			outcomes[c.Outcome]++
		}
	})
	for _, o := range []mutate.Outcome{mutate.Skipped, mutate.Injected, mutate.Conflict} {
		assert.Greater(t, outcomes[o], 20, "%v: the shapes reach it", o)
	}
}

func FuzzReview(f *testing.F) {
	m := newMutator(f, google.Config{})
	r, err := m.RawPod([]byte(plain), direct)
	require.NoError(f, err)
	mutated := string(patchlaws.Apply(f, []byte(plain), r))
	debugged := strings.Replace(mutated, `"containers"`, `"ephemeralContainers":[{"name":"d"}],"containers"`, 1)
	for _, pod := range []string{plain, mutated, debugged, `{"spec":{"ephemeralContainers":[{"name":"d","env":null}]}}`, `null`} {
		f.Add([]byte(pod), []byte(plain), true)
		f.Add([]byte(pod), []byte(mutated), true)
		f.Add([]byte(pod), []byte(`[`), false)
	}
	f.Fuzz(func(t *testing.T, pod, old []byte, ephemeral bool) {
		req := request(string(pod))
		if ephemeral {
			req.Operation, req.SubResource, req.OldObject.Raw = admissionv1.Update, "ephemeralcontainers", old
		}
		resp := m.Review(req, direct)
		require.Equal(t, req.UID, resp.UID)
		require.Equal(t, resp.Patch != nil, resp.PatchType != nil)
		if !resp.Allowed {
			require.Contains(t, []int32{400, 422}, resp.Result.Code)
			require.Nil(t, resp.Patch)
			return
		}
		if resp.Patch != nil {
			patch, err := jsonpatch.DecodePatch(resp.Patch)
			require.NoError(t, err)
			patched, err := patch.Apply(pod)
			require.NoError(t, err, "%s", resp.Patch)
			again := *req
			again.Object.Raw = patched
			require.Nil(t, m.Review(&again, direct).Patch, "once is enough")
		}
	})
}

// laws are about what m does for an identity.
func laws(m *google.Mutator, id google.Identity) patchlaws.Cloud {
	return patchlaws.Cloud{
		RawPod:   func(pod []byte) (mutate.Result, error) { return m.RawPod(pod, id) },
		Pod:      func(pod *corev1.Pod) (mutate.Result, error) { return m.Pod(pod, id) },
		Diagnose: func(pod *corev1.Pod) (mutate.Diagnosis, error) { return m.Diagnose(pod, id) },
	}
}

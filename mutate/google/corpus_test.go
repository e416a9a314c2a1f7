package google_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/google"
)

const (
	directory = "/var/run/secrets/sts.googleapis.com/serviceaccount"
	override  = "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"
)

// right is, for the recorded cases that say where pfnet's webhook is wrong, how our result
// differs from its.
var right = map[string]func(*testing.T, patchlaws.Case, mutate.Result, []byte, error){
	"expiration-too-large": func(t *testing.T, _ patchlaws.Case, _ mutate.Result, _ []byte, err error) {
		assert.ErrorIs(t, err, mutate.ErrBadAnnotation)
	},
	"credentials-env-there": func(t *testing.T, c patchlaws.Case, r mutate.Result, patched []byte, err error) {
		require.NoError(t, err)
		assert.Equal(t, string(c.Pod), string(patched))
		assert.Equal(t, mutate.ReasonPresent, r.Containers[0].Reason)
		assert.True(t, r.Complete())
	},
	"no-email": func(t *testing.T, _ patchlaws.Case, r mutate.Result, patched []byte, err error) {
		require.NoError(t, err)
		assert.True(t, r.Complete())
		assert.NotContains(t, patchlaws.Decode(t, patched).Annotations[google.AnnotationCredentials], "impersonation")
	},
	"foreign-mount-at-the-path": func(t *testing.T, c patchlaws.Case, r mutate.Result, patched []byte, err error) {
		require.NoError(t, err)
		assert.Equal(t, string(c.Pod), string(patched))
		require.Len(t, r.Warnings, 1)
		assert.Equal(t, mutate.CodeForeignMount, r.Warnings[0].Code)
		assert.False(t, r.Complete())
	},
	"unknown-fields-deep": func(t *testing.T, c patchlaws.Case, _ mutate.Result, patched []byte, err error) {
		require.NoError(t, err)
		assert.Contains(t, string(patched), `"futureLock"`)
		assert.Contains(t, string(patched), `"futureVolume"`)
		assertInEffect(t, c, patched)
	},
}

func TestTheCorpusComesOutAsRecordedInEffect(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{Audience: "sts.googleapis.com", DefaultMode: 0o440}) // as pfnet's flags
	for _, c := range patchlaws.Corpus[patchlaws.Case](t, "../..", "google.jsonl") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			var r mutate.Result
			var patched []byte
			id, err := m.Identity(account(c.ServiceAccountAnnotations))
			if err == nil {
				r, patched, err = mutatePod(t, m, c.Pod, id)
			}
			if c.Differs != "" {
				require.Contains(t, right, c.Name)
				right[c.Name](t, c, r, patched, err)
				return
			}
			if !c.Allowed {
				require.ErrorIs(t, err, mutate.ErrBadAnnotation)
				return
			}
			require.NoError(t, err)
			if id.IsZero() {
				assert.Equal(t, string(c.Want), string(patched))
				return
			}
			assert.True(t, r.Complete())
			assertInEffect(t, c, patched)
		})
	}
}

// assertInEffect compares with what was recorded, brought into our form: one volume with both
// sources and one mount, the annotation that matters alone, gcloud's variable, and no variables
// without a value.
func assertInEffect(t *testing.T, c patchlaws.Case, patched []byte) {
	t.Helper()
	want, before := patchlaws.Decode(t, c.Want), patchlaws.Decode(t, c.Pod)
	for key := range want.Annotations {
		if _, had := before.Annotations[key]; !had && key != google.AnnotationCredentials {
			delete(want.Annotations, key)
		}
	}
	for key, value := range before.Annotations {
		want.Annotations[key] = value
	}
	var volumes []corev1.Volume
	var configuration *corev1.DownwardAPIVolumeSource
	for _, v := range want.Spec.Volumes {
		if v.Name == "external-credential-config" {
			configuration = v.DownwardAPI
			continue
		}
		volumes = append(volumes, v)
	}
	require.NotNil(t, configuration)
	for _, v := range volumes {
		if v.Name == "gcp-iam-token" {
			v.Projected.Sources = append(v.Projected.Sources, corev1.VolumeProjection{DownwardAPI: &corev1.DownwardAPIProjection{Items: configuration.Items}})
		}
	}
	want.Spec.Volumes = volumes
	for _, list := range [][]corev1.Container{want.Spec.InitContainers, want.Spec.Containers} {
		for i := range list {
			inOurForm(&list[i])
		}
	}
	doc, err := json.Marshal(want)
	require.NoError(t, err)
	assert.JSONEq(t, string(doc), patchlaws.Normal(t, patched))
}

func inOurForm(c *corev1.Container) {
	var mounts []corev1.VolumeMount
	for _, m := range c.VolumeMounts {
		if m.Name != "external-credential-config" {
			mounts = append(mounts, m)
		}
	}
	c.VolumeMounts = mounts
	var env []corev1.EnvVar
	injected := false
	for _, e := range c.Env {
		if e.Name == "GOOGLE_APPLICATION_CREDENTIALS" {
			e.Value, injected = directory+"/federation.json", true
		}
		if e.Value != "" || e.ValueFrom != nil {
			env = append(env, e)
		}
	}
	if injected {
		env = append(env, corev1.EnvVar{Name: override, Value: directory + "/federation.json"})
	}
	c.Env = env
}

func mutatePod(t *testing.T, m *google.Mutator, doc []byte, id google.Identity) (mutate.Result, []byte, error) {
	t.Helper()
	return patchlaws.Mutate(t, doc,
		func(doc []byte) (mutate.Result, error) { return m.RawPod(doc, id) },
		func(pod *corev1.Pod) (mutate.Result, error) { return m.Pod(pod, id) })
}

func newMutator(t testing.TB, c google.Config) *google.Mutator {
	t.Helper()
	m, err := google.New(c)
	require.NoError(t, err)
	return m
}

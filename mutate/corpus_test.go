package mutate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
)

// corpusCase is one pod with what the EKS webhook made of it.
type corpusCase struct {
	Name                      string            `json:"name"`
	Region                    string            `json:"region"`
	MountPath                 string            `json:"mountPath"`
	RegionalSTS               bool              `json:"regionalSTS"`
	TokenExpirationSeconds    int64             `json:"tokenExpirationSeconds"`
	ServiceAccountAnnotations map[string]string `json:"serviceAccountAnnotations"`
	Pod                       json.RawMessage   `json:"pod"`
	Want                      json.RawMessage   `json:"want"`
}

// corpus reads a file of cases and skips the test where there is none.
func corpus(t *testing.T, file string) []corpusCase {
	t.Helper()
	return patchlaws.Corpus[corpusCase](t, "..", file)
}

func TestTheCorpusOfWebIdentityComesOutAsRecorded(t *testing.T) {
	t.Parallel()
	for _, c := range corpus(t, "mutation.jsonl") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			m := newMutator(t, mutate.Config{Region: c.Region, MountPath: c.MountPath})
			id, err := m.Identity(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
				Namespace: "default", Name: "default", Annotations: c.ServiceAccountAnnotations,
			}})
			require.NoError(t, err)
			assertRecorded(t, m, id, c)
		})
	}
}

func TestTheCorpusOfPodIdentityComesOutAsRecorded(t *testing.T) {
	t.Parallel()
	for _, c := range corpus(t, "mutation-pod-identity.jsonl") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			assertRecorded(t, newMutator(t, mutate.Config{Region: c.Region}), mutate.Identity{
				Method:          mutate.PodIdentity,
				RegionalSTS:     c.RegionalSTS,
				TokenExpiration: time.Duration(c.TokenExpirationSeconds) * time.Second,
			}, c)
		})
	}
}

// assertRecorded compares what is made of the raw and of the decoded pod with the record.
func assertRecorded(t *testing.T, m *mutate.Mutator, id mutate.Identity, c corpusCase) {
	t.Helper()
	raw, err := m.RawPod(c.Pod, id)
	require.NoError(t, err)
	assert.JSONEq(t, patchlaws.Normal(t, c.Want), patchlaws.Normal(t, apply(t, c.Pod, raw)))

	var pod corev1.Pod
	require.NoError(t, json.Unmarshal(c.Pod, &pod))
	typed, err := m.Pod(&pod, id)
	require.NoError(t, err)
	doc, err := json.Marshal(&pod)
	require.NoError(t, err)
	assert.JSONEq(t, patchlaws.Normal(t, c.Want), patchlaws.Normal(t, apply(t, doc, typed)))
	assert.Equal(t, raw.Containers, typed.Containers)
	assert.Equal(t, raw.Warnings, typed.Warnings)
}

func newMutator(t testing.TB, c mutate.Config) *mutate.Mutator {
	t.Helper()
	m, err := mutate.New(c)
	require.NoError(t, err)
	return m
}

// apply applies a result's patch as the API server does.
func apply(t testing.TB, doc []byte, r mutate.Result) []byte {
	t.Helper()
	return patchlaws.Apply(t, doc, r)
}

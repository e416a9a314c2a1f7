package e2e_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
)

// recordedPod is a pod of the corpus with the settings that it was recorded with.
type recordedPod struct {
	Name                      string
	Region, MountPath         string
	ServiceAccountAnnotations map[string]string
	Pod                       corev1.Pod
}

type mutateKey struct{ region, mountPath string }

func (r recordedPod) key() mutateKey { return mutateKey{r.Region, r.MountPath} }

func (r recordedPod) config() mutate.Config {
	return mutate.Config{Region: r.Region, MountPath: r.MountPath}
}

func recorded(t *testing.T) []recordedPod {
	t.Helper()
	file, err := os.Open("../../../shared/corpus/mutation.jsonl")
	if os.IsNotExist(err) {
		t.Skip("the corpus of recorded pods is not there")
	}
	require.NoError(t, err)
	defer file.Close()
	var all []recordedPod
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r recordedPod
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		all = append(all, r)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, all)
	return all
}

func inGroup(name string) *admissionregistrationv1.MatchResources {
	return &admissionregistrationv1.MatchResources{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"group": name}},
	}
}

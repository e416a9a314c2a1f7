package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

const corpusDir = "../../../shared/corpus/pods"

// refusedAsTheyAre are the pods of the corpus that a real API server refuses without any webhook or
// policy, and what it says: they have nothing to show here. Exact, so that no other pod is dropped
// in silence.
var refusedAsTheyAre = map[string]string{
	"k8s-api-all-fields-1.33": "no PriorityClass with name priorityClassNameValue", // every field, no valid value
}

// manifest is a pod under test and where it came from.
type manifest struct {
	name string
	pod  *corev1.Pod
}

// manifests are the corpus's pods, when it is there, and the project's own.
func manifests(t *testing.T) []manifest {
	t.Helper()
	var all []manifest
	for _, dir := range []string{corpusDir, "testdata/pods"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		require.NoError(t, err)
		if dir == corpusDir && len(files) == 0 {
			t.Log("the corpus of real pods is not there: only the project's own are tried")
		}
		for _, file := range files {
			all = append(all, manifest{
				name: strings.TrimSuffix(filepath.Base(file), ".yaml"),
				pod:  readPod(t, file),
			})
		}
	}
	require.NotEmpty(t, all)
	return all
}

// readPod reads a Pod, or the Pod that a Job's template makes, strictly: a field that this version of
// k8s.io/api does not know would be lost before the API server saw it.
func readPod(t *testing.T, file string) *corev1.Pod {
	t.Helper()
	document, err := os.ReadFile(file)
	require.NoError(t, err)
	var kind struct{ Kind string }
	require.NoError(t, yaml.Unmarshal(document, &kind), file)
	pod := &corev1.Pod{}
	switch kind.Kind {
	case "Pod":
		require.NoError(t, yaml.UnmarshalStrict(document, pod), file)
	case "Job":
		job := &batchv1.Job{}
		require.NoError(t, yaml.UnmarshalStrict(document, job), file)
		pod.ObjectMeta, pod.Spec = job.Spec.Template.ObjectMeta, job.Spec.Template.Spec
		pod.GenerateName = job.Name + "-"
	default:
		require.Failf(t, "neither a Pod nor a Job", "%s: %s", file, kind.Kind)
	}
	return pod
}

// prepared is the pod as somebody would submit it to this cluster: in the namespace, with a service
// account, without what only a running pod has.
func prepared(m manifest, namespace, account string) *corev1.Pod {
	pod := m.pod.DeepCopy()
	pod.Namespace = namespace
	if pod.Name == "" || len(validation.IsDNS1123Subdomain(pod.Name)) > 0 { // one of the corpus's is not
		pod.Name, pod.GenerateName = "", m.name+"-"
	}
	//lint:ignore SA1019 old manifests have it
	pod.UID, pod.ResourceVersion, pod.SelfLink, pod.Generation = "", "", "", 0
	pod.Status = corev1.PodStatus{}
	pod.Spec.ServiceAccountName, pod.Spec.DeprecatedServiceAccount = account, ""
	return pod
}

var generatedVolume = regexp.MustCompile(`kube-api-access-[a-z0-9]{5}`)

// fieldsOf is the pod's JSON without what the API server makes anew for every object.
func fieldsOf(t *testing.T, pod *corev1.Pod) map[string]any {
	t.Helper()
	pod = pod.DeepCopy()
	pod.UID, pod.ResourceVersion, pod.ManagedFields = "", "", nil
	pod.CreationTimestamp.Reset()
	if pod.GenerateName != "" {
		pod.Name = ""
	}
	document, err := json.Marshal(pod)
	require.NoError(t, err)
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(generatedVolume.ReplaceAll(document, []byte("kube-api-access-xxxxx")), &decoded))
	return decoded
}

// assertSamePod compares field by field, and order by order.
func assertSamePod(t *testing.T, want, got *corev1.Pod) bool {
	t.Helper()
	return assert.Equal(t, fieldsOf(t, want), fieldsOf(t, got))
}

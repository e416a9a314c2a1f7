package e2e_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// expectation tells what the library says of a pod, worked out on an API server without any webhook
// or policy: the pod as that server admits it, with the library's patch applied, and sent through
// the server once more for the defaults of what was added.
type expectation struct {
	plain *testCluster
	made  sync.Map // namespaces and accounts that are there
}

func (e *expectation) ensure(t *testing.T, namespace, account string) {
	t.Helper()
	if _, there := e.made.LoadOrStore(namespace, true); !there {
		e.plain.namespace(t, namespace, nil)
	}
	if _, there := e.made.LoadOrStore(namespace+"/"+account, true); !there {
		e.plain.account(t, namespace, account, nil)
	}
}

// of returns the pod as it should come out for this service account.
func (e *expectation) of(t *testing.T, cfg mutate.Config, account *corev1.ServiceAccount, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	mutator, err := mutate.New(cfg)
	require.NoError(t, err)
	id, err := mutator.Identity(account)
	require.NoError(t, err)
	return e.with(t, pod, func(pod *corev1.Pod) (mutate.Result, error) { return mutator.Pod(pod, id) })
}

// byRule returns the pod as it should come out by the configuration's rule.
func (e *expectation) byRule(t *testing.T, cfg mutate.Config, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	mutator, err := mutate.New(cfg)
	require.NoError(t, err)
	id, err := mutator.IdentityByRule(mutate.Target{Namespace: pod.Namespace, ServiceAccount: pod.Spec.ServiceAccountName})
	require.NoError(t, err)
	return e.with(t, pod, func(pod *corev1.Pod) (mutate.Result, error) { return mutator.Pod(pod, id) })
}

// with returns the pod as it should come out of this planner.
func (e *expectation) with(t *testing.T, pod *corev1.Pod, plan func(*corev1.Pod) (mutate.Result, error)) *corev1.Pod {
	t.Helper()
	e.ensure(t, pod.Namespace, pod.Spec.ServiceAccountName)
	admitted, err := e.plain.dryRun(t.Context(), pod)
	require.NoError(t, err)
	admitted.UID, admitted.ResourceVersion = "", ""
	if pod.Name == "" { // the name was generated at the end: the library must not see it yet
		admitted.Name = ""
	}
	result, err := plan(admitted)
	require.NoError(t, err)
	want, err := e.plain.dryRun(t.Context(), patched(t, admitted, result.PatchJSON()))
	require.NoError(t, err, "the patched pod must be one that the API server accepts")
	return want
}

func patched(t *testing.T, pod *corev1.Pod, patch []byte) *corev1.Pod {
	t.Helper()
	if patch == nil {
		return pod
	}
	document, err := json.Marshal(pod)
	require.NoError(t, err)
	decoded, err := jsonpatch.DecodePatch(patch)
	require.NoError(t, err)
	document, err = decoded.Apply(document)
	require.NoError(t, err)
	result := &corev1.Pod{}
	require.NoError(t, json.Unmarshal(document, result))
	return result
}

// roleOf returns the role of a container's environment; "" for none.
func roleOf(containers []corev1.Container, name string) string {
	for _, c := range containers {
		for _, e := range c.Env {
			if c.Name == name && e.Name == mutate.EnvRoleARN {
				return e.Value
			}
		}
	}
	return ""
}

// assertInjected says that every container has the role.
func assertInjected(t *testing.T, pod *corev1.Pod, role string) {
	t.Helper()
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for _, c := range list {
			assert.Equal(t, role, roleOf(list, c.Name), "container %s", c.Name)
		}
	}
}

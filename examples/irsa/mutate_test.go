package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/mutate"
)

const role = "arn:aws:iam::111122223333:role/checkout"

const account = `# whose role
apiVersion: v1
kind: ServiceAccount
metadata:
  name: checkout
  namespace: shop
  annotations:
    eks.amazonaws.com/role-arn: ` + role + ` # agreed with finance
`

func TestMutateKeepsCommentsOrderAndDocuments(t *testing.T) {
	t.Parallel()
	const deployment = `# the shop
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: shop}
spec:
  template:
    spec:
      serviceAccountName: checkout
      zzzFuture: 1.50
      containers:
      # the application
      - name: app
        image: x # pinned
`
	code, stdout, stderr := irsa(t, account+"---\n"+deployment, "mutate", "-")
	require.Zero(t, code, stderr)
	assert.Empty(t, stderr)
	for line := range strings.Lines(account + "---\n" + deployment) {
		assert.Contains(t, stdout, line)
	}
	assert.True(t, strings.HasPrefix(stdout, account+"---\n# the shop\n"))
	assert.Contains(t, stdout, "        - name: AWS_ROLE_ARN\n          value: "+role+"\n")
}

func TestMutateChangesEveryKindAsRawPodDoes(t *testing.T) {
	t.Parallel()
	const pod = `{"metadata":{"labels":{"a":"b"}},"spec":{"serviceAccountName":"checkout","containers":[{"name":"app","env":[]},{"name":"side","volumeMounts":[{"name":"x","mountPath":"/x"}]}]}}`
	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
	require.NoError(t, err)
	result, err := mutator.RawPod([]byte(pod), mutate.Identity{RoleARN: role, RegionalSTS: true})
	require.NoError(t, err)
	patch, err := jsonpatch.DecodePatch(result.PatchJSON())
	require.NoError(t, err)
	want, err := patch.Apply([]byte(pod))
	require.NoError(t, err)

	for kind, pointer := range map[string]string{
		"Pod": "", "PodTemplate": "/template", "Deployment": "/spec/template", "CronJob": "/spec/jobTemplate/spec/template",
	} {
		path := names(pointer)
		wrap := func(inner string) string {
			for i := len(path) - 1; i >= 0; i-- {
				inner = fmt.Sprintf(`{%q:%s}`, path[i], inner)
			}
			return inner
		}
		object := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(wrap(pod)), &object))
		object["kind"] = kind
		metadata, _ := object["metadata"].(map[string]any)
		if metadata == nil {
			metadata = map[string]any{}
		}
		metadata["namespace"] = "shop"
		object["metadata"] = metadata
		text, err := json.Marshal(object)
		require.NoError(t, err)
		list := `{"kind":"List","items":[` + string(text) + `]}`
		for _, input := range []string{string(text), list} {
			code, stdout, stderr := irsa(t, input, "mutate", "--region", "eu-central-1", "--role-arn", role, "-")
			require.Zero(t, code, "%s: %s", kind, stderr)
			var got map[string]any
			require.NoError(t, json.Unmarshal([]byte(stdout), &got), "JSON stays JSON")
			if items, ok := got["items"].([]any); ok {
				got = items[0].(map[string]any)
			}
			var inner any = got
			for _, name := range path {
				inner = inner.(map[string]any)[name]
			}
			spec, err := json.Marshal(inner.(map[string]any)["spec"])
			require.NoError(t, err)
			var wanted map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(want, &wanted))
			assert.JSONEq(t, string(wanted["spec"]), string(spec), kind)
		}
	}
}

func TestMutatesPatchIsForTheWholeObject(t *testing.T) {
	t.Parallel()
	const deployment = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"shop"},"spec":{"template":{"spec":{"serviceAccount":"checkout","containers":[{"name":"app"}]}}}}`
	code, stdout, stderr := irsa(t, account+"---\n"+deployment, "mutate", "--patch", "-")
	require.Zero(t, code, stderr)
	patch, err := jsonpatch.DecodePatch([]byte(stdout))
	require.NoError(t, err)
	patched, err := patch.Apply([]byte(deployment))
	require.NoError(t, err)
	code, stdout, stderr = irsa(t, account+"---\n"+deployment, "mutate", "-")
	require.Zero(t, code, stderr)
	_, whole, _ := strings.Cut(stdout, "---\n")
	assert.YAMLEq(t, whole, string(patched))
	assert.Contains(t, whole, role)
}

func TestMutateLeavesOtherKindsOfTheSameNameAlone(t *testing.T) {
	t.Parallel()
	const job = "apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nspec:\n  tasks: []\n"
	code, stdout, stderr := irsa(t, job, "mutate", "--role-arn", role, "-")
	require.Zero(t, code, stderr)
	assert.Equal(t, job, stdout)
}

func TestMutateSaysWhereTheYAMLIsWrong(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: checkout, namespace: shop}\n"
	bomb := "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("b%d: &a%d [%s*a%d]\n", i, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	for text, want := range map[string]string{
		head: `it has no spec`,
		head + "spec:\n  template:\n    spec:\n      containers:\n      - name: 5\n": `Deployment shop/checkout: line 8: "/spec/template/spec/containers/0/name": want a string`,
		head + "spec:\n  template:\n    spec:\n      serviceAccountName: []\n":       `line 7: "/spec/template/spec/serviceAccountName": want a string`,
		"kind: Pod\nspec: {}\nspec: {}\n":                                            `line 3: mapping key "spec" already defined at line 2`,
		bomb:                                                                         "excessive aliasing",
	} {
		code, stdout, stderr := irsa(t, text, "mutate", "--role-arn", role, "-")
		assert.Equal(t, 2, code)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, want)
	}
}

func TestMutateWritesAliasesOut(t *testing.T) {
	t.Parallel()
	const text = `kind: Pod
metadata: {namespace: shop, name: a}
spec:
  containers:
  - &app
    name: app
    env: &env
    - {name: A, value: "1"}
  - <<: *app
    name: other
  - name: third
    env: *env
`
	code, stdout, stderr := irsa(t, text, "mutate", "--role-arn", role, "-")
	require.Zero(t, code, stderr)
	var pod struct {
		Spec struct {
			Containers []struct {
				Name string
				Env  []struct{ Name string }
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(stdout), &pod))
	require.Len(t, pod.Spec.Containers, 3)
	for i, name := range []string{"app", "other", "third"} {
		assert.Equal(t, name, pod.Spec.Containers[i].Name)
		assert.Len(t, pod.Spec.Containers[i].Env, 3, "its own and the pair, once: %s", stdout)
	}
}

func TestMutateSaysWhichPodStaysAsItIs(t *testing.T) {
	t.Parallel()
	pod := write(t, "pod.yaml", "kind: Pod\nmetadata: {namespace: shop, name: a}\nspec: {containers: [{name: app}]}\n")
	code, stdout, stderr := irsa(t, "", "mutate", pod)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "Pod shop/a: its ServiceAccount shop/default is not in the files")
	assert.Contains(t, stdout, "kind: Pod")

	code, stdout, stderr = irsa(t, "", "mutate", "--patch", "--pod-identity", pod)
	require.Zero(t, code, stderr)
	assert.True(t, json.Valid([]byte(stdout)))
	assert.Contains(t, stdout, "eks-pod-identity-token")
}

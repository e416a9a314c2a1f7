package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
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

func TestMutateWritesTheFormatThatIsAskedFor(t *testing.T) {
	t.Parallel()
	const pod = `{"kind":"Pod","metadata":{"namespace":"shop","name":"a"},"spec":{"serviceAccountName":"checkout","containers":[{"name":"app"}]}}`
	var want string
	for format, input := range map[string]string{"text": pod, "json": "# a pod\n" + pod, "yaml": pod} {
		code, stdout, stderr := irsa(t, account+"---\n"+input, "mutate", "-o", format, "-")
		require.Zero(t, code, stderr)
		assert.Equal(t, format == "json", strings.HasPrefix(stdout, "{"), stdout)
		if format == "json" {
			stdout = strings.Replace(stdout, "}\n{", "}\n---\n{", 1)
		}
		_, stdout, _ = strings.Cut(stdout, "---\n")
		if want == "" {
			want = stdout
		}
		assert.YAMLEq(t, want, stdout, format)
		assert.Contains(t, stdout, role, format)
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

// Files of several formats are one that can be read.
func TestMutateSeparatesFiles(t *testing.T) {
	t.Parallel()
	const pod = `{"kind": "Pod", "metadata": {"namespace": "shop", "name": "a"}, "spec": {"serviceAccountName": "checkout", "containers": [{"name": "app"}]}}`
	sa, inJSON, comment := write(t, "sa.yaml", account), write(t, "pod.json", pod), write(t, "notes.yaml", "# notes\n")
	flow := write(t, "flow.yaml", strings.ReplaceAll(pod, `"`, ""))
	for _, files := range [][]string{{sa, inJSON}, {inJSON, sa}, {sa, flow}, {flow, inJSON, sa, inJSON, inJSON}, {inJSON, inJSON, sa}, {inJSON, inJSON}, {sa, comment, inJSON}} {
		for _, format := range []string{"text", "yaml", "json"} {
			code, stdout, stderr := irsa(t, "", append([]string{"mutate", "--role-arn", role, "-o", format}, files...)...)
			require.Zero(t, code, stderr)
			kinds, decoder := 0, utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(stdout), 1<<20)
			for {
				var object struct{ Kind string }
				err := decoder.Decode(&object)
				if err == io.EOF {
					break
				}
				require.NoError(t, err, "%v: %s", files, stdout)
				if object.Kind != "" {
					kinds++
				}
			}
			want := len(files)
			if files[1] == comment {
				want--
			}
			assert.Equal(t, want, kinds, "%v as %s: %s", files, format, stdout)
		}
	}
}

package manifest_test

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
	"github.com/irsa-go/irsa/mutate/manifest"
)

const role = "arn:aws:iam::111122223333:role/checkout"

func Example() {
	file, err := manifest.Parse([]byte(`apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: shop}
spec:
  template:
    spec:
      containers:
      - name: app
        image: registry.example/checkout # pinned by the pipeline
        env: [{name: AWS_ROLE_ARN, value: mine}, {name: AWS_WEB_IDENTITY_TOKEN_FILE, value: mine}]
      - name: sidecar
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, object := range file.Objects() {
		target, hasPods := object.Target()
		if !hasPods {
			continue
		}
		result, err := object.Mutate(func(pod []byte) (mutate.Result, error) {
			return mutator.RawPod(pod, mutate.Identity{RoleARN: "arn:aws:iam::111122223333:role/checkout"})
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("# %s, of %s, changed: %t\n", object, target, result.Changed())
	}
	text, err := file.Bytes()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))
	// Output:
	// # Deployment shop/checkout, of shop/default, changed: true
	// apiVersion: apps/v1
	// kind: Deployment
	// metadata: {name: checkout, namespace: shop}
	// spec:
	//   template:
	//     spec:
	//       containers:
	//       - name: app
	//         image: registry.example/checkout # pinned by the pipeline
	//         env: [{name: AWS_ROLE_ARN, value: mine}, {name: AWS_WEB_IDENTITY_TOKEN_FILE, value: mine}]
	//         volumeMounts:
	//         - mountPath: /var/run/secrets/eks.amazonaws.com/serviceaccount
	//           name: aws-iam-token
	//           readOnly: true
	//       - name: sidecar
	//         env:
	//         - name: AWS_ROLE_ARN
	//           value: arn:aws:iam::111122223333:role/checkout
	//         - name: AWS_WEB_IDENTITY_TOKEN_FILE
	//           value: /var/run/secrets/eks.amazonaws.com/serviceaccount/token
	//         volumeMounts:
	//         - mountPath: /var/run/secrets/eks.amazonaws.com/serviceaccount
	//           name: aws-iam-token
	//           readOnly: true
	//       volumes:
	//       - name: aws-iam-token
	//         projected:
	//           sources:
	//           - serviceAccountToken:
	//               audience: sts.amazonaws.com
	//               expirationSeconds: 86400
	//               path: token
}

func rawPod(t *testing.T, cfg mutate.Config) func([]byte) (mutate.Result, error) {
	t.Helper()
	mutator, err := mutate.New(cfg)
	require.NoError(t, err)
	return func(pod []byte) (mutate.Result, error) { return mutator.RawPod(pod, mutate.Identity{RoleARN: role}) }
}

// mutated is a file with the identity in every object that has pods.
func mutated(t *testing.T, text string) *manifest.File {
	t.Helper()
	file, err := manifest.Parse([]byte(text))
	require.NoError(t, err, text)
	for _, o := range file.Objects() {
		if _, ok := o.Target(); ok {
			_, err := o.Mutate(rawPod(t, mutate.Config{}))
			require.NoError(t, err, text)
		}
	}
	return file
}

func bytesOf(t *testing.T, f *manifest.File) string {
	t.Helper()
	text, err := f.Bytes()
	require.NoError(t, err)
	return string(text)
}

const pod = `{"metadata":{"labels":{"a":"b"}},"spec":{"serviceAccountName":"checkout","containers":[{"name":"app","env":[]},{"name":"side","volumeMounts":[{"name":"x","mountPath":"/x"}]}]}}`

// object is a workload around the pod, as JSON.
func object(kind, pointer string) string {
	inner := pod
	tokens := strings.Split(pointer, "/")[1:]
	for i := len(tokens) - 1; i >= 0; i-- {
		inner = fmt.Sprintf(`{%q:%s}`, tokens[i], inner)
	}
	return strings.Replace(inner, "{", fmt.Sprintf(`{"kind":%q,`, kind), 1)
}

func TestEveryKindIsChangedAsItsPatchSays(t *testing.T) {
	t.Parallel()
	for kind, pointer := range map[string]string{
		"Pod": "", "PodTemplate": "/template", "Deployment": "/spec/template", "CronJob": "/spec/jobTemplate/spec/template",
	} {
		text := object(kind, pointer)
		asYAML, err := yaml.JSONToYAML([]byte(text))
		require.NoError(t, err)
		for _, text := range []string{text, string(asYAML)} {
			file, err := manifest.Parse([]byte(text))
			require.NoError(t, err)
			require.Len(t, file.Objects(), 1)
			o := file.Objects()[0]
			result, err := o.Mutate(rawPod(t, mutate.Config{}))
			require.NoError(t, err, kind)
			patch, err := jsonpatch.DecodePatch(result.PatchJSON())
			require.NoError(t, err)
			want, err := patch.Apply([]byte(object(kind, pointer)))
			require.NoError(t, err)
			assert.Contains(t, string(want), role)
			assert.Equal(t, strings.HasPrefix(text, "{"), json.Valid([]byte(bytesOf(t, file))), "JSON stays JSON")
			for _, write := range []func() ([]byte, error){file.Bytes, file.JSON, file.YAML} {
				got, err := write()
				require.NoError(t, err)
				assert.YAMLEq(t, string(want), string(got), kind)
			}
			again, err := o.Mutate(rawPod(t, mutate.Config{}))
			require.NoError(t, err)
			assert.False(t, again.Changed(), "%s: once more changes nothing", kind)
		}
	}
}

func TestListsDocumentsAndOtherObjectsStay(t *testing.T) {
	t.Parallel()
	const config = "# of the shop\nkind: ConfigMap\ndata: {b: \"1\", a: 2} # as it is\n"
	const job = "apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nspec:\n  tasks: []\n"
	for _, text := range []string{config, config + "---\n" + job} {
		assert.Equal(t, text, bytesOf(t, mutated(t, text)))
	}
	file, err := manifest.Parse([]byte(config + "---\nkind: List\nitems:\n- " + object("Pod", "") + "\n- kind: ServiceAccount\n  metadata: {namespace: shop, name: checkout}\n---\n"))
	require.NoError(t, err)
	var all []string
	for _, o := range file.Objects() {
		_, hasPods := o.Target()
		all = append(all, fmt.Sprint(o, " ", hasPods, " ", o.ServiceAccount() != nil))
		if !hasPods {
			_, err := o.Mutate(func([]byte) (mutate.Result, error) { panic("asked") })
			assert.ErrorContains(t, err, "it has no pods")
		}
	}
	assert.Equal(t, []string{"ConfigMap false false", "Pod true false", "ServiceAccount shop/checkout false true"}, all)
}

func TestErrorsSayTheLineAndTheObject(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: checkout, namespace: shop}\n"
	for text, want := range map[string]string{
		head:                                 `manifest: Deployment shop/checkout: line 1: it has no spec`,
		head + "spec: {}\nspec: {}\n":        `manifest: yaml: line 5: mapping key "spec" already defined at line 4`,
		"[1]":                                `manifest: line 1: it is not a Kubernetes object`,
		"a: b\n---\nx":                       `manifest: line 3: it is not a Kubernetes object`,
		"kind: ServiceAccount\nmetadata: []": `manifest: ServiceAccount: `,
	} {
		_, err := manifest.Parse([]byte(text))
		assert.ErrorContains(t, err, want, text)
	}
	file, err := manifest.Parse([]byte(head + "spec:\n  template:\n    spec:\n      containers:\n      - name: 5\n"))
	require.NoError(t, err)
	_, err = file.Objects()[0].Mutate(nil)
	assert.EqualError(t, err, "manifest: rawPod is nil")
	_, err = file.Objects()[0].Mutate(rawPod(t, mutate.Config{}))
	assert.EqualError(t, err, `manifest: Deployment shop/checkout: line 8: "/spec/template/spec/containers/0/name": want a string`)
}

// What is read is written with the same meaning, and a mutation is done once.
func FuzzAFileIsReadMutatedAndWritten(f *testing.F) {
	for _, text := range []string{object("Pod", ""), object("CronJob", "/spec/jobTemplate/spec/template"), "kind: List\nitems: [{kind: Pod, spec: {containers: [&a {name: x}, *a]}}]", "a: b\n---\n# c\n", `{"kind":"Pod","metadata"}`,
		"a: >\n  b\n   c\n  d\ne:\n- |+\n  f\n\n# g\n", "{\"a\": \"b \u2028c\"}"} {
		f.Add([]byte(text))
	}
	mutator, err := mutate.New(mutate.Config{})
	require.NoError(f, err)
	apply := func(pod []byte) (mutate.Result, error) { return mutator.RawPod(pod, mutate.Identity{RoleARN: role}) }
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := manifest.Parse(text)
		if err != nil {
			return
		}
		for _, o := range file.Objects() {
			if _, err := o.Mutate(apply); err != nil {
				continue
			}
			again, err := o.Mutate(apply)
			require.NoError(t, err)
			assert.False(t, again.Changed())
		}
		written, err := file.Bytes()
		if err != nil {
			return
		}
		before, err := file.JSON()
		require.NoError(t, err)
		file, err = manifest.Parse(written)
		require.NoError(t, err, "%q became %q", text, written)
		after, err := file.JSON()
		require.NoError(t, err)
		assert.Equal(t, string(before), string(after), "%q became %q", text, written)
	})
}

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

// What is added to a pod is added to that pod alone, whatever its parts share with others.
func TestAliasesAndMergeKeysAreWrittenOut(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"within a pod":                 "kind: Pod\nspec:\n  containers:\n  - &app {name: app, env: &env [{name: A, value: x}]}\n  - {<<: *app, name: other}\n  - {name: third, env: *env}\n",
		"labels and their selector":    "kind: Deployment\nspec:\n  template:\n    metadata: {labels: &labels {app: a}}\n    spec: {containers: [{name: a}]}\n  selector: {matchLabels: *labels}\n",
		"a spec of two items":          "kind: List\nitems:\n- kind: Deployment\n  spec: &spec {template: {spec: {containers: [{name: a}]}}}\n- {kind: Deployment, spec: *spec}\n",
		"an item twice":                "kind: List\nitems:\n- &pod\n  kind: Pod\n  spec: {containers: [{name: a}]}\n- *pod\n",
		"an item that is merged":       "kind: List\nitems:\n- &pod\n  kind: Pod\n  spec: {containers: [{name: a}]}\n- {<<: *pod, metadata: {name: b}}\n",
		"a spec that is merged":        "kind: Pod\nmetadata: {annotations: &spec {containers: [{name: a}]}}\nspec: {<<: *spec}\n",
		"an object that is not a pod":  "kind: List\nitems:\n- kind: Pod\n  spec: &spec {containers: [{name: a}]}\n- {kind: Other, spec: *spec}\n",
		"a name that is an alias":      "kind: &kind Pod\nmetadata: {annotations: {*kind : x}}\nspec: {containers: [{name: a}]}\n",
		"a merge of several":           "kind: Pod\nmetadata: {annotations: {a: &a {name: a}, b: &b {name: b, image: b}}}\nspec: {containers: [{<<: [*a, *b]}]}\n",
		"yes and no":                   "kind: Pod\nmetadata: {annotations: {a: 'y'}}\nspec: {hostNetwork: no, containers: [{name: a, tty: yes}]}\n",
		"nothing, by a null in braces": "kind: Pod\nmetadata: {labels: , name: a}\nspec: {containers: [{name: a}]}\n",
	} {
		original, err := yaml.YAMLToJSON([]byte(text))
		require.NoError(t, err, name)
		file, err := manifest.Parse([]byte(text))
		require.NoError(t, err, name)
		mutator, err := mutate.New(mutate.Config{})
		require.NoError(t, err)
		want, pods := original, 0
		for i, o := range file.Objects() {
			if _, hasPods := o.Target(); !hasPods {
				continue
			}
			pods++
			result, err := o.Mutate(func(pod []byte) (mutate.Result, error) {
				return mutator.RawPod(pod, mutate.Identity{Method: mutate.PodIdentity})
			})
			require.NoError(t, err, name)
			assert.True(t, result.Changed(), name)
			if strings.HasPrefix(text, "kind: List") {
				result = result.Under(fmt.Sprint("/items/", i))
			}
			patch, err := jsonpatch.DecodePatch(result.PatchJSON())
			require.NoError(t, err)
			want, err = patch.Apply(want)
			require.NoError(t, err, name)
		}
		assert.Equal(t, strings.Count(text, "containers")+strings.Count(text, "*pod")+strings.Count(text, "Deployment, spec: *spec"), pods, name)
		got, err := yaml.YAMLToJSON([]byte(bytesOf(t, file)))
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got), name)
		got, err = file.JSON()
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got), name)
	}
}

func TestATextIsReadInEverySpelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":            "",
		"# nothing\n": "# nothing\n",
		"# as it is\na: &a {b: c}\nd:\n  <<: *a\n  e: *a\n": "# as it is\na: &a {b: c}\nd:\n  <<: *a\n  e: *a\n",
		"a:\r\n- b\r\n": "a:\n- b\n",
		"\xef\xbb\xbfkind: A\r\nb: |\r\n  c\r\n  d\r\n":           "kind: A\nb: |\n  c\n  d\n",
		"{\n\t\"kind\": \"\\uD83D\\uDE00\\\\ud83d\\\\ude00\\n\"}": "{\n  \"kind\": \"😀\\\\ud83d\\\\ude00\\n\"\n}\n",
		`{"a":"b && <c>","n":[12345678901234567890123,1.50,-0]}`:  "{\n  \"a\": \"b && <c>\",\n  \"n\": [\n    12345678901234567890123,\n    1.50,\n    -0\n  ]\n}\n",
	} {
		assert.Equal(t, want, bytesOf(t, mutated(t, text)), text)
	}
	const quoted = `{"a":"yes","b":"true","c":"ok","n":"12"}`
	file := mutated(t, quoted)
	for range 2 {
		text, err := file.YAML()
		require.NoError(t, err)
		assert.Equal(t, "a: \"yes\"\nb: \"true\"\nc: ok\n\"n\": \"12\"\n", string(text))
		text, err = file.JSON()
		require.NoError(t, err)
		assert.JSONEq(t, quoted, string(text))
	}
	for _, text := range []string{"kind: \xff", "a: &a [*a]", "a: " + strings.Repeat("[", 20000), "kind: Pod\n\tspec: {}", `{"kind":"\ud83d"}`} {
		file, err := manifest.Parse([]byte(text))
		assert.Error(t, err, "%.20q", text)
		assert.Nil(t, file)
	}
}

// What is not a pod stays as it is to Kubernetes, whatever stands around it, in YAML and in JSON.
func TestEverySpellingKeepsItsMeaning(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		">\n    a\n    b\n\n    c\n", ">-\n    a\n      b\n    c\n", ">+\n    a\n    b\n\n\n", ">2\n      a\n    b\n", ">\n    a\n    \tb\n    c\n",
		"|\n    a\n      b\n", "|+\n    a\n\n", "|-\n    a \n", "|2\n      a\n    b\n", "|\n\n    a\n", "|\n    a\u2028\n    b\n", "\"a\\\n    b\"", "'a\n\n    b'", "a\n    b",
		"{a: , b: 1}", "[a, # b\n  c]", "yes", "'yes'", "~", "", "0x1F", "0777", "1_000", "1.50", "12345678901234567890", "2001-01-01", "<<", "=", "!!str 12", "!!binary aGVsbG8=",
	} {
		value = strings.TrimSuffix(value, "\n")
		for _, text := range []string{
			"kind: ConfigMap\ndata:\n  a: " + value + "\n", "kind: ConfigMap\ndata:\n  a: " + value + "\n# foot\n", "kind: ConfigMap\ndata:\n  # head\n  a: " + value + "\n  # next\n  b: c\n",
			"kind: ConfigMap\ndata:\n  a:\n  - " + value + "\n\n  # next\n  b: c\n", "kind: ConfigMap\ndata: {on: a, 0x1F: b, 1.50: c, ~a: d, 'off': e}\nb: " + value + "\n",
		} {
			for _, text := range []string{text, strings.ReplaceAll(text, "\n", "\r\n")} {
				keepsMeaning(t, text)
			}
		}
	}
}

// JSON takes characters as they are that YAML does not.
func TestTheCharactersOfJSONStay(t *testing.T) {
	t.Parallel()
	const chars = "a\u2028b  \u0085c \u2029 \u007f\ufeff\uffff"
	file := mutated(t, `{"kind":"ConfigMap","data":{"`+chars+`":"`+chars+`"}}`)
	var got struct{ Data map[string]string }
	require.NoError(t, json.Unmarshal([]byte(bytesOf(t, file)), &got))
	assert.Equal(t, map[string]string{chars: chars}, got.Data)
}

func keepsMeaning(t *testing.T, text string) {
	t.Helper()
	want, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err, "%q", text)
	file, err := manifest.Parse([]byte(text))
	require.NoError(t, err, "%q", text)
	for _, write := range []func() ([]byte, error){file.Bytes, file.YAML, file.JSON} {
		written, err := write()
		require.NoError(t, err, "%q", text)
		got, err := yaml.YAMLToJSON(written)
		require.NoError(t, err, "%q became %q", text, written)
		require.JSONEq(t, string(want), string(got), "%q became %q", text, written)
	}
}

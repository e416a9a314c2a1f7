// Package patchlaws asserts, for tests of every cloud's mutation, what must hold for every pod.
package patchlaws

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// Case is one line of a recorded corpus.
type Case struct {
	Name                      string
	ServiceAccountAnnotations map[string]string
	Config                    json.RawMessage
	Pod, Want                 json.RawMessage
	Allowed                   bool
	Differs                   string
}

// Corpus reads a corpus from beside the project's root, which is at root, and skips the test where
// it is not there.
func Corpus[C any](t *testing.T, root, name string) (cases []C) {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "..", "shared", "corpus", name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the corpus is not here")
	}
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c C
		require.NoError(t, json.Unmarshal(lines.Bytes(), &c))
		cases = append(cases, c)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, cases)
	return cases
}

// Apply applies a result's patch as the API server does.
func Apply(t testing.TB, doc []byte, r mutate.Result) []byte {
	t.Helper()
	if !r.Changed() {
		require.Nil(t, r.PatchJSON())
		return doc
	}
	patch, err := jsonpatch.DecodePatch(r.PatchJSON())
	require.NoError(t, err)
	out, err := patch.Apply(doc)
	require.NoError(t, err, "%s", r.PatchJSON())
	return out
}

// Decode reads a pod into Kubernetes' types.
func Decode(t testing.TB, doc []byte) *corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	require.NoError(t, json.Unmarshal(doc, &pod))
	return &pod
}

// Normal is a pod as Kubernetes' types write it, without the empty members that they drop.
func Normal(t testing.TB, doc []byte) string {
	t.Helper()
	out, err := json.Marshal(Decode(t, doc))
	require.NoError(t, err)
	return string(out)
}

// Mutate asserts that a raw and a decoded pod come out alike, obeying Check, and returns the raw
// one's result and its pod.
func Mutate(t *testing.T, doc []byte, rawPod func([]byte) (mutate.Result, error), pod func(*corev1.Pod) (mutate.Result, error)) (mutate.Result, []byte, error) {
	t.Helper()
	Check(t, doc, rawPod)
	r, err := rawPod(doc)
	typed, typedErr := pod(Decode(t, doc))
	require.Equal(t, err, typedErr)
	require.Equal(t, r.Containers, typed.Containers)
	require.Equal(t, r.Warnings, typed.Warnings)
	if err != nil {
		return r, nil, err
	}
	patched := Apply(t, doc, r)
	require.JSONEq(t, Normal(t, patched), Normal(t, Apply(t, []byte(Normal(t, doc)), typed)))
	return r, patched, nil
}

// Check asserts for a raw pod: the input is not changed; an error is a SyntaxError or that of an
// annotation and gives a zero result; the patch applies, and applied once it is enough; and it
// only adds.
func Check(t *testing.T, pod []byte, rawPod func([]byte) (mutate.Result, error)) {
	t.Helper()
	before := bytes.Clone(pod)
	r, err := rawPod(pod)
	require.Equal(t, before, pod, "the input is not changed")
	if err != nil {
		var syntax *mutate.SyntaxError
		require.True(t, errors.As(err, &syntax) || errors.Is(err, mutate.ErrBadAnnotation), "%v", err)
		require.Zero(t, r, "an error gives a zero result")
		return
	}
	require.Len(t, r.Operations(), strings.Count(string(r.PatchJSON()), `"op":"add"`))
	patched := Apply(t, pod, r)
	ours, err := r.Apply(pod)
	require.NoError(t, err, "%s\n%s", pod, r.PatchJSON())
	require.Equal(t, compact(t, patched), compact(t, ours))
	again, err := rawPod(patched)
	require.NoError(t, err)
	require.False(t, again.Changed(), "once is enough: %s\n%s", r.PatchJSON(), again.PatchJSON())
	require.Equal(t, r.Complete(), again.Complete(), "%s", patched)
	require.Equal(t, compact(t, pod), compact(t, withoutAdditions(t, patched, r)), "only additions")
}

// withoutAdditions takes back what a patch added, last first. An array or object that the patch
// made is left out only where there was none; one in place of null stays null.
func withoutAdditions(t *testing.T, doc []byte, r mutate.Result) []byte {
	t.Helper()
	ops := r.Operations()
	for i := len(ops) - 1; i >= 0; i-- {
		path := ops[i].Path
		if list, ok := strings.CutSuffix(path, "/-"); ok {
			path = list + "/" + strconv.Itoa(length(t, doc, list)-1)
		}
		undo, err := jsonpatch.DecodePatch([]byte(fmt.Sprintf(`[{"op":"remove","path":%q}]`, path)))
		require.NoError(t, err)
		doc, err = undo.Apply(doc)
		require.NoError(t, err)
	}
	return doc
}

// length is the length of the array at a pointer whose tokens need no unescaping.
func length(t *testing.T, doc []byte, pointer string) int {
	t.Helper()
	at := decode(t, doc)
	for _, token := range strings.Split(pointer, "/")[1:] {
		switch v := at.(type) {
		case map[string]any:
			at = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			require.NoError(t, err)
			at = v[i]
		}
	}
	require.IsType(t, []any{}, at)
	return len(at.([]any))
}

func decode(t *testing.T, doc []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&v))
	return v
}

// compact is the document with every number as it is written, and without nulls where an array or
// an object may stand, which a mutation may fill.
func compact(t *testing.T, doc []byte) any {
	t.Helper()
	v, _ := decode(t, doc).(map[string]any)
	dropNull(v, "metadata")
	if metadata, ok := v["metadata"].(map[string]any); ok {
		dropNull(metadata, "annotations")
		dropNull(metadata, "labels")
	}
	if spec, ok := v["spec"].(map[string]any); ok {
		dropNull(spec, "volumes")
		for _, list := range []string{"containers", "initContainers"} {
			items, _ := spec[list].([]any)
			for _, item := range items {
				dropNull(item.(map[string]any), "env")
				dropNull(item.(map[string]any), "volumeMounts")
			}
		}
	}
	return v
}

func dropNull(object map[string]any, member string) {
	if v, ok := object[member]; ok && v == nil {
		delete(object, member)
	}
}

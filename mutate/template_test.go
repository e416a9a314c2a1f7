package mutate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
)

// pointerIn finds, by their JSON names, the pod template in one of Kubernetes' own types.
func pointerIn(of reflect.Type, at string) (string, bool) {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of == reflect.TypeFor[corev1.PodTemplateSpec]() {
		return at, true
	}
	if of.Kind() != reflect.Struct {
		return "", false
	}
	for _, field := range reflect.VisibleFields(of) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "metadata" || name == "status" {
			continue
		}
		if found, ok := pointerIn(field.Type, at+"/"+name); ok {
			return found, true
		}
	}
	return "", false
}

func TestTemplatesAreWhereKubernetesTypesHaveThem(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	kinds := 0
	for kind, of := range scheme.AllKnownTypes() {
		want, has := pointerIn(of, "")
		if kind.Kind == "Pod" {
			want, has = "", true
		}
		if kind.Version == runtime.APIVersionInternal {
			continue
		}
		pointer, known := mutate.TemplatePointer(kind.GroupVersion().String(), kind.Kind)
		assert.Equal(t, has, known, kind)
		assert.Equal(t, want, pointer, kind)
		if !known {
			continue
		}
		kinds++
		pod := `{"spec":{"serviceAccountName":"app","containers":[{"name":"a","future":1.50}]}}`
		object := wrapped(kind.GroupVersion().String(), kind.Kind, pointer, pod)
		template, err := mutate.ReadTemplate(object)
		require.NoError(t, err, "%s", object)
		assert.Equal(t, pointer, template.Pointer)
		assert.Equal(t, mutate.Target{Namespace: "shop", ServiceAccount: "app"}, template.Target)
		checkUnder(t, object, template)
	}
	assert.Equal(t, 9, kinds)
}

// wrapped is an object that has the pod at a pointer, its kind last.
func wrapped(apiVersion, kind, pointer, pod string) []byte {
	for tokens := strings.Split(pointer, "/")[1:]; len(tokens) > 0; tokens = tokens[:len(tokens)-1] {
		pod = fmt.Sprintf(`{"z":[{}],%q:%s}`, tokens[len(tokens)-1], pod)
	}
	return fmt.Appendf(nil, `%s,"metadata":{"name":"x","namespace":"shop"},"apiVersion":%q,"kind":%q}`, strings.TrimSuffix(pod, "}"), apiVersion, kind)
}

// checkUnder asserts that a patch for the whole object does to the template what the patch for the
// pod does, and nothing else.
func checkUnder(t *testing.T, object []byte, template mutate.Template) {
	t.Helper()
	result, err := newMutator(t, mutate.Config{}).RawPod(template.Pod, mutate.Identity{RoleARN: role})
	if err != nil {
		return
	}
	patched, err := result.Apply(template.Pod)
	require.NoError(t, err)
	at := bytes.LastIndex(object, template.Pod)
	want := string(object[:at]) + string(patched) + string(object[at+len(template.Pod):])
	whole := result.Under(template.Pointer)
	got, err := whole.Apply(object)
	require.NoError(t, err, "%s", object)
	require.Equal(t, want, string(got))
	require.Equal(t, whole.Complete(), result.Complete())
	require.Equal(t, numbered(t, got), numbered(t, patchlaws.Apply(t, object, whole)))
	for i, w := range whole.Warnings {
		require.Equal(t, template.Pointer+result.Warnings[i].Path, w.Path)
	}
}

// numbered is a document with its numbers as they are written.
func numbered(t *testing.T, doc []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&v))
	return v
}

func TestWhoseTemplateItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		object string
		want   mutate.Target
	}{
		"nobody's is the namespace's default":    {`{"kind":"Job","metadata":{"namespace":"shop"},"spec":{"template":{"spec":{}}}}`, mutate.Target{Namespace: "shop", ServiceAccount: "default"}},
		"the account's first name":               {`{"kind":"Job","spec":{"template":{"spec":{"serviceAccount":"app"}}}}`, mutate.Target{ServiceAccount: "app"}},
		"the newer name counts":                  {`{"kind":"Job","spec":{"template":{"spec":{"serviceAccountName":"new","serviceAccount":"old"}}}}`, mutate.Target{ServiceAccount: "new"}},
		"a template's own namespace is not one":  {`{"kind":"Job","metadata":{"namespace":"shop"},"spec":{"template":{"metadata":{"namespace":"x"},"spec":{}}}}`, mutate.Target{Namespace: "shop", ServiceAccount: "default"}},
		"a template without a spec":              {`{"kind":"PodTemplate","template":{}}`, mutate.Target{ServiceAccount: "default"}},
		"somebody else's Job":                    {`{"apiVersion":"batch.volcano.sh/v1alpha1","kind":"Job","spec":{"tasks":[]}}`, mutate.Target{}},
		"a List is its caller's":                 {`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod"}]}`, mutate.Target{}},
		"an object without a kind":               {`{"spec":{"template":{}}}`, mutate.Target{}},
		"the template of a template counts once": {`{"kind":"CronJob","spec":{"template":{"spec":{"serviceAccountName":"no"}},"jobTemplate":{"spec":{"template":{"spec":{"serviceAccountName":"app"}}}}}}`, mutate.Target{ServiceAccount: "app"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template, err := mutate.ReadTemplate([]byte(c.object))
			require.NoError(t, err)
			assert.Equal(t, c.want, template.Target)
			assert.Equal(t, c.want.IsZero(), template.IsZero())
		})
	}
}

func TestAnObjectWithoutItsTemplateIsAnError(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		`{"kind":"Deployment"}`:                          `mutate: template: "Deployment": line 1, column 22: it has no spec`,
		`{"kind":"Deployment","spec":null}`:              `it has no template`,
		`{"kind":"Deployment","spec":{"template":null}}`: `at "/spec/template": want an object`,
		`{"kind":"CronJob","spec":{"jobTemplate":{}}}`:   `it has no spec`,
		`{"kind":"Pod","spec":[]}`:                       `at "/spec": want an object`,
		`{"kind":"Pod","spec":{},"spec":{}}`:             `stands in the object twice`,
		`{"kind":5}`:                                     `at "/kind": want a string`,
		`[]`:                                             `want an object`,
		`null`:                                           `want an object`,
		`{"kind":"Pod"} {}`:                              `mutate: template: line 1`,
		`{"kind":"Pod","a":"` + strings.Repeat("x", 9<<20) + `"}`: `too large`,
	} {
		template, err := mutate.ReadTemplate([]byte(object))
		assert.ErrorContains(t, err, want)
		assert.Zero(t, template)
	}
}

func TestAResultUnderAPointerIsForTheWholeObject(t *testing.T) {
	t.Parallel()
	result, err := newMutator(t, mutate.Config{}).RawPod([]byte(rawPods[5]), mutate.Identity{RoleARN: role})
	require.NoError(t, err)
	assert.Equal(t, result, result.Under(""))
	assert.Zero(t, mutate.Result{}.Under("/spec").Operations())

	odd := "/a~1\"\xff" // a name with a slash and a quote in it, and what no name may have
	operations := result.Under(odd).Operations()
	require.Len(t, operations, len(result.Operations()))
	assert.Equal(t, "/a~1\"\ufffd"+result.Operations()[0].Path, operations[0].Path)
	_, err = result.Under("/spec/template").Apply([]byte(rawPods[5]))
	assert.ErrorContains(t, err, "the pod is not the one that the patch is for")
}

func FuzzTemplate(f *testing.F) {
	for _, pod := range rawPods {
		f.Add([]byte(pod))
		f.Add(wrapped("apps/v1", "Deployment", "/spec/template", pod))
		f.Add(wrapped("batch/v1", "CronJob", "/spec/jobTemplate/spec/template", pod))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		template, err := mutate.ReadTemplate(object)
		if err != nil {
			require.Zero(t, template)
			return
		}
		if !template.IsZero() && bytes.Count(object, template.Pod) == 1 {
			require.NotEmpty(t, template.Target.ServiceAccount)
			checkUnder(t, object, template)
		}
	})
}

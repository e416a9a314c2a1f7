package mutate

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/jsonscan"
)

// templates is where each workload has its pod, or the template of its pods, by group and kind
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/).
var templates = map[[2]string]string{
	{"", "Pod"}:                   "",
	{"", "PodTemplate"}:           "/template",
	{"", "ReplicationController"}: "/spec/template",
	{"apps", "DaemonSet"}:         "/spec/template",
	{"apps", "Deployment"}:        "/spec/template",
	{"apps", "ReplicaSet"}:        "/spec/template",
	{"apps", "StatefulSet"}:       "/spec/template",
	{"batch", "CronJob"}:          "/spec/jobTemplate/spec/template",
	{"batch", "Job"}:              "/spec/template",
}

// TemplatePointer returns the JSON pointer (RFC 6901) to the template of the pods in objects of a
// kind of Kubernetes' own; that of Pod is "". Others, and List, are not known. The version in
// apiVersion makes no difference, and without apiVersion the kind decides.
func TemplatePointer(apiVersion, kind string) (pointer string, known bool) {
	if apiVersion == "" {
		for of, pointer := range templates {
			if of[1] == kind {
				return pointer, true
			}
		}
	}
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		group = "" // "v1" is the core group's
	}
	pointer, known = templates[[2]string{group, kind}]
	return pointer, known
}

// Template is the pod, or the template of pods, in an object. The zero Template is that of an
// object of another kind.
type Template struct {
	// Pod is for [Mutator.RawPod]: a part of the object's own bytes.
	Pod []byte
	// Pointer is where it stands, for [Result.Under]; "" for a Pod.
	Pointer string
	// Target is the account of its pods. Namespace is "" where the object does not say.
	Target Target
}

// IsZero says whether the object has no pods.
func (t Template) IsZero() bool { return t.Pod == nil }

// ReadTemplate finds the template in an object's JSON. Which kinds have one [TemplatePointer]
// says; the items of a List are objects of their own.
//
// It fails with a [*SyntaxError] for what is not JSON (RFC 8259), has duplicate names or invalid
// UTF-8, or lacks the template that its kind has, and with [ErrTooLarge] for more than 9 MiB.
func ReadTemplate(object []byte) (Template, error) {
	s := templateReader{scanner: &scanner{Scanner: jsonscan.New()}}
	if err := readPod(s.Scanner, object, s.object); err != nil {
		return Template{}, fmt.Errorf("mutate: template: %w", err)
	}
	var known bool
	if s.found.Pointer, known = TemplatePointer(s.apiVersion, s.kind); !known {
		return Template{}, nil
	}
	// The kind may come after the template.
	if err := readPod(s.Scanner, object, func() { s.descend(strings.Split(s.found.Pointer, "/")[1:]) }); err != nil {
		return Template{}, fmt.Errorf("mutate: template: %s: %w", quoted(s.kind), err)
	}
	return s.found, nil
}

// templateReader reads an object twice: what it is, then its template.
type templateReader struct {
	*scanner
	apiVersion, kind string
	found            Template
}

func (r *templateReader) object() {
	if !r.Object() {
		return
	}
	for r.More() {
		switch string(r.Name()) {
		case "apiVersion":
			r.apiVersion = string(r.Text())
		case "kind":
			r.kind = string(r.Text())
		case "metadata":
			r.Only("namespace", func() { r.found.Target.Namespace = string(r.Text()) })
		default:
			r.Skip()
		}
	}
}

// descend goes to the template by the names of members.
func (r *templateReader) descend(names []string) {
	if len(names) == 0 {
		r.template()
		return
	}
	there := false
	r.Only(names[0], func() {
		there = true
		r.descend(names[1:])
	})
	if !there {
		r.Fail("it has no " + names[0])
	}
}

func (r *templateReader) template() {
	from := r.Offset()
	if !r.Object() {
		return
	}
	r.view = view{wantAccount: true}
	for r.More() {
		if string(r.Name()) == "spec" {
			r.specAccount()
		} else {
			r.Skip()
		}
	}
	r.found.Pod, r.found.Target.ServiceAccount = r.Since(from), r.view.accountName()
}

// Under returns the Result for the object that has the pod at a JSON pointer (RFC 6901), such as
// [Template.Pointer]: patch and warnings are about the object, and [Result.Apply] takes it.
// Containers stay as they are, with paths from the pod on.
func (r Result) Under(pointer string) Result {
	if pointer == "" {
		return r
	}
	warnings := make([]Warning, 0, len(r.Warnings))
	for _, w := range r.Warnings {
		w.Path = pointer + w.Path
		warnings = append(warnings, w)
	}
	r.Warnings = warnings
	if !r.Changed() {
		return r
	}
	var ops []struct {
		Path  string
		Value json.RawMessage
	}
	if err := json.Unmarshal(r.patch, &ops); err != nil {
		return r // the encoder writes nothing but JSON
	}
	var out patch
	for _, op := range ops {
		path := quoteJSON(strings.ToValidUTF8(pointer, "\ufffd") + op.Path)
		out.add(nil, path[1:len(path)-1], op.Value)
	}
	r.patch = out.end()
	return r
}

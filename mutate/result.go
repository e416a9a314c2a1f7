package mutate

import (
	"encoding/json"
	"slices"
	"strconv"

	"gomodules.xyz/jsonpatch/v2"
)

// Outcome is what became of one container.
type Outcome uint8

const (
	// Skipped: it was left without our identity variables.
	Skipped Outcome = iota
	// Injected: it gets the identity variables.
	Injected
	// Conflict: it should have got them, but something that its author gave it is in the way.
	Conflict
)

// String returns "skipped", "injected" or "conflict".
func (o Outcome) String() string {
	switch o {
	case Skipped:
		return "skipped"
	case Injected:
		return "injected"
	case Conflict:
		return "conflict"
	}
	return "Outcome(" + strconv.Itoa(int(o)) + ")"
}

// Reason says why a container was not injected. Reasons are stable; a conflict's reason is
// its warning's Code.
type Reason string

const (
	// ReasonAnnotation: the pod's annotation skip-containers names it.
	ReasonAnnotation Reason = "annotation"
	// ReasonPresent: it has both identity variables already, its author's or from an
	// earlier invocation. A region or a mount may still have been added, as EKS does.
	ReasonPresent Reason = "present"
)

// Kind is the list of a pod that a container is in.
type Kind uint8

const (
	// Container is an ordinary container.
	Container Kind = iota
	// InitContainer is an init container or a native sidecar.
	InitContainer
	// EphemeralContainer is a debug container.
	EphemeralContainer
)

// String returns the list's name in a pod: "containers", "initContainers" or
// "ephemeralContainers".
func (k Kind) String() string {
	switch k {
	case Container:
		return "containers"
	case InitContainer:
		return "initContainers"
	case EphemeralContainer:
		return "ephemeralContainers"
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// ContainerResult is what became of one container.
type ContainerResult struct {
	Name  string
	Kind  Kind
	Index int // in its list

	Outcome Outcome
	// Reason is why it was not injected; "" when it was.
	Reason Reason
}

// Path returns the container's JSON pointer, such as "/spec/containers/0".
func (c ContainerResult) Path() string {
	return string(appendContainerPath(nil, c.Kind, c.Index))
}

func appendContainerPath(b []byte, kind Kind, index int) []byte {
	b = append(append(b, "/spec/"...), kind.String()...)
	return strconv.AppendInt(append(b, '/'), int64(index), 10)
}

// Result is what a mutation does to one pod. The zero value does nothing. It may be read
// concurrently.
type Result struct {
	// Containers has every container that was looked at, init containers first.
	Containers []ContainerResult

	// Warnings are for the pod's author. They do not depend on whether there is a patch.
	Warnings []Warning

	patch      []byte
	judged     bool
	incomplete []Finding
}

// Complete says whether every container that is not left out on purpose, by the pod's
// annotation skip-containers, has an identity that works: the one asked for, or one of its
// own. It is false where that depends on values that the pod does not show and that may be
// empty, and for the zero Result, which has no containers.
func (r Result) Complete() bool { return r.judged && len(r.incomplete) == 0 }

// Incomplete returns the containers that keep the Result from being complete, each with how
// it stands once the patch has been applied.
func (r Result) Incomplete() []Finding { return slices.Clone(r.incomplete) }

// Changed says whether there is a patch.
func (r Result) Changed() bool { return len(r.patch) > 0 }

// PatchJSON returns the JSON patch (RFC 6902), all of whose operations are "add"; nil when
// the pod stays as it is. The bytes are the Result's own: do not change them.
func (r Result) PatchJSON() []byte {
	return r.patch[:len(r.patch):len(r.patch)]
}

// Operations returns the patch as the type that controller-runtime uses, in a fresh slice;
// nil when the pod stays as it is. It decodes PatchJSON: where bytes will do, that is faster.
func (r Result) Operations() []jsonpatch.Operation {
	if !r.Changed() {
		return nil
	}
	var ops []jsonpatch.Operation
	if err := json.Unmarshal(r.patch, &ops); err != nil {
		return nil // the encoder writes nothing but JSON
	}
	return ops
}

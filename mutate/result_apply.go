package mutate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Apply returns the pod as the patch makes it: the bytes that the Result was planned for, with
// what it adds written between them. No other byte changes, so that the order of members,
// numbers and white space stay. Without a patch it returns a copy. Its time is that of reading the
// pod and the patch.
//
// It fails where the patch does not fit the pod.
func (r Result) Apply(pod []byte) ([]byte, error) {
	if !r.Changed() {
		return bytes.Clone(pod), nil
	}
	var ops []struct {
		Path  string
		Value json.RawMessage
	}
	if err := json.Unmarshal(r.patch, &ops); err != nil {
		return nil, fmt.Errorf("mutate: apply: the patch: %w", err)
	}
	adds := make([]addition, len(ops))
	for i, op := range ops {
		adds[i] = addition{op.Path, slices.Collect(jsontext.Pointer(op.Path).Tokens()), op.Value}
	}
	patched, err := add(pod, adds)
	if err != nil {
		return nil, fmt.Errorf("mutate: apply: %w", err)
	}
	return patched, nil
}

// addition adds a value at a path below some value of the pod.
type addition struct {
	at    string // the whole path
	path  []string
	value []byte
}

// misfit is the error of an addition that has no place; err may be nil.
func (a addition) misfit(reason string, err error) error {
	return fmt.Errorf("%s: the pod is not the one that the patch is for: %w", a.at, errors.Join(errors.New(reason), err))
}

// add returns a value with what is added to it; nil is the value that is not there.
func add(doc []byte, adds []addition) ([]byte, error) {
	switch {
	case len(adds) == 0:
		return doc, nil
	case len(adds[0].path) == 0 && (doc == nil || string(doc) == "null"):
		return add(adds[0].value, adds[1:])
	case len(adds[0].path) == 0:
		return nil, adds[0].misfit("it is there already", nil)
	case doc == nil:
		return nil, adds[0].misfit("what it adds to is not there", nil)
	}
	w := adder{doc: doc, dec: jsontext.NewDecoder(bytes.NewBuffer(doc)), adds: adds, inner: map[string][]addition{}, empty: true}
	for _, a := range adds {
		w.inner[a.path[0]] = append(w.inner[a.path[0]], addition{a.at, a.path[1:], a.value})
	}
	switch open, err := w.dec.ReadToken(); {
	case err == nil && open.Kind() == '{':
		w.object()
	case err == nil && open.Kind() == '[':
		w.array()
	default:
		w.err = adds[0].misfit("what it adds to is neither an object nor an array", err)
	}
	for _, left := range w.inner {
		w.err = cmp.Or(w.err, left[0].misfit("what it adds to is not there", nil))
	}
	return append(w.out, doc[w.done:]...), w.err
}

// adder adds to the members or elements of one value. Its error sticks.
type adder struct {
	doc, out []byte
	done     int // how much of doc is in out
	dec      *jsontext.Decoder
	adds     []addition
	inner    map[string][]addition // by member or element, what is left to do
	empty    bool                  // nothing is in it yet
	err      error
}

func (w *adder) object() {
	for w.dec.PeekKind() != '}' && w.err == nil {
		name, err := w.dec.ReadToken()
		if err != nil {
			w.err = w.adds[0].misfit("it cannot be read", err)
			return
		}
		w.next(name.String())
	}
	for _, a := range w.adds {
		if adds := w.inner[a.path[0]]; adds != nil && w.err == nil {
			name, _ := jsontext.AppendQuote(nil, a.path[0]) // the decoder of the patch has read it
			w.insert(append(name, ':'), adds)
			delete(w.inner, a.path[0])
		}
	}
}

// array puts what comes first before the rest.
func (w *adder) array() {
	if adds := w.inner["0"]; adds != nil && len(adds[0].path) == 0 {
		w.insert(nil, adds)
		delete(w.inner, "0")
		if w.dec.PeekKind() != ']' {
			w.out = append(w.out, ',')
		}
	}
	for i := 0; w.dec.PeekKind() != ']' && w.err == nil; i++ {
		w.next(strconv.Itoa(i))
	}
	for _, a := range w.inner["-"] {
		w.insert(nil, []addition{a})
	}
	delete(w.inner, "-")
}

// next reads a member's or an element's value, and adds to it.
func (w *adder) next(name string) {
	old, err := w.dec.ReadValue()
	if w.empty = false; err != nil {
		w.err = w.adds[0].misfit("it cannot be read", err)
		return
	}
	if adds := w.inner[name]; adds != nil {
		w.write(int(w.dec.InputOffset())-len(old), nil, old, adds)
		w.done += len(old)
		delete(w.inner, name)
	}
}

// insert writes a new value after what there is.
func (w *adder) insert(name []byte, adds []addition) {
	if !w.empty {
		name = append([]byte{','}, name...)
	}
	w.empty = false
	w.write(int(w.dec.InputOffset()), name, nil, adds)
}

// write copies up to an offset and writes a value after it, with what is added to that.
func (w *adder) write(offset int, name, value []byte, adds []addition) {
	value, err := add(value, adds)
	w.err = cmp.Or(w.err, err)
	w.out = append(append(append(w.out, w.doc[w.done:offset]...), name...), value...)
	w.done = offset
}

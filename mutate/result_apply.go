package mutate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Apply returns the pod as the patch makes it: the bytes that the Result was planned for, with
// what it adds written between them. No other byte changes, so that the order of members,
// numbers and white space stay. Without a patch it returns a copy.
//
// It fails where the patch does not fit the pod.
func (r Result) Apply(pod []byte) ([]byte, error) {
	patched := bytes.Clone(pod)
	if !r.Changed() {
		return patched, nil
	}
	var ops []struct {
		Path  string
		Value json.RawMessage
	}
	if err := json.Unmarshal(r.patch, &ops); err != nil {
		return nil, fmt.Errorf("mutate: apply: the patch: %w", err)
	}
	for _, op := range ops {
		var err error
		if patched, err = insert(patched, jsontext.Pointer(op.Path), op.Value); err != nil {
			return nil, fmt.Errorf("mutate: apply: %s: the pod is not the one that the patch is for: %w", op.Path, err)
		}
	}
	return patched, nil
}

// insert adds a value at a place that has none, or null.
func insert(doc []byte, at jsontext.Pointer, value []byte) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(doc))
	for token := range at.Parent().Tokens() {
		if found, _, err := enter(dec, token); err != nil || !found {
			return nil, errors.Join(errors.New("what it adds to is not there"), err)
		}
	}
	last := at.LastToken()
	kind := dec.PeekKind()
	found, first, err := enter(dec, last)
	if err != nil {
		return nil, err
	}
	from := int(dec.InputOffset())
	switch {
	case found && kind == '{':
		old, err := dec.ReadValue()
		if err != nil || old.Kind() != 'n' {
			return nil, errors.Join(errors.New("it is there already"), err)
		}
		end := int(dec.InputOffset())
		return slices.Replace(doc, end-len(old), end, value...), nil
	case kind == '{':
		name, err := jsontext.AppendQuote(nil, last)
		if err != nil {
			return nil, err
		}
		value = append(append(name, ':'), value...)
	}
	comma := []byte{','}
	switch {
	case !first:
		value = append(comma, value...)
	case found:
		value = append(slices.Clip(value), comma...)
	}
	return slices.Insert(doc, from, value...), nil
}

// enter goes to the member or the element of a name; first says that it would be the first
// there. What is not found is at the end, which is where "-" always is.
func enter(dec *jsontext.Decoder, name string) (found, first bool, err error) {
	open, err := dec.ReadToken()
	if err != nil {
		return false, false, err
	}
	index, end := -1, jsontext.Kind('}')
	switch {
	case open.Kind() == '[' && name == "-":
		end = ']'
	case open.Kind() == '[':
		if index, err = strconv.Atoi(name); err != nil {
			return false, false, fmt.Errorf("%q is not an index", name)
		}
		end = ']'
	case open.Kind() != '{':
		return false, false, errors.New("what it adds to is neither an object nor an array")
	}
	for i := 0; ; i++ {
		switch kind := dec.PeekKind(); {
		case kind == end:
			return false, i == 0, nil
		case kind == 0:
			_, err := dec.ReadToken()
			return false, false, err
		case end == ']' && i == index:
			return true, i == 0, nil
		case end == '}':
			member, err := dec.ReadToken()
			if err != nil || member.String() == name {
				return err == nil, false, err
			}
		}
		if err := dec.SkipValue(); err != nil {
			return false, false, err
		}
	}
}

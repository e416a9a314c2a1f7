package policyfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"

	"github.com/irsa-go/irsa/internal/yamltree"
	"github.com/irsa-go/irsa/trust"
)

// maxYAML bounds what is read whole, in bytes.
const maxYAML = 64 << 20

// Read takes the trust policies out of a file of JSON or YAML. It is YAML when its name ends in .yaml
// or .yml, or when it does not begin as JSON does. JSON is read as a stream, by [trust.ExtractFrom].
// YAML is read whole, up to 64 MiB; lines are those of the YAML, and columns as near as they can be.
//
// An error ends the sequence, and what came before it is not all that there is.
func Read(name string, r io.Reader) iter.Seq2[trust.Extracted, error] {
	return func(yield func(trust.Extracted, error) bool) {
		in := bufio.NewReader(r)
		if isJSON(name, in) {
			trust.ExtractFrom(in)(yield)
			return
		}
		documents, err := documents(in)
		if err != nil {
			yield(trust.Extracted{}, err)
			return
		}
		var unknown error
		for _, document := range documents {
			for e, err := range trust.ExtractFrom(bytes.NewReader(document)) {
				if errors.Is(err, trust.ErrUnknownDocument) { // the next one may be known
					unknown = err
				} else if !yield(e, err) || err != nil {
					return
				}
			}
		}
		if unknown != nil {
			yield(trust.Extracted{}, unknown)
		}
	}
}

func isJSON(name string, in *bufio.Reader) bool {
	if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
		return false
	}
	start, _ := in.Peek(512)
	start = bytes.TrimSpace(start)
	for _, begin := range []string{"{", "[", "PK\x03\x04"} { // an archive too: what is read says what it is
		if bytes.HasPrefix(start, []byte(begin)) {
			return true
		}
	}
	return false
}

// notYAML is why a file that does not begin as JSON cannot be read.
type notYAML struct{ error }

// documents are those of a YAML file, as JSON.
func documents(r io.Reader) (all [][]byte, err error) {
	text, err := io.ReadAll(io.LimitReader(r, maxYAML+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxYAML {
		return nil, fmt.Errorf("it has more than %d bytes, and only JSON is read as a stream", maxYAML)
	}
	if json.Valid(text) { // tabs, which YAML refuses
		return [][]byte{text}, nil
	}
	nodes, err := yamltree.Documents(text)
	if err != nil {
		return nil, notYAML{fmt.Errorf("it is neither JSON nor YAML: %w", err)}
	}
	for _, node := range nodes {
		if yamltree.Root(node) == nil {
			continue
		}
		document, err := yamltree.JSON(node)
		if err != nil {
			return nil, notYAML{err}
		}
		all = append(all, document)
	}
	return all, nil
}

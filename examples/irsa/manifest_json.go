package main

import (
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// toJSON writes a node as JSON, in its own order.
func toJSON(node *yaml.Node) ([]byte, error) {
	var w jsonWriter
	err := w.node(node)
	return w.out, err
}

// jsonWriter writes YAML as JSON; placed, with every value on the line and, as far as there is room,
// in the column that it has in the file.
type jsonWriter struct {
	out          []byte
	placed       bool
	line, column int
}

func (w *jsonWriter) text(s string) {
	w.out = append(w.out, s...)
	w.column += len([]rune(s))
}

// to goes forward to a place of the file; there is no way back.
func (w *jsonWriter) to(n *yaml.Node) {
	for w.placed && w.line < n.Line {
		w.out = append(w.out, '\n')
		w.line++
		w.column = 1
	}
	for w.placed && w.line == n.Line && w.column < n.Column {
		w.text(" ")
	}
}

func (w *jsonWriter) node(n *yaml.Node) error {
	n = behind(n)
	switch n.Kind {
	case yaml.DocumentNode:
		return w.node(n.Content[0])
	case yaml.MappingNode:
		return w.content(n, "{", "}")
	case yaml.SequenceNode:
		return w.content(n, "[", "]")
	}
	w.to(n)
	var value any
	if err := n.Decode(&value); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return w.value(value)
}

func (w *jsonWriter) content(n *yaml.Node, first, last string) (err error) {
	w.text(first)
	for i, child := range n.Content {
		isName := n.Kind == yaml.MappingNode && i%2 == 0
		switch {
		case n.Kind == yaml.MappingNode && !isName:
			w.text(":")
		case i > 0:
			w.text(",")
		}
		if isName {
			w.to(child)
			err = w.value(child.Value)
		} else {
			err = w.node(child)
		}
		if err != nil {
			return err
		}
	}
	w.text(last)
	return nil
}

func (w *jsonWriter) value(v any) error {
	text, err := json.Marshal(v)
	w.text(string(text))
	return err
}

package yamltree

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// JSON writes a node as JSON, with every value on the line and, as far as there is room, in the
// column that it has in the YAML. The order of members stays. Aliases and merge keys are written
// out; the short forms of CloudFormation's functions, such as !Ref and !GetAtt, are objects of one
// member (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html).
func JSON(node *yaml.Node) ([]byte, error) {
	w := writer{line: 1, column: 1}
	err := w.node(Plain(node))
	return w.out, err
}

type writer struct {
	out          []byte
	line, column int
}

func (w *writer) text(s string) {
	w.out = append(w.out, s...)
	w.column += utf8.RuneCountInString(s)
}

// to goes forward to a place of the YAML, and cannot go back.
func (w *writer) to(n *yaml.Node) {
	for w.line < n.Line {
		w.out = append(w.out, '\n')
		w.line++
		w.column = 1
	}
	for w.line == n.Line && w.column < n.Column {
		w.text(" ")
	}
}

func (w *writer) node(n *yaml.Node) error {
	if name, short := strings.CutPrefix(n.ShortTag(), "!"); short && !strings.HasPrefix(name, "!") && name != "" {
		plain := *n
		plain.Tag = ""
		if n.Kind == yaml.ScalarNode {
			plain.Tag = "!!str"
		}
		if name != "Ref" && name != "Condition" {
			name = "Fn::" + name
		}
		return w.content(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Value: name, Line: n.Line, Column: n.Column}, &plain,
		}}, "{", "}")
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return w.node(n.Content[0])
	case yaml.MappingNode:
		return w.content(n, "{", "}")
	case yaml.SequenceNode:
		return w.content(n, "[", "]")
	}
	w.to(n)
	value, err := scalar(n)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return w.value(n, value)
}

// scalar is what a scalar is to Kubernetes.
func scalar(n *yaml.Node) (value any, err error) {
	switch tag := n.ShortTag(); {
	case tag == "!!str" && n.Style == 0 && len(n.Value) <= len("off"):
		var old bool // yes, no, on and off are still that to Kubernetes (https://yaml.org/type/bool.html)
		if n.Decode(&old) == nil {
			return old, nil
		}
	case tag == "!!str" || tag == "!!timestamp": // JSON has no dates
	case (tag == "!!int" || tag == "!!float") && json.Valid([]byte(n.Value)):
		return json.Number(n.Value), nil // with all of its digits
	default:
		err = n.Decode(&value)
		return value, err
	}
	return n.Value, nil
}

// name is what the name of a member is to Kubernetes, which takes on, 0x1F and 1.0 for true, 31 and 1.
func name(n *yaml.Node) string {
	switch value, _ := scalar(n); v := value.(type) {
	case bool, int:
		return fmt.Sprint(v)
	case json.Number:
		if f, err := v.Float64(); err == nil && n.ShortTag() == "!!float" {
			return strconv.FormatFloat(f, 'g', -1, 32)
		}
	}
	return n.Value
}

func (w *writer) content(n *yaml.Node, first, last string) (err error) {
	if n.Style&yaml.FlowStyle != 0 {
		w.to(n)
	}
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
			err = w.value(child, name(child))
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

func (w *writer) value(n *yaml.Node, v any) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("line %d: it cannot be written as JSON", n.Line) // infinity
	}
	w.text(strings.TrimSuffix(text.String(), "\n"))
	return nil
}

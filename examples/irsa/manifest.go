package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-go/irsa/mutate"
)

// manifest is one document of a file, with its comments and the order of its members.
type manifest struct {
	file    string
	node    *yaml.Node // the document
	isJSON  bool
	compact bool // lists are not indented below their names
}

var compactList = regexp.MustCompile(`(?m)^( *)[^\s#-][^\n]*:\n(?: *#[^\n]*\n)*( *)- `)

// readManifests reads the documents of a file; empty ones stay, so that nothing is lost.
func readManifests(file string, text []byte) ([]manifest, error) {
	isJSON := json.Valid(text)
	list := compactList.FindSubmatch(text)
	compact := list != nil && bytes.Equal(list[1], list[2])
	var all []manifest
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err == nil { // a name that stands twice, or aliases that grow without measure
			err = node.Decode(new(any))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, manifest{file: file, node: &node, isJSON: isJSON, compact: compact})
	}
}

// walk calls f with the object, or with each item of a List.
func (m manifest) walk(f func(*yaml.Node) error) error {
	if len(m.node.Content) == 0 || m.node.Content[0].Tag == "!!null" {
		return nil
	}
	object := m.node.Content[0]
	if object.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: it is not a Kubernetes object", object.Line)
	}
	if !strings.HasSuffix(text(object, "kind"), "List") {
		return f(object)
	}
	items := at(object, "items")
	if items == nil || items.Kind != yaml.SequenceNode {
		return nil
	}
	for _, item := range items.Content {
		if err := f(item); err != nil {
			return err
		}
	}
	return nil
}

// writeManifests writes documents in their own format, JSON as JSON.
func writeManifests(out *bytes.Buffer, all []manifest) error {
	for i, m := range all {
		if m.isJSON {
			raw, err := toJSON(m.node)
			if err == nil {
				err = json.Indent(out, raw, "", "  ")
			}
			if err != nil {
				return err
			}
			out.WriteByte('\n')
			continue
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		encoder := yaml.NewEncoder(out)
		encoder.SetIndent(2)
		if m.compact {
			encoder.CompactSeqIndent()
		}
		if err := errors.Join(encoder.Encode(m.node), encoder.Close()); err != nil {
			return fmt.Errorf("%s: %w", m.file, err)
		}
	}
	return nil
}

// at follows names through mappings, and numbers through sequences; nil when one is not there.
func at(node *yaml.Node, path ...string) *yaml.Node {
	for _, name := range path {
		node = member(node, name)
	}
	return node
}

func member(node *yaml.Node, name string) *yaml.Node {
	node = behind(node)
	if node != nil && node.Kind == yaml.SequenceNode {
		if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(node.Content) {
			return node.Content[n]
		}
	}
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	return nil
}

// behind is what an alias stands for.
func behind(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// text is the scalar at a path, "" for none.
func text(node *yaml.Node, path ...string) string {
	if node = behind(at(node, path...)); node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// expand writes aliases and merge keys out below a node, so that what is added in one place appears
// in no other.
func expand(node *yaml.Node) {
	for i, child := range node.Content {
		if child.Kind == yaml.AliasNode {
			node.Content[i] = copied(behind(child))
		}
		expand(node.Content[i])
	}
	if node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Tag != "!!merge" {
			continue
		}
		merged := []*yaml.Node{node.Content[i+1]}
		if node.Content[i+1].Kind == yaml.SequenceNode {
			merged = node.Content[i+1].Content
		}
		node.Content = slices.Delete(node.Content, i, i+2)
		for _, m := range merged {
			for j := 0; j+1 < len(m.Content); j += 2 {
				if member(node, m.Content[j].Value) == nil {
					node.Content = append(node.Content, m.Content[j], m.Content[j+1])
				}
			}
		}
		i -= 2
	}
}

func copied(node *yaml.Node) *yaml.Node {
	c := *node
	c.Anchor = ""
	c.Content = nil
	for _, child := range node.Content {
		c.Content = append(c.Content, copied(child))
	}
	return &c
}

// names are what a JSON pointer (RFC 6901) consists of.
func names(pointer string) []string {
	all := strings.Split(pointer, "/")[1:]
	for i := range all {
		all[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(all[i])
	}
	return all
}

// located says where in the YAML a part of an object is wrong, in place of where in its JSON.
func located(object *yaml.Node, pointer string, err error) error {
	var syntax *mutate.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	pointer += syntax.Pointer
	if node := at(object, names(pointer)...); node != nil {
		object = node
	}
	return fmt.Errorf("line %d: %q: %s", object.Line, pointer, syntax.Reason)
}

// add carries out one "add" of a JSON patch (RFC 6902 §4.1), the only operation that mutate knows.
func add(node *yaml.Node, pointer string, value any) error {
	tokens := names(pointer)
	last := len(tokens) - 1
	if node = behind(at(node, tokens[:last]...)); node == nil {
		return fmt.Errorf("%q does not exist in it", pointer)
	}
	var added yaml.Node
	if err := added.Encode(value); err != nil {
		return err
	}
	if node.Style&yaml.FlowStyle != 0 && node.Kind == yaml.SequenceNode && len(node.Content) == 0 {
		node.Style &^= yaml.FlowStyle // [] grows to a list
	}
	switch node.Kind {
	case yaml.SequenceNode:
		i := len(node.Content)
		if n, err := strconv.Atoi(tokens[last]); err == nil && n <= i {
			i = n
		}
		node.Content = slices.Insert(node.Content, i, &added)
	case yaml.MappingNode:
		if have := member(node, tokens[last]); have != nil {
			*have = added
			return nil
		}
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: tokens[last]}, &added)
	}
	return nil
}

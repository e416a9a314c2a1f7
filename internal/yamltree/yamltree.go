// Package yamltree reads YAML with its comments and the order of its members, and writes it as JSON
// that has every value where the YAML has it.
package yamltree

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Documents reads the documents of a text; empty ones stay, so that nothing is lost, and a text of
// comments alone has none. A name that a mapping has twice is an error, and so are aliases that grow
// without measure.
func Documents(text []byte) (all []*yaml.Node, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err == nil {
			err = new(checker).check(&node)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, &node)
	}
}

// Root is what a document holds, nil for nothing.
func Root(document *yaml.Node) *yaml.Node {
	if len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
		return nil
	}
	return document.Content[0]
}

// At follows names through mappings, and numbers through sequences; nil when one is not there.
func At(node *yaml.Node, path ...string) *yaml.Node {
	for _, name := range path {
		node = behind(node)
		switch {
		case node == nil:
			return nil
		case node.Kind == yaml.MappingNode:
			node = member(node, name)
		default:
			n, err := strconv.Atoi(name)
			if err != nil || node.Kind != yaml.SequenceNode || n < 0 || n >= len(node.Content) {
				return nil
			}
			node = node.Content[n]
		}
	}
	return node
}

func member(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// Text is the scalar at a path, "" for none.
func Text(node *yaml.Node, path ...string) string {
	if node = behind(At(node, path...)); node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// Plain is a copy without anchors, in which aliases and merge keys are written out, so that what is
// added in one place appears in no other.
func Plain(node *yaml.Node) *yaml.Node {
	plain := copied(behind(node))
	expand(plain)
	return plain
}

// behind is what an alias stands for.
func behind(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func expand(node *yaml.Node) {
	for i, child := range node.Content {
		if child.Kind == yaml.AliasNode {
			node.Content[i] = copied(behind(child))
		}
		expand(node.Content[i])
	}
	if node.Kind == yaml.MappingNode {
		mergeInto(node)
	}
}

// mergeInto writes out the merge key of a mapping (https://yaml.org/type/merge.html).
func mergeInto(mapping *yaml.Node) {
	at := -1
	have := map[string]bool{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if isMerge(mapping.Content[i]) {
			at = i
		}
		have[mapping.Content[i].Value] = true
	}
	if at < 0 {
		return
	}
	merged := mergedBy(mapping.Content[at+1])
	mapping.Content = slices.Delete(mapping.Content, at, at+2)
	for _, m := range merged {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if name := m.Content[i]; !have[name.Value] {
				have[name.Value] = true
				mapping.Content = append(mapping.Content, name, m.Content[i+1])
			}
		}
	}
}

func isMerge(name *yaml.Node) bool {
	return name.Kind == yaml.ScalarNode && name.Value == "<<" && (name.Tag == "" || name.Tag == "!!merge")
}

// mergedBy are the mappings that the value of a merge key names.
func mergedBy(value *yaml.Node) []*yaml.Node {
	if value = behind(value); value.Kind == yaml.SequenceNode {
		return value.Content
	}
	return []*yaml.Node{value}
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

// Package yamltree reads YAML with its comments and the order of its members, and writes it as JSON
// that has every value where the YAML has it.
package yamltree

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Documents reads the documents of a text; empty ones stay, so that nothing is lost. A name that
// stands twice in a mapping is an error, and so are aliases that grow without measure.
func Documents(text []byte) (all []*yaml.Node, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err == nil {
			err = node.Decode(new(any))
		}
		if several := (*yaml.TypeError)(nil); errors.As(err, &several) {
			err = errors.New("yaml: " + strings.Join(several.Errors, "; ")) // on one line
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
		node = Behind(node)
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
	if node = Behind(At(node, path...)); node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// Behind is what an alias stands for.
func Behind(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// Expand writes aliases and merge keys out below a node, so that what is added in one place appears
// in no other.
func Expand(node *yaml.Node) {
	for i, child := range node.Content {
		if child.Kind == yaml.AliasNode {
			node.Content[i] = copied(Behind(child))
		}
		Expand(node.Content[i])
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

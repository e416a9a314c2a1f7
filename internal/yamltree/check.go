package yamltree

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// mostAliased is how many values the aliases of a document may stand for, together.
const mostAliased = 400_000

// checker finds what a document must not have. It takes as long as the document is large: the decoder's
// own search for names that are there twice takes the square of a mapping's length.
type checker struct {
	open    map[*yaml.Node]bool // the anchors that the walk is in
	aliases int                 // the aliases that it is in
	aliased int
}

func (c *checker) check(node *yaml.Node) error {
	if c.aliases > 0 {
		if c.aliased++; c.aliased > mostAliased {
			return errors.New("yaml: document contains excessive aliasing")
		}
	}
	if node.Anchor != "" {
		if c.open == nil {
			c.open = map[*yaml.Node]bool{}
		}
		c.open[node] = true
		defer delete(c.open, node)
	}
	switch node.Kind {
	case yaml.AliasNode:
		if c.open[node.Alias] {
			return fmt.Errorf("yaml: line %d: anchor %q contains itself", node.Line, node.Value)
		}
		c.aliases++
		defer func() { c.aliases-- }()
		return c.check(node.Alias)
	case yaml.MappingNode:
		if err := checkNames(node); err != nil {
			return err
		}
	}
	for _, child := range node.Content {
		if err := c.check(child); err != nil {
			return err
		}
	}
	return nil
}

func checkNames(mapping *yaml.Node) error {
	lines := make(map[string]int, len(mapping.Content)/2)
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		name := behind(mapping.Content[i])
		if name.Kind != yaml.ScalarNode {
			return fmt.Errorf("yaml: line %d: a mapping key must be a scalar", name.Line)
		}
		if first, twice := lines[name.Value]; twice {
			return fmt.Errorf("yaml: line %d: mapping key %q already defined at line %d", mapping.Content[i].Line, name.Value, first)
		}
		lines[name.Value] = mapping.Content[i].Line
		if !isMerge(name) {
			continue
		}
		for _, merged := range mergedBy(mapping.Content[i+1]) {
			if behind(merged).Kind != yaml.MappingNode {
				return fmt.Errorf("yaml: line %d: only mappings can be merged", merged.Line)
			}
		}
	}
	return nil
}

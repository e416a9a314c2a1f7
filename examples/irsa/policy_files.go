package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/irsa-go/irsa/trust"
)

// policySearch is the trust policies of files, and of what is JSON or YAML in folders.
type policySearch struct {
	files   int
	found   []foundPolicy
	skipped []skipped
}

// foundPolicy is a policy, or why it cannot be one.
type foundPolicy struct {
	file string
	trust.Extracted
}

func findPolicies(cmd *cobra.Command, names []string) (s policySearch, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		if name == "-" || err == nil && !info.IsDir() {
			err = s.file(cmd, name, true)
		} else if err == nil {
			err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
				switch {
				case err != nil:
					return err
				case entry.IsDir() && path != name && strings.HasPrefix(entry.Name(), "."):
					return fs.SkipDir
				case entry.IsDir() || !slices.Contains([]string{".json", ".yaml", ".yml", ".template", ".tfstate"}, filepath.Ext(path)):
					return nil
				}
				info, err := os.Stat(path)
				if err != nil || !info.Mode().IsRegular() { // a pipe would be waited for
					return err
				}
				return s.file(cmd, path, false)
			})
		}
		if err != nil {
			return s, err
		}
	}
	if len(s.found) == 0 {
		err = fmt.Errorf("%s: no trust policy was found", strings.Join(names, ", "))
	}
	return s, err
}

// file looks into one that was named, where all must be well, or was found in a folder, which has
// other files too.
func (s *policySearch) file(cmd *cobra.Command, name string, named bool) error {
	text, err := readFile(cmd, name)
	if err != nil {
		return err
	}
	s.files++
	documents, err := jsonDocuments(name, text)
	if err != nil && named {
		return err
	}
	none := skipped{File: name}
	if err != nil {
		none.Reason = ": " + strings.TrimPrefix(err.Error(), name+": ")
	}
	before := len(s.found)
	for _, document := range documents {
		policies, err := trust.Extract(document)
		if err != nil && named {
			return fmt.Errorf("%s: %w", name, err)
		}
		if syntax := (*trust.SyntaxError)(nil); errors.As(err, &syntax) { // who knows what it was meant to be
			policies = []trust.Extracted{{Err: syntax}}
		}
		for _, e := range policies {
			s.found = append(s.found, foundPolicy{name, e})
		}
	}
	if len(s.found) == before {
		s.skipped = append(s.skipped, none)
	}
	return nil
}

// jsonDocuments is the JSON of a file; YAML is written as JSON with every value on the line and, as
// far as there is room, in the column that it has in the file, so that findings point there.
func jsonDocuments(name string, text []byte) ([][]byte, error) {
	isYAML := strings.HasPrefix(filepath.Ext(name), ".y")
	if trimmed := strings.TrimSpace(string(text)); json.Valid(text) || !isYAML && (strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") || strings.HasPrefix(trimmed, "PK\x03\x04")) {
		return [][]byte{text}, nil // broken JSON and archives too: Extract says what is wrong
	}
	manifests, err := readManifests(name, text)
	if err != nil {
		return nil, err
	}
	var documents [][]byte
	for _, m := range manifests {
		if len(m.node.Content) == 0 || m.node.Content[0].Kind == yaml.ScalarNode {
			continue
		}
		expand(m.node)
		w := jsonWriter{placed: true, line: 1, column: 1}
		if err := w.node(m.node); err != nil {
			return nil, err
		}
		documents = append(documents, w.out)
	}
	return documents, nil
}

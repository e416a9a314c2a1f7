package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// policyFile is a file that may hold trust policies, as JSON documents.
type policyFile struct {
	name      string
	named     bool // by the caller, rather than found in a folder
	documents [][]byte
	reason    string // why there are none
}

// policyFiles reads files, and what is JSON or YAML in folders.
func policyFiles(cmd *cobra.Command, names []string) ([]policyFile, error) {
	var files []policyFile
	add := func(name string, named bool) error {
		text, err := readFile(cmd, name)
		if err != nil {
			return err
		}
		file := policyFile{name: name, named: named}
		if file.documents, err = jsonDocuments(name, text); err != nil {
			if named {
				return err
			}
			file.reason = ": " + strings.TrimPrefix(err.Error(), name+": ")
		}
		files = append(files, file)
		return nil
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if name == "-" || err == nil && !info.IsDir() {
			err = add(name, true)
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
				return add(path, false)
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return files, nil
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

// Command sbom writes what a module is made of, as a CycloneDX document
// (https://cyclonedx.org/docs/1.6/json/): each requirement of its go.mod with its version and the
// hash that go.sum has, and what each of them requires. The same module gives the same bytes. A
// document that the format's schema refuses, or that lacks something, is not written.
//
//	sbom SCHEMAS DIRECTORY VERSION > FILE
//
// SCHEMAS is the folder of that name in the module github.com/CycloneDX/cyclonedx-go.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sbom SCHEMAS DIRECTORY VERSION")
		os.Exit(2)
	}
	document, err := write(os.Args[1], os.Args[2], os.Args[3])
	if err == nil {
		_, err = os.Stdout.Write(document)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(schemas, directory, version string) ([]byte, error) {
	m, err := read(directory, version)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(m.bom(), cdx.SpecVersion1_6); err != nil {
		return nil, err
	}
	if err := errors.Join(m.complete(out.Bytes()), valid(schemas, out.Bytes())); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// released is a module as it is released.
type released struct {
	module.Version
	requires []*modfile.Require
	sums     map[module.Version]string // hex
	graph    map[string][]string       // what each path requires, of the requirements
}

func read(directory, version string) (released, error) {
	text, err := os.ReadFile(filepath.Join(directory, "go.mod"))
	if err != nil {
		return released{}, err
	}
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return released{}, err
	}
	m := released{Version: module.Version{Path: file.Module.Mod.Path, Version: version}, requires: file.Require}
	if len(file.Replace) > 0 {
		return released{}, fmt.Errorf("%s has replace directives: it is not as it will be released", m.Path)
	}
	if m.sums, err = readSums(filepath.Join(directory, "go.sum")); err != nil {
		return released{}, err
	}
	m.graph, err = m.readGraph(directory)
	return m, err
}

// readSums reads a go.sum (https://go.dev/ref/mod#go-sum-files).
func readSums(file string) (map[module.Version]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	sums := map[module.Version]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || strings.HasSuffix(fields[1], "/go.mod") {
			continue
		}
		hash, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(fields[2], "h1:"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fields[0], err)
		}
		sums[module.Version{Path: fields[0], Version: fields[1]}] = hex.EncodeToString(hash)
	}
	return sums, nil
}

func (m released) readGraph(directory string) (map[string][]string, error) {
	command := exec.Command("go", "mod", "graph")
	command.Dir, command.Stderr = directory, os.Stderr
	lines, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go mod graph: %w", err)
	}
	required := map[string]string{m.Path: ""}
	for _, r := range m.requires {
		required[r.Mod.Path] = r.Mod.Version
	}
	graph := map[string][]string{}
	for line := range strings.Lines(string(lines)) {
		from, to, _ := strings.Cut(strings.TrimSpace(line), " ")
		path, version, _ := strings.Cut(from, "@")
		to, _, _ = strings.Cut(to, "@")
		selected, known := required[path]
		if _, wanted := required[to]; known && wanted && version == selected && !slices.Contains(graph[path], to) {
			graph[path] = append(graph[path], to)
		}
	}
	return graph, nil
}

// reference is a module's package URL
// (https://github.com/package-url/purl-spec/blob/main/types-doc/golang-definition.md).
func reference(m module.Version) string {
	return "pkg:golang/" + m.Path + "@" + url.QueryEscape(m.Version)
}

func (m released) bom() *cdx.BOM {
	kind := cdx.ComponentTypeLibrary
	if strings.Contains(m.Path, "/examples/") {
		kind = cdx.ComponentTypeApplication
	}
	references := map[string]string{m.Path: reference(m.Version)}
	components := []cdx.Component{}
	for _, r := range m.requires {
		references[r.Mod.Path] = reference(r.Mod)
		components = append(components, cdx.Component{
			BOMRef: reference(r.Mod), Type: cdx.ComponentTypeLibrary, Name: r.Mod.Path, Version: r.Mod.Version,
			PackageURL: reference(r.Mod), Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: m.sums[r.Mod]}},
		})
	}
	dependencies := []cdx.Dependency{}
	for path, ref := range references {
		on := []string{}
		for _, to := range m.graph[path] {
			on = append(on, references[to])
		}
		slices.Sort(on)
		dependencies = append(dependencies, cdx.Dependency{Ref: ref, Dependencies: &on})
	}
	slices.SortFunc(dependencies, func(a, b cdx.Dependency) int { return strings.Compare(a.Ref, b.Ref) })
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &cdx.Component{
		BOMRef: references[m.Path], Type: kind, Name: m.Path, Version: m.Version.Version, PackageURL: references[m.Path],
	}}
	bom.Components, bom.Dependencies = &components, &dependencies
	return bom
}

// valid holds a document against the format's own schema.
func valid(schemas string, document []byte) error {
	const at = "http://cyclonedx.org/schema/"
	compiler := jsonschema.NewCompiler()
	for file, url := range map[string]string{
		"bom-1.6.schema.json": at + "bom-1.6.schema.json", "spdx.schema.json": at + "spdx.schema.json", "jsf-0.82.schemax.json": at + "jsf-0.82.schema.json",
	} {
		text, err := os.ReadFile(filepath.Join(schemas, file))
		if err != nil {
			return err
		}
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := compiler.AddResource(url, schema); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	schema, err := compiler.Compile(at + "bom-1.6.schema.json")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// complete says what a document lacks of the module's requirements.
func (m released) complete(document []byte) error {
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(document), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		return err
	}
	hashes := map[module.Version]string{}
	if bom.Components == nil {
		bom.Components = &[]cdx.Component{}
	}
	for _, c := range *bom.Components {
		if c.Hashes != nil && len(*c.Hashes) == 1 {
			hashes[module.Version{Path: c.Name, Version: c.Version}] = (*c.Hashes)[0].Value
		}
	}
	var lacks []error
	for _, r := range m.requires {
		if hash := hashes[r.Mod]; hash == "" || hash != m.sums[r.Mod] {
			lacks = append(lacks, fmt.Errorf("%s is not listed with the hash that go.sum has", r.Mod))
		}
	}
	return errors.Join(lacks...)
}

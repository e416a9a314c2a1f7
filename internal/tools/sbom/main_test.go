package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// schemas is the folder of the format's schemas.
func schemas(t *testing.T) string {
	t.Helper()
	directory, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(directory)), "schema")
}

// changed is this module's go.mod and go.sum in a folder of their own, after a change.
func changed(t *testing.T, change func(mod, sum string) (string, string)) string {
	t.Helper()
	mod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	sum, err := os.ReadFile("../go.sum")
	require.NoError(t, err)
	newMod, newSum := change(string(mod), string(sum))
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, "go.mod"), []byte(newMod), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "go.sum"), []byte(newSum), 0o600))
	return directory
}

func TestEveryRequirementIsListedWithItsHash(t *testing.T) {
	t.Parallel()
	document, err := write(schemas(t), "..", "v1.2.3")
	require.NoError(t, err)
	again, err := write(schemas(t), "..", "v1.2.3")
	require.NoError(t, err)
	assert.Equal(t, string(document), string(again))

	var bom struct {
		Metadata   struct{ Component struct{ Purl string } }
		Components []struct {
			Name, Version string
			Hashes        []struct{ Content string }
		}
		Dependencies []struct {
			Ref       string
			DependsOn []string
		}
	}
	require.NoError(t, json.Unmarshal(document, &bom))
	assert.Equal(t, "pkg:golang/github.com/irsa-go/irsa/internal/tools@v1.2.3", bom.Metadata.Component.Purl)
	mod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	for _, c := range bom.Components {
		assert.Contains(t, string(mod), "\t"+c.Name+" "+c.Version)
		require.Len(t, c.Hashes, 1)
		assert.Len(t, c.Hashes[0].Content, 64)
	}
	assert.Len(t, bom.Components, strings.Count(string(mod), "\n\t")-strings.Count(string(mod), "/cmd/"))
	require.Len(t, bom.Dependencies, len(bom.Components)+1)
	last := bom.Dependencies[len(bom.Dependencies)-1]
	assert.Contains(t, last.Ref, "honnef.co/go/tools")
	assert.Contains(t, strings.Join(last.DependsOn, " "), "golang.org/x/tools@")
}

func TestAModuleThatIsNotAsItWillBeReleasedIsRefused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(mod, sum string) (string, string){
		"replace directives": func(mod, sum string) (string, string) {
			return mod + "\nreplace golang.org/x/mod => ../mod\n", sum
		},
		"is not listed with the hash that go.sum has": func(mod, sum string) (string, string) {
			_, rest, _ := strings.Cut(sum, "\n") // the first is the hash of a module
			return mod, rest
		},
	} {
		document, err := write(schemas(t), changed(t, change), "v1.2.3")
		require.ErrorContains(t, err, want)
		assert.Empty(t, document)
	}
}

func TestADocumentThatLacksSomethingIsRefused(t *testing.T) {
	t.Parallel()
	document, err := write(schemas(t), "..", "v1.2.3")
	require.NoError(t, err)
	m, err := read("..", "v1.2.3")
	require.NoError(t, err)
	text := string(document)
	for _, edited := range []string{
		strings.Replace(text, `"name": "golang.org/x/mod"`, `"name": "golang.org/x/other"`, 1),
		strings.Replace(text, m.sums[m.requires[0].Mod], strings.Repeat("0", 64), 1),
		strings.Replace(text, `"version": "`+m.requires[0].Mod.Version, `"version": "v9`, 1),
		`{"bomFormat":"CycloneDX","specVersion":"1.6"}`,
	} {
		require.NotEqual(t, text, edited)
		assert.ErrorContains(t, m.complete([]byte(edited)), "is not listed")
	}
	for want, edited := range map[string]string{
		"missing property 'name'":         strings.Replace(text, `"name"`, `"title"`, 1),
		"at '/components/0/hashes/0/alg'": strings.Replace(text, `"SHA-256"`, `"SHA-257"`, 1),
		"at '/metadata/component/type'":   strings.Replace(text, `"library"`, `"module"`, 1),
	} {
		assert.ErrorContains(t, valid(schemas(t), []byte(edited)), want)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// everyCommand has a command line that prints something, for each subcommand.
func everyCommand(t *testing.T, s *setting) map[string]string {
	t.Helper()
	dir := t.TempDir()
	web, key, second := filepath.Join(dir, "web"), filepath.Join(dir, "sa.key"), filepath.Join(dir, "sa2.key")
	require.NoError(t, os.Mkdir(web, 0o755))
	must(t, "issuer keys --out "+key)
	must(t, "issuer keys --out "+second)
	const policies, at = "testdata/checkout.json testdata/everybody.json", " https://issuer.example --dir "
	return map[string]string{
		"thumbprint": s.issuer + " --ca " + s.ca, "preflight": s.issuer + " --ca " + s.ca,
		"lint": policies, "validate": policies, "who": policies, "within": policies, "diff": policies,
		"evaluate":    "testdata/checkout.json --account a/b --provider " + provider,
		"audit":       "--cluster testdata/cluster.yaml --roles testdata/roles.json --provider " + eksProvider,
		"permissions": "iamrole.Read --account 111122223333",
		"mutate":      "testdata/shop.yaml", "webhook-manifests": "--cert-manager", "doctor": "--ca " + s.ca, "credential-process": "",
		"issuer keys": "--out NEW", "issuer publish": at + web + " --key " + key, "issuer unpublish": at + web,
		"issuer flags": "https://issuer.example --key a --signing-key b", "issuer preflight": s.issuer + " --ca " + s.ca,
		"issuer provider": s.issuer + " --account 111122223333 --ca " + s.ca,
		"issuer rotate":   "--old " + key + " --new " + second + " --state NEW",
		"issuer retire":   "", // TestAnIssuerIsMadeAndItsKeyReplaced has its output, which is that of publish
		"policies":        "", // the output is that of irsa-policies
	}
}

func leaves(cmd *cobra.Command) (all []*cobra.Command) {
	for _, c := range cmd.Commands() {
		if !c.HasSubCommands() && c.Name() != "help" {
			all = append(all, c)
		}
		all = append(all, leaves(c)...)
	}
	return all
}

// Output is for the next program: it ends with one newline, and JSON and YAML are that.
func TestEveryOutputIsWhatItsFormatSaysAndEndsWithOneNewline(t *testing.T) {
	t.Parallel()
	s := newSetting(t, api)
	lines := everyCommand(t, s)
	for _, c := range leaves(s.newRoot()) {
		name := strings.TrimPrefix(c.CommandPath(), "irsa ")
		line, known := lines[name]
		require.True(t, known, "%s: the table lacks it", name)
		if name == "issuer retire" || name == "policies" {
			continue
		}
		flag := c.Flag("output")
		require.NotNil(t, flag, name)
		for _, format := range flag.Value.(*format).allowed {
			what := name + " -o " + format
			args := strings.Fields(name + " " + strings.ReplaceAll(line, "NEW", filepath.Join(t.TempDir(), "new")) + " -o " + format)
			var out, errs bytes.Buffer
			code := s.run(t.Context(), args, strings.NewReader(""), &out, &errs)
			require.NotEqual(t, 2, code, "%s: %s", what, errs.String())
			text := out.String()
			if text == "" {
				assert.Equal(t, "validate -o github", what, "without a finding")
				continue
			}
			assert.True(t, strings.HasSuffix(text, "\n") && !strings.HasSuffix(text, "\n\n"), "%s: %q", what, text[max(0, len(text)-40):])
			switch format {
			case "json", "sarif":
				values := 0
				for decoder := json.NewDecoder(&out); decoder.More(); values++ {
					require.NoError(t, decoder.Decode(new(any)), what)
				}
				assert.Positive(t, values, what)
			case "yaml":
				assert.NoError(t, yaml.Unmarshal(out.Bytes(), new(any)), what)
				assert.NotEqual(t, "{", text[:1], what)
			}
		}
	}
}

// What has nothing to say prints nothing.
func TestNothingIsNotALine(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"diff testdata/checkout.json testdata/checkout.json", "lint -o github testdata/checkout.json"} {
		assert.Empty(t, must(t, line), line)
	}
	pod := write(t, "pod.yaml", "kind: Pod\nmetadata: {namespace: shop, name: a}\nspec: {containers: [{name: app}]}\n---\nkind: ServiceAccount\nmetadata: {namespace: shop, name: default}\n")
	assert.Equal(t, "[]\n", must(t, "mutate --patch "+pod), "a patch without operations")
}

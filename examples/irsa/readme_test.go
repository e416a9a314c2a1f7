package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	console = regexp.MustCompile("(?s)```console\n\\$ irsa ([^\n]*)\n.*?```\n")
	random  = regexp.MustCompile(`127\.0\.0\.1:\d+|\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b|\b[A-Za-z0-9_-]{43}\b|-\b[A-Za-z0-9_-]{42}\b|\b[A-Za-z0-9_-]{42}\b-|-\b[A-Za-z0-9_-]{41}\b-|\b20\d\d-\d\d-\d\dT[0-9:.]+Z|\b[0-9a-f]{8}-[0-9a-f-]{27}\b`)
)

// What pages show is what the command prints, in the folder of this file.
func TestPagesShowWhatTheCommandPrints(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"README.md", "../controller-runtime/WEBHOOK.md"} {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		s := newSetting(t, worker)
		names := map[string]string{"CA": s.ca, "DIR": t.TempDir(), "ISSUER": s.issuer}
		require.NoError(t, os.Mkdir(names["DIR"]+"/web", 0o755))
		require.Regexp(t, console, string(text))
		generated(t, page, console.ReplaceAllStringFunc(string(text), func(block string) string {
			return s.block(t, names, console.FindStringSubmatch(block)[1])
		}))
	}
}

// block is a command and what it prints, without what differs each time.
func (s *setting) block(t *testing.T, names map[string]string, line string) string {
	args := strings.Fields(os.Expand(line, func(name string) string { return names[name] }))
	var out bytes.Buffer
	code := s.run(t.Context(), args, strings.NewReader(""), &out, &out)
	printed := out.String()
	for name, value := range names {
		printed = strings.ReplaceAll(printed, value, "$"+name)
	}
	printed = strings.ReplaceAll(printed, s.env["AWS_WEB_IDENTITY_TOKEN_FILE"], "/var/run/secrets/eks.amazonaws.com/serviceaccount/token")
	printed = random.ReplaceAllString(printed, "…")
	if code != 0 {
		printed += fmt.Sprintf("(exit code %d)\n", code)
	}
	return "```console\n$ irsa " + line + "\n" + printed + "```\n"
}

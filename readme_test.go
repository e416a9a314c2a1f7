package irsa_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the README shows compiles and does what it says: its Go is that of the Examples of this
// package, and its output theirs.
func TestTheREADMEShowsTheExamples(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	source := normalise(string(examples))

	blocks := regexp.MustCompile("(?ms)^```(\\w*)$(.*?)^```$").FindAllStringSubmatch(string(readme), -1)
	shown := 0
	for _, block := range blocks {
		if block[1] != "sh" {
			shown++
			assert.True(t, strings.Contains(source, normalise(block[2])), "no Example has this:\n%s", block[2])
		}
	}
	require.GreaterOrEqual(t, shown, 4)
	assert.LessOrEqual(t, strings.Count(string(readme), "\n"), 120, "a README is read in one go")
}

// normalise leaves out indentation and the comment signs of expected output.
func normalise(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "//")); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

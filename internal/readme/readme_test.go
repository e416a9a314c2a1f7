package readme_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/readme"
)

const page = "# p\n\n```\n$ a -b\none\n…\nlast … word\n$ c\n```\n\ntext\n\n```sh\nbefore\n$ c\nagain\n$ d\n…\nexit status 1\n```\n"

// failing is a test whose failures are counted.
type failing struct {
	testing.TB
	failed int
}

func (f *failing) Helper()               {}
func (f *failing) Errorf(string, ...any) { f.failed++ }

func TestAPageShowsCommandsWithWhatTheyPrint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(path, []byte(page), 0o600))
	for printed, want := range map[string]int{
		"one\ntwo\nthree\nlast long word\n": 0,
		"one\nlast  word\n":                 0,
		"one\ntwo\nlast long words\n":       1,
		"one\ntwo\nlast\nword\n":            1,
		"zero\none\nlast long word\n":       1,
		"one\nlast long word\nmore\n":       1,
		"":                                  1,
	} {
		f := &failing{TB: t}
		readme.Shows(f, path, "a -b", printed)
		assert.Equal(t, want, f.failed, printed)
	}
	f := &failing{TB: t}
	readme.Shows(f, path, "c", "")
	readme.Shows(f, path, "c", "again\n")
	readme.Shows(f, path, "d", "exit status 1\n")
	readme.Shows(f, path, "d", "a\nb\nexit status 1\n")
	assert.Zero(t, f.failed)
	readme.Shows(f, path, "e", "")
	assert.Equal(t, 1, f.failed, "a command that is not on the page")
}

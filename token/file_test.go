package token_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) token.File {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return token.File(path)
	}
	t.Run("is trimmed", func(t *testing.T) {
		f := write("good", " \ta.b.c\r\n")
		got, err := f.Token(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "a.b.c", got)
		var retriever stscreds.IdentityTokenRetriever = f
		raw, err := retriever.GetIdentityToken()
		require.NoError(t, err)
		assert.Equal(t, "a.b.c", string(raw))
	})
	t.Run("may be as long as STS takes", func(t *testing.T) {
		got, err := write("long", strings.Repeat("a", 20000)+"\n").Token(t.Context())
		require.NoError(t, err)
		assert.Len(t, got, 20000)
	})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		file token.File
		ctx  context.Context
		is   error
		says string
	}{
		"missing":            {token.File(filepath.Join(dir, "none")), t.Context(), os.ErrNotExist, "mutated"},
		"without a path":     {"", t.Context(), os.ErrNotExist, "path is empty"},
		"empty":              {write("empty", ""), t.Context(), token.ErrEmptyToken, "empty"},
		"white space":        {write("white", " \n"), t.Context(), token.ErrEmptyToken, "empty"},
		"endless":            {write("endless", strings.Repeat(" ", 30000)), t.Context(), nil, "20000"},
		"too long":           {write("longer", strings.Repeat("a", 20001)), t.Context(), nil, "20000"},
		"a directory":        {token.File(dir), t.Context(), nil, "not a regular file, its mode is d"},
		"no longer asked of": {write("asked", "a.b.c"), canceled, context.Canceled, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.file.Token(tc.ctx)
			require.ErrorContains(t, err, tc.says)
			assert.Empty(t, got)
			assert.Regexp(t, "^token: file", err.Error())
			assert.LessOrEqual(t, strings.Count(err.Error(), dir), 1, "the path is said once")
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			if tc.ctx == canceled {
				return
			}
			raw, err := tc.file.GetIdentityToken()
			require.ErrorContains(t, err, tc.says)
			assert.Nil(t, raw)
		})
	}
}

func TestAFilesErrorKeepsItsMeaningThroughTheProvider(t *testing.T) {
	in(func(t *testing.T) {
		p := newProvider(t, &fakeSTS{}, token.File(filepath.Join(t.TempDir(), "none")), token.Config{})
		_, err := p.Retrieve(t.Context())
		require.ErrorIs(t, err, os.ErrNotExist)
		assert.False(t, token.IsFinal(err), "it may be there in a moment")
		assert.Regexp(t, "^token: role .*: read the token: file ", err.Error(), "the package is named once")
	})(t)
}

package growth_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
)

func TestMemoryTellsAStreamFromAWholeFile(t *testing.T) {
	file := strings.Repeat("x", 32<<20)
	stream := &growth.Memory{Reader: strings.NewReader(file)}
	_, err := io.Copy(io.Discard, stream)
	require.NoError(t, err)
	grew, looks := stream.Grew()
	assert.Less(t, grew, int64(1<<20))
	assert.Equal(t, 5, looks, "at its beginning and its end too")

	whole := &growth.Memory{Reader: strings.NewReader(file)}
	_, err = io.ReadAll(whole)
	require.NoError(t, err)
	grew, _ = whole.Grew()
	assert.Greater(t, grew, int64(16<<20))
}

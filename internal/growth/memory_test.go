package growth_test

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
)

func TestALargeDocumentHasItsPartsInOrder(t *testing.T) {
	text, err := io.ReadAll(growth.Large("[", 3, func(i int) string { return strconv.Itoa(i) + "," }, "3]"))
	require.NoError(t, err)
	assert.Equal(t, "[0,1,2,3]", string(text))
}

func TestMemoryTellsAStreamFromAWholeFile(t *testing.T) {
	file := strings.Repeat("x", 8<<20)
	stream := &growth.Memory{Reader: strings.NewReader(file)}
	_, err := io.Copy(io.Discard, stream)
	require.NoError(t, err)
	grew, looks := stream.Grew()
	assert.Less(t, grew, int64(1<<20))
	assert.Equal(t, 9, looks, "at its beginning and its end too")

	whole := &growth.Memory{Reader: strings.NewReader(file)}
	_, err = io.ReadAll(whole)
	require.NoError(t, err)
	grew, _ = whole.Grew()
	assert.Greater(t, grew, int64(4<<20))
}

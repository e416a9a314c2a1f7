package ceph_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/e2e/ceph"
)

func TestAGatewayStartsAnswersAndStops(t *testing.T) {
	g, err := ceph.Start(t.Context(), t.TempDir(), "111122223333")
	require.NoError(t, err)
	assert.NotEmpty(t, g.Version)
	g.Stop()
	g.Stop()
}

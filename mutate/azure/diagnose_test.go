package azure_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
)

// TestAPodOfTheOtherLayoutIsDiagnosedAsOneOfOurs: which layout a cluster's pods have is up to the
// version of AKS's add-on, and clients go by the variables.
func TestAPodOfTheOtherLayoutIsDiagnosedAsOneOfOurs(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"metadata":{` + chosen + `},"spec":{"containers":[{"name":"a"}]}}`)
	for _, layouts := range [][2]azure.Layout{{azure.LayoutV1_5, azure.LayoutV1_6}, {azure.LayoutV1_6, azure.LayoutV1_5}} {
		_, patched, err := mutatePod(t, newMutator(t, azure.Config{TenantID: tenant, Layout: layouts[0]}), doc, reader)
		require.NoError(t, err)
		pod := patchlaws.Decode(t, patched)
		d, err := newMutator(t, azure.Config{TenantID: tenant, Layout: layouts[1]}).Diagnose(pod, reader)
		require.NoError(t, err)
		assert.True(t, d.OK(), "%+v", d)
		assert.Equal(t, mutate.HasIdentity, d.Containers[0].Standing)
	}
}

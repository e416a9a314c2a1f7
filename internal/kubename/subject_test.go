package kubename_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/kubename"
)

func TestASubjectIsReadAsItIsBuilt(t *testing.T) {
	t.Parallel()
	sub := kubename.Subject("payments", "api.v2")
	assert.Equal(t, "system:serviceaccount:payments:api.v2", sub)
	namespace, name, err := kubename.ParseSubject(sub)
	require.NoError(t, err)
	assert.Equal(t, []string{"payments", "api.v2"}, []string{namespace, name})
}

func TestWhatNoServiceAccountHasIsRefused(t *testing.T) {
	t.Parallel()
	for _, sub := range []string{
		"", "a", "a:b", "system:serviceaccount:", "system:serviceaccount:a", "system:serviceaccount::b", "system:serviceaccount:a:",
		"system:serviceaccount:a:b:c", "system:serviceaccount:a.b:c", "System:serviceaccount:a:b", "system:serviceaccount:A:b",
		"system:serviceaccount:a:*", "system:serviceaccounts:a:b", " system:serviceaccount:a:b", "system:serviceaccount:a:b\n",
	} {
		namespace, name, err := kubename.ParseSubject(sub)
		assert.Error(t, err, sub)
		assert.Empty(t, namespace+name)
	}
}

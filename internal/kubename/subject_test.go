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
	const form = `want "system:serviceaccount:NAMESPACE:NAME"`
	for sub, want := range map[string]string{
		"": form, "a": form, "a:b": form, "system:serviceaccount:": form, "system:serviceaccount:a": form,
		"System:serviceaccount:a:b": form, "system:serviceaccounts:a:b": form, " system:serviceaccount:a:b": form,
		"system:serviceaccount::b": `namespace ""`, "system:serviceaccount:a.b:c": `namespace "a.b"`, "system:serviceaccount:A:b": `namespace "A"`,
		"system:serviceaccount:a:": `service account ""`, "system:serviceaccount:a:b:c": `service account "b:c"`,
		"system:serviceaccount:a:*": `service account "*"`, "system:serviceaccount:a:b\n": `service account "b\n"`,
	} {
		namespace, name, err := kubename.ParseSubject(sub)
		assert.ErrorContains(t, err, want, sub)
		assert.Empty(t, namespace+name)
	}
}

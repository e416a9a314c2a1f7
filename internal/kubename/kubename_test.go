package kubename_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/irsa-go/irsa/internal/kubename"
)

// Kubernetes' own validation is the oracle.
func FuzzNamesAgreeWithKubernetes(f *testing.F) {
	for _, s := range []string{"", "a", "kube-system", "-a", "a-", "a.b", "a..b", ".a", "a.", "A", "a_b", "ä", "a*", "a:b", "a\n",
		strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 253), strings.Repeat("a", 254)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		assert.Equal(t, len(validation.IsDNS1123Label(s)) == 0, kubename.CheckNamespace(s) == nil, "namespace %q", s)
		assert.Equal(t, len(validation.IsDNS1123Subdomain(s)) == 0, kubename.CheckServiceAccount(s) == nil, "service account %q", s)
	})
}

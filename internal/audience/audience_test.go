package audience_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/audience"
)

func TestIsAPIServers(t *testing.T) {
	t.Parallel()
	const issuer = "https://Issuer.example/clusters/a"
	for name, want := range map[string]bool{
		issuer:                                             true,
		issuer + "/":                                       true,
		"issuer.example/clusters/a":                        true,
		"https://issuer.example:443/clusters/a":            true,
		"https://issuer.example/clusters/b":                false,
		"https://issuer.example":                           false,
		"https://kubernetes.default.svc":                   true,
		"https://kubernetes.default.svc/":                  true,
		"https://kubernetes.default.svc.cluster.local":     true,
		"https://kubernetes.default.svc.cluster.local:443": true,
		"https://kubernetes.default.svc.corp.internal":     true,
		"kubernetes.default":                               true,
		"kubernetes.svc.default":                           true,
		"https://kubernetes.svc.default/":                  true,
		"k3s":                                              true,
		"RKE2":                                             true,
		"k3s.example":                                      false,
		"kubernetes":                                       true,
		"https://kubernetes.default.svcx":                  false,
		"https://kubernetes.default.example":               false,
		"https://kubernetes.example.com":                   false,
		"sts.amazonaws.com":                                false,
		"":                                                 false,
	} {
		assert.Equal(t, want, audience.IsAPIServers(name, issuer), "%q", name)
	}
	assert.False(t, audience.IsAPIServers("", ""))
	assert.False(t, audience.IsAPIServers("https://gitlab.com", ""), "who has no API server may be its own audience")
}

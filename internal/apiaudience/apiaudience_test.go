package apiaudience_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/apiaudience"
)

func TestIsAPIServers(t *testing.T) {
	t.Parallel()
	const issuer = "https://Issuer.example/clusters/a"
	for audience, want := range map[string]bool{
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
		assert.Equal(t, want, apiaudience.IsAPIServers(audience, issuer), "%q", audience)
	}
	assert.False(t, apiaudience.IsAPIServers("", ""))
	assert.False(t, apiaudience.IsAPIServers("https://gitlab.com", ""), "who has no API server may be its own audience")
}

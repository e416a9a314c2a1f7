package oidc_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A store may redirect to a URL that is signed for one reader.
func TestTheQueryOfARedirectIsNotInAnError(t *testing.T) {
	t.Parallel()
	iss := issuer(t, "https://idp.example.com")
	for name, answer := range map[string]http.HandlerFunc{
		"refused":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"cut off":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "9") },
		"too long": says(strings.Repeat(" ", 1<<17)),
		"not HTTP": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"to nowhere": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://a")
			w.WriteHeader(302)
		},
	} {
		h := hosts{}
		h.add(t, "idp.example.com", &tls.Config{}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "" {
				http.Redirect(w, r, "/kept?X-Amz-Signature="+secret, http.StatusFound)
				return
			}
			answer(w, r)
		})
		for way, call := range calls(t, iss) {
			err := call(t.Context(), h.client())
			require.ErrorContains(t, err, "https://idp.example.com/kept", "%s: %s", name, way)
			assert.NotContains(t, err.Error(), secret, "%s: %s", name, way)
		}
	}
}

func TestTheNamesInACertificateDoNotReachATerminal(t *testing.T) {
	t.Parallel()
	h := newHostile(t, nil, "evil\x1b[2J.example", "\nissuer ok.example")
	for way, call := range calls(t, issuer(t, "https://idp.example.com")) {
		err := call(t.Context(), h.client())
		require.ErrorAs(t, err, new(x509.HostnameError), way)
		assert.ErrorContains(t, err, `evil\x1b[2J.example, \nissuer ok.example, not idp`, way)
	}
}

package oidc_test

import (
	"crypto/elliptic"
	"crypto/tls"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

func TestOnlyWhatIsUsedDecidesAboutADocument(t *testing.T) {
	t.Parallel()
	iss := issuer(t, "https://idp.example.com")
	full := documentOf(iss.String(), iss.JWKSURL())
	for name, c := range map[string]struct {
		old, new string
		sts      string // "": STS takes it
	}{
		"as it is":                    {"", "", ""},
		"null response types":         {`["id_token"]`, `null`, ""},
		"no response types":           {`"response_types_supported":["id_token"],`, ``, "response_types_supported"},
		"no subject types":            {`"subject_types_supported":["public"],`, ``, "subject_types_supported"},
		"no algorithms":               {`,"id_token_signing_alg_values_supported":["ES256"]`, ``, "id_token_signing_alg_values_supported"},
		"response types as text":      {`["id_token"]`, `"id_token"`, ""},
		"claims of another type":      {`{`, `{"claims_supported":{"a":1},`, ""},
		"an endpoint of another type": {`{`, `{"authorization_endpoint":[7],`, ""},
		"a member that nobody knows":  {`{`, `{"token_endpoint":7,`, ""},
	} {
		h := hosts{}
		h.add(t, "idp.example.com", &tls.Config{}, says(strings.Replace(full, c.old, c.new, 1)))
		doc, err := h.client().Discover(t.Context(), iss)
		require.NoError(t, err, name)
		_, err = h.client().Thumbprints(t.Context(), iss)
		require.NoError(t, err, name)
		if c.sts == "" {
			assert.NoError(t, doc.CheckSTS(), name)
			continue
		}
		require.ErrorIs(t, doc.CheckSTS(), oidc.ErrDocument, name)
		assert.ErrorContains(t, doc.CheckSTS(), c.sts, name)
		assert.ErrorIs(t, h.client().Preflight(t.Context(), iss, oidc.PreflightConfig{}).Err(), oidc.ErrDocument, name)
	}
	assert.ErrorIs(t, (*oidc.Document)(nil).CheckSTS(), oidc.ErrDocument)
}

func TestWhatServersSendInsteadOfJSONIsNamed(t *testing.T) {
	t.Parallel()
	wide := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(`{}`)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for want, body := range map[string]string{
		"compressed with gzip":  "\x1f\x8b\x08\x00",
		"byte order mark":       "\xef\xbb\xbf{}",
		"UTF-16":                string(wide),
		"HTML page":             " <!DOCTYPE html><html>",
		"XML or HTML":           "<?xml version='1.0'?><Error>",
		"the document is empty": "",
	} {
		_, err := oidc.ParseDocument([]byte(body))
		assert.ErrorContains(t, err, want)
		assert.ErrorIs(t, err, oidc.ErrDocument)
		_, err = oidc.ParseKeySet([]byte(body))
		assert.ErrorContains(t, err, want)
	}
}

func TestAnotherIssuerIsNamedWhateverItIs(t *testing.T) {
	t.Parallel()
	iss := issuer(t, "https://idp.example.com")
	for _, other := range []string{"http://idp.example.com", "https://idp.example.com/", "https://idp.example.com?a", "idp", "https://evil.example/%zz"} {
		h := hosts{}
		h.add(t, "idp.example.com", &tls.Config{}, says(documentOf(other, iss.JWKSURL())))
		_, err := h.client().Discover(t.Context(), iss)
		require.ErrorIs(t, err, oidc.ErrIssuerMismatch, other)
		assert.ErrorContains(t, err, `"`+other+`"`)
		assert.ErrorContains(t, err, `"https://idp.example.com" was asked`)
	}
	h := hosts{}
	h.add(t, "idp.example.com", &tls.Config{}, says(`{"jwks_uri":"https://idp.example.com/keys"}`))
	_, err := h.client().Discover(t.Context(), iss)
	assert.ErrorIs(t, err, oidc.ErrDocument, "no issuer is not another one")
}

func TestTheQueryOfTheKeysURLIsAURLs(t *testing.T) {
	t.Parallel()
	iss := issuer(t, "https://idp.example.com")
	keys, err := oidc.NewKeySet(ecKey(t, elliptic.P256()).Public())
	require.NoError(t, err)
	for _, query := range []string{"a b", "\n", "a\x1b[2J", "\u009b2J", "é", "a#b", "\xff", "\x7f"} {
		_, err := oidc.NewDocument(iss, "https://idp.example.com/keys?"+query, keys)
		require.ErrorContains(t, err, "that a URL may not hold", "%q", query)
		assert.NotContains(t, err.Error(), query)
	}
	_, err = oidc.NewDocument(iss, "https://idp.example.com/keys?v=1&x=%20/?*", keys)
	assert.NoError(t, err)
}

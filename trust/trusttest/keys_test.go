package trusttest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// What the checks before a rollout say of documents and keys, this STS must do.
func TestTheBenchAndThePreflightJudgeKeysAlike(t *testing.T) {
	t.Parallel()
	bench := newCluster(t, oidctest.Config{Algorithm: "ES256"}, trusttest.Config{})
	token := bench.token(t, oidctest.TokenRequest{})
	jwks, err := json.Marshal(bench.issuer.KeySet())
	require.NoError(t, err)
	kid := bench.issuer.KeyID()
	own := strings.TrimSuffix(strings.TrimPrefix(string(jwks), `{"keys":[`), `]}`)
	doc, err := oidc.NewDocument(bench.issuer.Issuer(), "", bench.issuer.KeySet())
	require.NoError(t, err)
	document, err := json.Marshal(doc)
	require.NoError(t, err)
	with := func(old, new string) string { return strings.Replace(own, old, new, 1) }
	inDocument := func(old, new string) string { return strings.Replace(string(document), old, new, 1) }
	const ed = `{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"AAAA"}`
	for name, c := range map[string]struct {
		keys, document string
		good           bool
	}{
		"its own key":              {keys: own, good: true},
		"the same entry twice":     {keys: own + "," + own, good: true},
		"a copy without an id":     {keys: own + "," + with(kid, ""), good: true},
		"Ed25519 beside":           {keys: ed + "," + own, good: true},
		"a key for encryption":     {keys: own + "," + strings.Replace(with(`"use":"sig"`, `"use":"enc"`), kid, "enc", 1), good: true},
		"another's key_ops":        {keys: own + "," + strings.Replace(with(`"use":"sig"`, `"key_ops":["verify"]`), kid, "ops", 1), good: true},
		"a malformed one beside":   {keys: `null,` + own, good: true},
		"its own key_ops":          {keys: with(`"use":"sig"`, `"key_ops":["verify"]`)},
		"its own key_ops, beside":  {keys: ed + "," + with(`"use":"sig"`, `"key_ops":["verify"]`)},
		"its own use":              {keys: with(`"use":"sig"`, `"use":"enc"`)},
		"no kid":                   {keys: with(`"kid":"`+kid+`",`, "")},
		"another algorithm":        {keys: with(`"alg":"ES256"`, `"alg":"ES384"`)},
		"Ed25519 alone":            {keys: ed},
		"no keys":                  {keys: ""},
		"101 keys":                 {keys: strings.Repeat(own+",", 100) + own},
		"RS512 alone named":        {keys: own, document: inDocument(`"ES256"`, `"RS512"`), good: true},
		"null response types":      {keys: own, document: inDocument(`["id_token"]`, `null`), good: true},
		"no response types":        {keys: own, document: inDocument(`"response_types_supported":["id_token"],`, ``)},
		"claims of another type":   {keys: own, document: inDocument(`"claims_supported":["sub","iss"]`, `"claims_supported":7`), good: true},
		"another issuer, and http": {keys: own, document: inDocument(`"issuer":"https://`, `"issuer":"http://`)},
	} {
		bench.issuer.SetFault(oidctest.Fault{KeySet: `{"keys":[` + c.keys + `]}`, Document: c.document})
		_, err := bench.assume(t)
		report := bench.issuer.Client().Preflight(t.Context(), bench.issuer.Issuer(), oidc.PreflightConfig{Token: token})
		if c.good {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, "InvalidIdentityToken: Couldn't retrieve verification key", name)
		}
		assert.Equal(t, c.good, report.OK(), "the preflight of %s:\n%s", name, report)
	}
}

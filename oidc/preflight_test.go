package oidc_test

import (
	"crypto/elliptic"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

func results(r *oidc.PreflightReport) map[oidc.Code]oidc.CheckResult {
	out := map[oidc.Code]oidc.CheckResult{}
	for _, c := range r.Checks {
		out[c.Code] = c.Result
	}
	return out
}

func TestAHealthyIssuerPassesEveryCheck(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	token := mint(t, srv, oidctest.TokenRequest{})
	r := srv.Client().Preflight(t.Context(), srv.Issuer(), oidc.PreflightConfig{Token: token})
	require.NoError(t, r.Err())
	assert.True(t, r.OK())
	assert.Empty(t, r.Warnings)
	assert.Len(t, r.Checks, 9)
	for _, c := range r.Checks {
		assert.Equal(t, oidc.Passed, c.Result, c.Code)
	}
	assert.NotContains(t, r.String(), token)
	require.NotNil(t, r.Thumbprints)
	r = srv.Client().Preflight(t.Context(), srv.Issuer(), oidc.PreflightConfig{})
	assert.True(t, r.OK())
	assert.Equal(t, oidc.Skipped, results(r)[oidc.CheckToken])
}

func TestEachFaultFailsItsOwnCheck(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	stranger := mint(t, server(t, oidctest.Config{}), oidctest.TokenRequest{})
	for name, c := range map[string]struct {
		fault  oidctest.Fault
		token  string
		failed []oidc.Code
	}{
		"unreachable":    {fault: oidctest.Fault{Status: 500}, failed: []oidc.Code{oidc.CheckReachable, oidc.CheckThumbprint}},
		"another issuer": {fault: oidctest.Fault{WrongIssuer: "https://idp.example.com/"}, failed: []oidc.Code{oidc.CheckIssuer, oidc.CheckThumbprint}},
		"no issuer":      {fault: oidctest.Fault{WrongIssuer: "idp"}, failed: []oidc.Code{oidc.CheckIssuer, oidc.CheckThumbprint}},
		"keys missing":   {fault: oidctest.Fault{JWKSURI: "https://idp.example.com/none"}, failed: []oidc.Code{oidc.CheckKeysServed}},
		"a bad document": {fault: oidctest.Fault{JWKSURI: "keys"}, failed: []oidc.Code{oidc.CheckDocument, oidc.CheckThumbprint}},
		"keys wrong":     {fault: oidctest.Fault{JWKSURI: "https://idp.example.com/.well-known/openid-configuration"}, failed: []oidc.Code{oidc.CheckKeys}},
		"a bad chain":    {fault: oidctest.Fault{IncompleteChain: true}, failed: []oidc.Code{oidc.CheckReachable, oidc.CheckThumbprint}},
		"a stranger's":   {token: stranger, failed: []oidc.Code{oidc.CheckToken}},
		"no token":       {token: "token", failed: []oidc.Code{oidc.CheckToken}},
	} {
		srv.SetFault(c.fault)
		r := srv.Client().Preflight(t.Context(), srv.Issuer(), oidc.PreflightConfig{Token: c.token})
		for _, code := range c.failed {
			require.ErrorContains(t, r.Err(), `issuer "https://idp.example.com": `+string(code)+": ", name)
		}
		got := results(r)
		assert.Len(t, got, 9, name)
		for code, result := range got {
			assert.Equal(t, slices.Contains(c.failed, code), result == oidc.Failed, "%s: %s is %s", name, code, result)
		}
	}
}

func TestPreflightWarnsOfWhatAWSMayNotReach(t *testing.T) {
	t.Parallel()
	srv, err := oidctest.NewServer(oidctest.Config{Algorithm: "ES256"})
	require.NoError(t, err)
	defer srv.Close()
	srv.SetFault(oidctest.Fault{MisorderedChain: true})
	r := (&oidc.Client{RootCAs: srv.CertPool()}).Preflight(t.Context(), srv.Issuer(), oidc.PreflightConfig{})
	assert.True(t, r.OK())
	assert.Equal(t, []oidc.Code{oidc.CodeNotPublic, oidc.CodeChain}, codes(r.Warnings))
}

func TestPreflightCountsTheKeysThatSTSCanVerifyWith(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	second := ecKey(t, elliptic.P256()).Public()
	keys, err := srv.KeySet().With(second)
	require.NoError(t, err)
	jwks, err := json.Marshal(keys)
	require.NoError(t, err)
	kid := `"kid":"` + keys.IDs()[1] + `"`
	srv.SetFault(oidctest.Fault{KeySet: strings.Replace(string(jwks), kid, kid+`,"key_ops":["verify"]`, 1)})
	r := srv.Client().Preflight(t.Context(), srv.Issuer(), oidc.PreflightConfig{})
	require.NoError(t, r.Err())
	assert.Contains(t, codes(r.Warnings), oidc.CodeKeyOps)
	assert.Contains(t, r.String(), "STS can verify with 1 of 2 keys")
}

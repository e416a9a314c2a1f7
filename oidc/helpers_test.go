package oidc_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

// recorded reads what a real kube-apiserver gave.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "kube-apiserver-1.37.2", name))
	require.NoError(t, err)
	return b
}

func issuer(t testing.TB, raw string) oidc.Issuer {
	t.Helper()
	iss, err := oidc.ParseIssuer(raw)
	require.NoError(t, err)
	return iss
}

// server is in memory, with a quick key.
func server(t testing.TB, cfg oidctest.Config) *oidctest.Server {
	t.Helper()
	if cfg.Issuer == "" {
		cfg.Issuer = "https://idp.example.com"
	}
	if cfg.Algorithm == "" {
		cfg.Algorithm = "ES256"
	}
	srv, err := oidctest.NewServer(cfg)
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	return srv
}

func mint(t testing.TB, srv *oidctest.Server, req oidctest.TokenRequest) string {
	t.Helper()
	if req.Namespace == "" {
		req.Namespace, req.ServiceAccount = "ns", "sa"
	}
	token, err := srv.Token(req)
	require.NoError(t, err)
	return token
}

// assertAs is errors.As for tables.
func assertAs[T error](err error, into *T) bool { return errors.As(err, into) }

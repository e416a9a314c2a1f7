package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/readme"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

const issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"

func TestMain(m *testing.M) { readme.Main(m, main) }

// client is the SDK's own, in front of a server that gives one answer.
func client(t *testing.T, status int, answer string) *eks.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/clusters/prod", r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(srv.Close)
	return eks.New(eks.Options{Region: "eu-west-1", BaseEndpoint: &srv.URL, RetryMaxAttempts: 1, Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		})})
}

func TestAClustersNameLeadsToItsIssuerAndThumbprint(t *testing.T) {
	t.Parallel()
	srv, err := oidctest.NewServer(oidctest.Config{Issuer: issuer})
	require.NoError(t, err)
	defer srv.Close()
	api := client(t, 200, `{"cluster":{"name":"prod","identity":{"oidc":{"issuer":"`+issuer+`"}}}}`)
	var out bytes.Buffer
	require.NoError(t, show(t.Context(), api, srv.Client(), "prod", &out))
	readme.Shows(t, "README.md", "go run . prod", out.String())
	srv.SetFault(oidctest.Fault{ExpiredChain: true})
	out.Reset()
	require.ErrorContains(t, show(t.Context(), api, srv.Client(), "prod", &out), "certificate has expired")
	assert.Contains(t, out.String(), "certificate-expired", "the evidence")
}

func TestAnotherIssuerThanOfEKSIsRefused(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`{}`:                          "no OIDC issuer yet",
		`{"cluster":{"identity":{}}}`: "no OIDC issuer yet",
		`{"cluster":{"identity":{"oidc":{"issuer":"https://evil.example/id/0123456789ABCDEF0123456789ABCDEF"}}}}`: "not one that EKS gives out",
		`{"cluster":{"identity":{"oidc":{"issuer":"x"}}}}`:                                                        "https://",
	} {
		iss, err := ClusterIssuer(t.Context(), client(t, 200, answer), "prod")
		require.ErrorContains(t, err, want, answer)
		assert.Zero(t, iss)
	}
}

func TestThePageShowsRefusals(t *testing.T) {
	t.Parallel()
	readme.Shows(t, "README.md", "go run .", readme.Run(t, nil))
	eks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"message":"No cluster found for name: gone."}`))
	}))
	defer eks.Close()
	env := []string{"AWS_ENDPOINT_URL_EKS=" + eks.URL, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret"}
	readme.Shows(t, "README.md", "go run . gone", readme.Run(t, env, "gone"))
}

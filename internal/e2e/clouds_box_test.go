package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
	"github.com/irsa-go/irsa/oidc"
)

// The boxes answer as the clouds' token endpoints as far as their clients ask. They decide by the
// values that the library gives for the clouds' side, and verify tokens with package oidc.

// verify checks a cluster's token as a cloud does: issuer, signature, expiry, one audience.
func verify(r *http.Request, client *oidc.Client, issuerURL, audience, token string) (oidc.Claims, error) {
	issuer, err := oidc.ParseIssuer(issuerURL)
	if err != nil {
		return oidc.Claims{}, err
	}
	verifier, err := oidc.NewVerifier(issuer, audience, oidc.VerifierConfig{Client: client})
	if err != nil {
		return oidc.Claims{}, err
	}
	return verifier.Verify(r.Context(), token)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

type object = map[string]any

const entraHost = "login.microsoftonline.com"

// entra is a tenant with one federated credential for each client id.
type entra struct {
	client      *oidc.Client // reads the cluster's issuer
	tenant      string
	credentials map[string]azure.FederatedCredential
}

func (e *entra) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	base := "https://" + entraHost + "/" + e.tenant
	switch r.URL.Path {
	case "/common/discovery/instance":
		answer(w, http.StatusOK, object{
			"tenant_discovery_endpoint": base + "/v2.0/.well-known/openid-configuration", "api-version": "1.1",
			"metadata": []object{{"preferred_network": entraHost, "preferred_cache": "login.windows.net", "aliases": []string{entraHost}}},
		})
	case "/" + e.tenant + "/v2.0/.well-known/openid-configuration":
		answer(w, http.StatusOK, object{
			"issuer": base + "/v2.0", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token",
		})
	case "/" + e.tenant + "/oauth2/v2.0/token":
		token, err := e.token(r)
		if err != nil {
			answer(w, http.StatusUnauthorized, object{"error": "invalid_client", "error_description": err.Error()})
			return
		}
		answer(w, http.StatusOK, object{"token_type": "Bearer", "expires_in": 3599, "access_token": token})
	default:
		http.NotFound(w, r)
	}
}

// token is the grant of client credentials by an assertion, with Entra's codes
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
func (e *entra) token(r *http.Request) (string, error) {
	id := r.FormValue("client_id")
	credential, ok := e.credentials[id]
	switch {
	case !ok:
		return "", errors.New("AADSTS700016: no such application")
	case r.FormValue("grant_type") != "client_credentials",
		r.FormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
		return "", errors.New("AADSTS70003: another grant")
	}
	claims, err := verify(r, e.client, credential.Issuer, credential.Audiences[0], r.FormValue("client_assertion"))
	switch {
	case errors.Is(err, oidc.ErrAudience):
		return "", errors.New("AADSTS700212: no federated identity credential for the audience")
	case err != nil:
		return "", fmt.Errorf("AADSTS50027: %w", err)
	case claims.Subject != credential.Subject:
		return "", errors.New("AADSTS700213: no federated identity credential for the subject")
	}
	return "entra:" + id, nil
}

const otherUniverse = "sovereign.example"

var googleHosts = []string{
	"sts.googleapis.com", "iamcredentials.googleapis.com", "sts." + otherUniverse, "iamcredentials." + otherUniverse,
}

// googleCloud is a pool with one provider, and service accounts with the principals that may
// impersonate each.
type googleCloud struct {
	client   *oidc.Client
	provider string // its full name
	settings google.PoolProvider
	users    map[string][]string // by e-mail address
}

func (g *googleCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch email, ok := strings.CutPrefix(r.URL.Path, "/v1/projects/-/serviceAccounts/"); {
	case strings.HasPrefix(r.Host, "sts.") && r.URL.Path == "/v1/token":
		principal, err := g.exchange(r)
		if err != nil {
			answer(w, http.StatusBadRequest, object{"error": "invalid_grant", "error_description": err.Error()})
			return
		}
		answer(w, http.StatusOK, object{
			"access_token": principal, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600,
		})
	case strings.HasPrefix(r.Host, "iamcredentials.") && ok && strings.HasSuffix(email, ":generateAccessToken"):
		email = strings.TrimSuffix(email, ":generateAccessToken")
		if !slices.Contains(g.users[email], strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
			answer(w, http.StatusForbidden, object{"error": object{
				"code": 403, "status": "PERMISSION_DENIED", "message": "Permission 'iam.serviceAccounts.getAccessToken' denied",
			}})
			return
		}
		answer(w, http.StatusOK, object{"accessToken": "google:" + email, "expireTime": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
	default:
		http.NotFound(w, r)
	}
}

// exchange returns the principal whom a token stands for (https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token).
func (g *googleCloud) exchange(r *http.Request) (string, error) {
	switch {
	case r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange",
		r.FormValue("subject_token_type") != "urn:ietf:params:oauth:token-type:jwt":
		return "", errors.New("another grant")
	case r.FormValue("audience") != "//iam.googleapis.com/"+g.provider:
		return "", errors.New("no such provider")
	case g.settings.AttributeMapping["google.subject"] != "assertion.sub":
		return "", errors.New("another mapping")
	}
	claims, err := verify(r, g.client, g.settings.OIDC.IssuerURI, g.settings.OIDC.AllowedAudiences[0], r.FormValue("subject_token"))
	if errors.Is(err, oidc.ErrAudience) {
		return "", errors.New("the audience does not match")
	}
	if err != nil {
		return "", err
	}
	pool, _, _ := strings.Cut(g.provider, "/providers/")
	return "principal://iam.googleapis.com/" + pool + "/subject/" + claims.Subject, nil
}

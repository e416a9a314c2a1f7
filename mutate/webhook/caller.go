package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Verifier verifies bearer tokens, as the Verifier of package oidc does. Implementations must be safe
// for concurrent use.
type Verifier interface {
	// VerifyMap returns the claims of a token as decoded JSON once its signature, its issuer, its
	// times and its audience are right. The audience is the webhook's URL, or
	// https://SERVICE.NAMESPACE.svc:PORT with or without the path.
	VerifyMap(ctx context.Context, token string) (map[string]any, error)
}

var errNoToken = errors.New("webhook: the caller shows no bearer token")

// checkCaller says with which HTTP status a caller is refused who is not the API server; 0 for
// the API server itself.
func (h *Handler) checkCaller(r *http.Request) (int, error) {
	if h.cfg.Verifier == nil {
		return 0, nil
	}
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return http.StatusUnauthorized, errNoToken
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" { // RFC 6750, section 2.1
		return http.StatusUnauthorized, errNoToken
	}
	claims, err := h.cfg.Verifier.VerifyMap(r.Context(), token)
	if err != nil {
		return http.StatusUnauthorized, fmt.Errorf("webhook: the caller's token: %w", err)
	}
	if err := checkBound(claims, h.cfg.Configuration); err != nil {
		return http.StatusForbidden, fmt.Errorf("webhook: the caller's token: %w", err)
	}
	return 0, nil
}

// checkBound reports a token that its holder did not get for calling this webhook about pods.
// Anybody in the cluster may have a token for the audience, but only who may attest has one that
// is bound to the configuration (k8s.io/api/authentication/v1, AttestationAdmissionReviewAPIGroups).
func checkBound(claims map[string]any, configuration string) error {
	kubernetes, _ := claims["kubernetes.io"].(map[string]any)
	bound, _ := kubernetes["mutatingwebhookconfiguration"].(map[string]any)
	if name, _ := bound["name"].(string); name != configuration {
		return fmt.Errorf("it is not bound to the MutatingWebhookConfiguration %q", configuration)
	}
	attestations, _ := kubernetes["attestations"].(map[string]any)
	groups, _ := attestations["admissionReviewAPIGroups"].([]any)
	if len(groups) != 1 || groups[0] != "*" { // the core group, which pods are in, cannot be named
		return errors.New("it is not for reviews of pods")
	}
	return nil
}

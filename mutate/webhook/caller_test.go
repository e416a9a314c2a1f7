package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// tokens accepts the tokens in it, each with its claims.
type tokens map[string]string

var errBadToken = errors.New("not one of ours")

func (t tokens) VerifyMap(_ context.Context, token string) (map[string]any, error) {
	document, there := t[token]
	if !there {
		return nil, errBadToken
	}
	var claims map[string]any
	return claims, json.Unmarshal([]byte(document), &claims)
}

func TestOnlyACallerWithATokenForThisWebhookIsAnswered(t *testing.T) {
	t.Parallel()
	const attested = `,"attestations":{"admissionReviewAPIGroups":["*"]}`
	known := tokens{
		"good":           `{"kubernetes.io":{"mutatingwebhookconfiguration":{"name":"irsa","uid":"1"}` + attested + `}}`,
		"":               `{"kubernetes.io":{"mutatingwebhookconfiguration":{"name":"irsa","uid":"1"}` + attested + `}}`, // which must not be asked for
		"another":        `{"kubernetes.io":{"mutatingwebhookconfiguration":{"name":"other"}` + attested + `}}`,
		"validating":     `{"kubernetes.io":{"validatingwebhookconfiguration":{"name":"irsa"}` + attested + `}}`,
		"a-pods":         `{"kubernetes.io":{"namespace":"irsa","pod":{"name":"irsa"}}}`,
		"one-group":      `{"kubernetes.io":{"mutatingwebhookconfiguration":{"name":"irsa"},"attestations":{"admissionReviewAPIGroups":["apps"]}}}`,
		"not-attested":   `{"kubernetes.io":{"mutatingwebhookconfiguration":{"name":"irsa"}}}`,
		"other-types":    `{"kubernetes.io":{"mutatingwebhookconfiguration":["irsa"]` + attested + `}}`,
		"without-claims": `{}`,
		"null":           `null`,
	}
	for name, c := range map[string]struct {
		headers []string
		want    int
	}{
		"a good token":               {[]string{"Bearer good"}, 200},
		"in lower case":              {[]string{"bearer good"}, 200},
		"no header":                  {nil, 401},
		"an unknown token":           {[]string{"Bearer bad"}, 401},
		"no token":                   {[]string{"Bearer "}, 401},
		"another scheme":             {[]string{"Basic good"}, 401},
		"two headers":                {[]string{"Bearer good", "Bearer bad"}, 401},
		"another configuration's":    {[]string{"Bearer another"}, 403},
		"a validating one's":         {[]string{"Bearer validating"}, 403},
		"a pod's, for the audience":  {[]string{"Bearer a-pods"}, 403},
		"for one group":              {[]string{"Bearer one-group"}, 403},
		"for no group":               {[]string{"Bearer not-attested"}, 403},
		"with claims of other types": {[]string{"Bearer other-types"}, 403},
		"without claims":             {[]string{"Bearer without-claims"}, 403},
		"with null for claims":       {[]string{"Bearer null"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var event webhook.Event
			h := serving(t, webhook.Config{
				Verifier: known, Configuration: "irsa", InsecureFailOpen: true,
				OnReview: func(_ context.Context, e webhook.Event) { event = e },
			}, annotated(role))
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(reviewOf("v1", pod)))
			r.Header.Set("Content-Type", "application/json")
			r.Header["Authorization"] = c.headers
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			assert.Equal(t, c.want, w.Code)
			assert.Equal(t, c.want, event.Status)
			assert.Equal(t, c.want == 200, event.Err == nil)
			assert.Equal(t, c.want == 401, w.Header().Get("WWW-Authenticate") == "Bearer")
			assert.Equal(t, c.want == 200, strings.Contains(w.Body.String(), `"patch"`))
			if c.headers != nil && c.headers[0] == "Bearer bad" {
				assert.ErrorIs(t, event.Err, errBadToken)
				assert.NotContains(t, w.Body.String(), errBadToken.Error())
			}
		})
	}
}

func TestAVerifierNeedsTheNameOfItsConfiguration(t *testing.T) {
	t.Parallel()
	m, err := mutate.New(mutate.Config{})
	require.NoError(t, err)
	_, err = webhook.New(m, annotated(role), webhook.Config{Verifier: tokens{}})
	assert.ErrorContains(t, err, "Configuration")
}

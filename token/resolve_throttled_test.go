package token_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// throttlingAgent answers the first requests with status 429, as text like the real agent, and then
// with credentials. It keeps when it was asked.
type throttlingAgent struct {
	throttled  int
	retryAfter string // milliseconds

	mu    sync.Mutex
	asked []time.Time
}

func (a *throttlingAgent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, time.Now())
	if len(a.asked) <= a.throttled {
		w.Header().Set("X-Amz-Retry-After", a.retryAfter)
		http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
		return
	}
	fmt.Fprintf(w, `{"AccessKeyId":"ASIA1","SecretAccessKey":"secret","Token":"session","AccountId":"111122223333","Expiration":%q}`,
		time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339))
}

func TestAnAgentThatThrottlesIsAskedAgainWhenItSays(t *testing.T) {
	t.Parallel()
	// Longer than the SDK waits by itself after a first 429, which is a second at most.
	agent := &throttlingAgent{throttled: 1, retryAfter: "1200"}
	server := httptest.NewServer(agent)
	defer server.Close()
	res, err := token.Resolve(env{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token"}.lookup)
	require.NoError(t, err)
	cfg, err := res.Configure(aws.Config{Region: "eu-central-1"}, token.Config{})
	require.NoError(t, err)
	creds, err := cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "ASIA1", creds.AccessKeyID)
	require.Len(t, agent.asked, 2)
	assert.GreaterOrEqual(t, agent.asked[1].Sub(agent.asked[0]), 1200*time.Millisecond)
}

func TestTheErrorOfAnAgentHasItsAnswerAndNotTheAuthorizationToken(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Service account token cannot be used", http.StatusUnauthorized)
	}))
	defer server.Close()
	res, err := token.Resolve(env{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "very-secret"}.lookup)
	require.NoError(t, err)
	p, err := res.Provider(nil, token.Config{})
	require.NoError(t, err)
	_, err = p.Retrieve(t.Context())
	var answered *smithyhttp.ResponseError
	require.ErrorAs(t, err, &answered)
	assert.Equal(t, http.StatusUnauthorized, answered.HTTPStatusCode())
	assert.Nil(t, answered.Response.Request)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, *answered.Response.Response), "very-secret")
}

func TestTheErrorOfSTSHasNoRequestWithTheToken(t *testing.T) {
	t.Parallel()
	jwt := podToken(1, time.Hour)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
	}))
	defer server.Close()
	client := sts.NewFromConfig(aws.Config{Region: "eu-central-1", BaseEndpoint: aws.String(server.URL)})
	p, err := token.NewProvider(client, roleARN, token.SourceFunc(func(context.Context) (string, error) { return jwt, nil }), token.Config{})
	require.NoError(t, err)
	_, err = p.Retrieve(t.Context())
	var answered *smithyhttp.ResponseError
	require.ErrorAs(t, err, &answered)
	assert.Nil(t, answered.Response.Request)
}

func TestTheErrorOfAHopHasNoRequestWithTheSessionToken(t *testing.T) {
	t.Parallel()
	s := &fakeSTS{fault: always(stsFault{http.StatusForbidden, "AccessDenied", "no"})}
	base := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "KEY", SecretAccessKey: "secret", SessionToken: "very-secret"}, nil
	})
	p, err := token.Chain(base, s.signing, token.Hop{RoleARN: otherARN})
	require.NoError(t, err)
	_, err = p.Retrieve(t.Context())
	var answered *smithyhttp.ResponseError
	require.ErrorAs(t, err, &answered)
	assert.Equal(t, http.StatusForbidden, answered.HTTPStatusCode())
	assert.Nil(t, answered.Response.Request)
}

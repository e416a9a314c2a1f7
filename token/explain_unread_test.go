package token_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// page is an answer that is not in the form of the service.
type page struct {
	status int
	body   string
}

const blocked = "<html><head><title>Blocked</title><meta name=x></head><body>Ask your administrator<br></body></html>"

func (p page) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: p.status, Header: http.Header{"Content-Type": {"application/json"}}, // for endpointcreds
		Body: io.NopCloser(strings.NewReader(p.body)), Request: r,
	}, nil
}

func TestExplainKnowsAnswersThatTheServiceDidNotWrite(t *testing.T) {
	t.Parallel()
	const brokenOff = `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASI`
	for name, tc := range map[string]struct {
		page
		code string
	}{
		"a proxy's page":                   {page{403, blocked}, token.CodeAnswerUnreadable},
		"a proxy that wants a password":    {page{407, blocked}, token.CodeAnswerUnreadable},
		"a web server":                     {page{404, "404 page not found"}, token.CodeAnswerUnreadable},
		"a redirect":                       {page{302, ""}, token.CodeAnswerUnreadable},
		"a page to log in at":              {page{200, blocked}, token.CodeAnswerUnreadable},
		"an answer that broke off":         {page{200, brokenOff}, token.CodeAnswerUnreadable},
		"a refusal that broke off":         {page{400, "<ErrorResponse><Error><Code>Thro"}, token.CodeAnswerUnreadable},
		"a load balancer without backends": {page{503, blocked}, token.CodeServiceFault},
		"a gateway":                        {page{502, "upstream connect error"}, token.CodeServiceFault},
		"a fault in silence":               {page{500, ""}, token.CodeServiceFault},
		"throttling in silence":            {page{429, ""}, token.CodeThrottled},
		"a throttling gateway":             {page{429, blocked}, token.CodeThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := sts.New(sts.Options{Region: "eu-central-1", HTTPClient: tc.page, Retryer: aws.NopRetryer{}})
			_, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
				RoleArn: aws.String(roleARN), RoleSessionName: aws.String("s"), WebIdentityToken: aws.String("a.b.c"),
			})
			x, ok := token.Explain(err)
			require.True(t, ok, err)
			assert.Equal(t, tc.code, x.Code)
			assert.False(t, token.IsFinal(err))
		})
	}
}

func TestAContainersEndpointMayBreakOffToo(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]page{
		"an answer": {200, `{"AccessKeyId":"ASIA1","SecretAccess`}, "a refusal": {400, `{"code":"Acc`}, "a page": {200, blocked},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(p.status)
			_, _ = io.WriteString(w, p.body)
		}))
		t.Cleanup(server.Close)
		res, err := token.Resolve(env{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL}.lookup)
		require.NoError(t, err)
		provider, err := res.Provider(nil, token.Config{Refresh: token.Refresh{Timeout: 300 * time.Millisecond}})
		require.NoError(t, err)
		_, err = provider.Retrieve(t.Context())
		x, ok := token.Explain(err)
		require.True(t, ok, "%s: %v", name, err)
		assert.Equal(t, token.CodeAnswerUnreadable, x.Code, name)
		assert.False(t, token.IsFinal(err), name)
	}
}

// A pod that starts while a gateway has no backends waits for it, as with the SDK's own provider.
func TestAColdStartRidesOutAnswersThatTheServiceDidNotWrite(t *testing.T) {
	t.Parallel()
	for _, p := range []page{{503, blocked}, {502, ""}, {429, ""}, {404, "404 page not found"}, {200, "<AssumeRole"}, {200, ""}} {
		t.Run(fmt.Sprint(p.status, len(p.body)), in(func(t *testing.T) {
			s := &fakeSTS{}
			calls := 0
			transport := smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
				if calls++; calls <= 3 {
					return p.Do(r)
				}
				return s.Do(r)
			})
			provider, err := token.NewProvider(sts.New(sts.Options{Region: "eu-central-1", HTTPClient: transport}), roleARN, rotating(), token.Config{})
			require.NoError(t, err)
			creds, err := provider.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "ASIA1", creds.AccessKeyID)
			assert.Equal(t, 4, calls)
		}))
	}
}

func TestWhatAnAttemptFailedWithIsExplainedAndNotThatItWasCutShort(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	in(func(t *testing.T) {
		client := sts.New(sts.Options{Region: "eu-central-1", HTTPClient: smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: refused}
		})})
		p, err := token.NewProvider(client, roleARN, rotating(), token.Config{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = p.Retrieve(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		x, ok := token.Explain(err)
		require.True(t, ok)
		assert.Equal(t, token.CodeConnectionFailed, x.Code)
		assert.Equal(t, roleARN, x.RoleARN)
		time.Sleep(time.Minute) // nobody waits any more
	})(t)
}

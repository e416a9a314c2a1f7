package trusttest_test

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/trusttest"
)

// wireError is an error as the Query protocol writes it.
type wireError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func TestRequestsThatAreNotCallsAreRefused(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	tests := map[string]struct {
		method, target, kind, body string
		status                     int
		code, message              string
	}{
		"no action": {"POST", "/", form, "Version=2010-05-08", 400, "MissingAction", "The request is missing an action or a required parameter."},
		"an unknown action": {"POST", "/", form, "Action=CreateUser&Version=2010-05-08", 400, "InvalidAction",
			"Could not find operation CreateUser for version 2010-05-08"},
		"an action of the other service": {"POST", "/", form, "Action=GetRole&Version=2011-06-15", 400, "InvalidAction",
			"Could not find operation GetRole for version 2011-06-15"},
		"an unknown version": {"POST", "/", form, "Action=GetRole&Version=1999-01-01", 400, "InvalidAction",
			"Could not find operation GetRole for version 1999-01-01"},
		"another content type": {"POST", "/", "application/json", "{}", 400, "MalformedQueryString", "The query string contains a syntax error"},
		"a broken form":        {"POST", "/", form, "Action=%zz", 400, "MalformedQueryString", "The query string contains a syntax error"},
		"a broken query":       {"GET", "/?Action=%zz", "", "", 400, "MalformedQueryString", "The query string contains a syntax error"},
		"an action in the URL of a POST": {"POST", "/?Action=ListRoles&Version=2010-05-08", form, "", 400, "MissingAction",
			"The request is missing an action or a required parameter."},
		"another method":  {"PUT", "/", form, "", 405, "UnsupportedMethod", "want POST or GET"},
		"no signature":    {"POST", "/", form, "Action=ListRoles&Version=2010-05-08", 403, "MissingAuthenticationToken", "Request is missing Authentication Token"},
		"a body too long": {"POST", "/", form, strings.Repeat("a", 2<<20), 413, "RequestEntityTooLarge", "Request entity is too large."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			account, _ := newIAM(t, trusttest.Config{})
			r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
			r.Header.Set("Content-Type", test.kind)
			w := httptest.NewRecorder()

			account.ServeHTTP(w, r)

			assert.Equal(t, test.status, w.Code)
			assert.Equal(t, "text/xml", w.Header().Get("Content-Type"))
			var got wireError
			require.NoError(t, xml.Unmarshal(w.Body.Bytes(), &got))
			assert.Equal(t, "Sender", got.Type)
			assert.Equal(t, test.code, got.Code)
			assert.Equal(t, test.message, got.Message)
			assert.NotEmpty(t, got.RequestID)
			assert.Equal(t, w.Header().Get("X-Amzn-Requestid"), got.RequestID)
		})
	}
}

func TestARequestWithoutABodyDoesNotPanic(t *testing.T) {
	t.Parallel()
	account, _ := newIAM(t, trusttest.Config{})
	w := httptest.NewRecorder()

	account.ServeHTTP(w, &http.Request{Method: http.MethodPost, URL: &url.URL{}})

	assert.Equal(t, http.StatusBadRequest, w.Code)
}

func TestIAMIsForTheAdministratorAlone(t *testing.T) {
	t.Parallel()
	account, client := newIAM(t, trusttest.Config{})
	createRole(t, client, func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = aws.String(otherTrustDocument) })
	admin, err := account.Credentials().Retrieve(t.Context())
	require.NoError(t, err)
	assumed, err := sts.NewFromConfig(account.AWSConfig()).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::111122223333:role/app"), RoleSessionName: aws.String("me"),
	})
	require.NoError(t, err)
	session := assumed.Credentials
	other, _ := newIAM(t, trusttest.Config{})
	foreign, err := other.Credentials().Retrieve(t.Context())
	require.NoError(t, err)
	const invalidToken = "The security token included in the request is invalid."
	const mismatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	tests := map[string]struct {
		keys          [3]string // id, secret, session token
		code, message string
	}{
		"another account's keys":     {[3]string{foreign.AccessKeyID, foreign.SecretAccessKey, ""}, "InvalidClientTokenId", invalidToken},
		"a wrong secret":             {[3]string{admin.AccessKeyID, foreign.SecretAccessKey, ""}, "SignatureDoesNotMatch", mismatch},
		"a session token too many":   {[3]string{admin.AccessKeyID, admin.SecretAccessKey, "token"}, "InvalidClientTokenId", invalidToken},
		"a session token too few":    {[3]string{*session.AccessKeyId, *session.SecretAccessKey, ""}, "InvalidClientTokenId", invalidToken},
		"a session's id, own secret": {[3]string{*session.AccessKeyId, admin.SecretAccessKey, *session.SessionToken}, "SignatureDoesNotMatch", mismatch},
		"a role's session": {[3]string{*session.AccessKeyId, *session.SecretAccessKey, *session.SessionToken}, "AccessDenied",
			"User: arn:aws:sts::111122223333:assumed-role/app/me is not authorized to perform: iam:DeleteRole " +
				"because no identity-based policy allows the iam:DeleteRole action"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := account.AWSConfig()
			cfg.Credentials = credentials.NewStaticCredentialsProvider(test.keys[0], test.keys[1], test.keys[2])

			_, err := iam.NewFromConfig(cfg).DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("app")})

			assertRefusal(t, err, 403, test.code, test.message)
		})
	}
	getRole(t, client, "app") // nobody deleted it
}

// tamper changes requests after they were signed.
type tamper struct {
	inner  http.RoundTripper
	change func(*http.Request)
}

func (t tamper) RoundTrip(r *http.Request) (*http.Response, error) {
	t.change(r)
	return t.inner.RoundTrip(r)
}

func TestARequestThatIsChangedAfterSigningIsRefused(t *testing.T) {
	t.Parallel()
	account, client := newIAM(t, trusttest.Config{})
	createRole(t, client)
	tests := map[string]struct {
		change func(*http.Request)
		status int
		code   string
	}{
		"the body": {func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader("Action=DeleteRole&RoleName=app&Version=2010-05-08"))
		}, 403, "SignatureDoesNotMatch"},
		"the host":   {func(r *http.Request) { r.Host = "iam.amazonaws.com" }, 403, "SignatureDoesNotMatch"},
		"the path":   {func(r *http.Request) { r.URL.Path = "/other" }, 403, "SignatureDoesNotMatch"},
		"the query":  {func(r *http.Request) { r.URL.RawQuery = "a=b" }, 403, "SignatureDoesNotMatch"},
		"the second": {shiftDate(time.Second), 403, "SignatureDoesNotMatch"},
		"the hour":   {shiftDate(-time.Hour), 403, "SignatureDoesNotMatch"},
		"no date":    {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, 400, "IncompleteSignature"},
		"the scope's service": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/iam/", "/sts/", 1))
		}, 403, "SignatureDoesNotMatch"},
		"the algorithm": {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 400, "IncompleteSignature"},
		"half a header": {func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request")
		}, 400, "IncompleteSignature"},
		"no signature": {func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationToken"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := account.AWSConfig()
			cfg.HTTPClient = &http.Client{Transport: tamper{account.Transport(), test.change}}

			_, err := iam.NewFromConfig(cfg).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("app")})

			var refused smithy.APIError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, test.code, refused.ErrorCode())
			var response *awshttp.ResponseError
			require.ErrorAs(t, err, &response)
			assert.Equal(t, test.status, response.HTTPStatusCode())
		})
	}
	getRole(t, client, "app") // nobody deleted it
}

func shiftDate(by time.Duration) func(*http.Request) {
	const form = "20060102T150405Z"
	return func(r *http.Request) {
		at, err := time.Parse(form, r.Header.Get("X-Amz-Date"))
		if err == nil {
			r.Header.Set("X-Amz-Date", at.Add(by).Format(form))
		}
	}
}

func TestIAMWorksOverLoopback(t *testing.T) {
	t.Parallel()
	account, memory := newIAM(t, trusttest.Config{})
	cfg := account.AWSConfig()
	cfg.BaseEndpoint, cfg.HTTPClient = aws.String(account.URL()), nil
	client := iam.NewFromConfig(cfg)

	arn := createProvider(t, client)
	createRole(t, client)

	assert.Equal(t, "oidc.example.com/cluster", *getProvider(t, memory, arn).Url, "one account, two ways to it")
	assertDocument(t, trustDocument, getRole(t, client, "app").AssumeRolePolicyDocument)
	assertRefusal(t, onRole("nobody")["get"](t.Context(), client), 404, "NoSuchEntity", "The role with name nobody cannot be found.")
	big := strings.Repeat("x", 2<<20)
	err := creatingRole(func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = &big })(t.Context(), client)
	assertRefusal(t, err, 413, "RequestEntityTooLarge", "Request entity is too large.")
}

func TestTheLongestDocumentIsRead(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	// Two bytes each, six characters on the wire.
	document := strings.Replace(permissions, "s3:Get*", strings.Repeat("ü", 131072-len(permissions)+len("s3:Get*")), 1)
	createRole(t, client)

	err := puttingPolicy("app", "p", document)(t.Context(), client)

	assertRefusal(t, err, 409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role app")
}

func TestACallThatIsGivenUpChangesNothing(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := client.CreateRole(ctx, roleInput())

	require.ErrorIs(t, err, context.Canceled)
	roles, err := client.ListRoles(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, roles.Roles)
}

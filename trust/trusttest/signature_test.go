package trusttest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// presignedIdentity is a GetCallerIdentity as aws-iam-authenticator presigns it: a GET whose
// query is signed, together with a header that names the cluster.
func presignedIdentity(t *testing.T, client *sts.Client) *http.Request {
	t.Helper()
	presigned, err := sts.NewPresignClient(client).PresignGetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}, func(o *sts.PresignOptions) {
		o.ClientOptions = append(o.ClientOptions, sts.WithAPIOptions(func(stack *middleware.Stack) error {
			return errors.Join(smithyhttp.AddHeaderValue("x-k8s-aws-id", "blue")(stack), smithyhttp.SetHeaderValue("X-Amz-Expires", "60")(stack))
		}))
	})
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), presigned.Method, presigned.URL, nil)
	require.NoError(t, err)
	for name, values := range presigned.SignedHeader {
		if name != "Host" {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	return r
}

func identityOf(t *testing.T, account *trusttest.Account, r *http.Request) (arn, code string) {
	t.Helper()
	res, err := account.Transport().RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	var answer struct {
		ARN  string `xml:"GetCallerIdentityResult>Arn"`
		Code string `xml:"Error>Code"`
	}
	require.NoError(t, xml.Unmarshal(body, &answer))
	return answer.ARN, answer.Code
}

func TestAPresignedGetCallerIdentityIsAnswered(t *testing.T) {
	t.Parallel()
	c := newCluster(t, oidctest.Config{}, trusttest.Config{})
	out, err := c.assume(t)
	require.NoError(t, err)
	const session = "arn:aws:sts::111122223333:assumed-role/app/pod-1"
	for name, test := range map[string]struct {
		client *sts.Client
		change func(*http.Request)
		arn    string
		code   string
	}{
		"the administrator":       {c.sts, nil, "arn:aws:iam::111122223333:user/administrator", ""},
		"a pod's session":         {c.as(out), nil, session, ""},
		"another cluster":         {c.as(out), func(r *http.Request) { r.Header.Set("X-K8s-Aws-Id", "green") }, "", "SignatureDoesNotMatch"},
		"no cluster":              {c.as(out), func(r *http.Request) { r.Header.Del("X-K8s-Aws-Id") }, "", "SignatureDoesNotMatch"},
		"another method":          {c.as(out), func(r *http.Request) { r.Method = http.MethodPut }, "", "UnsupportedMethod"},
		"another action":          {c.as(out), replace("Action=GetCallerIdentity", "Action=AssumeRole"), "", "SignatureDoesNotMatch"},
		"a parameter more":        {c.as(out), func(r *http.Request) { r.URL.RawQuery += "&a=b" }, "", "SignatureDoesNotMatch"},
		"an action of IAM":        {c.as(out), replace("Action=GetCallerIdentity&Version=2011-06-15", "Action=ListRoles&Version=2010-05-08"), "", "SignatureDoesNotMatch"},
		"another validity":        {c.as(out), replace("X-Amz-Expires=60", "X-Amz-Expires=600"), "", "SignatureDoesNotMatch"},
		"another session":         {c.as(out), replace("X-Amz-Security-Token=", "X-Amz-Security-Token=A"), "", "InvalidClientTokenId"},
		"no session":              {c.as(out), replace("X-Amz-Security-Token=", "X-Other="), "", "InvalidClientTokenId"},
		"another algorithm":       {c.as(out), replace("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4-HMAC-SHA1"), "", "IncompleteSignature"},
		"no algorithm":            {c.as(out), replace("X-Amz-Algorithm=", "X-Other="), "", "IncompleteSignature"},
		"no signature":            {c.as(out), replace("X-Amz-Signature=", "X-Other="), "", "IncompleteSignature"},
		"no date":                 {c.as(out), replace("X-Amz-Date=", "X-Other="), "", "IncompleteSignature"},
		"no credential":           {c.as(out), replace("X-Amz-Credential=", "X-Other="), "", "IncompleteSignature"},
		"no signed headers":       {c.as(out), replace("X-Amz-SignedHeaders=", "X-Other="), "", "IncompleteSignature"},
		"no host among them":      {c.as(out), replace("X-Amz-SignedHeaders=host%3B", "X-Amz-SignedHeaders="), "", "IncompleteSignature"},
		"a header that signs too": {c.as(out), func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") }, "", "IncompleteSignature"},
	} {
		r := presignedIdentity(t, test.client)
		if test.change != nil {
			test.change(r)
		}
		arn, code := identityOf(t, c.account, r)
		assert.Equal(t, test.arn, arn, name)
		assert.Equal(t, test.code, code, name)
	}
}

// As Vault sends a login on: the path that was signed as "/" becomes "//"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func TestASignatureHoldsForThePathWithoutEmptyAndRelativeSegments(t *testing.T) {
	t.Parallel()
	account, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	for _, tc := range []struct {
		service, signed, sent string
		holds                 bool
	}{
		{"sts", "/", "//", true},
		{"sts", "/a/", "/b/..//./a/", true},
		{"sts", "/a", "/a/", false},
		{"sts", "/a", "/b/a", false},
		{"sts", "/a%2Fb", "/a/b", false},
		{"s3", "/a", "//a", false},
		{"s3", "/a", "/b/../a", false},
	} {
		const host = "https://host.example"
		r := sign(t, account, signing{service: tc.service, url: host + tc.signed})
		r.URL, err = url.Parse(host + tc.sent)
		require.NoError(t, err)
		_, err = account.Verify(r)
		if tc.holds {
			assert.NoError(t, err, "%+v", tc)
		} else {
			assert.ErrorContains(t, err, "SignatureDoesNotMatch: The request signature we calculated", "%+v", tc)
		}
	}
}

// replace changes the query of a request, and must find what it replaces.
func replace(old, with string) func(*http.Request) {
	return func(r *http.Request) {
		next := strings.Replace(r.URL.RawQuery, old, with, 1)
		if next == r.URL.RawQuery {
			panic(old + " is not in the query " + r.URL.RawQuery)
		}
		r.URL.RawQuery = next
	}
}

func TestAPresignedGetCallerIdentityHoldsForFifteenMinutes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	account, err := trusttest.NewAccount(trusttest.Config{Now: func() time.Time { return now }})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	for age, code := range map[time.Duration]string{
		0: "", 14 * time.Minute: "", -14 * time.Minute: "", 29 * time.Minute: "SignatureDoesNotMatch", -29 * time.Minute: "SignatureDoesNotMatch",
	} {
		// The machine's clock, by which SDKs sign, counts as well as the account's.
		r := sign(t, account, signing{service: "sts", at: time.Now().Add(-age), presigned: true, query: "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60"})
		_, got := identityOf(t, account, r)
		assert.Equal(t, code, got, age)
	}
	now = now.Add(-time.Hour)
	r := sign(t, account, signing{service: "sts", at: now, presigned: true, query: "Action=GetCallerIdentity&Version=2011-06-15"})
	_, got := identityOf(t, account, r)
	assert.Empty(t, got, "by the account's clock")
}

// TestAnIdentityIsProvedByASignedRequest is how Vault's AWS auth method works: the client signs
// a POST and sends its parts, the server puts them together again.
func TestAnIdentityIsProvedByASignedRequest(t *testing.T) {
	t.Parallel()
	account, _ := newIAM(t, trusttest.Config{})
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	for name, method := range map[string]string{"POST": http.MethodPost, "GET": http.MethodGet} {
		s := signing{service: "sts", method: method, header: http.Header{"X-Vault-Aws-Iam-Server-Id": {"vault.example"}}}
		if method == http.MethodGet {
			s.query = body
		} else {
			s.body = body
			s.header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		}
		arn, code := identityOf(t, account, sign(t, account, s))
		assert.Equal(t, "arn:aws:iam::111122223333:user/administrator", arn, name)
		assert.Empty(t, code, name)
		r := sign(t, account, s)
		r.Header.Set("X-Vault-Aws-Iam-Server-Id", "other.example")
		_, code = identityOf(t, account, r)
		assert.Equal(t, "SignatureDoesNotMatch", code, name)
	}
}

// signing says how a test signs a request.
type signing struct {
	service, region string
	method, url     string
	query, body     string
	payload         string // in place of the body's hash
	header          http.Header
	at              time.Time
	presigned       bool
	keys            aws.Credentials // zero: the administrator's
}

func sign(t *testing.T, account *trusttest.Account, s signing) *http.Request {
	t.Helper()
	if s.keys.AccessKeyID == "" {
		keys, err := account.Credentials().Retrieve(t.Context())
		require.NoError(t, err)
		s.keys = keys
	}
	target := s.url
	if target == "" {
		target = "https://" + s.service + ".eu-west-1.amazonaws.com/"
	}
	if s.query != "" {
		target += "?" + s.query
	}
	method := s.method
	if method == "" {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, target, strings.NewReader(s.body))
	for name, values := range s.header {
		r.Header[name] = values
	}
	if s.at.IsZero() {
		s.at = time.Now()
	}
	if s.region == "" {
		s.region = "eu-west-1"
	}
	sum := sha256.Sum256([]byte(s.body))
	payload := hex.EncodeToString(sum[:])
	if s.payload != "" {
		payload = s.payload
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s.service == "s3" })
	if !s.presigned {
		require.NoError(t, signer.SignHTTP(context.Background(), s.keys, r, payload, s.service, s.region, s.at))
		return r
	}
	signed, header, err := signer.PresignHTTP(context.Background(), s.keys, r, payload, s.service, s.region, s.at)
	require.NoError(t, err)
	r.URL, err = url.Parse(signed)
	require.NoError(t, err)
	for name, values := range header {
		if !strings.EqualFold(name, "host") {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	return r
}

func TestVerifySaysWhoSignedARequestForAnyService(t *testing.T) {
	t.Parallel()
	account, client := newIAM(t, trusttest.Config{})
	c := chain{account, client}
	_, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("app"), Path: aws.String("/team/"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`),
	})
	require.NoError(t, err)
	const role = "arn:aws:iam::111122223333:role/team/app"
	out, err := c.assume(t.Context(), nil, role, passing(map[string]string{"Team": "shop"}), naming("alice"))
	require.NoError(t, err)
	keys := aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
	want := trusttest.Caller{
		ARN: "arn:aws:sts::111122223333:assumed-role/app/session", UserID: *out.AssumedRoleUser.AssumedRoleId, RoleARN: role,
		AccessKeyID: keys.AccessKeyID, Tags: map[string]string{"Team": "shop"}, SourceIdentity: "alice", Region: "eu-west-1", PayloadSigned: true,
	}
	const unsigned = "UNSIGNED-PAYLOAD"
	for name, s := range map[string]struct {
		signing
		covered bool
	}{
		"a GET of S3":                         {signing{service: "s3", url: "https://bucket.s3.eu-west-1.amazonaws.com/a%20key/with+plus/%C3%BC//x"}, true},
		"a PUT of S3":                         {signing{service: "s3", method: "PUT", body: "hello"}, true},
		"a PUT of S3 with its hash":           {signing{service: "s3", method: "PUT", body: "hello", header: contentHash("hello")}, true},
		"an unsigned PUT of S3":               {signing{service: "s3", method: "PUT", body: "hello", payload: unsigned, header: http.Header{"X-Amz-Content-Sha256": {unsigned}}}, false},
		"a stream of S3":                      {signing{service: "s3", method: "PUT", body: "5\r\nhello", payload: "STREAMING-UNSIGNED-PAYLOAD-TRAILER", header: http.Header{"X-Amz-Content-Sha256": {"STREAMING-UNSIGNED-PAYLOAD-TRAILER"}}}, false},
		"a presigned GET of S3":               {signing{service: "s3", presigned: true, payload: unsigned, query: "X-Amz-Expires=60"}, false},
		"a presigned PUT of S3 with its hash": {signing{service: "s3", method: "PUT", presigned: true, body: "hello", header: contentHash("hello"), query: "X-Amz-Expires=60"}, true},
		"a query of every kind of character":  {signing{service: "sqs", query: "q=%00%2F09%3A%40AZ%5B%60az%7B%7C%7D~-._%7F%C3%BC"}, true},
		"a list of S3, sorted by name":        {signing{service: "s3", query: "list-type=2&prefix=a%2Fb%20c&prefix-x=1&prefix=&empty"}, true},
		"a POST of ECR":                       {signing{service: "ecr", method: "POST", body: `{"a":1}`, header: http.Header{"X-Amz-Target": {"AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"}}}, true},
		"a path of another service":           {signing{service: "execute-api", url: "https://x.execute-api.eu-west-1.amazonaws.com/stage/a%20b/%2F"}, true},
		"headers with white space, twice":     {signing{service: "sqs", header: http.Header{"X-Amz-Meta": {"  a   b ", "c"}}}, true},
		"a presigned request of a service":    {signing{service: "eks", presigned: true, query: "X-Amz-Expires=60"}, true},
		"an IAM request":                      {signing{service: "iam", method: "POST", body: "Action=ListRoles"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.keys = keys
			r := sign(t, account, s.signing)
			got, err := account.Verify(r)
			require.NoError(t, err)
			want := want
			want.Service, want.PayloadSigned = s.service, s.covered
			assert.Equal(t, want, got)
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			assert.Equal(t, s.body, string(body), "the handler still reads it")

			for what, change := range map[string]func(*http.Request){
				"host":   func(r *http.Request) { r.Host = "evil.example" },
				"path":   func(r *http.Request) { r.URL.Path += "x"; r.URL.RawPath = "" },
				"query":  func(r *http.Request) { r.URL.RawQuery += "&x=y" },
				"method": func(r *http.Request) { r.Method = http.MethodDelete },
			} {
				r := sign(t, account, s.signing)
				change(r)
				assertSignatureError(t, account, r, "SignatureDoesNotMatch", what)
			}
			r = sign(t, account, s.signing)
			r.Body = io.NopCloser(strings.NewReader(s.body + " "))
			if s.covered {
				assertSignatureError(t, account, r, "SignatureDoesNotMatch", "body")
			} else {
				_, err = account.Verify(r)
				require.NoError(t, err, "the body is not vouched for, as PayloadSigned says")
			}
		})
	}
}

func contentHash(body string) http.Header {
	sum := sha256.Sum256([]byte(body))
	return http.Header{"X-Amz-Content-Sha256": {hex.EncodeToString(sum[:])}}
}

func assertSignatureError(t *testing.T, account *trusttest.Account, r *http.Request, code, what string) {
	t.Helper()
	got, err := account.Verify(r)
	assert.Zero(t, got, what)
	var refused *trusttest.SignatureError
	require.ErrorAs(t, err, &refused, what)
	assert.Equal(t, code, refused.Code, what)
	assert.Contains(t, []int{400, 403}, refused.Status, what)
	assert.NotContains(t, err.Error(), "Signature=", what)
}

func TestVerifyRefusesWhatAWSRefuses(t *testing.T) {
	t.Parallel()
	now := time.Now()
	account, err := trusttest.NewAccount(trusttest.Config{Now: func() time.Time { return now }})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	admin, err := account.Credentials().Retrieve(t.Context())
	require.NoError(t, err)
	stranger := aws.Credentials{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", SecretAccessKey: "x"}
	tooMuch, wrong := admin, admin
	tooMuch.SessionToken, wrong.SecretAccessKey = "x", "x"
	authorization := func(change func(string) string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", change(r.Header.Get("Authorization"))) }
	}
	swap := func(old, with string) func(*http.Request) {
		return authorization(func(s string) string { return strings.Replace(s, old, with, 1) })
	}
	for name, test := range map[string]struct {
		signing
		change func(*http.Request)
		code   string
	}{
		"nothing":                         {signing{service: "s3"}, func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationToken"},
		"a bearer token":                  {signing{service: "s3"}, authorization(func(string) string { return "Bearer x" }), "IncompleteSignature"},
		"another algorithm":               {signing{service: "ecr"}, swap("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA1 x,"), "IncompleteSignature"},
		"an unknown key":                  {signing{service: "s3", keys: stranger}, nil, "InvalidClientTokenId"},
		"a session token of nobody's":     {signing{service: "s3", keys: tooMuch}, nil, "InvalidClientTokenId"},
		"a wrong secret":                  {signing{service: "s3", keys: wrong}, nil, "SignatureDoesNotMatch"},
		"an old signature":                {signing{service: "s3", at: now.Add(-16 * time.Minute)}, nil, "SignatureDoesNotMatch"},
		"one from the future":             {signing{service: "s3", at: now.Add(16 * time.Minute)}, nil, "SignatureDoesNotMatch"},
		"a presigned one that is over":    {signing{service: "s3", presigned: true, payload: "UNSIGNED-PAYLOAD", at: now.Add(-61 * time.Second), query: "X-Amz-Expires=60"}, nil, "SignatureDoesNotMatch"},
		"a presigned one without an end":  {signing{service: "s3", presigned: true, payload: "UNSIGNED-PAYLOAD"}, nil, "AuthorizationQueryParametersError"},
		"presigned for no time":           {signing{service: "s3", presigned: true, payload: "UNSIGNED-PAYLOAD", query: "X-Amz-Expires=0"}, nil, "AuthorizationQueryParametersError"},
		"presigned for more than 7 days":  {signing{service: "s3", presigned: true, payload: "UNSIGNED-PAYLOAD", query: "X-Amz-Expires=604801"}, nil, "AuthorizationQueryParametersError"},
		"a header of S3 that is unsigned": {signing{service: "s3"}, func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") }, "AccessDenied"},
		"unsigned, but not for S3":        {signing{service: "ecr", method: "POST", payload: "UNSIGNED-PAYLOAD", header: http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}}, nil, "SignatureDoesNotMatch"},
		"a hash of another body":          {signing{service: "s3", method: "PUT", body: "a", payload: contentHash("b").Get("X-Amz-Content-Sha256"), header: contentHash("b")}, nil, "SignatureDoesNotMatch"},
		"another service":                 {signing{service: "s3"}, swap("/s3/", "/ecr/"), "SignatureDoesNotMatch"},
		"another region":                  {signing{service: "s3"}, swap("/eu-west-1/", "/us-east-1/"), "SignatureDoesNotMatch"},
		"a scope of another day":          {signing{service: "s3"}, func(r *http.Request) { swap("/"+r.Header.Get("X-Amz-Date")[:8]+"/", "/20200101/")(r) }, "SignatureDoesNotMatch"},
		"a scope of four parts":           {signing{service: "s3"}, swap("/s3/", "/"), "IncompleteSignature"},
		"a scope with an empty part":      {signing{service: "s3"}, swap("/s3/", "//"), "IncompleteSignature"},
		"a scope that ends otherwise":     {signing{service: "s3"}, swap("aws4_request", "aws5_request"), "IncompleteSignature"},
		"no signed headers":               {signing{service: "s3"}, swap("SignedHeaders=", "X="), "IncompleteSignature"},
		"no signature":                    {signing{service: "s3"}, swap("Signature=", "X="), "IncompleteSignature"},
		"no credential":                   {signing{service: "s3"}, swap("Credential=", "X="), "IncompleteSignature"},
		"headers out of order":            {signing{service: "ecr"}, swap("SignedHeaders=host;x-amz-date", "SignedHeaders=x-amz-date;host"), "IncompleteSignature"},
		"no host among the headers":       {signing{service: "ecr"}, swap("SignedHeaders=host;", "SignedHeaders="), "IncompleteSignature"},
		"a date in another form":          {signing{service: "ecr"}, func(r *http.Request) { r.Header.Set("X-Amz-Date", now.Format(time.RFC1123)) }, "IncompleteSignature"},
		"an empty signature":              {signing{service: "ecr"}, authorization(func(s string) string { return s[:strings.LastIndex(s, "=")+1] }), "IncompleteSignature"},
		"a signature cut short":           {signing{service: "ecr"}, authorization(func(s string) string { return s[:len(s)-1] }), "SignatureDoesNotMatch"},
		"a query that cannot be read":     {signing{service: "ecr"}, func(r *http.Request) { r.URL.RawQuery = "a=%zz" }, "MalformedQueryString"},
		"a semicolon in the query":        {signing{service: "ecr"}, func(r *http.Request) { r.URL.RawQuery = "a=b;c=d" }, "MalformedQueryString"},
	} {
		t.Run(name, func(t *testing.T) {
			r := sign(t, account, test.signing)
			if test.change != nil {
				test.change(r)
			}
			assertSignatureError(t, account, r, test.code, name)
		})
	}
}

func TestASignatureOfAnotherDaySaysSo(t *testing.T) {
	t.Parallel()
	account, _ := newIAM(t, trusttest.Config{})
	r := sign(t, account, signing{service: "ecr"})
	day := r.Header.Get("X-Amz-Date")[:8]
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/"+day+"/", "/20200101/", 1))
	_, err := account.Verify(r)
	require.ErrorContains(t, err, "Date in Credential scope does not match")
}

func TestWhatIsSignedForOneServiceIsNotServedByAnother(t *testing.T) {
	t.Parallel()
	account, _ := newIAM(t, trusttest.Config{})
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for service, want := range map[string]string{"iam": "", "sts": "SignatureDoesNotMatch"} {
		_, code := identityOf(t, account, sign(t, account, signing{service: service, method: "POST", body: "Action=ListRoles&Version=2010-05-08", header: form}))
		assert.Equal(t, want, code, service)
	}
}

func TestASignatureOutOfTimeSaysInWhichDirection(t *testing.T) {
	t.Parallel()
	account, _ := newIAM(t, trusttest.Config{})
	for off, want := range map[time.Duration]string{-time.Hour: "Signature expired: ", time.Hour: "Signature not yet current: "} {
		_, err := account.Verify(sign(t, account, signing{service: "ecr", at: time.Now().Add(off)}))
		require.ErrorContains(t, err, want)
	}
}

func TestVerifyReadsNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	account, _ := newIAM(t, trusttest.Config{})
	endless := sign(t, account, signing{service: "ecr", method: "POST"})
	endless.Body = io.NopCloser(zeros{})
	_, err := account.Verify(endless)
	require.ErrorContains(t, err, "more than 67108864 bytes")

	unsigned := sign(t, account, signing{service: "s3", method: "PUT", payload: "UNSIGNED-PAYLOAD", header: http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}})
	body := &bytes.Buffer{}
	body.WriteString("hello")
	unsigned.Body = io.NopCloser(body)
	_, err = account.Verify(unsigned)
	require.NoError(t, err)
	assert.Equal(t, 5, body.Len(), "what the signature does not cover is not read")

	none := sign(t, account, signing{service: "ecr"})
	none.Body = nil
	_, err = account.Verify(none)
	require.NoError(t, err)
	for _, r := range []*http.Request{nil, {}} {
		_, err := account.Verify(r)
		require.ErrorContains(t, err, "the request is nil")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestVerifyKnowsAnExpiredSession(t *testing.T) {
	t.Parallel()
	now := time.Now()
	account, client := newIAM(t, trusttest.Config{Now: func() time.Time { return now }})
	c := chain{account, client}
	out, err := c.assume(t.Context(), nil, c.role(t, "app", plainly, ""))
	require.NoError(t, err)
	keys := aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
	now = out.Credentials.Expiration.Add(-time.Second)
	_, err = account.Verify(sign(t, account, signing{service: "s3", keys: keys}))
	require.NoError(t, err)
	now = *out.Credentials.Expiration
	assertSignatureError(t, account, sign(t, account, signing{service: "s3", keys: keys}), "ExpiredToken", "at the second")
}

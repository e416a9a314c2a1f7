package token_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

var update = flag.Bool("update", false, "write the table of codes into the package documentation")

// table is the codes as the package documentation prints them.
func table() string {
	var b strings.Builder
	line := func(code, cause, final, invalidates, meaning string) {
		fmt.Fprintf(&b, "//	%-31s %-13s %-7s %-11s %s\n", code, cause, final, invalidates, meaning)
	}
	line("code", "cause", "final", "invalidates", "meaning")
	for _, e := range token.Explanations() {
		final, invalidates := "no", "no"
		switch {
		case e.Retry == token.RetryNever:
			final = "yes"
		case e.FinalAfter > 0:
			final = strings.TrimSuffix(strings.TrimSuffix(e.FinalAfter.String(), "0s"), "0m")
		case e.Retry == token.RetryNewCredentials:
			invalidates = "yes"
		}
		line(e.Code, string(e.Cause), final, invalidates, e.Meaning)
	}
	return b.String()
}

func TestThePackageDocumentationPrintsTheTableOfCodes(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(doc), "replace the\n// credentials.\n//\n")
	require.True(t, ok)
	printed, after, ok := strings.Cut(rest, "package token\n")
	require.True(t, ok)
	if *update {
		doc := before + "replace the\n// credentials.\n//\n" + table() + "package token\n" + after
		require.NoError(t, os.WriteFile("doc.go", []byte(doc), 0o644))
		return
	}
	assert.Equal(t, table(), printed, "go test -update writes it")
}

func TestEveryRowOfTheTableIsWhole(t *testing.T) {
	t.Parallel()
	// https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#condition-v1-meta
	reason := regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)
	codes, reasons, meanings := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range token.Explanations() {
		assert.Regexp(t, `^[a-z]+(-[a-z]+)*$`, e.Code)
		assert.Regexp(t, reason, e.Reason())
		assert.False(t, codes[e.Code] || reasons[e.Reason()] || meanings[e.Meaning], "%s is there twice", e.Code)
		codes[e.Code], reasons[e.Reason()], meanings[e.Meaning] = true, true, true
		assert.NotEmpty(t, e.Cause, e.Code)
		assert.NotEmpty(t, e.Retry, e.Code)
		assert.NotEmpty(t, e.Next, e.Code)
		assert.False(t, e.Retry == token.RetryNever && e.FinalAfter > 0, "%s is final at once and later", e.Code)
		assert.Empty(t, e.Said)

		own := explainer{e}
		assert.Equal(t, e.Retry == token.RetryNever, token.IsFinal(fmt.Errorf("wrapped: %w", own)), e.Code)
	}
	assert.True(t, codes[token.CodeNoProvider])
}

// The host may also be that of the Kubernetes API, of an agent or of a proxy.
func TestAdviceAboutTheNetworkIsTrueOfEveryHost(t *testing.T) {
	t.Parallel()
	advice := map[string]string{}
	for _, e := range token.Explanations() {
		if e.Cause == token.CauseNetwork {
			advice[e.Code] = strings.Join(e.Next, "\n")
			for _, next := range e.Next {
				assert.NotRegexp(t, "the pod (and|to) STS", next, e.Code)
			}
		}
	}
	assert.Contains(t, advice[token.CodeCertificateUntrusted], "clock")
	assert.Contains(t, advice[token.CodeHostUnknown], "AWS_USE_FIPS_ENDPOINT")
	assert.Contains(t, advice[token.CodeHostUnknown], "proxy")
}

func TestWhatExplanationsReturnsIsTheCallers(t *testing.T) {
	t.Parallel()
	token.Explanations()[0].Next[0] = "changed"
	assert.NotEqual(t, "changed", token.Explanations()[0].Next[0])
}

func FuzzReasonIsOneThatAConditionAdmits(f *testing.F) {
	for _, code := range []string{"no-provider", "", "-", "403", "a--b", "ä", "a_b", "\x80z"} {
		f.Add(code)
	}
	admitted := regexp.MustCompile(`^([A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?)?$`)
	f.Fuzz(func(t *testing.T, code string) {
		assert.Regexp(t, admitted, token.Explanation{Code: code}.Reason())
	})
}

func TestTheReadersOfTheTableAgree(t *testing.T) {
	t.Parallel()
	const denied = "User: arn:aws:sts::111122223333:assumed-role/a/b is not authorized to perform: "
	endpoint := func(status int, contentType, body string) error {
		_, err := endpointcreds.New("http://169.254.170.23/v1/credentials", func(o *endpointcreds.Options) {
			o.Retryer = aws.NopRetryer{}
			o.HTTPClient = smithyhttp.ClientDoFunc(func(*http.Request) (*http.Response, error) {
				if status == 0 {
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
				}
				return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body))}, nil
			})
		}).Retrieve(t.Context())
		return err
	}
	agent := func(status int, message string) error {
		return endpoint(status, "text/plain; charset=utf-8", message+"\n")
	}
	for name, tc := range map[string]struct {
		err   error
		code  string
		final bool
	}{
		"EC2's RequestExpired":      {answered("EC2", "DescribeInstances", 400, "RequestExpired", "Request has expired."), token.CodeCredentialsExpired, false},
		"STS's RequestExpired":      {stsAnswer(400, "RequestExpired", "x"), token.CodeClockWrong, false},
		"TokenRefreshRequired":      {answered("S3", "GetObject", 400, "TokenRefreshRequired", "x"), token.CodeCredentialsExpired, false},
		"ValidationError":           {stsAnswer(400, "ValidationError", "x"), token.CodeRequestInvalid, true},
		"InvalidAction":             {stsAnswer(400, "InvalidAction", "x"), token.CodeNotSTS, true},
		"a VPC endpoint's policy":   {stsAnswer(403, "AccessDenied", "User: anonymous is not authorized to perform: sts:AssumeRoleWithWebIdentity on resource: arn:aws:iam::111122223333:role/r because no VPC endpoint policy allows the sts:AssumeRoleWithWebIdentity action"), token.CodeOuterPolicyDenied, true},
		"a resource control policy": {stsAnswer(403, "AccessDenied", denied+"sts:AssumeRoleWithWebIdentity on resource: x with an explicit deny in a resource control policy"), token.CodeOuterPolicyDenied, true},
		"an unnamed outer policy":   {stsAnswer(403, "AccessDenied", denied+"sts:AssumeRoleWithWebIdentity on resource: x"), token.CodeOuterPolicyDenied, true},
		"an SCP on AssumeRole":      {stsAnswer(403, "AccessDenied", denied+"sts:AssumeRole on resource: x with an explicit deny in a service control policy"), token.CodeOuterPolicyDenied, true},
		"an endpoint's policy at S3": {answered("S3", "GetObject", 403, "AccessDenied", denied+"s3:GetObject because no VPC endpoint policy allows it"),
			token.CodeOuterPolicyDenied, true},
		"a hop without TagSession":        {stsAnswer(403, "AccessDenied", denied+"sts:TagSession on resource: x"), token.CodeSessionTagsRefused, true},
		"a hop without SetSourceIdentity": {stsAnswer(403, "AccessDenied", denied+"sts:SetSourceIdentity on resource: x"), token.CodeSessionTagsRefused, true},
		"a hop that is refused":           {stsAnswer(403, "AccessDenied", denied+"sts:AssumeRole on resource: x"), token.CodeChainedRoleRefused, true},
		"a pod that was not mutated":      {errors.New("failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, exceeded maximum number of attempts"), token.CodeNoIdentity, true},
		"IMDS that is not reached":        {answered("ec2imds", "GetMetadata", 0, "x", "x"), token.CodeNoIdentity, true},
		"ErrNoIdentity":                   {fmt.Errorf("x: %w", token.ErrNoIdentity), token.CodeNoIdentity, true},
		"ErrHalfIdentity":                 {token.ErrHalfIdentity, token.CodeHalfIdentity, true},
		"agent: no association":           {agent(404, "[3c5a77b1]: (ResourceNotFoundException): No association found, fault: client"), token.CodeAssociationMissing, true},
		"agent: role not assumed":         {agent(400, "[3c5a77b1]: (AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role., fault: client"), token.CodeAssociationRefused, true},
		"agent: expired token":            {agent(400, "[3c5a77b1]: (ExpiredTokenException): The token included in the request is expired, fault: client"), token.CodeAgentTokenRefused, false},
		"agent: invalid token":            {agent(400, "[3c5a77b1]: (InvalidTokenException): The token is not valid, fault: client"), token.CodeAgentTokenRefused, false},
		"agent: empty token":              {agent(400, "Service account token cannot be empty"), token.CodeAgentTokenRefused, false},
		"agent: token out of its time":    {agent(400, "Service account token failed basic claim validations: token has invalid claims: token is expired"), token.CodeAgentTokenRefused, false},
		"agent: throttled":                {agent(429, "Too Many Requests. x"), token.CodeThrottled, false},
		"agent: throttled by EKS":         {agent(400, "[3c5a77b1]: (ThrottlingException): slow down, fault: client"), token.CodeThrottled, false},
		"agent: EKS fails":                {agent(500, "[3c5a77b1]: (InternalServerException): x, fault: server"), token.CodeServiceFault, false},
		"agent: wrong address":            {agent(403, "Access Denied. Called agent through invalid address, please use either [169.254.170.23 fd00:ec2::23] address not x"), token.CodeAgentAddressRefused, true},
		"agent: new words":                {agent(418, "new words"), token.CodeEndpointRefused, true},
		"ECS: refused":                    {endpoint(403, "application/json", `{"code":"AccessDeniedException","message":"x"}`), token.CodeAssociationRefused, true},
		"agent: not there":                {agent(0, ""), token.CodeAgentUnreachable, false},
		"S3's InvalidToken":               {answered("S3", "GetObject", 400, "InvalidToken", "The provided token is malformed or otherwise invalid."), token.CodeSessionTokenRefused, true},
		"405":                             {stsAnswer(405, "MethodNotAllowed", "The specified method is not allowed against this resource."), token.CodeNotSTS, true},
		"405 without a code":              {stsAnswer(405, "UnknownError", ""), token.CodeNotSTS, true},
		"OptInRequired":                   {answered("EC2", "DescribeInstances", 403, "OptInRequired", "x"), token.CodeRegionDisabled, true},
		"a JSON service's clock":          {answered("DynamoDB", "GetItem", 400, "InvalidSignatureException", "Signature expired: 20261123T000000Z is now earlier than x"), token.CodeClockWrong, false},
		"a JSON service's clock ahead":    {answered("DynamoDB", "GetItem", 400, "InvalidSignatureException", "Signature not yet current: x"), token.CodeClockWrong, false},
		"S3 without credentials from STS": {answeredBecause("S3", "GetObject", stsAnswer(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")), token.CodeTrustPolicyMismatch, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, ok := token.Explain(tc.err)
			require.True(t, ok)
			assert.Equal(t, tc.code, x.Code)
			assert.Equal(t, tc.final, token.IsFinal(tc.err))
			assert.Equal(t, tc.final, !x.Retry.Helps())
		})
	}
}

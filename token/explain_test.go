package token_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// answered is an error as a client of the SDK returns it for a service's answer.
func answered(service, operation string, status int, code, message string) error {
	return &smithy.OperationError{ServiceID: service, OperationName: operation, Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: message},
	}}
}

// answeredBecause is a call that failed because another one had.
func answeredBecause(service, operation string, cause error) error {
	return &smithy.OperationError{ServiceID: service, OperationName: operation, Err: fmt.Errorf("get credentials: %w", cause)}
}

func stsAnswer(status int, code, message string) error {
	return answered("STS", "AssumeRoleWithWebIdentity", status, code, message)
}

func TestExplainKnowsWhatSTSAnswers(t *testing.T) {
	t.Parallel()
	const constraint = "1 validation error detected: Value 'x' at '%s' failed to satisfy constraint: %s"
	for name, tc := range map[string]struct {
		status        int
		code, message string
		want          string
		cause         token.Cause
		retry         token.Retry
	}{
		"an audience that the provider does not have": {
			400, "InvalidIdentityToken", "Incorrect token audience",
			"audience-not-registered", token.CauseProvider, token.RetryNever},
		"no provider for the issuer": {
			400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://issuer.example",
			"no-provider", token.CauseProvider, token.RetryNever},
		"a key that it could not get, which passes": {
			400, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
			"key-not-retrieved", token.CauseTransient, token.RetryBackoff},
		"a wrong thumbprint": {
			400, "InvalidIdentityToken", "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
			"thumbprint-mismatch", token.CauseThumbprint, token.RetryNever},
		"no JWT": {
			400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
			"not-a-jwt", token.CauseToken, token.RetryNever},
		"no audience claim": {
			400, "InvalidIdentityToken", "Missing a required claim: aud",
			"claim-missing", token.CauseToken, token.RetryNever},
		"no subject claim": {
			400, "InvalidIdentityToken", "Missing a required claim: sub",
			"claim-missing", token.CauseToken, token.RetryNever},
		"a token refused in words not seen before": {
			400, "InvalidIdentityToken", "Something new",
			"token-refused", token.CauseToken, token.RetryNever},
		"an expired token": {
			400, "ExpiredTokenException", "Token expired: current date/time 1800000000 must be before the expiration date/time1799999999",
			"token-expired", token.CauseToken, token.RetryNewToken},
		"an old token": {
			400, "ExpiredTokenException", "Token too old: 1700000000",
			"token-too-old", token.CauseToken, token.RetryNewToken},
		"an issuer that does not answer": {
			400, "IDPCommunicationError", "IDPCommunicationError",
			"issuer-unreachable", token.CauseTransient, token.RetryBackoff},
		"a claim that the issuer takes back": {
			403, "IDPRejectedClaim", "IDPRejectedClaim",
			"claim-rejected", token.CauseToken, token.RetryNever},
		"a trust policy that does not match": {
			403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity",
			"trust-policy-mismatch", token.CauseTrustPolicy, token.RetryNever},
		"a chained role's refusal": {
			403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/a/b is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/c",
			"chained-role-refused", token.CauseTrustPolicy, token.RetryNever},
		"a role ARN that is none": {
			400, "ValidationError", "Request ARN is invalid",
			"role-arn-invalid", token.CauseRole, token.RetryNever},
		"a session name that is too long": {
			400, "ValidationError", fmt.Sprintf(constraint, "roleSessionName", "Member must have length less than or equal to 64"),
			"session-name-invalid", token.CauseConfiguration, token.RetryNever},
		"a session name with a slash": {
			400, "ValidationError", fmt.Sprintf(constraint, "roleSessionName", `Member must satisfy regular expression pattern: [\w+=,.@-]*`),
			"session-name-invalid", token.CauseConfiguration, token.RetryNever},
		"a duration that is too short": {
			400, "ValidationError", fmt.Sprintf(constraint, "durationSeconds", "Member must have value greater than or equal to 900"),
			"duration-out-of-range", token.CauseConfiguration, token.RetryNever},
		"a duration that is too long": {
			400, "ValidationError", fmt.Sprintf(constraint, "durationSeconds", "Member must have value less than or equal to 43200"),
			"duration-out-of-range", token.CauseConfiguration, token.RetryNever},
		"a duration above the role's maximum": {
			400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
			"duration-above-role-maximum", token.CauseRole, token.RetryNever},
		"a duration above that of a chained role": {
			400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
			"duration-above-chaining-maximum", token.CauseConfiguration, token.RetryNever},
		"a token that is too short": {
			400, "ValidationError", fmt.Sprintf(constraint, "webIdentityToken", "Member must have length greater than or equal to 4"),
			"token-length", token.CauseToken, token.RetryNever},
		"another invalid parameter": {
			400, "ValidationError", fmt.Sprintf(constraint, "policy", "Member must have length less than or equal to 2048"),
			"request-invalid", token.CauseConfiguration, token.RetryNever},
		"tags that do not fit": {
			400, "PackedPolicyTooLarge", "Packed size of session tags consumes 112% of allotted space.",
			"session-tags-too-large", token.CauseConfiguration, token.RetryNever},
		"a session policy that is none": {
			400, "MalformedPolicyDocument", "Syntax errors in policy",
			"session-policy-malformed", token.CauseConfiguration, token.RetryNever},
		"a disabled region": {
			403, "RegionDisabledException", "STS is not activated in this region for account:111122223333",
			"region-disabled", token.CauseConfiguration, token.RetryNever},
		"a disabled region by the older code": {
			403, "RegionDisabled", "",
			"region-disabled", token.CauseConfiguration, token.RetryNever},
		"that it is not STS": {
			400, "InvalidAction", "Could not find operation AssumeRoleWithWebIdentity for version 2011-06-15",
			"not-sts", token.CauseConfiguration, token.RetryNever},
		"too many calls": {
			400, "Throttling", "Rate exceeded",
			"throttled", token.CauseThrottling, token.RetryBackoff},
		"too many calls by the status alone": {
			429, "", "",
			"throttled", token.CauseThrottling, token.RetryBackoff},
		"a fault of its own": {
			503, "ServiceUnavailable", "",
			"service-fault", token.CauseTransient, token.RetryBackoff},
		"a fault of its own in another format": {
			502, "UnknownError", "UnknownError",
			"service-fault", token.CauseTransient, token.RetryBackoff},
		"keys that it does not know": {
			403, "InvalidClientTokenId", "The security token included in the request is invalid.",
			"credentials-unknown", token.CauseConfiguration, token.RetryNever},
		"a signature of another time": {
			403, "SignatureDoesNotMatch", "Signature expired: 20261123T000000Z is now earlier than 20261123T010000Z",
			"clock-wrong", token.CauseConfiguration, token.RetryBackoff},
		"expired credentials in a chain": {
			403, "ExpiredToken", "The security token included in the request is expired",
			"credentials-expired", token.CauseTransient, token.RetryNewCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := token.Explain(fmt.Errorf("operation failed: %w", stsAnswer(tc.status, tc.code, tc.message)))
			require.True(t, ok)
			assert.Equal(t, tc.want, got.Code)
			assert.Equal(t, tc.cause, got.Cause)
			assert.Equal(t, tc.retry, got.Retry)
			assert.Equal(t, tc.retry != token.RetryNever, got.Retry.Helps())
			assert.Equal(t, strings.Replace(tc.message, "'x' at 'webIdentityToken'", "'[token]' at 'webIdentityToken'", 1), got.Said)
			assert.NotEmpty(t, got.Meaning)
			assert.NotEmpty(t, got.Next)
		})
	}
}

func TestExplainGivesEachKnownMessageItsOwnExplanation(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, row := range [][2]string{
		{"InvalidIdentityToken", "Incorrect token audience"},
		{"InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://issuer.example"},
		{"InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"},
		{"InvalidIdentityToken", "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"},
		{"InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"},
		{"InvalidIdentityToken", "Missing a required claim: aud"},
		{"ExpiredTokenException", "Token expired: current date/time 2 must be before the expiration date/time1"},
		{"ExpiredTokenException", "Token too old: 1"},
		{"IDPCommunicationError", ""},
		{"IDPRejectedClaim", ""},
		{"AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{"ValidationError", "Request ARN is invalid"},
		{"ValidationError", "Value 'x' at 'roleSessionName' failed to satisfy constraint"},
		{"ValidationError", "Value '1' at 'durationSeconds' failed to satisfy constraint"},
		{"ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{"ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."},
		{"PackedPolicyTooLarge", "Packed size of session tags consumes 112% of allotted space."},
		{"RegionDisabledException", ""},
		{"InvalidAction", "Could not find operation AssumeRoleWithWebIdentity for version 2011-06-15"},
		{"Throttling", "Rate exceeded"},
		{"ExpiredToken", "The security token included in the request is expired"},
	} {
		got, ok := token.Explain(stsAnswer(400, row[0], row[1]))
		require.True(t, ok, row)
		assert.Empty(t, seen[got.Meaning], "%v has the meaning of another", row)
		assert.Empty(t, seen[got.Code], "%v has the code of another", row)
		seen[got.Meaning], seen[got.Code] = row[1], row[1]+" "
	}
}

func TestExplainTakesTheSDKsTypedErrors(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"no-provider":            &types.InvalidIdentityTokenException{Message: aws.String("No OpenIDConnect provider found in your account for x")},
		"token-expired":          &types.ExpiredTokenException{Message: aws.String("Token expired: current date/time 2 must be before the expiration date/time1")},
		"issuer-unreachable":     &types.IDPCommunicationErrorException{},
		"claim-rejected":         &types.IDPRejectedClaimException{},
		"session-tags-too-large": &types.PackedPolicyTooLargeException{},
		"region-disabled":        &types.RegionDisabledException{},
	} {
		got, ok := token.Explain(err)
		require.True(t, ok, want)
		assert.Equal(t, want, got.Code)
	}
}

func TestExplainTellsTheCredentialsFromTheToken(t *testing.T) {
	t.Parallel()
	const expired = "The security token included in the request is expired"
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"S3 refusing expired credentials":             {answered("S3", "GetObject", 403, "ExpiredToken", "The provided token has expired."), "credentials-expired"},
		"DynamoDB refusing expired credentials":       {answered("DynamoDB", "GetItem", 400, "ExpiredTokenException", expired), "credentials-expired"},
		"a service refusing invalid credentials":      {answered("S3", "GetObject", 400, "InvalidToken", "The provided token is malformed or otherwise invalid."), "session-token-refused"},
		"STS refusing an expired token":               {stsAnswer(400, "ExpiredTokenException", "Token expired: current date/time 2 must be before the expiration date/time1"), "token-expired"},
		"a provider's expired token, new words":       {&token.Error{Err: &smithy.GenericAPIError{Code: "ExpiredTokenException", Message: "new words"}}, "token-expired"},
		"a service refusing a good role":              {answered("S3", "GetObject", 403, "AccessDenied", "Access Denied"), "permission-missing"},
		"another service refusing a good role":        {answered("DynamoDB", "GetItem", 400, "AccessDeniedException", "User: x is not authorized"), "permission-missing"},
		"a trust policy without the client's wrapper": {&smithy.GenericAPIError{Code: "AccessDenied", Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"}, "trust-policy-mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := token.Explain(tc.err)
			require.True(t, ok)
			assert.Equal(t, tc.want, got.Code)
		})
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "slow" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func TestExplainKnowsWhatHappensBeforeSTSAnswers(t *testing.T) {
	t.Parallel()
	_, malformed := token.Inspect("no token")
	_, missing := token.File("/does/not/exist").Token(t.Context())
	for name, tc := range map[string]struct {
		err   error
		want  string
		cause token.Cause
	}{
		"a token that is none":              {malformed, "token-malformed", token.CauseToken},
		"an expired token":                  {token.ErrTokenExpired, "token-expired", token.CauseToken},
		"an empty token":                    {token.ErrEmptyToken, "token-empty", token.CauseToken},
		"a provider without a region":       {token.ErrNoRegion, "region-missing", token.CauseConfiguration},
		"credentials from the past":         {token.ErrStaleCredentials, "credentials-stale", token.CauseTransient},
		"a missing file":                    {missing, "token-file-missing", token.CauseToken},
		"a missing file told by stscreds":   {errors.New("failed to retrieve jwt from provide source, unable to read file at /t: open /t: no such file or directory"), "token-file-missing", token.CauseToken},
		"an unreadable file":                {&token.Error{Op: "read the token", Err: &fs.PathError{Op: "open", Path: "/t", Err: fs.ErrPermission}}, "token-file-unreadable", token.CauseToken},
		"an unreadable file by stscreds":    {errors.New("failed to retrieve jwt from provide source, unable to read file at /t: open /t: permission denied"), "token-file-unreadable", token.CauseToken},
		"a client without a region":         {errors.New("operation error STS: AssumeRoleWithWebIdentity, failed to resolve service endpoint, endpoint rule error, Invalid Configuration: Missing Region"), "region-missing", token.CauseConfiguration},
		"a configuration without a region":  {&aws.MissingRegionError{}, "region-missing", token.CauseConfiguration},
		"an unknown certificate authority":  {&url.Error{Op: "Post", URL: "https://sts", Err: x509.UnknownAuthorityError{}}, "certificate-untrusted", token.CauseNetwork},
		"an unknown host":                   {&url.Error{Op: "Post", URL: "https://sts", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, "host-unknown", token.CauseNetwork},
		"a name server that does not reply": {&net.DNSError{Err: "timeout", IsTimeout: true}, "dns-timeout", token.CauseNetwork},
		"a deadline":                        {context.DeadlineExceeded, "timeout", token.CauseNetwork},
		"a slow connection":                 {&net.OpError{Op: "read", Err: timeoutError{}}, "timeout", token.CauseNetwork},
		"a refused connection":              {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "connection-failed", token.CauseNetwork},
		"a refused connection until the caller's deadline": {fmt.Errorf("%w; until then: %w", &aws.RequestCanceledError{Err: context.DeadlineExceeded},
			&smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}), "connection-failed", token.CauseNetwork},
		"a slow connection until the caller's deadline": {fmt.Errorf("%w; until then: %w", &aws.RequestCanceledError{Err: context.DeadlineExceeded},
			&smithyhttp.RequestSendError{Err: &net.OpError{Op: "read", Err: timeoutError{}}}), "timeout", token.CauseNetwork},
		"a request that the deadline ends": {&smithyhttp.RequestSendError{Err: &url.Error{Op: "Post", URL: "https://sts", Err: context.DeadlineExceeded}}, "timeout", token.CauseNetwork},
		"a forbidden connection":           {&net.OpError{Op: "dial", Err: syscall.EACCES}, "connection-failed", token.CauseNetwork},
		"a socket that is not there":       {&net.OpError{Op: "dial", Err: syscall.ENOENT}, "connection-failed", token.CauseNetwork},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := token.Explain(fmt.Errorf("wrapped: %w", tc.err))
			require.True(t, ok)
			assert.Equal(t, tc.want, got.Code)
			assert.Equal(t, tc.cause, got.Cause)
			assert.Empty(t, got.Said, "no service said anything")
			assert.NotEmpty(t, got.Next)
		})
	}
}

func TestExplainDoesNotGuess(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"no error":                              nil,
		"an unknown error":                      errors.New("something"),
		"an unknown answer":                     stsAnswer(400, "NewCode", "new message"),
		"an answer without anything":            &smithy.GenericAPIError{},
		"another service's validation":          answered("S3", "GetObject", 400, "ValidationError", "x"),
		"the caller's own cancellation":         context.Canceled,
		"the caller's cancellation in a client": &url.Error{Op: "Post", URL: "https://sts", Err: context.Canceled},
		"an empty provider error":               &token.Error{},
		"a laptop without a session of SSO":     fmt.Errorf("failed to read cached SSO token file, %w", &fs.PathError{Op: "open", Path: "/h/.aws/sso/cache/1.json", Err: fs.ErrNotExist}),
		"a file of the program's":               answeredBecause("S3", "PutObject", &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := token.Explain(err)
			assert.False(t, ok)
			assert.Equal(t, token.Explanation{}, got)
			assert.Empty(t, got.String())
		})
	}
}

type explainer struct{ e token.Explanation }

func (explainer) Error() string                    { return "self-explained" }
func (e explainer) Explanation() token.Explanation { return e.e }

func TestExplainAsksAnErrorThatKnowsItself(t *testing.T) {
	t.Parallel()
	want := token.Explanation{Code: "own", Cause: token.CauseToken, Meaning: "m", Retry: token.RetryNever}
	from := &token.Error{RoleARN: "arn:aws:iam::111122223333:role/r", Err: explainer{want}}
	got, ok := token.Explain(from)
	require.True(t, ok)
	want.RoleARN = from.RoleARN
	assert.Equal(t, want, got)
}

func TestExplainNeverRepeatsAToken(t *testing.T) {
	t.Parallel()
	jwt := claimsOnly(fullClaims)
	signature := jwt[strings.LastIndexByte(jwt, '.')+1:]
	for name, message := range map[string]string{
		"echoed by a constraint": "1 validation error detected: Value '" + jwt + "' at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 20000",
		"echoed elsewhere":       "Cannot parse " + jwt + ", sorry",
		"echoed in part":         "Cannot parse " + jwt[:60] + "...",
		"with a quote":           "Value 'a'b.secret' at 'webIdentityToken' failed to satisfy constraint " + jwt,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := token.Explain(stsAnswer(400, "ValidationError", message))
			require.True(t, ok)
			for _, secret := range []string{jwt[:20], signature, "secret"} {
				assert.NotContains(t, got.Said, secret)
				assert.NotContains(t, got.String(), secret)
			}
			assert.Contains(t, got.Said, "[token]")
		})
	}
}

func TestExplainBoundsAndCleansWhatItQuotes(t *testing.T) {
	t.Parallel()
	got, ok := token.Explain(stsAnswer(403, "AccessDenied", "a\x1b[31m\nb"+strings.Repeat("ü", 4000)))
	require.True(t, ok)
	assert.Regexp(t, "^a \\[31m bü", got.Said)
	assert.LessOrEqual(t, len(got.Said), 520)
	assert.True(t, strings.HasSuffix(got.Said, "ü…"))
}

func TestErrorSaysWhatItHas(t *testing.T) {
	t.Parallel()
	cause := errors.New("refused")
	full := &token.Error{Op: "assume the role", RoleARN: "arn:aws:iam::111122223333:role/r", Err: cause}
	assert.Equal(t, "token: role arn:aws:iam::111122223333:role/r: assume the role: refused", full.Error())
	assert.ErrorIs(t, full, cause)
	assert.Equal(t, "token: ", (&token.Error{}).Error())
}

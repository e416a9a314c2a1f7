package token

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// serviceRows are answers about the credentials, of STS in a chain of roles or of any other service.
var serviceRows = []row{
	{
		code: CodeSessionTokenRefused, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the service does not take credentials of this kind, and new ones of the same kind do not help",
		next: []string{
			"whether the account has enabled the region of the request: an opt-in region does not know it before",
			"the STS endpoint: use the regional one; session tokens of the global one are not valid in opt-in regions, unless a setting of the account makes them so",
		},
		is: []match{{from: fromOther, codes: []string{"InvalidToken"}, says: "malformed or otherwise invalid"}},
	}, {
		code: CodeCredentialsExpired, cause: CauseTransient, retry: RetryNewCredentials,
		meaning: "the AWS credentials have expired; the web identity token is not concerned",
		next: []string{
			"that the service's client asks the provider for each request and does not keep credentials of its own",
			"that the refresh of the credentials works: an expired set is served while it fails",
			"for EC2's RequestExpired also the clock of the node",
		},
		is: []match{
			{from: fromOther, codes: []string{"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "RequestExpired"}},
			{from: fromSTS, codes: []string{"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}},
		},
	}, {
		code: CodePermissionMissing, cause: CauseRole, retry: RetryNever,
		meaning: "the credentials are good, but the role lacks a permission for this request",
		next:    []string{"the role's policies, its permissions boundary, the session policy and the resource's own policy"},
		is:      []match{{codes: []string{"AccessDenied", "UnauthorizedOperation"}}},
	}, {
		code: CodeCredentialsUnknown, cause: CauseConfiguration, retry: RetryNever,
		meaning: "AWS does not know the access key of the request",
		next: []string{
			"which credentials the client really uses: keys in the environment come before the web identity",
			"the partition and the region: a region that the account has not enabled does not know its keys",
		},
		is: []match{{codes: []string{"InvalidClientTokenId", "UnrecognizedClient", "AuthFailure", "InvalidAccessKeyId"}}},
	}, {
		code: CodeClockWrong, cause: CauseConfiguration, retry: RetryBackoff,
		meaning: "the request was signed at a time that differs too much from AWS's",
		next:    []string{"the clock of the node"},
		is: []match{
			{codes: []string{"RequestExpired", "RequestTimeTooSkewed"}},
			{codes: []string{"SignatureDoesNotMatch", "InvalidSignature"}, says: "expired"},
			{codes: []string{"SignatureDoesNotMatch", "InvalidSignature"}, says: "not yet current"},
		},
	},
}

// sharedRows are answers that any service may give.
var sharedRows = []row{
	{
		code: CodeRegionDisabled, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the account has not enabled this region, or STS is not activated in it",
		next: []string{
			"the region of the client, and whether the account has it enabled",
			"the account settings of IAM, where an administrator activates STS in a region",
		},
		is: []match{{codes: []string{"RegionDisabled", "OptInRequired"}}},
	}, {
		code: CodeNotSTS, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the endpoint does not know the request: it is not STS, or another version of it",
		next:    []string{"AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and the base endpoint of the STS client"},
		is: []match{
			{codes: []string{"InvalidAction", "MethodNotAllowed"}},
			{from: fromSTS, when: hasStatus(http.StatusMethodNotAllowed)},
		},
	}, {
		code: CodeThrottled, cause: CauseThrottling, retry: RetryBackoff,
		meaning: "the account makes too many calls in this region",
		next: []string{
			"how many callers there are, and whether each keeps its credentials until they need renewal",
			"that the regional endpoint is used and not the global one",
		},
		is: []match{{when: isThrottled}},
	}, {
		code: CodePoolLimit, cause: CauseThrottling, retry: RetryBackoff,
		meaning: "more identities need credentials at once than the pool's limit of calls to STS lets through in time",
		next: []string{
			"CallsPerSecond of the pool's configuration, and what STS allows the account in the region",
			"how many identities fail and ask again and again",
		},
	}, {
		code: CodeServiceFault, cause: CauseTransient, retry: RetryBackoff,
		meaning: "the service itself failed",
		next: []string{
			"the health of the service in this region, should it last",
			"a proxy or load balancer on the way, where the error has no code of the service",
		},
		is: []match{
			{codes: []string{"InternalFailure", "InternalError", "InternalServer", "ServiceUnavailable", "RequestTimeout"}},
			{when: isServerStatus},
		},
	}, {
		code: CodeAnswerUnreadable, cause: CauseNetwork, retry: RetryBackoff,
		meaning: "what came is not an answer of the service: another server or a proxy answered in its place, or the answer broke off",
		next: []string{
			"AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and the base endpoint of the client",
			"HTTP_PROXY, HTTPS_PROXY and NO_PROXY, and a proxy on the way that opens TLS: the status in the error is that of who answered",
		},
		is: []match{{err: isUnreadable}, {from: fromKubernetes}},
	}, {
		code: CodeEndpointRefused, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the container's credentials endpoint refuses the request",
		next:    []string{"what it said, the path of AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI, and the authorization token"},
		is:      []match{{from: fromContainer}},
	},
}

// isAboutTheToken tells STS refusing a web identity token from a refusal of credentials: both say
// ExpiredTokenException.
func isAboutTheToken(a answer) bool {
	if containsAll(a.message, "security token") {
		return false
	}
	return a.code != "ExpiredToken" || containsAll(a.message, "Token expired")
}

func hasStatus(status int) func(answer) bool {
	return func(a answer) bool { return a.status == status }
}

func hasAnyStatus(a answer) bool { return a.status != 0 }

func isServerStatus(a answer) bool { return a.status >= http.StatusInternalServerError }

func isThrottled(a answer) bool {
	_, known := retry.DefaultThrottleErrorCodes[a.code]
	return known || a.status == http.StatusTooManyRequests
}

package token

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// answerRules explains what services answer, AssumeRoleWithWebIdentity of STS first
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors).
var answerRules = []rule{
	{
		codes: []string{"InvalidIdentityToken"}, says: []string{"Incorrect token audience"},
		name: "audience-not-registered", cause: CauseProvider, retry: RetryNever,
		meaning: "the token's audience is not among the client ids of the IAM OIDC provider",
		next: []string{
			"the client ids of the provider: they must have the token's aud (or its azp, when it has one)",
			"the audience that the token is requested for: sts.amazonaws.com in every partition, unless the provider says otherwise",
		},
	}, {
		codes: []string{"InvalidIdentityToken"}, says: []string{"No OpenIDConnect provider found in your account"},
		name: "no-provider", cause: CauseProvider, retry: RetryNever,
		meaning: "the role's account has no IAM OIDC provider for exactly the token's issuer",
		next: []string{
			"the account of the role ARN: the provider must be in that one, not in the cluster's",
			"the provider's URL: it must equal the token's iss to the character, with its path and without a further slash",
			"the partition of the role ARN and the region of STS: aws, aws-cn and aws-us-gov do not see each other's providers",
		},
	}, {
		codes: []string{"InvalidIdentityToken"}, says: []string{"Couldn't retrieve verification key"},
		name: "key-not-retrieved", cause: CauseTransient, retry: RetryBackoff,
		meaning: "STS could not get the key that signed the token from the issuer; in the field this mostly passes",
		next: []string{
			"that the issuer's discovery document and key set answer from the public internet within 5 seconds",
			"that the key set has the token's kid",
			"that the discovery document has issuer, jwks_uri, response_types_supported, subject_types_supported and id_token_signing_alg_values_supported",
		},
	}, {
		codes: []string{"InvalidIdentityToken"}, says: []string{"doesn't match configured thumbprint"},
		name: "thumbprint-mismatch", cause: CauseThumbprint, retry: RetryNever,
		meaning: "the certificate chain of the issuer has none of the thumbprints of the IAM OIDC provider",
		next: []string{
			"the provider's thumbprints against those of the chain that the issuer sends now, for the host of its key set too",
			"whether the issuer's certificate authority has changed",
		},
	}, {
		codes: []string{"InvalidIdentityToken"}, says: []string{"is not a valid JWT"},
		name: "not-a-jwt", cause: CauseToken, retry: RetryNever,
		meaning: "what was sent is no JWT that STS can read, or its algorithm is not RS256, RS384, RS512, ES256, ES384 or ES512",
		next: []string{
			"what the token source gives: a projected service account token, not an access token or an old secret's token",
			"the algorithm in the token's header",
		},
	}, {
		codes: []string{"InvalidIdentityToken"}, says: []string{"Missing a required claim"},
		name: "claim-missing", cause: CauseToken, retry: RetryNever,
		meaning: "the token lacks a claim that STS requires: iss, sub, aud, iat and exp",
		next:    []string{"which claim the message names, and who issues such tokens; a kube-apiserver sets them all"},
	}, {
		codes: []string{"InvalidIdentityToken"},
		name:  "token-refused", cause: CauseToken, retry: RetryNever,
		meaning: "STS does not accept the token",
		next:    []string{"what STS said, and the token's iss, sub and aud against the IAM OIDC provider of the role's account"},
	}, {
		codes: []string{"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}, when: isAboutCredentials,
		name: "credentials-expired", cause: CauseTransient, retry: RetryNewCredentials,
		meaning: "the AWS credentials have expired; the web identity token is not concerned",
		next: []string{
			"that the service's client asks the provider for each request and does not keep credentials of its own",
			"that the refresh of the credentials works: an expired set is served while it fails",
		},
	}, {
		codes: []string{"ExpiredToken"}, says: []string{"Token too old"},
		name: "token-too-old", cause: CauseToken, retry: RetryNewToken,
		meaning: "the token was issued too long ago (iat), although it may not have expired",
		next: []string{
			"that the token is read again each time and is not a copy",
			"the lifetime that the issuer gives its tokens: 24 hours at most",
			"the clock of the issuer",
		},
	}, {
		codes: []string{"ExpiredToken"},
		name:  "token-expired", cause: CauseToken, retry: RetryNewToken,
		meaning: "the web identity token has expired (exp); the credentials are not concerned",
		next: []string{
			"that the token file is the kubelet's projected volume, which is renewed in place, and no copy or subPath mount of it",
			"that the kubelet of the node can reach the API server",
			"the clock of the issuer: STS allows 5 minutes",
		},
	}, {
		codes: []string{"IDPCommunicationError"},
		name:  "issuer-unreachable", cause: CauseTransient, retry: RetryBackoff,
		meaning: "STS could not reach the issuer of the token",
		next: []string{
			"that the issuer's discovery document and key set answer from the public internet within 5 seconds",
			"whether the issuer throttles or is down",
		},
	}, {
		codes: []string{"IDPRejectedClaim"},
		name:  "claim-rejected", cause: CauseToken, retry: RetryNever,
		meaning: "the identity provider rejected the token: it may have been revoked or have expired there",
		next:    []string{"that the issuer of the token still vouches for it, and what STS said"},
	}, {
		codes: []string{"AccessDenied"}, when: isChained,
		name: "chained-role-refused", cause: CauseTrustPolicy, retry: RetryNever,
		meaning: "the first role may not assume the next one",
		next: []string{
			"that the first role has a permission for sts:AssumeRole on the next one",
			"that the trust policy of the next role names the first one, with its external id if it wants one",
		},
	}, {
		codes: []string{"AccessDenied"}, when: isSTS,
		name: "trust-policy-mismatch", cause: CauseTrustPolicy, retry: RetryNever,
		meaning: "the role's trust policy does not admit this token, or there is no such role: STS does not tell which",
		next: []string{
			"that the role exists under exactly this ARN, with its path",
			"that the trust policy's principal is the IAM OIDC provider of the token's issuer, in the role's account",
			"that its condition on the issuer's :sub equals the token's sub, and the one on :aud the token's aud; with StringEquals a * is a letter",
			"whether the role was created or changed within the last 10 seconds: then a retry helps",
		},
	}, {
		codes: []string{"AccessDenied", "UnauthorizedOperation"},
		name:  "permission-missing", cause: CauseRole, retry: RetryNever,
		meaning: "the credentials are good, but the role lacks a permission for this request",
		next:    []string{"the role's policies, its permissions boundary, the session policy and the resource's own policy"},
	}, {
		codes: []string{"ValidationError"}, says: []string{"Request ARN is invalid"},
		name: "role-arn-invalid", cause: CauseRole, retry: RetryNever,
		meaning: "the role ARN is no ARN of a role that STS can read",
		next: []string{
			"the role-arn annotation of the service account, or AWS_ROLE_ARN: arn:PARTITION:iam::ACCOUNT:role/NAME",
			"the partition of the ARN against the region of STS",
		},
	}, {
		codes: []string{"ValidationError"}, says: []string{"'roleSessionName'"},
		name: "session-name-invalid", cause: CauseConfiguration, retry: RetryNever,
		meaning: "the role session name is not 2 to 64 of letters, digits and _+=,.@-",
		next:    []string{"the configured session name, or AWS_ROLE_SESSION_NAME; a provider without one makes a valid one"},
	}, {
		codes: []string{"ValidationError"}, says: []string{"'durationSeconds'"},
		name: "duration-out-of-range", cause: CauseConfiguration, retry: RetryNever,
		meaning: "the session's duration is not from 15 minutes to 12 hours",
		next:    []string{"the configured duration: 900 to 43200 seconds"},
	}, {
		codes: []string{"ValidationError"}, says: []string{"MaxSessionDuration"},
		name: "duration-above-role-maximum", cause: CauseRole, retry: RetryNever,
		meaning: "the session's duration is longer than the role allows",
		next:    []string{"the role's MaxSessionDuration (1 hour unless changed), and the configured duration"},
	}, {
		codes: []string{"ValidationError"}, says: []string{"role chaining"},
		name: "duration-above-chaining-maximum", cause: CauseConfiguration, retry: RetryNever,
		meaning: "a role assumed from another role's credentials has sessions of 1 hour at most",
		next:    []string{"the duration configured for the chained role; MaxSessionDuration does not lift this limit"},
	}, {
		codes: []string{"ValidationError"}, says: []string{"'webIdentityToken'"},
		name: "token-length", cause: CauseToken, retry: RetryNever,
		meaning: "what was sent as token is empty, too short or longer than 20000 characters",
		next:    []string{"what the token source gives"},
	}, {
		codes: []string{"ValidationError"}, when: isSTS,
		name: "request-invalid", cause: CauseConfiguration, retry: RetryNever,
		meaning: "a parameter of the request is not as STS wants it",
		next:    []string{"what STS said, and the configuration of that parameter"},
	}, {
		codes: []string{"PackedPolicyTooLarge"},
		name:  "session-tags-too-large", cause: CauseConfiguration, retry: RetryNever,
		meaning: "session policies and session tags together are larger than STS packs into a session",
		next:    []string{"the tags that the token or the session carries, the session policy and the number of policy ARNs"},
	}, {
		codes: []string{"MalformedPolicyDocument"},
		name:  "session-policy-malformed", cause: CauseConfiguration, retry: RetryNever,
		meaning: "the session policy is no policy that STS can read",
		next:    []string{"the configured policy: its JSON and its elements"},
	}, {
		codes: []string{"InvalidClientTokenId", "UnrecognizedClient", "AuthFailure", "InvalidAccessKeyId"},
		name:  "credentials-unknown", cause: CauseConfiguration, retry: RetryNever,
		meaning: "AWS does not know the access key of the request",
		next: []string{
			"which credentials the client really uses: keys in the environment come before the web identity",
			"the partition and the region: a region that the account has not enabled knows none of its keys",
		},
	}, {
		when: isClock,
		name: "clock-wrong", cause: CauseConfiguration, retry: RetryBackoff,
		meaning: "the request's signature is of another time than AWS's",
		next:    []string{"the clock of the node"},
	}, {
		codes: []string{"RegionDisabled"},
		name:  "region-disabled", cause: CauseConfiguration, retry: RetryNever,
		meaning: "STS is not activated in this region for the account",
		next: []string{
			"the region of the STS client, and whether the account has it enabled",
			"the account settings of IAM, where an administrator activates STS in a region",
		},
	}, {
		codes: []string{"InvalidAction"},
		name:  "not-sts", cause: CauseConfiguration, retry: RetryNever,
		meaning: "what answers at this endpoint does not know the request: it is not STS, or not its version",
		next:    []string{"AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and the base endpoint of the STS client"},
	}, {
		when: isThrottled,
		name: "throttled", cause: CauseThrottling, retry: RetryBackoff,
		meaning: "too many calls from this account and region",
		next: []string{
			"how many callers there are, and whether each keeps its credentials until they need renewal",
			"that the regional endpoint is used and not the global one",
		},
	}, {
		when: isServerFault,
		name: "service-fault", cause: CauseTransient, retry: RetryBackoff,
		meaning: "the service itself failed",
		next:    []string{"the health of the service in this region, should it last"},
	},
}

func isSTS(a answer) bool { return a.sts }

// isChained tells a refused AssumeRole, which names the caller, from a refused
// AssumeRoleWithWebIdentity, which has none to name.
func isChained(a answer) bool {
	return a.sts && containsAll(a.message, "is not authorized to perform", "sts:AssumeRole")
}

// isAboutCredentials tells a service that refuses credentials from STS refusing a web identity
// token: both say ExpiredTokenException.
func isAboutCredentials(a answer) bool {
	return !a.sts || a.code == "InvalidToken" || containsAll(a.message, "security token") || a.code == "ExpiredToken" && !containsAll(a.message, "Token expired")
}

// isClock is a signature that AWS takes to be of another time.
func isClock(a answer) bool {
	switch a.code {
	case "RequestExpired", "RequestTimeTooSkewed":
		return true
	case "SignatureDoesNotMatch":
		return containsAll(a.message, "expired") || containsAll(a.message, "not yet current")
	}
	return false
}

func isServerFault(a answer) bool {
	switch a.code {
	case "InternalFailure", "InternalError", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException":
		return true
	}
	return a.status >= http.StatusInternalServerError
}

func isThrottled(a answer) bool {
	_, known := retry.DefaultThrottleErrorCodes[a.code]
	return known || a.status == http.StatusTooManyRequests
}

package token

import "time"

// refusalLasts is for how long a refusal of the API server or of a node's agent, which are asked every
// few seconds, is one of those that pass.
const refusalLasts = 5 * time.Minute

// outageLasts is for how long STS may refuse a token for reasons that lie with its issuer or with the
// kubelet, whose outage is ridden out.
const outageLasts = time.Hour

// rows is the table, in the order in which it is searched: a row for a message stands before the one
// for its code, and what a service said before what happened on the way to it.
var rows = concat(identityRows, stsRows, containerRows, kubernetesRows, serviceRows, sharedRows, localRows)

func concat(tables ...[]row) []row {
	var all []row
	for _, t := range tables {
		all = append(all, t...)
	}
	return all
}

// stsSays recognizes an answer of STS by its code and a part of its message.
func stsSays(code, says string) match {
	return match{from: fromSTS, codes: []string{code}, says: says}
}

// stsRows is what STS answers
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors).
var stsRows = []row{
	{
		code: CodeAudienceNotRegistered, cause: CauseProvider, retry: RetryNever,
		meaning: "the token's audience is not among the client ids of the IAM OIDC provider",
		next: []string{
			"the client ids of the provider: they must have the token's aud (or its azp, when it has one)",
			"the audience that the token is requested for: sts.amazonaws.com in every partition, unless the provider says otherwise",
		},
		is: []match{stsSays("InvalidIdentityToken", "Incorrect token audience")},
	}, {
		code: CodeNoProvider, cause: CauseProvider, retry: RetryNever,
		meaning: "the role's account has no IAM OIDC provider for exactly the token's issuer",
		next: []string{
			"the account of the role ARN: the provider must be in that one, not in the cluster's",
			"the provider's URL: it must equal the token's iss to the character, with its path and without a further slash",
			"the partition of the role ARN and the region of STS: aws, aws-cn and aws-us-gov do not see each other's providers",
		},
		is: []match{stsSays("InvalidIdentityToken", "No OpenIDConnect provider found in your account")},
	}, {
		code: CodeKeyNotRetrieved, cause: CauseTransient, retry: RetryBackoff, finalAfter: outageLasts,
		meaning: "STS could not get the key that signed the token from the issuer; this usually passes",
		next: []string{
			"that the issuer's discovery document and key set answer from the public internet within 5 seconds",
			"that the key set has the token's kid",
			"that the discovery document has issuer, jwks_uri, response_types_supported, subject_types_supported and id_token_signing_alg_values_supported",
		},
		is: []match{stsSays("InvalidIdentityToken", "Couldn't retrieve verification key")},
	}, {
		code: CodeThumbprintMismatch, cause: CauseThumbprint, retry: RetryNever,
		meaning: "the certificate chain of the issuer has none of the thumbprints of the IAM OIDC provider",
		next: []string{
			"the provider's thumbprints against those of the chain that the issuer sends now, for the host of its key set too",
			"whether the issuer's certificate authority has changed",
		},
		is: []match{stsSays("InvalidIdentityToken", "doesn't match configured thumbprint")},
	}, {
		code: CodeNotAJWT, cause: CauseToken, retry: RetryNever,
		meaning: "what was sent is not a JWT that STS can read, or its algorithm is not RS256, RS384, RS512, ES256, ES384 or ES512",
		next: []string{
			"what the token source gives: a projected service account token, not an access token or an old secret's token",
			"the algorithm in the token's header",
		},
		is: []match{stsSays("InvalidIdentityToken", "is not a valid JWT")},
	}, {
		code: CodeClaimMissing, cause: CauseToken, retry: RetryNever,
		meaning: "the token lacks a claim that STS requires: iss, sub, aud, iat and exp",
		next:    []string{"which claim the message names, and who issues such tokens; a kube-apiserver sets them all"},
		is:      []match{stsSays("InvalidIdentityToken", "Missing a required claim")},
	}, {
		code: CodeTokenRefused, cause: CauseToken, retry: RetryNever,
		meaning: "STS does not accept the token",
		next:    []string{"what STS said, and the token's iss, sub and aud against the IAM OIDC provider of the role's account"},
		is:      []match{stsSays("InvalidIdentityToken", "")},
	}, {
		code: CodeTokenTooOld, cause: CauseToken, retry: RetryNewToken, finalAfter: outageLasts,
		meaning: "the token was issued too long ago (iat), although it may not have expired",
		next: []string{
			"that the token is read again each time and is not a copy",
			"the lifetime that the issuer gives its tokens: 24 hours at most",
			"the clock of the issuer",
		},
		is: []match{stsSays("ExpiredToken", "Token too old")},
	}, {
		code: CodeTokenExpired, cause: CauseToken, retry: RetryNewToken, finalAfter: outageLasts,
		meaning: "the web identity token has expired (exp); the credentials are not concerned",
		next: []string{
			"that the token file is the kubelet's projected volume, which is renewed in place, and not a copy or subPath mount of it",
			"that the kubelet of the node can reach the API server",
			"the clock of the issuer: STS allows 5 minutes",
		},
		is: []match{
			{from: fromSTS, codes: []string{"ExpiredToken"}, when: isAboutTheToken},
			{err: is(ErrTokenExpired)},
		},
	}, {
		code: CodeIssuerUnreachable, cause: CauseTransient, retry: RetryBackoff,
		meaning: "STS could not reach the issuer of the token",
		next: []string{
			"that the issuer's discovery document and key set answer from the public internet within 5 seconds",
			"whether the issuer throttles or is down",
		},
		is: []match{stsSays("IDPCommunicationError", "")},
	}, {
		code: CodeClaimRejected, cause: CauseToken, retry: RetryNever,
		meaning: "the identity provider rejected the token: it may have been revoked or have expired there",
		next:    []string{"that the issuer of the token still vouches for it, and what STS said"},
		is:      []match{stsSays("IDPRejectedClaim", "")},
	}, {
		code: CodeSessionTagsRefused, cause: CauseTrustPolicy, retry: RetryNever,
		meaning: "the session may not carry the tags or the source identity that were asked for",
		next: []string{
			"that the trust policy of the role to assume allows sts:TagSession and sts:SetSourceIdentity, beside sts:AssumeRole, to the role before it",
			"that the role before it has a permission for the same actions",
		},
		is: []match{stsSays("AccessDenied", "sts:TagSession"), stsSays("AccessDenied", "sts:SetSourceIdentity")},
	}, {
		code: CodeOuterPolicyDenied, cause: CausePolicy, retry: RetryNever,
		meaning: "a policy around the role denies the call: that of a VPC endpoint, or a service or resource control policy of the organization",
		next: []string{
			"the policy of the VPC endpoint for the service: it must allow this action, without credentials in the case of sts:AssumeRoleWithWebIdentity",
			"the service control policies and resource control policies of the role's account",
		},
		is: []match{
			{codes: []string{"AccessDenied"}, says: "endpoint policy"},
			{codes: []string{"AccessDenied"}, says: "control policy"},
			{from: fromSTS, codes: []string{"AccessDenied"}, says: "is not authorized to perform: sts:AssumeRoleWithWebIdentity"},
		},
	}, {
		code: CodeChainedRoleRefused, cause: CauseTrustPolicy, retry: RetryNever,
		meaning: "the first role may not assume the next one",
		next: []string{
			"that the first role has a permission for sts:AssumeRole on the next one",
			"that the trust policy of the next role names the first one, with its external id if it wants one",
		},
		is: []match{stsSays("AccessDenied", "is not authorized to perform: sts:AssumeRole")},
	}, {
		code: CodeTrustPolicyMismatch, cause: CauseTrustPolicy, retry: RetryNever,
		meaning: "the role's trust policy does not admit this token, or the role does not exist: STS does not tell which",
		next: []string{
			"that the role exists under exactly this ARN, with its path",
			"that the trust policy's principal is the IAM OIDC provider of the token's issuer, in the role's account",
			"that its condition on the issuer's :sub equals the token's sub, and the one on :aud the token's aud; with StringEquals a * is taken literally",
			"whether the role was created or changed within the last 10 seconds: then a retry helps",
		},
		is: []match{stsSays("AccessDenied", "")},
	}, {
		code: CodeRoleARNInvalid, cause: CauseRole, retry: RetryNever,
		meaning: "the role ARN is not the ARN of a role that STS can read",
		next: []string{
			"the role-arn annotation of the service account, or AWS_ROLE_ARN: arn:PARTITION:iam::ACCOUNT:role/NAME",
			"the partition of the ARN against the region of STS",
		},
		is: []match{stsSays("ValidationError", "Request ARN is invalid")},
	}, {
		code: CodeSessionNameInvalid, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the role session name is not 2 to 64 letters, digits and _+=,.@-",
		next:    []string{"the configured session name, or AWS_ROLE_SESSION_NAME; a provider without one makes a valid one"},
		is:      []match{stsSays("ValidationError", "'roleSessionName'")},
	}, {
		code: CodeDurationOutOfRange, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the session's duration is not from 15 minutes to 12 hours",
		next:    []string{"the configured duration: 900 to 43200 seconds"},
		is:      []match{stsSays("ValidationError", "'durationSeconds'")},
	}, {
		code: CodeDurationAboveRoleMaximum, cause: CauseRole, retry: RetryNever,
		meaning: "the session's duration is longer than the role allows",
		next:    []string{"the role's MaxSessionDuration (1 hour unless changed), and the configured duration"},
		is:      []match{stsSays("ValidationError", "MaxSessionDuration")},
	}, {
		code: CodeDurationAboveChainingMaximum, cause: CauseConfiguration, retry: RetryNever,
		meaning: "a role assumed from another role's credentials has sessions of 1 hour at most",
		next:    []string{"the duration configured for the chained role; MaxSessionDuration does not lift this limit"},
		is:      []match{stsSays("ValidationError", "role chaining")},
	}, {
		code: CodeTokenLength, cause: CauseToken, retry: RetryNever,
		meaning: "what was sent as token is empty, too short or longer than 20000 characters",
		next:    []string{"what the token source gives"},
		is:      []match{stsSays("ValidationError", "'webIdentityToken'")},
	}, {
		code: CodeRequestInvalid, cause: CauseConfiguration, retry: RetryNever,
		meaning: "STS does not accept a parameter of the request",
		next:    []string{"what STS said, and the configuration of that parameter"},
		is:      []match{stsSays("ValidationError", "")},
	}, {
		code: CodeSessionTagsTooLarge, cause: CauseConfiguration, retry: RetryNever,
		meaning: "session policies and session tags together are larger than STS packs into a session",
		next: []string{
			"the tags that the token or the session carries, the session policy and the number of policy ARNs",
			"with EKS Pod Identity: disableSessionTags of the association",
		},
		is: []match{{codes: []string{"PackedPolicyTooLarge"}}},
	}, {
		code: CodeSessionPolicyMalformed, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the session policy is not a policy that STS can read",
		next:    []string{"the configured policy: its JSON and its elements"},
		is:      []match{{codes: []string{"MalformedPolicyDocument"}}},
	},
}

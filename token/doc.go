// Package token turns a Kubernetes service account token into AWS credentials and keeps them
// fresh through every failure.
//
// An application needs one call, which never falls back to the node's role:
//
//	cfg, err = token.Configure(cfg, os.LookupEnv, token.Config{})
//
// [Configure] is made of [Resolve], which reads the pod's environment and says where its credentials come
// from and why, and [Resolution.Configure], which puts them into an aws.Config.
//
// Below that, a [Provider] is an aws.CredentialsProvider. It reads the token from a [Source], such as the
// [File] that the kubelet projects into the pod, assumes the role at STS and holds the answer.
// [Keep] gives any other provider the same refresh: an EKS Pod Identity endpoint, for example. [Chain]
// assumes further roles from there, in other accounts too. [Pool] holds the credentials of many service
// accounts at once, by their tokens or, with [NewTenantPool], by session tags. [Explain] says what an error means and [Inspect] what a token says of itself.
//
// # Refresh
//
// Credentials are renewed when somebody asks for them inside the advisory window, long before
// they expire: one caller waits for the new ones, all others go on with those that are there.
// In the last minute everybody waits. Whether it is time is read from the wall clock and from the
// monotonic clock at every call, so that a machine that was suspended does not serve dead credentials.
//
// When a refresh fails, the cached credentials are served, even expired ones, and nothing is asked
// of STS for 5 to 10 minutes; a service that still accepts them keeps working through an outage of
// STS. With nothing to serve, calls are repeated with growing random pauses for as long as somebody
// waits, a minute at most, so that a crowd of pods that starts together gets through. What is valid
// is served until it expires, whatever STS answers meanwhile. Errors that asking again cannot mend,
// see [IsFinal], are returned at once when nothing valid is left. [Refresh] has the details.
//
// The clock of the machine decides neither what is sent nor what is served: tokens go to STS, which
// judges their times, and credentials that look dead when they come go to the services, which do.
//
// A cached answer costs no allocation and no lock, and nothing runs in the background: a provider that
// nobody asks does nothing.
//
// # Laptops
//
// [Resolve] knows the environment of a pod. When that has no identity, its error is [ErrNoIdentity];
// on a laptop that means a profile, which the SDK reads. [Configure] leaves an aws.Config as it is there,
// when AWS_PROFILE is set: otherwise a pod that was not mutated would run as its node.
//
// # Secrecy
//
// A token never appears in an error or a hook of this package, not even where STS quotes it. The
// SDK's logging of request and response bodies, which would print the token and the credentials,
// is turned off for the calls of a Provider; the SDK's own web identity provider has it on.
//
// # Codes
//
// These are the errors that [Explain] knows; the retries go by the same table. The reason of a
// metav1.Condition is the code in CamelCase, see [Explanation.Reason]. A final error is returned at
// once, unless there are valid credentials to serve; some errors become final when they last for as
// long as is said here. An error that invalidates makes [InvalidateRejected] replace the
// credentials.
//
//	code                            cause         final   invalidates meaning
//	half-identity                   configuration yes     no          the environment has a part of an identity, but not all of it
//	no-identity                     configuration yes     no          the process has no identity of its own: neither a web identity nor a credentials endpoint is set, and the node's role is missing or not used
//	identity-mismatch               token         yes     no          the source gave a token of another account than the one asked for, so it was not used
//	audience-not-registered         provider      yes     no          the token's audience is not among the client ids of the IAM OIDC provider
//	no-provider                     provider      yes     no          the role's account has no IAM OIDC provider for exactly the token's issuer
//	key-not-retrieved               transient     1h      no          STS could not get the key that signed the token from the issuer; this usually passes
//	thumbprint-mismatch             thumbprint    yes     no          the certificate chain of the issuer has none of the thumbprints of the IAM OIDC provider
//	not-a-jwt                       token         yes     no          what was sent is not a JWT that STS can read, or its algorithm is not RS256, RS384, RS512, ES256, ES384 or ES512
//	claim-missing                   token         yes     no          the token lacks a claim that STS requires: iss, sub, aud, iat and exp
//	token-refused                   token         yes     no          STS does not accept the token
//	token-too-old                   token         1h      no          the token was issued too long ago (iat), although it may not have expired
//	token-expired                   token         1h      no          the web identity token has expired (exp); the credentials are not concerned
//	issuer-unreachable              transient     no      no          STS could not reach the issuer of the token
//	claim-rejected                  token         yes     no          the identity provider rejected the token: it may have been revoked or have expired there
//	session-tags-refused            trust-policy  yes     no          the session may not carry the tags or the source identity that were asked for
//	outer-policy-denied             policy        yes     no          a policy around the role denies the call: that of a VPC endpoint, or a service or resource control policy of the organization
//	chained-role-refused            trust-policy  yes     no          the first role may not assume the next one
//	trust-policy-mismatch           trust-policy  yes     no          the role's trust policy does not admit this token, or the role does not exist: STS does not tell which
//	role-arn-invalid                role          yes     no          the role ARN is not the ARN of a role that STS can read
//	session-name-invalid            configuration yes     no          the role session name is not 2 to 64 letters, digits and _+=,.@-
//	duration-out-of-range           configuration yes     no          the session's duration is not from 15 minutes to 12 hours
//	duration-above-role-maximum     role          yes     no          the session's duration is longer than the role allows
//	duration-above-chaining-maximum configuration yes     no          a role assumed from another role's credentials has sessions of 1 hour at most
//	token-length                    token         yes     no          what was sent as token is empty, too short or longer than 20000 characters
//	request-invalid                 configuration yes     no          STS does not accept a parameter of the request
//	session-tags-too-large          configuration yes     no          session policies and session tags together are larger than STS packs into a session
//	session-policy-malformed        configuration yes     no          the session policy is not a policy that STS can read
//	association-missing             role          yes     no          EKS has no Pod Identity association for the pod's service account, or not in this cluster
//	association-refused             trust-policy  yes     no          EKS may not assume the role of the Pod Identity association
//	agent-token-refused             token         5m      no          the credentials endpoint does not accept the pod's authorization token
//	agent-address-refused           configuration yes     no          the credentials endpoint was called by an address that it does not serve
//	agent-unreachable               network       no      no          the container's credentials endpoint does not answer
//	tokenrequest-unauthorized       token         5m      no          the API server does not know who asks for the token
//	tokenrequest-forbidden          token         5m      no          this process may not create tokens of the service account
//	service-account-missing         token         yes     no          the service account does not exist, or the object to bind the token to does not
//	tokenrequest-invalid            configuration yes     no          the API server finds the request for the token invalid
//	tokenrequest-throttled          throttling    no      no          the API server refuses the request for now, since it gets too many
//	tokenrequest-server-fault       transient     no      no          the API server failed
//	tokenrequest-refused            configuration 5m      no          the API server does not accept the request for the token
//	session-token-refused           configuration yes     no          the service does not take credentials of this kind, and new ones of the same kind do not help
//	credentials-expired             transient     no      yes         the AWS credentials have expired; the web identity token is not concerned
//	permission-missing              role          yes     no          the credentials are good, but the role lacks a permission for this request
//	credentials-unknown             configuration yes     no          AWS does not know the access key of the request
//	clock-wrong                     configuration no      no          the request was signed at a time that differs too much from AWS's
//	region-disabled                 configuration yes     no          the account has not enabled this region, or STS is not activated in it
//	not-sts                         configuration yes     no          the endpoint does not know the request: it is not STS, or another version of it
//	throttled                       throttling    no      no          the account makes too many calls in this region
//	pool-limit                      throttling    no      no          more identities need credentials at once than the pool's limit of calls to STS lets through in time
//	service-fault                   transient     no      no          the service itself failed
//	answer-unreadable               network       no      no          what came is not an answer of the service: another server or a proxy answered in its place, or the answer broke off
//	endpoint-refused                configuration yes     no          the container's credentials endpoint refuses the request
//	token-empty                     token         no      no          the token source gave an empty token
//	token-malformed                 token         no      no          what the token source gave is not a JWT, so it was not sent
//	token-file-missing              token         no      no          the token file does not exist
//	token-file-unreadable           token         no      no          the token file exists, but this process may not read it
//	region-missing                  configuration yes     no          the STS client has no region, and one is never guessed
//	certificate-untrusted           network       no      no          the server shows a certificate that this process does not trust
//	credentials-stale               transient     no      no          by this machine's clock the credentials had already expired when they came; they are served all the same
//	dns-timeout                     network       no      no          the DNS server did not answer in time
//	host-unknown                    network       no      no          the name of the service's host does not resolve
//	timeout                         network       no      no          no answer came in time
//	connection-failed               network       no      no          the connection could not be made or broke off
package token

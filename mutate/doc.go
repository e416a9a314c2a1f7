// Package mutate turns a pod and an AWS identity into a JSON patch.
//
// It does what the EKS pod identity webhook does to a pod whose service account has a role,
// and leaves the rest of the webhook to the caller: a webhook, an operator, a command-line
// tool or a test. The package is pure: it reads no file, no clock and no network.
//
// [New] checks a [Config] once. [Mutator.Identity] reads a service account's annotations,
// [Mutator.RawPod] and [Mutator.Pod] plan the patch, and [Mutator.Review] with
// [RequestTarget] answer an admission request. Package mutate/webhook mounts all of it in
// an HTTP server, and package mutate/manifest mutates the pods in files.
//
// # Annotations
//
// The prefix is eks.amazonaws.com/ unless [Config.AnnotationDomain] says otherwise.
//
//	annotation              on                   default               effect
//	role-arn                ServiceAccount       none                  the role; absent: the pod is left alone
//	audience                ServiceAccount       sts.amazonaws.com     the token's audience
//	sts-regional-endpoints  ServiceAccount       false                 true adds AWS_STS_REGIONAL_ENDPOINTS=regional
//	token-expiration        ServiceAccount, Pod  86400                 the token's lifetime in seconds, raised to 600; the Pod's wins
//	skip-containers         Pod                  none                  containers to leave alone, as one CSV record
//	session-name            ServiceAccount, Pod  none                  pod-uid or pod-name adds AWS_ROLE_SESSION_NAME; the Pod's wins
//	disable-ec2-metadata    ServiceAccount, Pod  false                 true adds AWS_EC2_METADATA_DISABLED=true; the Pod's wins
//	use-dualstack-endpoint  ServiceAccount, Pod  false                 true adds AWS_USE_DUALSTACK_ENDPOINT=true; the Pod's wins
//	use-fips-endpoint       ServiceAccount, Pod  false                 true adds AWS_USE_FIPS_ENDPOINT=true; the Pod's wins
//
// The label role-by-rule=true on a Pod asks for the role that [Config.RoleRule] composes from
// namespace and account, if it is set. The account and its annotations are not looked at then.
//
// Each default can be changed in [Config], for one namespace or account in
// [Config.Defaults]. An empty role-arn takes the account out of all defaults.
//
// # The patch
//
// The patch only adds, one operation per addition: no field of the pod is lost, whether
// this package knows it or not. Per container, init containers included:
//
//	AWS_STS_REGIONAL_ENDPOINTS                         if wanted and not set
//	AWS_DEFAULT_REGION, AWS_REGION                     if Config.Region is set and the container sets neither
//	AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE          if the container sets neither (WebIdentity)
//	AWS_CONTAINER_CREDENTIALS_FULL_URI,
//	AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE             if the container sets neither (PodIdentity)
//	AWS_ROLE_SESSION_NAME                              if wanted and not set (WebIdentity)
//	AWS_EC2_METADATA_DISABLED, AWS_USE_DUALSTACK_ENDPOINT,
//	AWS_USE_FIPS_ENDPOINT                              each if wanted and not set
//	a read-only mount of the token's volume            unless the container mounts it
//
// The volume becomes the first of the pod's, as EKS has it, unless the pod has it already.
// A pod that has everything gets no patch, so a webhook may be invoked again and again.
//
// Where the two identity variables are half set, or where the volume's name or the mount path
// is taken by something else, the container is a conflict: of all this it gets
// AWS_EC2_METADATA_DISABLED at most, and [Result.Warnings] says why. A container that sets both
// variables keeps what it has, at our mount path too.
//
// # What counts as an identity
//
// One rule answers whether a container has an identity that works, for [Result.Complete],
// [Mutator.Diagnose], the webhook and the admission policies. It reads the variables as the
// AWS SDKs do: the last entry of a name counts, and an empty one is absent. At our mount path
// there must be a projected service account token; elsewhere, what the pod does not show is
// taken to be as its author says. A value that comes from a key that may be missing counts as
// none.
package mutate

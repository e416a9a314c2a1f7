// Package trust reads, writes, edits and judges the trust policies of IAM roles, offline, as
// IAM and STS would.
//
// New builds a policy from grants: which subjects of which issuer may have the role, for which
// audience. NewPodIdentity and NewChain build those for EKS Pod Identity and for role chaining,
// and Join puts several into one. Parse reads any document and keeps all of it; WithGrant,
// WithoutGrant, WithoutProvider and Retargeted change it as little as possible and refuse an
// edit that would not do what it says.
//
// A Request says who asks for the role: WebIdentity for a token, PodIdentity for a pod,
// AssumeRole for an IAM principal. Allows gives the verdict and Evaluate the reasons. Where
// IAM's behaviour is not known, or a condition hangs on something that is not known offline, an
// Allow does not match and a Deny does: the package may deny what AWS allows, never the other
// way round.
//
// Validate says what IAM would refuse to store, in IAM's words. Lint says what IAM stores and is
// dangerous or useless. Diff, Equal and Who compare policies and list who may have a role.
//
// Policies are immutable, and everything is safe for concurrent use.
//
// # Findings of Lint
//
//	code                     severity  what it means
//	action-mismatch          error     an OIDC provider without sts:AssumeRoleWithWebIdentity
//	api-server-audience      warning   the audience is the Kubernetes API server's own
//	broken-condition         error     unknown operator, or values that cannot be compared
//	broken-statement         error     an element is missing, misplaced or malformed
//	china-audience           error     sts.amazonaws.com.cn: EKS has the same audience everywhere
//	claim-not-exposed        error     STS makes no condition key of that claim
//	covered-literal          info      a pattern admits that subject anyway
//	deleted-principal        error     the unique id of a deleted user or role
//	foreign-account          error     OIDC providers of two accounts
//	foreign-condition-key    error     the condition key is of another issuer than the principal
//	missing-aud              warning   nothing asks whom the token was made for
//	missing-sub              error     every token of the issuer is trusted
//	near-quota               info      over 90 % of the default quota; warning: over all of it
//	not-principal            error     NotPrincipal names everybody else
//	placeholder              error     something that a template should have filled in
//	principal-star           error     Principal "*" or AWS "*"
//	repeated-statement       info      a statement says the same as another
//	subject-shape            error     a sub that no service account has
//	swapped-host             error     oidc.REGION.eks instead of oidc.eks.REGION
//	swapped-names            warning   namespace and name of a service account swapped
//	trailing-slash           error     key and principal differ in a trailing slash
//	vacuous-condition        warning   ForAllValues or IfExists: satisfied when the key is absent
//	variable-in-old-version  error     a policy variable in a policy of version 2008-10-17
//	whole-cluster            error     a pattern that every service account matches
//	wildcard-crosses-colon   warning   a wildcard that reaches over namespaces
//	wildcard-under-equals    error     a wildcard that is taken literally and never matches
//
// See the [IAM JSON policy reference].
//
// [IAM JSON policy reference]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies.html
package trust

// Package trust reads, writes, edits and judges the trust policies of IAM roles, offline, as
// IAM and STS would.
//
//	provider, err := trust.NewProvider("aws", "111122223333", "https://oidc.cluster.example")
//	…
//	subject, err := trust.ServiceAccount("shop", "checkout")
//	…
//	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
//	…
//	document := policy.Document() // for IAM
//	decision := policy.Evaluate(trust.WebIdentity(provider, trust.Claims{"sub": subject.String(), "aud": trust.DefaultAudience}))
//
// New builds a policy from grants: which subjects of which issuer may have the role, for which
// audience. NewPodIdentity and NewChain build those for EKS Pod Identity and for role chaining, and
// Join puts several into one. Parse reads any document and keeps all of it; WithGrant,
// WithoutGrant, WithPodIdentity, WithoutPodIdentity, WithoutProvider and Retargeted change it as
// little as possible. Each checks its own result: an edit that would open or take more than it
// names is refused with an EditError. The check is not Within, and stricter: each statement that
// changes must say the same as before to everybody whom the edit does not name, for each action
// alone, and must depend on the same unknown things. A proof compares what whole policies admit,
// and would let one statement make up for another.
//
// A Request says who asks for the role: WebIdentity for a token, PodIdentity for a pod, AssumeRole
// for an IAM principal. Allows gives the verdict and Evaluate the reasons. Where IAM's behaviour is
// not known, or a condition depends on something that is not known offline, an Allow does not match
// and a Deny does: the package may deny what AWS allows, never the other way round.
//
// Validate says what IAM would refuse to store, in IAM's words. Lint says what is dangerous or
// useless, and a policy that Validate refuses is never clean. Extract takes the trust policies
// out of Terraform plans, CloudFormation templates, IAM's own output and Kubernetes objects.
// Diff, Equal and Who compare policies and list who may have a role; Within proves that one policy
// allows nothing that another does not, Reach lists everybody who can ever be admitted, and Compare
// does so for what an update admits and drops. An Index answers for many roles at once.
//
// # What is unknown
//
// A condition key is unknown unless the request was given it or the table has it: the role's
// tags, the organization, the network and the clock, for instance. An Allow that asks for an
// unknown key does not match and a Deny does; Decision.Unknown names the key, and Request.With
// adds it, or Request.WithResourceTags all tags of the role at once. What the request itself
// decides, With does not change: the claims, the session tags, the source identity and the
// external id. "Absent" is certain, unless the request was given the key; NAME and CLAIM stand
// for any.
//
//	key                            web identity  Pod Identity  session  user
//	aws:SecureTransport            known         known         known    known
//	aws:ResourceAccount            known         unknown       unknown  unknown
//	aws:RequestTag/NAME            absent        absent        absent   absent
//	aws:TagKeys                    absent        known         absent   absent
//	sts:TransitiveTagKeys          absent        known         absent   absent
//	sts:SourceIdentity             absent        absent        absent   absent
//	sts:ExternalId                 absent        absent        absent   absent
//	aws:SourceAccount              absent        unknown       absent   absent
//	aws:SourceArn                  absent        unknown       absent   absent
//	aws:SourceOrgID                absent        unknown       absent   absent
//	aws:SourceOrgPaths             absent        unknown       absent   absent
//	aws:PrincipalServiceName       absent        known         absent   absent
//	aws:PrincipalServiceNamesList  absent        unknown       absent   absent
//	aws:PrincipalIsAWSService      unknown       known         known    known
//	aws:PrincipalAccount           unknown       unknown       known    known
//	aws:PrincipalType              unknown       unknown       known    known
//	aws:PrincipalArn               unknown       unknown       unknown  known
//	aws:MultiFactorAuthPresent     absent        unknown       unknown  unknown
//	aws:MultiFactorAuthAge         absent        unknown       unknown  unknown
//	aws:TokenIssueTime             absent        unknown       unknown  unknown
//	saml:CLAIM                     absent        absent        unknown  absent
//	another.example.com:CLAIM      absent        absent        unknown  absent
//
// The claims of a token that STS makes condition keys are known, and the others of its issuer are
// absent. The exception is HOST:oaud of a token without azp, which is documented for Google alone.
// The account and the organization of a service, and the ARN of a session's role, are known once
// the session's fields give them.
//
// # How a proof is decided
//
// Within compares two policies over every request that could be made. For each caller whom the
// policy may admit, with and without session tags and source identity, the texts that a condition
// key can have fall into finitely many classes, by the literals and patterns that both policies
// compare it with; one text of each is judged as Allows judges it, and the classes of all keys
// together are searched for one that the policy allows and outer does not. Where IAM's behaviour is
// not known it may be either way, but the same way for the same condition: Holds is true in every
// reading, Fails comes with a request that Allows has judged, and Undecided says that neither could
// be shown. It is assumed that IAM is as its documentation and the table above say, that '?' stands
// for one Unicode code point, and that nothing but the policy and the request counts: STS checks
// the token, and a caller from another account needs a policy of its own. Reach and Compare take
// the same classes apart.
//
// Policies are immutable, and everything is safe for concurrent use.
//
// # Findings of Lint
//
//	code                     severity  what it means
//	action-mismatch          error     a principal with an action that it cannot use
//	api-server-audience      warning   the audience is the Kubernetes API server's own
//	broken-condition         error     an unknown operator, values that cannot be compared, or a condition that nothing meets
//	broken-statement         error     an element is missing, misplaced or malformed
//	china-audience           error     sts.amazonaws.com.cn: EKS has the same audience everywhere
//	claim-not-exposed        error     STS does not make that claim a condition key
//	covered-literal          info      a pattern admits that subject anyway
//	deleted-principal        error     the unique id of a deleted user or role
//	foreign-account          error     OIDC providers of two accounts
//	foreign-condition-key    error     the condition key names another issuer than the principal
//	missing-aud              warning   nothing asks whom the token was made for
//	missing-sub              error     every token of the issuer is trusted
//	missing-tag-session      warning   EKS Pod Identity without sts:TagSession
//	near-quota               info      over 90 % of the default quota
//	not-a-policy             error     the document is not a trust policy, but may hold some: see Extract
//	not-principal            error     NotPrincipal names everybody else
//	over-quota               warning   over the default quota, which IAM takes only where it was raised
//	placeholder              error     something that a template should have filled in
//	principal-star           error     Principal "*" or AWS "*"
//	refused                  error     IAM does not store the policy: see Validate
//	repeated-statement       info      a statement says the same as another
//	scheme-in-principal      error     https:// in a provider's ARN
//	subject-shape            error     a sub that no service account has
//	swapped-host             error     oidc.REGION.eks instead of oidc.eks.REGION
//	swapped-names            warning   namespace and name of a service account are swapped
//	trailing-slash           error     key and principal differ in a trailing slash
//	unknown-condition-key    error     a condition key that no request has
//	vacuous-condition        warning   ForAllValues or IfExists: satisfied when the key is absent
//	variable-in-old-version  error     a policy variable in a policy of version 2008-10-17
//	whole-cluster            error     a pattern that every service account matches
//	wildcard-crosses-colon   warning   a wildcard that reaches over namespaces
//	wildcard-in-owner        error     a wildcard in the name of an organization: strangers may have one that fits
//	wildcard-under-equals    error     a wildcard that is taken literally and never matches
//
// See the [IAM JSON policy reference].
//
// [IAM JSON policy reference]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies.html
package trust

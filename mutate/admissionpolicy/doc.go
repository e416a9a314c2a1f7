// Package admissionpolicy makes Kubernetes itself give pods their AWS identity, without a webhook: the
// mutation of package mutate as a MutatingAdmissionPolicy, which the API server runs in its own process
// (admissionregistration.k8s.io/v1, Kubernetes 1.36 and later;
// https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/).
//
// [New] checks a [mutate.Config], and [Policies.Injection] makes the policy and its binding as values
// to apply with client-go or to write out as YAML. For what it does, a pod comes out as the webhook
// would make it: only adds, all or nothing of the identity in each container, nothing of the author's
// overwritten.
//
// # Webhook, policy and rule
//
// [Features] says of each how it is done, and what happens where it is not. All of it is tested on a
// real API server.
//
//	feature                  webhook  policy  rule
//	role-arn                 yes      yes     no
//	role-by-name             yes      yes     no
//	role-by-rule             yes      no      yes
//	audience                 yes      yes     yes
//	regional-sts             yes      yes     yes
//	token-expiration         yes      yes     yes
//	skip-containers          yes      yes     yes
//	region                   yes      yes     yes
//	mount-path               yes      yes     yes
//	annotation-domain        yes      yes     yes
//	init-containers          yes      yes     yes
//	ephemeral-containers     yes      yes     yes
//	windows                  yes      yes     yes
//	partial-identity         yes      yes     yes
//	foreign-volume           yes      yes     yes
//	foreign-mount            yes      yes     yes
//	present                  yes      yes     yes
//	reinvocation             yes      yes     yes
//	session-name             yes      yes     yes
//	ec2-metadata             yes      yes     yes
//	choices                  yes      yes     yes
//	bad-account-annotations  yes      yes     no
//	skip-label               yes      yes     yes
//	identity-required        yes      yes     yes
//	large-pods               yes      yes     yes
//	fresh-accounts           yes      no      yes
//	on-disk                  no       no      yes
//	warnings                 yes      no      no
//	defaults                 yes      no      no
//	pod-identity             yes      no      no
//	broken-skip-containers   yes      no      no
//	mount-path-with-dots     yes      no      no
//	required-audience        yes      no      no
//	proxy                    yes      no      no
//
// # By rule
//
// [Policies.InjectionByRule] takes the role from mutate.Config.RoleRule instead of an annotation, for
// pods that ask for it. It looks up no account: a pod takes some three milliseconds longer, however many
// accounts the cluster has, and none is looked up too early. The API server can read it from its own disk
// ([Injection.Static]), where it is in force before the first request and cannot be changed through the
// API. [Policies.Guard] holds the other objects there.
//
// iamrole.SpecByRule makes the role of the same name, and iamrole.CheckByRule tells one that admits
// others than its own account.
//
// # Azure and Google Cloud
//
// [Azure] and [Google] are the mutations of packages azure and google as policies, by the annotations of
// the pod's service account. They stand beside [Policies.Injection]: a pod has the identities of all
// clouds that its account names. [CloudFeatures] says of each feature how it is done, and what happens
// where it is not.
//
//	feature                  webhook  policy
//	several-clouds           yes      yes
//	client-id                yes      yes
//	tenant-id                yes      yes
//	label                    yes      yes
//	identity-binding         yes      yes
//	direct-access            yes      yes
//	impersonation            yes      yes
//	audience                 yes      yes
//	injection-mode           yes      yes
//	token-expiration         yes      yes
//	skip-containers          yes      yes
//	init-containers          yes      yes
//	ephemeral-containers     yes      yes
//	present                  yes      yes
//	foreign-volume           yes      yes
//	foreign-mount            yes      yes
//	foreign-annotation       yes      yes
//	reinvocation             yes      yes
//	bad-annotations          yes      yes
//	large-pods               yes      yes
//	volume-name              yes      no
//	fresh-accounts           yes      no
//	warnings                 yes      no
//	mount-path-with-dots     yes      no
//
// # What the annotations cost
//
// The service accounts of the pod's namespace are the policy's parameters, and the API server evaluates
// it once for each. The creation of a pod takes some three milliseconds longer with a few accounts in
// the namespace, ten with a hundred, and a tenth of a second with a thousand: there, the webhook is the
// better choice.
//
// # The race of the annotations
//
// Parameters come from a cache of the API server's, without a live look-up behind it. A pod that is
// created right after its service account, or right after the account's annotation, may be admitted
// without an identity, some in a hundred under load, until the cache has caught up after some tens of
// milliseconds. No failure policy helps, since the policy does not match. Such a pod runs with the
// node's role, if SDKs can reach the metadata service.
//
// [Policies.Required] closes it for the pods that carry a label: without an identity they are denied,
// and their controllers create them again.
//
// # What it is not
//
// [Policies.Roles] refuses roles outside a list for each namespace. Neither policies nor webhooks are
// the boundary: whoever may create serviceaccounts/token gets tokens of any account in the namespace for
// any audience and goes around all of it. The trust policy of the role decides who becomes the role;
// see package trust.
//
// Policies can be exempted from admission and are changed by whoever may write them: keep
// admissionregistration.k8s.io with the cluster's administrators.
package admissionpolicy

// Package irsa is AWS IAM Roles for Service Accounts as a Go library: every step from a Kubernetes
// cluster's issuer to short-lived credentials in a pod, composable, without running a server.
//
// AWS trusts the cluster's OIDC issuer, a role's trust policy names one namespace and service
// account, a mutation of the pod adds a projected token, and the token is traded for credentials.
// A webhook, an operator, an installer or a unit test imports the packages that it wants; this
// one has no identifiers of its own.
//
//	          cluster's issuer                      AWS account                        pod
//	oidc  ──  documents, keys, thumbprint ──▶  oidc/iamprovider (IAM OIDC provider)
//	trust ──  policy: build, edit, judge  ──▶  trust/iamrole    (IAM role)
//	mutate ─  pod + role ─▶ JSON patch ───────────────────────────────▶ env, volume, mount
//	token ──  projected token ─▶ STS ─▶ credentials, kept fresh  ◀──────────────────┘
//
// # The issuer
//
// Package [github.com/irsa-go/irsa/oidc] reads and writes what an issuer publishes: discovery
// document, keys, and the certificate chain whose thumbprint IAM may ask for. It verifies
// service account tokens. Package [github.com/irsa-go/irsa/oidc/iamprovider] makes the IAM OIDC
// provider for an issuer, and [github.com/irsa-go/irsa/oidc/s3store] keeps the documents of a
// self-hosted one in a bucket.
//
// # The role
//
// Package [github.com/irsa-go/irsa/trust] builds, edits, judges and lints trust policies
// offline, [github.com/irsa-go/irsa/trust/policyfile] finds them in files and folders, and
// [github.com/irsa-go/irsa/trust/audit] joins accounts with clusters: who can become what. Package
// [github.com/irsa-go/irsa/trust/iamrole] applies them to IAM roles, and the
// module github.com/irsa-go/irsa/trust/podidentity associates roles by EKS Pod Identity, and moves
// service accounts from one way to the other.
//
// # The pod
//
// Package [github.com/irsa-go/irsa/mutate] turns a pod and an identity into a JSON patch.
// Package [github.com/irsa-go/irsa/mutate/webhook] is the admission handler around it, and the
// module github.com/irsa-go/irsa/mutate/admissionpolicy the same mutation without any webhook,
// run by the API server itself. Package [github.com/irsa-go/irsa/mutate/manifest] mutates the pods
// in files of YAML and JSON. Packages [github.com/irsa-go/irsa/mutate/azure] and
// [github.com/irsa-go/irsa/mutate/google] do for the workload identities of Azure and Google Cloud
// what mutate does for AWS.
//
// # The credentials
//
// Package [github.com/irsa-go/irsa/token] trades the projected token for credentials and keeps
// them fresh, for one pod or for many service accounts. Package
// [github.com/irsa-go/irsa/token/tokenrequest] asks the Kubernetes API for another account's
// token, and [github.com/irsa-go/irsa/token/doctor] finds the first broken link of the chain.
//
// # Test benches
//
// [github.com/irsa-go/irsa/oidc/oidctest] is an issuer, and
// [github.com/irsa-go/irsa/trust/trusttest] an AWS account, for your tests and demonstrations.
//
// The four packages do not import each other. Importing trust pulls in neither Kubernetes nor
// the AWS SDK, mutate no AWS SDK, and token no Kubernetes.
package irsa

// Package azure turns a pod and an Azure identity into a JSON patch, by the rules of Microsoft
// Entra Workload ID for Kubernetes.
//
// It does what the webhook of azure-workload-identity 1.6.0 does
// (https://azure.github.io/azure-workload-identity/docs/), or of 1.5 with [LayoutV1_5], and
// leaves the rest of the webhook to the caller. A pod without the label
// azure.workload.identity/use=true is left alone. The package is pure: it reads no file, no clock
// and no network.
//
// # Annotations
//
// The prefix is azure.workload.identity/.
//
//	annotation                        on                   default          effect
//	client-id                         ServiceAccount       none             AZURE_CLIENT_ID; absent: the rest is injected all the same
//	tenant-id                         ServiceAccount       Config.TenantID  AZURE_TENANT_ID; an empty one leaves it out
//	service-account-token-expiration  ServiceAccount, Pod  3600             the token's lifetime in seconds, 3600 to 86400; the Pod's wins
//	skip-containers                   Pod                  none             containers to leave alone, separated by semicolons
//	use-identity-binding              Pod                  none             true, in any case, asks for an identity binding
//
// A value that cannot be read is an error, on the account and on the pod. The proxy sidecar
// (inject-proxy-sidecar) is not supported: it runs a privileged container.
//
// # The patch
//
// The patch only adds: no field of the pod is lost. Each container gets those of these variables
// that it does not set, and a read-only mount of the token's volume:
//
//	AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST
//
// Where the volume's name or the mount path is taken by something else, the container is a
// conflict: it gets nothing, and the Result's Warnings say why.
//
// # In a cluster
//
// Package webhook serves it beside AWS, and webhook.OptIn registers it as azure-workload-identity is;
// admissionpolicy.Azure does without a webhook.
package azure

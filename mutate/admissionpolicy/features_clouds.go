package admissionpolicy

import "slices"

// CloudFeatures returns what packages azure and google do, and whether [Azure] and [Google] do it, in
// a fresh slice. Rule is false in all of them.
func CloudFeatures() []Feature { return slices.Clone(cloudFeatures) }

var cloudFeatures = []Feature{
	{"several-clouds", true, true, false, "a pod has the identities of all clouds that its account names"},
	{"client-id", true, true, false, "Azure: the account's annotation; without it the rest is injected all the same"},
	{"tenant-id", true, true, false, "Azure: the account's annotation, empty ones too, else Config.TenantID"},
	{"label", true, true, false, "Azure: pods without azure.workload.identity/use=true are left alone"},
	{"identity-binding", true, true, false, "Azure: for pods that ask for it, with a ConfigMap or a trust bundle"},
	{"direct-access", true, true, false, "Google: accounts with a provider and no e-mail address"},
	{"impersonation", true, true, false, "Google: accounts with an e-mail address, and the project in it"},
	{"audience", true, true, false, "Google: the account's annotation, else Config.Audience, else the provider's own"},
	{"injection-mode", true, true, false, "Google: it makes no difference"},
	{"token-expiration", true, true, false, "the pod's annotation, else the account's; Google's is raised to the minimum"},
	{"skip-containers", true, true, false, "names between semicolons in Azure, commas in Google Cloud, trimmed"},
	{"init-containers", true, true, false, "native sidecars among them"},
	{"ephemeral-containers", true, true, false, "those that are added, where the pod has the volume and the annotation"},
	{"present", true, true, false, "what a container or the pod has is kept, and only what lacks is added"},
	{"foreign-volume", true, true, false, "no container gets anything when the volume's name is taken by something else"},
	{"foreign-mount", true, true, false, "a container with something else at the mount path, or in front of a file there, gets nothing"},
	{"foreign-annotation", true, true, false, "Google: no container gets anything when the credentials' annotation has another value"},
	{"reinvocation", true, true, false, "a sidecar that a later webhook adds gets its identity, and nothing is added twice"},
	{"bad-annotations", true, true, false, "the pod is denied, and the message names annotation, value and account"},
	{"large-pods", true, true, false, "of 50 containers with 300 variables each, and more in the webhook"},

	{"volume-name", true, false, false, "Azure 1.6 makes it of the pod's name by a hash, which CEL has not: the policy's is the same in all pods, and what stands under another name is used"},
	{"fresh-accounts", true, false, false, "as with AWS: a pod that is created at the same moment as its account may be admitted without"},
	{"warnings", true, false, false, "a mutating policy cannot warn: conflicts and what clients prefer pass in silence"},
	{"mount-path-with-dots", true, false, false, "a foreign mount whose path leads to the mount path through '..', or with backslashes, is not seen"},
}

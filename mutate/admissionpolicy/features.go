package admissionpolicy

import "slices"

// Feature is something that package mutate does. It says which of the three ways into a cluster do it.
type Feature struct {
	// Name is stable, in kebab-case.
	Name string
	// Webhook is package webhook, Policy is [Policies.Injection] with [Policies.Required], and
	// Rule is [Policies.InjectionByRule] with Required. What Policy and Rule do, they do as the
	// webhook does it.
	Webhook, Policy, Rule bool
	// Why is how it is done, and what happens where it is not.
	Why string
}

// Features returns the whole list, in a fresh slice.
func Features() []Feature { return slices.Clone(features) }

var features = []Feature{
	{"role-arn", true, true, false, "the annotation of the pod's own service account; by rule it counts for nothing"},
	{"role-by-name", true, true, false, "composed as Config.RoleAccountID and RolePartition say"},
	{"role-by-rule", true, false, true, "composed from namespace and account as Config.RoleRule says, for pods that ask for it"},
	{"audience", true, true, true, "the annotation, else Config.Audience; by rule Config.Audience"},
	{"regional-sts", true, true, true, "the annotation, else Config.RegionalSTS; by rule Config.RegionalSTS"},
	{"token-expiration", true, true, true, "the pod's annotation, else the account's, else Config.TokenExpiration, raised to the minimum; by rule without the account's"},
	{"skip-containers", true, true, true, "names separated by commas, trimmed, with or without quotes"},
	{"region", true, true, true, "where a container sets neither of the two variables"},
	{"mount-path", true, true, true, "Config.MountPath, on Windows too"},
	{"annotation-domain", true, true, true, "Config.AnnotationDomain, of annotations and labels"},
	{"init-containers", true, true, true, "native sidecars among them"},
	{"ephemeral-containers", true, true, true, "those that are added, where the pod has the volume"},
	{"windows", true, true, true, "by spec.os, node selector and required node affinity"},
	{"partial-identity", true, true, true, "a container with one of the two variables gets nothing"},
	{"foreign-volume", true, true, true, "no container gets anything when the volume's name is taken by something else"},
	{"foreign-mount", true, true, true, "a container with something else at the mount path gets nothing"},
	{"present", true, true, true, "a container that has both variables keeps them and what it has at the path, and gets the region that it lacks"},
	{"reinvocation", true, true, true, "a sidecar that a later webhook adds gets its identity, and nothing is added twice"},
	{"session-name", true, true, true, "from the pod's UID or name, as Config.SessionName says"},
	{"ec2-metadata", true, true, true, "AWS_EC2_METADATA_DISABLED, conflicts included, when Config.DisableEC2Metadata is set"},
	{"choices", true, true, true, "session-name, disable-ec2-metadata, use-dualstack-endpoint and use-fips-endpoint: the pod's annotation, else the account's, else Config; by rule without the account's"},
	{"bad-account-annotations", true, true, false, "the pod is denied, whatever it says itself, and the message names annotation, value and account"},
	{"skip-label", true, true, true, "pods with the label skip-pod-identity-webhook are left alone"},
	{"identity-required", true, true, true, "pods that say so are denied when a container has no identity that works, and so are debug containers that are added to them"},
	{"large-pods", true, true, true, "of 50 containers with 300 variables each, and more in the webhook"},

	{"fresh-accounts", true, false, true, "the policy's parameters come from a cache: a pod that is created at the same moment as its account, or as its annotation, may be admitted without; Required denies those that say so"},
	{"on-disk", false, false, true, "read by the API server from its disk, in force before the first request; the policy cannot have parameters there, and the webhook's server is not part of the API server"},
	{"warnings", true, false, false, "a mutating policy cannot warn: conflicts pass in silence, and so do bad annotations of the pod, as if they were not there; under RefuseAllBad they deny it"},
	{"defaults", true, false, false, "New refuses Config.Defaults: a policy reads annotations only"},
	{"pod-identity", true, false, false, "New refuses Config.PodIdentityAccounts: a policy injects web identities only"},
	{"broken-skip-containers", true, false, false, "an annotation that is not a CSV record is read name by name, where the webhook warns and skips nothing"},
	{"mount-path-with-dots", true, false, false, "a foreign mount whose path leads to the mount path through '..', or with backslashes, is not seen"},
	{"required-audience", true, false, false, "Required does not know the account: it admits a token that is there for another audience"},
	{"proxy", true, false, false, "Required does not see that a proxy keeps a container from the Pod Identity agent"},
}

package admissionpolicy

import "slices"

// Feature is something that package mutate does, and whether the policy does it too.
type Feature struct {
	// Name is stable, in kebab-case.
	Name string
	// Claimed says that the policy's pods equal the webhook's.
	Claimed bool
	// Why is what the policy does: where it is claimed, how; where not, what happens instead.
	Why string
}

// Features returns the whole list, in a fresh slice.
func Features() []Feature { return slices.Clone(features) }

var features = []Feature{
	{"role-arn", true, "the annotation of the pod's own service account, found among the parameters"},
	{"role-by-name", true, "composed as Config.RoleAccountID and RolePartition say"},
	{"audience", true, "the annotation, else Config.Audience"},
	{"regional-sts", true, "the annotation, else Config.RegionalSTS"},
	{"token-expiration", true, "the pod's annotation, else the account's, else Config.TokenExpiration; raised to the minimum"},
	{"skip-containers", true, "names separated by commas, trimmed, with or without quotes"},
	{"region", true, "where a container sets neither of the two variables"},
	{"mount-path", true, "Config.MountPath, on Windows too"},
	{"annotation-domain", true, "Config.AnnotationDomain, of annotations and labels"},
	{"init-containers", true, "native sidecars among them"},
	{"ephemeral-containers", true, "those that are added, where the pod has the volume"},
	{"windows", true, "by spec.os, node selector and required node affinity"},
	{"partial-identity", true, "a container with one of the two variables gets nothing"},
	{"foreign-volume", true, "no container gets anything when the volume's name is taken by something else"},
	{"foreign-mount", true, "a container with something else at the mount path gets nothing"},
	{"present", true, "a container that has everything is left alone, and one that lacks a region gets it"},
	{"reinvocation", true, "a sidecar that a later webhook adds gets its identity, and nothing is added twice"},
	{"session-name", true, "from the pod's UID or name, as Config.SessionName says"},
	{"ec2-metadata", true, "AWS_EC2_METADATA_DISABLED, conflicts included, when Config.DisableEC2Metadata is set"},
	{"bad-account-annotations", true, "the pod is denied, and the message names annotation, value and account"},
	{"skip-label", true, "pods with the label skip-pod-identity-webhook are left alone"},

	{"warnings", false, "a mutating policy cannot warn: conflicts and bad values pass in silence"},
	{"fresh-accounts", false, "parameters come from a cache: a pod that is created at the same moment as its account, or as its annotation, may be admitted without; Required denies those that say so"},
	{"defaults", false, "New refuses Config.Defaults: the policy reads annotations only"},
	{"pod-identity", false, "New refuses Config.PodIdentityAccounts: the policy injects web identities only"},
	{"broken-skip-containers", false, "an annotation that is no CSV record is read name by name, where the webhook warns and skips nothing"},
	{"mount-path-with-dots", false, "a foreign mount whose path leads to the mount path through '..' is not seen"},
}

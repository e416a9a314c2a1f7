package trust

import (
	"maps"
	"slices"
)

// podIdentityService is the principal of EKS Pod Identity, in every partition
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html).
const podIdentityService = "pods.eks.amazonaws.com"

// PodIdentitySession describes a pod for which EKS Pod Identity asks for a role.
type PodIdentitySession struct {
	// AccountID is the account of the cluster; it becomes aws:SourceAccount.
	AccountID string
	// ClusterARN becomes aws:SourceArn and the session tag eks-cluster-arn.
	ClusterARN string
	// ClusterName becomes the session tag eks-cluster-name.
	ClusterName string
	// Namespace and ServiceAccount are the pod's, both required.
	Namespace, ServiceAccount string
	// PodName and PodUID are further session tags; empty ones are left out.
	PodName, PodUID string
	// ExternalID becomes sts:ExternalId; "" leaves it out.
	ExternalID string
	// DisableSessionTags is the association's setting of that name: no tag is set, and
	// sts:TagSession is not asked for.
	DisableSessionTags bool
}

// PodIdentity is sts:AssumeRole and sts:TagSession by EKS Pod Identity for one pod. A session
// without namespace or service account is never allowed.
func PodIdentity(s PodIdentitySession) Request {
	r := &request{
		caller:  caller{kind: callerService, arn: podIdentityService},
		actions: []string{actionAssumeRole},
	}
	if s.Namespace == "" || s.ServiceAccount == "" {
		r.refuse("the session names no service account")
	}
	r.set("aws:securetransport", "true")
	r.set("aws:sourceaccount", s.AccountID)
	r.set("aws:sourcearn", s.ClusterARN)
	r.set("aws:principalisawsservice", "true")
	r.set("aws:principalservicename", podIdentityService)
	r.set("sts:externalid", s.ExternalID)
	if s.DisableSessionTags {
		return Request{r}
	}
	tags := map[string]string{
		"eks-cluster-arn":            s.ClusterARN,
		"eks-cluster-name":           s.ClusterName,
		"kubernetes-namespace":       s.Namespace,
		"kubernetes-service-account": s.ServiceAccount,
		"kubernetes-pod-name":        s.PodName,
		"kubernetes-pod-uid":         s.PodUID,
	}
	maps.DeleteFunc(tags, func(_, value string) bool { return value == "" })
	r.setTags(tags, slices.Sorted(maps.Keys(tags))) // all tags of Pod Identity are transitive
	return Request{r}
}

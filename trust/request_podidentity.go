package trust

import (
	"cmp"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/audience"
)

// podIdentityService is the principal of EKS Pod Identity.
const podIdentityService = audience.PodIdentity

// PodIdentitySession describes a pod for which EKS Pod Identity asks for a role.
type PodIdentitySession struct {
	// AccountID is the account of the cluster, aws:SourceAccount; "": that of ClusterARN.
	AccountID string
	// ClusterARN becomes aws:SourceArn and the session tag eks-cluster-arn; "": not known.
	ClusterARN string
	// ClusterName becomes the session tag eks-cluster-name; "": that of ClusterARN.
	ClusterName string
	// Namespace and ServiceAccount are the pod's, both required.
	Namespace, ServiceAccount string
	// PodName and PodUID are further session tags; "": not known.
	PodName, PodUID string
	// DisableSessionTags is the association's setting of that name: no tag is set, and
	// sts:TagSession is not asked for.
	DisableSessionTags bool
}

// PodIdentity is sts:AssumeRole and sts:TagSession by EKS Pod Identity for one pod, for the role of
// an association; the call for its target role is AssumeRole. A session without namespace or
// service account is never allowed. Where a condition asks for what the session leaves empty, an
// Allow does not match and a Deny does.
func PodIdentity(s PodIdentitySession) Request {
	r := &request{
		caller:  caller{kind: callerService, arn: podIdentityService},
		actions: []string{actionAssumeRole},
	}
	if s.Namespace == "" || s.ServiceAccount == "" {
		r.refuse("the session names no service account")
	}
	if cluster, err := arn.Parse(s.ClusterARN); err == nil {
		_, name, _ := strings.Cut(cluster.Resource, "/")
		s.AccountID = cmp.Or(s.AccountID, cluster.AccountID)
		s.ClusterName = cmp.Or(s.ClusterName, name)
	}
	r.set("aws:securetransport", "true")
	r.set("aws:sourceaccount", s.AccountID)
	r.set("aws:sourcearn", s.ClusterARN)
	r.set("aws:principalisawsservice", "true")
	r.set("aws:principalservicename", podIdentityService)
	if s.DisableSessionTags {
		return Request{r}
	}
	r.podTags = true
	var names []string
	for _, tag := range podTags() {
		names = append(names, tag.name)
		r.set("aws:requesttag/"+tag.name, tag.of(&s))
	}
	r.setMany("aws:tagkeys", names)
	r.setMany("sts:transitivetagkeys", names) // all tags of Pod Identity are transitive
	r.actions = append(r.actions, actionTagSession)
	return Request{r}
}

// podTag is a session tag that EKS sets for every pod
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
type podTag struct {
	name, field string
	of          func(*PodIdentitySession) string
}

func podTags() [6]podTag {
	return [...]podTag{
		{"eks-cluster-arn", "ClusterARN", func(s *PodIdentitySession) string { return s.ClusterARN }},
		{"eks-cluster-name", "ClusterName", func(s *PodIdentitySession) string { return s.ClusterName }},
		{"kubernetes-namespace", "Namespace", func(s *PodIdentitySession) string { return s.Namespace }},
		{"kubernetes-pod-name", "PodName", func(s *PodIdentitySession) string { return s.PodName }},
		{"kubernetes-pod-uid", "PodUID", func(s *PodIdentitySession) string { return s.PodUID }},
		{"kubernetes-service-account", "ServiceAccount", func(s *PodIdentitySession) string { return s.ServiceAccount }},
	}
}

// podTagField names the field that a tag of every pod comes from, "" for other keys.
func (r *request) podTagField(key string) string {
	if name, ok := strings.CutPrefix(key, "aws:requesttag/"); ok && r.podTags {
		for _, tag := range podTags() {
			if tag.name == name {
				return tag.field
			}
		}
	}
	return ""
}

// Package audience knows the audiences of service account tokens: those that are for AWS, and those
// under which a cluster's own API server is addressed.
//
// Every pod has a token with one of the latter by default, so a role or a provider that admits such
// an audience admits every pod, and the API server's clients can hand the token on.
package audience

import "strings"

// STS is the audience of tokens for AWS STS, in every partition, China included
// (https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html).
const STS = "sts.amazonaws.com"

// PodIdentity is the audience of tokens for EKS Pod Identity, in every partition. Trust policies
// name its service as a principal by the same text
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html).
const PodIdentity = "pods.eks.amazonaws.com"

// IsAPIServers says whether audience is one that API servers call themselves: the issuer's URL
// (kube-apiserver's default for --api-audiences,
// https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/) or a name
// of the service "kubernetes" in the namespace "default", kOps' own "kubernetes.svc.default", or
// what k3s and RKE2 add, "k3s" and "rke2". A slash at the end, the scheme, the port and capitals
// do not hide one. The issuer counts when it is a cluster's; "" is none, and that of anybody else,
// who has no API server.
func IsAPIServers(audience, issuer string) bool {
	name := normalise(audience)
	if issuer != "" && name == normalise(issuer) {
		return true
	}
	host, _, _ := strings.Cut(name, "/")
	host, _, _ = strings.Cut(host, ":")
	switch host {
	case "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.svc.default", "k3s", "rke2":
		return true
	}
	return strings.HasPrefix(host, "kubernetes.default.svc.")
}

func normalise(url string) string {
	url = strings.ToLower(url)
	if rest, ok := strings.CutPrefix(url, "https://"); ok {
		url = rest
	} else {
		url = strings.TrimPrefix(url, "http://")
	}
	url = strings.TrimRight(url, "/")
	host, path, found := strings.Cut(url, "/")
	host = strings.TrimSuffix(host, ":443")
	if found {
		return host + "/" + path
	}
	return host
}

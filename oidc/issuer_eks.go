package oidc

import (
	"strings"

	"github.com/irsa-go/irsa/internal/partition"
)

// EKSCluster is what an Amazon EKS issuer's URL tells about its cluster. It is comparable;
// the zero value stands for none.
type EKSCluster struct {
	Partition string // "aws", "aws-cn", …
	Region    string // "eu-west-1"
	ID        string // 32 capital letters and digits, the last part of the URL
	DualStack bool   // the form whose host answers over IPv6 too
}

// EKS recognises the issuers that EKS gives to its clusters, in every partition:
// "https://oidc.eks.REGION.SUFFIX/id/ID" and the dual-stack "https://oidc-eks.REGION.SUFFIX/id/ID",
// each with the suffix of the region's own partition. Anything else, a port or a capital in
// the host included, is false.
func (i Issuer) EKS() (EKSCluster, bool) {
	host, id, found := strings.Cut(strings.TrimPrefix(i.String(), "https://"), "/id/")
	if !found || !isEKSID(id) {
		return EKSCluster{}, false
	}
	c := EKSCluster{ID: id}
	rest, ok := strings.CutPrefix(host, "oidc.eks.")
	if !ok {
		if rest, ok = strings.CutPrefix(host, "oidc-eks."); !ok {
			return EKSCluster{}, false
		}
		c.DualStack = true
	}
	region, suffix, _ := strings.Cut(rest, ".")
	p, ok := partition.ByRegion(region)
	want := p.DNSSuffix
	if c.DualStack {
		want = p.DualStackSuffix
	}
	if !ok || want == "" || suffix != want {
		return EKSCluster{}, false
	}
	c.Partition, c.Region = p.Name, region
	return c, true
}

// isEKSID takes all capitals, not only hexadecimal ones: AWS's documentation writes its
// examples so, and the host belongs to AWS whatever follows.
func isEKSID(id string) bool {
	if len(id) != 32 {
		return false
	}
	for i := range len(id) {
		if b := id[i]; (b < '0' || b > '9') && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}

package oidc

import (
	"net/netip"
	"regexp"
	"strings"
)

// GKECluster is what a Google Kubernetes Engine issuer's URL tells about its cluster. It is
// comparable; the zero value stands for none. The URL has no id: a cluster that is made again under
// the same project, location and name gets the same issuer.
type GKECluster struct{ Project, Location, Name string }

// GKE recognises the issuers that GKE gives to its clusters, character for character:
// "https://container.googleapis.com/v1/projects/PROJECT/locations/LOCATION/clusters/NAME".
func (i Issuer) GKE() (GKECluster, bool) {
	form := regexp.MustCompile(`^https://container\.googleapis\.com/v1/projects/([a-z0-9.:-]+)/locations/([a-z0-9-]+)/clusters/([a-z0-9-]+)$`)
	m := form.FindStringSubmatch(i.String())
	if m == nil {
		return GKECluster{}, false
	}
	return GKECluster{Project: m[1], Location: m[2], Name: m[3]}, true
}

// AKSCluster is what an Azure Kubernetes Service issuer's URL tells about its cluster. It is
// comparable; the zero value stands for none.
type AKSCluster struct {
	Region   string // "westeurope"; "" in the form without regions
	TenantID string // of the subscription; "" in the form without regions
	ID       string // of the issuer
}

// AKS recognises the issuers that AKS gives to its clusters, character for character, with the
// slash at the end: "https://REGION.oic.prod-aks.azure.com/TENANT/ID/", and the older
// "https://oidc.prod-aks.azure.com/ID/".
func (i Issuer) AKS() (AKSCluster, bool) {
	const uuid = `([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/`
	regional := regexp.MustCompile(`^https://([a-z0-9]+)\.oic\.prod-aks\.azure\.com/` + uuid + uuid + `$`)
	if m := regional.FindStringSubmatch(i.String()); m != nil {
		return AKSCluster{Region: m[1], TenantID: m[2], ID: m[3]}, true
	}
	if m := regexp.MustCompile(`^https://oidc\.prod-aks\.azure\.com/` + uuid + `$`).FindStringSubmatch(i.String()); m != nil {
		return AKSCluster{ID: m[1]}, true
	}
	return AKSCluster{}, false
}

// issuesForOutside says whether the issuer is an AWS account's own, of sts:GetWebIdentityToken
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html).
func (i Issuer) issuesForOutside() bool {
	return strings.HasSuffix(strings.ToLower(i.url.Host()), ".tokens.sts.global.api.aws")
}

// notPublic says why AWS cannot reach the host, going by its text; "" when it may. A loopback
// issuer is a test bench's and passes.
func (i Issuer) notPublic() string {
	host := strings.ToLower(strings.TrimSuffix(i.url.Host(), "."))
	if i.IsZero() || i.url.IsLoopback() {
		return ""
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if classOf(ip.Unmap()) != classPublic {
			return "it is at an address that is not public"
		}
		return ""
	}
	if !strings.Contains(host, ".") {
		return "its host has no dot"
	}
	// RFC 6762 §3 and appendix G, RFC 8375, and Kubernetes' names of services.
	for _, top := range []string{"svc", "local", "localhost", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa"} {
		if strings.HasSuffix(host, "."+top) {
			return "names under ." + top + " are not on the internet"
		}
	}
	return ""
}

package trust

import (
	"maps"
	"strings"

	"github.com/irsa-go/irsa/internal/language"
)

// strangeScene is a caller that this package builds no requests of, such as a SAML provider or
// another AWS service: nothing but its name is known.
func strangeScene(c caller, first string, s session) scene {
	base := &request{caller: c, actions: s.actions(first), partial: true}
	if c.kind == callerWebIdentity && !strings.Contains(c.arn, ":") {
		base.issuer = lowerASCII(c.arn) // accounts.google.com and the like
	}
	base.set("aws:securetransport", "true")
	sc := scene{base: base, session: s}
	sc.domain = func(key string) domain {
		if d, ok := s.domain(key); ok {
			return d
		}
		if first == actionSAML && strings.HasPrefix(key, "saml:") {
			return domain{many: true}
		}
		return domainOf(base, key)
	}
	sc.build = func(values keyValues) *request { return settle(Request{base}, s.fill(values)) }
	return sc
}

// podIdentityScene is EKS Pod Identity. It sets its six tags unless the association forbids it,
// and no source identity.
func podIdentityScene(s session) scene {
	filled := PodIdentitySession{AccountID: "111122223333", ClusterName: "x", Namespace: "x", ServiceAccount: "x", PodName: "x", PodUID: "x",
		ClusterARN: "arn:aws:eks:eu-west-1:111122223333:cluster/x", DisableSessionTags: !s.tags}
	base := PodIdentity(PodIdentitySession{Namespace: "x", ServiceAccount: "x", DisableSessionTags: !s.tags}).r
	sc := scene{base: base}
	if s.tags {
		sc.same = map[string]string{keyTag + "eks-cluster-arn": "aws:sourcearn"}
	}
	fields := map[string]*string{"aws:sourceaccount": &filled.AccountID, "aws:sourcearn": &filled.ClusterARN}
	if s.tags {
		maps.Copy(fields, map[string]*string{keyTag + "eks-cluster-name": &filled.ClusterName, keyTag + "kubernetes-namespace": &filled.Namespace,
			keyTag + "kubernetes-service-account": &filled.ServiceAccount, keyTag + "kubernetes-pod-name": &filled.PodName, keyTag + "kubernetes-pod-uid": &filled.PodUID})
	}
	sc.domain = func(key string) domain {
		field := fields[key]
		if field == nil {
			return domainOf(base, key)
		}
		d := domain{values: []string{*field}, filled: true, must: strings.HasPrefix(key, keyTag)}
		_, p := base.lookup(key)
		d.open = p == unknown
		if strings.Contains(key, "kubernetes") {
			d.likely = language.ServiceAccountNames()
		}
		return d
	}
	sc.build = func(values keyValues) *request {
		session := filled
		for key, field := range map[string]*string{"aws:sourceaccount": &session.AccountID, "aws:sourcearn": &session.ClusterARN,
			keyTag + "eks-cluster-name": &session.ClusterName, keyTag + "kubernetes-namespace": &session.Namespace,
			keyTag + "kubernetes-service-account": &session.ServiceAccount, keyTag + "kubernetes-pod-name": &session.PodName,
			keyTag + "kubernetes-pod-uid": &session.PodUID} {
			if s.tags || !strings.HasPrefix(key, keyTag) {
				*field = values.or(key, *field)
			}
		}
		return settle(PodIdentity(session), values)
	}
	return sc
}

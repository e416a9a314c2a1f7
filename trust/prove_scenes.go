package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/partition"
)

// eachScene calls f for every scene in which the inner policy may allow a request, until it
// returns false.
func (pr *prover) eachScene(f func(scene) bool) {
	var federated, services []string
	var vague bool
	for _, s := range pr.policies[0] {
		if s.effect != Allow {
			continue
		}
		federated = append(federated, s.principals.federated...)
		services = append(services, s.principals.service...)
		vague = vague || s.principals.isVague()
	}
	if vague {
		federated = append(federated, pr.mentioned()...)
		services = append(services, podIdentityService, "other.amazonaws.com")
	}
	for _, name := range unique(federated) {
		p, err := ParseProviderARN(name)
		for _, s := range pr.sessions() {
			switch {
			case err == nil && !f(webIdentityScene(p, s)):
				return
			case err != nil:
				c := caller{kind: callerWebIdentity, arn: name}
				if !f(strangeScene(c, actionWebIdentity, s)) || !f(strangeScene(c, actionSAML, s)) {
					return
				}
			}
		}
	}
	for _, name := range unique(services) {
		for _, s := range pr.sessions() {
			sc := strangeScene(caller{kind: callerService, arn: name}, actionAssumeRole, s)
			if name == podIdentityService && s.identity {
				continue
			} else if name == podIdentityService {
				sc = podIdentityScene(s)
			}
			if !f(sc) {
				return
			}
		}
	}
	for _, c := range pr.awsCallers() {
		for _, s := range pr.sessions() {
			if !f(c.scene(s)) {
				return
			}
		}
	}
}

// isVague: the principals may include somebody whom they do not name.
func (p *principals) isVague() bool {
	return p.everyone || p.entries == 0 || slices.ContainsFunc(slices.Concat(p.federated, p.service, p.aws), func(s string) bool {
		return strings.ContainsAny(s, "*?")
	})
}

// mentioned are the providers that a vague principal may mean: those of the other principals and
// of the condition keys, and one of which nothing is said.
func (pr *prover) mentioned() []string {
	names := []string{"arn:aws:iam::" + anyAccount + ":oidc-provider/other.example.com"}
	for _, statements := range pr.policies {
		for _, s := range statements {
			names = append(names, s.principals.federated...)
			for _, c := range s.conditions {
				if issuer, _, ok := cutClaim(c.lookup); ok {
					names = append(names, "arn:aws:iam::"+anyAccount+":oidc-provider/"+issuer)
				}
			}
		}
	}
	return names
}

// awsCallers are none when no Allow of the inner policy names an IAM principal.
func (pr *prover) awsCallers() []awsCaller {
	var names []string
	named := false
	partitions := []string{"aws"} // of a bare account id
	for side, statements := range pr.policies {
		for _, s := range statements {
			if slices.ContainsFunc(s.conditions, func(c condition) bool { return c.lookup == "aws:principalarn" }) {
				partitions = partition.Names()
			}
			names = append(names, s.principals.aws...)
			named = named || side == 0 && s.effect == Allow &&
				(len(s.principals.aws)+len(s.principals.canonical) > 0 || s.principals.isVague())
		}
	}
	if !named {
		return nil
	}
	return awsCallers(unique(names), partitions)
}

package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/partition"
)

// maxScenes bounds how many scenes are looked at: the callers, times their unique ids, times their tags.
const maxScenes = 1 << 13

// eachScene calls f for every scene in which the inner policy may allow a request, until it
// returns false. complete is false when there are more.
func (pr *prover) eachScene(f func(scene) bool) (complete bool) {
	looked := 0
	for _, scenesOf := range pr.callers() {
		for _, s := range pr.sessions() {
			for _, sc := range scenesOf(s) {
				if looked++; looked > maxScenes {
					return false
				}
				if !f(sc) {
					return true
				}
			}
		}
	}
	return true
}

// callers are those whom the inner policy may allow: for each caller, its scenes in a session.
func (pr *prover) callers() (list []func(session) []scene) {
	federated, services := pr.named()
	for _, name := range federated {
		list = append(list, federatedScenes(name))
	}
	for _, name := range services {
		list = append(list, serviceScenes(name))
	}
	for _, c := range pr.awsCallers() {
		list = append(list, func(s session) []scene { return []scene{c.scene(s)} })
	}
	return list
}

// named are the federated principals and the services that an Allow of the inner policy names, or
// may mean.
func (pr *prover) named() (federated, services []string) {
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
	return unique(federated), unique(services)
}

func federatedScenes(name string) func(session) []scene {
	if p, err := ParseProviderARN(name); err == nil {
		return func(s session) []scene { return []scene{webIdentityScene(p, s)} }
	}
	c := caller{kind: callerWebIdentity, arn: name}
	return func(s session) []scene {
		return []scene{strangeScene(c, actionWebIdentity, s), strangeScene(c, actionSAML, s)}
	}
}

func serviceScenes(name string) func(session) []scene {
	return func(s session) []scene {
		switch {
		case name != podIdentityService:
			return []scene{strangeScene(caller{kind: callerService, arn: name}, actionAssumeRole, s)}
		case s.identity: // EKS Pod Identity sets no source identity
			return nil
		}
		return []scene{podIdentityScene(s)}
	}
}

// isVague says whether the principals may include somebody whom they do not name.
func (p *principals) isVague() bool {
	return p.everyone || p.entries == 0 || slices.ContainsFunc(slices.Concat(p.federated, p.service, p.aws), func(s string) bool {
		return strings.ContainsAny(s, "*?")
	})
}

// mentioned returns the providers that a vague principal may mean: those of the other principals
// and of the condition keys, and one that the policies do not mention.
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

// awsCallers returns the IAM principals to try; none when no Allow of the inner policy names or may
// mean one.
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

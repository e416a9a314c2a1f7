package mutate

import (
	"fmt"
	"time"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/profile"
)

// The variables of AWS by their places in the profile, as far as others must know them.
const (
	envSessionByUID envVar = iota + 7
	envSessionByName
	envEC2Metadata
	envDualStack
	envFIPS
)

// choiceVars are the variables that are set to "true" where a Switch is On.
var choiceVars = [choiceCount]envVar{
	ec2MetadataChoice: envEC2Metadata, dualStackChoice: envDualStack, fipsChoice: envFIPS,
}

// vars are the variables of AWS, those that are added in the order in which the EKS webhook appends
// them.
func (c Config) vars() []profile.Var {
	const web, agent = int(WebIdentity) + 1, int(PodIdentity) + 1
	return []profile.Var{
		{Name: EnvRegionalSTS, Whole: true},
		{Name: EnvDefaultRegion, Use: profile.Together, Value: c.Region},
		{Name: EnvRegion, Use: profile.Together, Value: c.Region},
		{Name: EnvRoleARN, Use: profile.Identity, Method: web, Whole: true, Is: "role"},
		{Name: EnvTokenFile, Use: profile.Identity, Method: web, Whole: true, File: true, Value: c.MountPath + "/" + TokenFileName},
		{Name: EnvCredentialsURI, Use: profile.Identity, Method: agent, Whole: true, Value: c.agentURI()},
		{Name: EnvCredentialsAuth, Use: profile.Identity, Method: agent, Whole: true, File: true, Value: c.PodIdentityMountPath + "/" + podIdentityTokenFileName},
		// The session's name comes from the pod itself, once it has one.
		{Name: EnvSessionName, Use: profile.WithIdentity, Method: web, From: "metadata.uid"},
		{Name: EnvSessionName, Use: profile.WithIdentity, Method: web, From: "metadata.name"},
		{Name: EnvEC2Metadata, Use: profile.NodeOff, Value: "true"},
		{Name: EnvDualStack, Value: "true"},
		{Name: EnvFIPS, Value: "true"},
		// With older names (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
		{Name: "AWS_ACCESS_KEY_ID", Also: []string{"AWS_ACCESS_KEY"}, Use: profile.Static},
		{Name: "AWS_SECRET_ACCESS_KEY", Also: []string{"AWS_SECRET_KEY"}, Use: profile.Static},
		// HTTP clients look for a proxy to a plain http address under these names (ProxyFromEnvironment
		// in net/http, getproxies in Python).
		{Name: "HTTP_PROXY", Also: []string{"http_proxy", "ALL_PROXY", "all_proxy"}, Use: profile.Proxy},
		{Name: "NO_PROXY", Also: []string{"no_proxy"}, Use: profile.NoProxy},
	}
}

// profile is what AWS's webhook does in a cluster; c is resolved.
func (c Config) profile() profile.Profile {
	return profile.Profile{
		Cloud: "mutate", Name: "AWS", Clients: "AWS SDKs", Vars: c.vars(), AsEKS: true,
		Methods: []profile.Method{
			WebIdentity: {
				Name: WebIdentity.String(), Title: "IRSA", Volume: profile.Volume{Name: VolumeName, First: true},
				MountPath: c.MountPath, Audience: c.Audience, File: TokenFileName, WindowsPath: true,
			},
			PodIdentity: {
				Name: PodIdentity.String(), Title: "EKS Pod Identity", Volume: profile.Volume{Name: podIdentityVolumeName, First: true},
				MountPath: c.PodIdentityMountPath, Audience: PodIdentityAudience, File: podIdentityTokenFileName, WindowsPath: true,
				Mark:   profile.Mark{Key: labelPodIdentity, Value: labelPodIdentityValue, Label: true},
				Agents: []string{PodIdentityURI, PodIdentityURIv6},
			},
		},
		Expiration: profile.Expiration{
			Key: c.AnnotationKey(AnnotationTokenExpiration),
			Min: int64(MinTokenExpiration / time.Second), Max: int64(MaxTokenExpiration / time.Second), RaiseToMin: true, FromBelow: true,
		},
		Skip: profile.Skip{Key: c.AnnotationKey(AnnotationSkipContainers)},
	}
}

// choiceRules are the pod's annotations that choose variables, and these.
func (c Config) choiceRules() (envSet, []choiceRule) {
	about := envSessionByUID.set() | envSessionByName.set()
	rules := make([]choiceRule, choiceCount)
	for k := range rules {
		if choice(k) != sessionNameChoice {
			about |= choiceVars[k].set()
		}
		rules[k] = choiceRule{c.AnnotationKey(choiceAnnotations[k]), choice(k).parse, choice(k).adds}
	}
	return about, rules
}

func (c Config) agentURI() string {
	if c.PodIdentityIPv6 {
		return PodIdentityURIv6
	}
	return PodIdentityURI
}

// newIdentityGrant is what an identity gives, which was checked.
func (m *Mutator) newIdentityGrant(id Identity, role arn.Role) *grant {
	p := profile.Grant{Method: int(id.Method), Audience: id.Audience, Values: map[string]string{EnvRoleARN: id.RoleARN}}
	if p.Seconds = int64(id.TokenExpiration / time.Second); id.TokenExpiration == 0 {
		p.Seconds = int64(m.cfg.TokenExpiration / time.Second)
	}
	if id.RegionalSTS {
		p.Values[EnvRegionalSTS] = "regional"
	}
	g := m.newGrant(p)
	g.choices = id.choices().or(m.cfg.choices())
	if role.Partition != "" && m.partition != "" && role.Partition != m.partition {
		g.warning = Warning{Code: CodePartition, Message: "role " + quoted(id.RoleARN) + " is in partition " + role.Partition +
			", and region " + m.cfg.Region + " in " + m.partition + ": STS there does not know it"}
	}
	return g
}

// planFor decides and encodes for an identity.
func (m *Mutator) planFor(v *view, id Identity) (Result, error) {
	if id.IsZero() || v.mirror {
		return Result{}, nil
	}
	if v.debug && len(v.containers) == 0 {
		return Result{judged: true}, nil
	}
	if len(v.containers) > maxContainers {
		return Result{}, fmt.Errorf("it has more than %d containers", maxContainers)
	}
	g, err := m.grant(id)
	if err != nil {
		return Result{}, fmt.Errorf("identity: %w", err)
	}
	jittered := int64(0)
	if id.Method == PodIdentity && id.TokenExpiration == 0 && m.cfg.TokenExpiration == DefaultTokenExpiration {
		jittered = jitter(id.Seed)
	}
	return m.plan(v, g, jittered)
}

// jitter spreads the default expiration evenly over its range (FNV-1a, 64 bit).
func jitter(seed string) int64 {
	const most = int64(DefaultTokenExpiration / time.Second)
	if seed == "" {
		return most
	}
	h := uint64(14695981039346656037)
	for i := 0; i < len(seed); i++ {
		h = (h ^ uint64(seed[i])) * 1099511628211
	}
	h ^= h >> 32 // the low bits of FNV alone are not even
	return podIdentityMinSeconds + int64(h%uint64(most-podIdentityMinSeconds+1))
}

// isJitter says whether an expiration is one that jitter gives.
func isJitter(seconds int64) bool {
	return seconds >= podIdentityMinSeconds && seconds <= int64(DefaultTokenExpiration/time.Second)
}

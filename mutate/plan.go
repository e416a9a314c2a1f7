package mutate

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// maxContainers bounds the work on one pod. Nobody runs as many: what etcd stores as one object
// holds fewer than this many containers with a name and an image each.
const maxContainers = 1 << 15

// planner decides what one pod gets. Decoded and raw pods go through it alike.
type planner struct {
	m          *Mutator
	v          *view
	id         Identity
	method     *methodSettings
	audience   string
	expiration int64 // seconds
	jittered   bool  // the expiration is a default that another review may set otherwise
	result     Result
}

// plan decides and encodes.
func (m *Mutator) plan(v *view, id Identity) (Result, error) {
	if id.IsZero() || v.mirror {
		return Result{}, nil
	}
	if len(v.containers) > maxContainers {
		return Result{}, fmt.Errorf("it has more than %d containers", maxContainers)
	}
	role, err := id.check()
	if err != nil {
		return Result{}, fmt.Errorf("identity: %w", err)
	}
	p := planner{m: m, v: v, id: id, method: &m.methods[id.Method]}
	p.audience = orElse(id.Audience, p.method.audience)
	p.result.Containers = make([]ContainerResult, 0, len(v.containers))
	p.settle()
	if err := p.annotations(); err != nil {
		return Result{}, err
	}
	p.checkPartition(role.Partition)
	for i := range v.containers {
		p.container(&v.containers[i])
	}
	p.checkVolume()
	p.encode()
	return p.result, nil
}

func (p *planner) warn(code Code, path, message string) {
	p.result.Warnings = append(p.result.Warnings, Warning{Code: code, Path: path, Message: message})
}

// settle finds the expiration that holds without the pod's annotation.
func (p *planner) settle() {
	seconds := int64(p.id.TokenExpiration / time.Second)
	switch {
	case p.id.TokenExpiration != 0:
		p.expiration = p.raised(seconds, "")
	case p.id.Method == PodIdentity && p.m.cfg.TokenExpiration == DefaultTokenExpiration:
		p.expiration, p.jittered = jitter(p.id.Seed), true
	default:
		p.expiration = int64(p.m.cfg.TokenExpiration / time.Second)
	}
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

// raised is expirationSeconds with a warning; seconds are known not to exceed the maximum.
func (p *planner) raised(seconds int64, path string) int64 {
	valid, _ := expirationSeconds(seconds)
	if valid != seconds {
		p.warn(CodeExpirationRaised, path, "a token expiration of "+strconv.FormatInt(seconds, 10)+
			" seconds is raised to "+strconv.FormatInt(valid, 10)+", the minimum")
	}
	return valid
}

// annotations applies those of the pod.
func (p *planner) annotations() error {
	var bad []error
	refuse := func(w Warning) {
		if p.m.cfg.BadAnnotations == RefuseAllBad {
			bad = append(bad, fmt.Errorf("%w: %s", ErrBadAnnotation, w.Message))
			return
		}
		p.result.Warnings = append(p.result.Warnings, w)
	}
	if e := p.v.expiration; e.set {
		seconds, err := strconv.ParseInt(e.value, 10, 64)
		if err == nil {
			_, err = expirationSeconds(seconds)
		}
		if err != nil {
			refuse(badAnnotation(p.m.keys.expiration, e.value, wantExpiration))
		} else {
			p.expiration, p.jittered = p.raised(seconds, annotationPath(p.m.keys.expiration)), false
		}
	}
	if s := p.v.skip; s.set {
		names, err := parseSkip(s.value)
		if err != nil {
			refuse(badAnnotation(p.m.keys.skip, s.value, "one CSV record of container names"))
		}
		p.skip(names)
	}
	return errors.Join(bad...)
}

func annotationPath(key string) string { return "/metadata/annotations/" + jsontree.EscapePointer(key) }

// checkPartition warns of a role that STS of the region cannot give.
func (p *planner) checkPartition(role string) {
	if role != "" && p.m.partition != "" && role != p.m.partition {
		p.warn(CodePartition, "", "role "+quoted(p.id.RoleARN)+" is in partition "+role+", and region "+
			p.m.cfg.Region+" in "+p.m.partition+": STS there does not know it")
	}
}

// container decides about one container and records the outcome.
func (p *planner) container(c *containerView) {
	r := ContainerResult{Name: c.name, Kind: c.kind, Index: c.index}
	if c.skip {
		r.Reason = ReasonAnnotation
		p.result.Containers = append(p.result.Containers, r)
		return
	}
	if p.m.cfg.DisableEC2Metadata {
		c.add |= envEC2Metadata.set() &^ c.env
	}
	if code := p.conflict(c, r); code != "" {
		r.Outcome, r.Reason = Conflict, Reason(code)
		p.result.Containers = append(p.result.Containers, r)
		return
	}
	if c.env.has(p.method.pair) {
		r.Reason = ReasonPresent
	} else {
		r.Outcome = Injected
	}
	// A container that has everything is left alone, without a mount too, as EKS does.
	if !c.env.has(p.method.pair|envRegionalSTS.set()) || !c.env.hasAny(envRegions) {
		p.complete(c)
	}
	p.remark(c, r)
	p.result.Containers = append(p.result.Containers, r)
}

// complete adds to a container without a conflict what it lacks.
func (p *planner) complete(c *containerView) {
	if p.id.RegionalSTS {
		c.add |= envRegionalSTS.set() &^ c.env
	}
	if p.m.cfg.Region != "" && !c.env.hasAny(envRegions) {
		c.add |= envRegions
	}
	if !c.env.has(p.method.pair) {
		c.add |= p.method.pair
		if p.id.Method == WebIdentity && p.m.cfg.SessionName != NoSessionName {
			c.add |= envSessionName.set() &^ c.env
		}
	}
	c.addMount = !c.mounts[p.id.Method].mounted()
}

// conflict returns what is in the way of injecting c, having warned of it; "" for nothing.
func (p *planner) conflict(c *containerView, r ContainerResult) Code {
	pair := p.method.pair
	switch {
	case c.env.hasAny(pair) && !c.env.has(pair):
		set, missing := pairNames(pair, c.env)
		p.warn(CodePartialIdentity, r.Path()+"/env", "container "+quoted(c.name)+" sets "+set+
			" but not "+missing+": it gets nothing; set both or neither")
		return CodePartialIdentity
	case p.v.debug && p.v.volumes[p.id.Method].state == volumeAbsent && !c.settled(pair):
		p.warn(CodeNoVolume, r.Path(), "ephemeral container "+quoted(c.name)+" gets nothing: the pod has no volume "+
			p.method.volumeName+", and none can be added while it runs")
		return CodeNoVolume
	case p.v.volumes[p.id.Method].state == volumeForeign && !c.settled(pair):
		p.warn(CodeForeignVolume, r.Path(), "container "+quoted(c.name)+" gets nothing: volume "+
			p.method.volumeName+" is not one that projects a service account token to "+p.method.fileName)
		return CodeForeignVolume
	case c.mounts[p.id.Method].foreign && !c.settled(pair):
		p.warn(CodeForeignMount, r.Path()+"/volumeMounts", "container "+quoted(c.name)+
			" gets nothing: it has something else at "+p.method.mountPath)
		return CodeForeignMount
	}
	return ""
}

// settled says that its author gave c everything, so that nothing would be added to it.
func (c *containerView) settled(pair envSet) bool {
	return c.env.has(pair|envRegionalSTS.set()) && c.env.hasAny(envRegions)
}

// pairNames names the variable of a pair that is set and the one that is not.
func pairNames(pair, env envSet) (set, missing string) {
	for v := envVar(0); v < envAdded; v++ {
		switch {
		case !pair.has(v.set()):
		case env.has(v.set()):
			set = envNames[v]
		default:
			missing = envNames[v]
		}
	}
	return set, missing
}

// remark warns of what makes an injected identity useless or surprising.
func (p *planner) remark(c *containerView, r ContainerResult) {
	if c.mounts[p.id.Method].elsewhere && !c.mounts[p.id.Method].atPath && c.add.hasAny(p.method.pair) {
		p.warn(CodeMountedElsewhere, r.Path()+"/volumeMounts", "container "+quoted(c.name)+" mounts volume "+
			p.method.volumeName+" elsewhere than at "+p.method.mountPath+", where the token is looked for")
	}
	if r.Outcome != Injected {
		return
	}
	if hidden := c.envFrom & c.add & envIdentity; hidden != 0 {
		p.warn(CodeEnvFrom, r.Path()+"/envFrom", "container "+quoted(c.name)+
			" takes variables from envFrom: any AWS identity or region among them is hidden by the injected ones")
	}
	if c.env.has(envAccessKey.set()) {
		p.warn(CodeStaticCredentials, r.Path()+"/env", "container "+quoted(c.name)+
			" sets AWS_ACCESS_KEY_ID, which AWS SDKs prefer to the injected identity")
	}
	if p.id.Method == PodIdentity && c.env.has(envWebPair) {
		p.warn(CodeShadowed, r.Path()+"/env", "container "+quoted(c.name)+" sets "+EnvRoleARN+" and "+
			EnvTokenFile+", which AWS SDKs prefer to EKS Pod Identity")
	}
}

// checkVolume warns of a volume of ours that gives another token than asked for.
func (p *planner) checkVolume() {
	v := p.v.volumes[p.id.Method]
	if v.state != volumeOurs {
		return
	}
	path := "/spec/volumes/" + strconv.Itoa(v.index)
	if v.audience != p.audience {
		p.warn(CodeVolumeDiffers, path, "the volume is used as it is: its token is for audience "+
			quoted(v.audience)+", not "+quoted(p.audience))
	}
	expiration := v.expiration
	if expiration == 0 {
		expiration = 3600 // the API server's default
	}
	if expiration != p.expiration && !(p.jittered && expiration >= podIdentityMinSeconds && expiration <= int64(DefaultTokenExpiration/time.Second)) {
		p.warn(CodeVolumeDiffers, path, "the volume is used as it is: its token lasts "+
			strconv.FormatInt(expiration, 10)+" seconds, not "+strconv.FormatInt(p.expiration, 10))
	}
}

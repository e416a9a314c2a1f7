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
	judge      judge
	method     *methodSettings
	gains      []gain // by container
	choices    choices
	role       []byte // JSON of its variable, once it was needed
	expiration int64  // seconds
	jittered   bool   // the expiration is a default that another review may set otherwise
	result     Result
}

// plan decides and encodes.
func (m *Mutator) plan(v *view, id Identity) (Result, error) {
	if id.IsZero() || v.mirror {
		return Result{}, nil
	}
	if v.debug && len(v.containers) == 0 {
		return Result{judged: true}, nil
	}
	if len(v.containers) > maxContainers {
		return Result{}, fmt.Errorf("it has more than %d containers", maxContainers)
	}
	role, err := m.check(id)
	if err != nil {
		return Result{}, fmt.Errorf("identity: %w", err)
	}
	p := planner{m: m, v: v, id: id, judge: m.newJudge(v, id), method: &m.methods[id.Method]}
	p.judge.planned = !v.debug
	p.gains = make([]gain, len(v.containers))
	p.result.judged = true
	p.result.Containers = make([]ContainerResult, 0, len(v.containers))
	p.settle()
	if err := p.annotations(); err != nil {
		return Result{}, err
	}
	p.checkPartition(role.Partition)
	for i := range v.containers {
		p.container(&v.containers[i], &p.gains[i])
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
	var said choices
	for k, s := range p.v.choices {
		var want string
		if !s.set {
			continue
		}
		if said[k], want = choice(k).parse(s.value); want != "" {
			refuse(badAnnotation(p.m.keys.choices[k], s.value, want))
		}
	}
	p.choices = said.or(p.id.choices()).or(p.m.cfg.choices())
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

// checkVolume warns of a volume of ours that gives another token than asked for.
func (p *planner) checkVolume() {
	v := p.v.volumes[p.id.Method]
	if v.state != volumeOurs {
		return
	}
	path := "/spec/volumes/" + strconv.Itoa(v.index)
	if v.audience != p.judge.audience {
		p.warn(CodeVolumeDiffers, path, "the volume is used as it is: its token is for audience "+
			quoted(v.audience)+", not "+quoted(p.judge.audience))
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

package mutate

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// maxContainers bounds the work on one pod. Nobody runs as many: what etcd stores as one object
// holds fewer than this many containers with a name and an image each.
const maxContainers = 1 << 15

// planner decides what one pod gets. Decoded and raw pods go through it alike.
type planner struct {
	judge    judge
	want     envSet // the variables that there are to add
	seconds  int64  // the token's lifetime
	jittered bool   // which is a default that another review may set otherwise
	gains    []gain // by container
	mount    []byte // JSON
	taken    bool   // the mark's place is, or nothing can be added there
	wanted   bool   // some container uses the volume
	result   Result
}

// plan decides and encodes. Where jitter is not 0, it is the token's lifetime.
func (e *engine) plan(v *view, g *grant, jitter int64) (Result, error) {
	p := planner{judge: e.newJudge(v, g), seconds: g.seconds, jittered: jitter != 0}
	p.judge.planned = !v.debug
	p.gains = make([]gain, len(v.containers))
	p.result.judged = true
	p.result.Containers = make([]ContainerResult, 0, len(v.containers))
	if p.seconds = p.raised(g.seconds, ""); p.jittered {
		p.seconds = jitter
	}
	if err := p.annotations(); err != nil {
		return Result{}, err
	}
	if g.warning.Code != "" {
		p.result.Warnings = append(p.result.Warnings, g.warning)
	}
	p.findMark()
	for i := range v.containers {
		p.container(&v.containers[i], &p.gains[i])
		if r := p.result.Containers[i]; e.Refuse && r.Outcome == Conflict {
			return Result{}, errors.New(p.result.Warnings[len(p.result.Warnings)-1].Message)
		}
	}
	p.checkVolume()
	p.encode()
	return p.result, nil
}

func (p *planner) warn(code Code, path, message string) {
	p.result.Warnings = append(p.result.Warnings, Warning{Code: code, Path: path, Message: message})
}

// raised is expirationSeconds with a warning; seconds are known not to exceed the maximum.
func (p *planner) raised(seconds int64, path string) int64 {
	valid := max(seconds, p.judge.Expiration.Min)
	if valid != seconds {
		p.warn(CodeExpirationRaised, path, "a token expiration of "+strconv.FormatInt(seconds, 10)+
			" seconds is raised to "+strconv.FormatInt(valid, 10)+", the minimum")
	}
	return valid
}

// annotations applies those of the pod.
func (p *planner) annotations() error {
	var bad []error
	refuse := func(key, value, want string) {
		w := badAnnotation(key, value, want)
		if p.judge.lax {
			p.result.Warnings = append(p.result.Warnings, w)
			return
		}
		bad = append(bad, fmt.Errorf("%w: %s", ErrBadAnnotation, w.Message))
	}
	p.expires(refuse)
	p.choose(refuse)
	j := &p.judge
	for _, key := range j.Unsupported {
		if j.v.settings[j.setting([]byte(key))].set {
			p.warn(CodeUnsupported, annotationPath(key), "annotation "+key+" has no effect: what it asks for is not supported here")
		}
	}
	if s := j.v.settings[skipSetting]; s.set {
		names, err := parseSkip(s.value, j.Skip.Separator)
		if err != nil {
			refuse(j.Skip.Key, s.value, "one CSV record of container names")
		}
		p.skip(names)
	}
	return errors.Join(bad...)
}

// expires reads the token's lifetime.
func (p *planner) expires(refuse func(key, value, want string)) {
	j := &p.judge
	if e := j.v.settings[expirationSetting]; e.set && !(e.value == "" && j.Expiration.EmptyIsAbsent) {
		seconds, err := j.Expiration.Parse(e.value)
		if err != nil {
			refuse(j.Expiration.Key, e.value, err.Error())
		} else {
			p.seconds, p.jittered = p.raised(seconds, annotationPath(j.Expiration.Key)), false
		}
	}
}

// choose finds the variables that there are to add.
func (p *planner) choose(refuse func(key, value, want string)) {
	j, v := &p.judge, p.judge.v
	p.want = j.g.adds &^ j.chosen
	for k, rule := range j.choices {
		said := j.g.choices[k]
		if s := v.settings[len(j.keys)-len(j.choices)+k]; s.set {
			value, want := rule.parse(s.value)
			if want != "" {
				refuse(rule.key, s.value, want)
			} else {
				said = value
			}
		}
		p.want |= rule.adds(said, v) & j.g.adds
	}
}

func annotationPath(key string) string { return "/metadata/annotations/" + jsontree.EscapePointer(key) }

// findMark finds out whether an annotation of ours can stand in the pod.
func (p *planner) findMark() {
	if j := &p.judge; j.mark >= 0 {
		s := j.v.settings[j.mark]
		p.taken = s.set && s.value != j.g.mark || !s.set && j.v.debug
	}
}

// checkVolume warns of a volume of ours that gives another token than asked for.
func (p *planner) checkVolume() {
	v := &p.judge.volume
	if v.state != volumeOurs {
		return
	}
	path := "/spec/volumes/" + strconv.Itoa(v.index)
	if v.token.audience != p.judge.audience {
		p.warn(CodeVolumeDiffers, path, "the volume is used as it is: its token is for audience "+
			quoted(v.token.audience)+", not "+quoted(p.judge.audience))
	}
	const ofServer = 3600 // the API server's default
	expiration := cmp.Or(v.token.expiration, ofServer)
	if expiration != p.seconds && !(p.jittered && isJitter(expiration)) {
		p.warn(CodeVolumeDiffers, path, "the volume is used as it is: its token lasts "+
			strconv.FormatInt(expiration, 10)+" seconds, not "+strconv.FormatInt(p.seconds, 10))
	}
}

package mutate

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/profile"
)

// profilePlanner decides what one pod gets by a profile.
type profilePlanner struct {
	p       *profile.Profile
	pod     *podFacts
	grant   *profile.Grant
	seconds int64
	debug   bool // the containers are new ephemeral ones of a pod that exists

	volume volumeFacts // the pod's, if it has one
	state  volumeState
	taken  bool // the annotation's place is, or nothing can be added there
	wanted bool // some container uses the volume

	gains  []profileGain // by container
	result Result
}

// profileGain is what a container gets.
type profileGain struct {
	env   []*profile.Env
	mount bool
}

func planProfile(p *profile.Profile, pod *podFacts, debug bool) (Result, error) {
	pl := &profilePlanner{p: p, pod: pod, grant: &p.Grant, debug: debug}
	pl.result.judged = true
	if debug && len(pod.containers) == 0 {
		return pl.result, nil
	}
	if p.Choose.Key != "" && strings.EqualFold(pod.annotations[p.Choose.Key], "true") {
		pl.grant = &p.Choose.Grant
	}
	if err := pl.expiration(); err != nil {
		return Result{}, err
	}
	for _, key := range p.Unsupported {
		if _, ok := pod.annotations[key]; ok {
			pl.warn(CodeUnsupported, annotationPath(key), "annotation "+key+" has no effect: what it asks for is not supported here")
		}
	}
	pl.findVolume()
	pl.findAnnotation()
	skip := pl.skipped()
	pl.gains = make([]profileGain, len(pod.containers))
	for i := range pod.containers {
		c := &pod.containers[i]
		pl.container(c, &pl.gains[i], skip[c.name])
	}
	pl.encode()
	return pl.result, nil
}

func (pl *profilePlanner) warn(code Code, path, message string) {
	pl.result.Warnings = append(pl.result.Warnings, Warning{Code: code, Path: path, Message: message})
}

// expiration applies the pod's annotation.
func (pl *profilePlanner) expiration() error {
	e := pl.p.Expiration
	pl.seconds = e.Seconds
	value, ok := pl.pod.annotations[e.Key]
	if !ok || value == "" && e.EmptyIsAbsent {
		return nil
	}
	seconds, err := e.Parse(value)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrBadAnnotation, badAnnotation(e.Key, value, err.Error()).Message)
	}
	if pl.seconds = max(seconds, e.Min); pl.seconds != seconds {
		pl.warn(CodeExpirationRaised, annotationPath(e.Key), "a token expiration of "+strconv.FormatInt(seconds, 10)+
			" seconds is raised to "+strconv.FormatInt(e.Min, 10)+", the minimum")
	}
	return nil
}

// skipped are the names in the annotation that names containers to leave alone.
func (pl *profilePlanner) skipped() map[string]bool {
	key := pl.p.Skip.Key
	value := pl.pod.annotations[key]
	if value == "" {
		return nil
	}
	there := make(map[string]bool, len(pl.pod.containers))
	for i := range pl.pod.containers {
		there[pl.pod.containers[i].name] = true
	}
	names := map[string]bool{}
	for name := range strings.SplitSeq(value, pl.p.Skip.Separator) {
		if name = strings.TrimSpace(name); name == "" || names[name] {
			continue
		}
		names[name] = true
		if !pl.debug && !there[name] {
			pl.warn(CodeUnknownContainer, annotationPath(key), "annotation "+key+" names "+quoted(name)+", and no container has that name")
		}
	}
	return names
}

// findVolume looks for the volume in the pod. One whose name follows from the pod's may have been
// named before the pod had its name.
func (pl *profilePlanner) findVolume() {
	name := pl.pod.volumeName(pl.p.Volume)
	pl.volume.name = name
	for _, v := range pl.pod.volumes {
		switch {
		case v.name == name && !pl.isOurs(&v):
			pl.volume, pl.state = v, volumeForeign
			return
		case v.name == name, pl.p.Volume.ByPodName && pl.state == volumeAbsent && pl.isOurs(&v):
			pl.volume, pl.state = v, volumeOurs
		}
	}
	if pl.state == volumeOurs {
		pl.checkVolume()
	}
}

// isOurs says that a volume projects every file of the grant.
func (pl *profilePlanner) isOurs(v *volumeFacts) bool {
	_, ok := v.at(pl.grant.File)
	for _, s := range pl.grant.Sources {
		ok = ok && slices.Contains(v.files, projectedFile{s.File, s.FieldPath})
	}
	return ok
}

// checkVolume warns of a volume of ours that gives another token than asked for.
func (pl *profilePlanner) checkVolume() {
	token, _ := pl.volume.at(pl.grant.File)
	at := "/spec/volumes/" + strconv.Itoa(pl.volume.index)
	if token.audience != pl.grant.Audience {
		pl.warn(CodeVolumeDiffers, at, "the volume is used as it is: its token is for audience "+
			quoted(token.audience)+", not "+quoted(pl.grant.Audience))
	}
	const ofServer = 3600 // the API server's default
	if seconds := cmp.Or(token.expiration, ofServer); seconds != pl.seconds {
		pl.warn(CodeVolumeDiffers, at, "the volume is used as it is: its token lasts "+
			strconv.FormatInt(seconds, 10)+" seconds, not "+strconv.FormatInt(pl.seconds, 10))
	}
}

// findAnnotation finds out whether the annotation can stand in the pod.
func (pl *profilePlanner) findAnnotation() {
	if want := pl.p.Annotation; want.Key != "" {
		value, ok := pl.pod.annotations[want.Key]
		pl.taken = ok && value != want.Value || !ok && pl.debug
	}
}

// mountFacts is how a container stands to the mount path.
type mountFacts struct {
	atPath  bool // our volume is mounted there
	foreign bool // something else is there, or hides a file there
	alias   bool // something else is at another name of it
}

func (pl *profilePlanner) mountFacts(c *containerFacts) (f mountFacts) {
	ours := placed(pl.p.MountPath)
	for _, m := range c.mounts {
		at := placed(m.path)
		spelled := path.Clean("/"+m.path) == pl.p.MountPath || at.windows && at.equal(ours)
		switch {
		case spelled && m.name == pl.volume.name && m.subPath == "" && m.subPathExpr == "":
			f.atPath = true
		case spelled, pl.hides(at):
			f.foreign = true
		case at.equal(ours) && m.name != pl.volume.name:
			f.alias = true
		}
	}
	return f
}

// hides says that what is mounted at a place within the mount path is in front of a file.
func (pl *profilePlanner) hides(at placedPath) bool {
	ours := placed(pl.p.MountPath)
	if rest, ok := at.below(ours); !ok || rest == "" {
		return false
	}
	hides := func(file string) bool {
		_, ok := placed(pl.p.MountPath + "/" + file).below(at)
		return ok
	}
	return hides(pl.grant.File) || slices.ContainsFunc(pl.grant.Sources, func(s profile.Source) bool { return hides(s.File) })
}

package mutate

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/profile"
)

// method is a profile's method, made ready.
type method struct {
	profile.Method
	pair    envSet   // the variables of an identity that are added together
	needs   envSet   // those that an identity needs
	file    envSet   // the one with the path of a file
	adds    envSet   // all that may be added
	whole   []envSet // a container that has one of each gets no mount
	token   string   // where the token is in a container
	segment []byte   // the last of the mount path's longest

	toAudience, toSeconds, rest string // the volume, after its name
	mount                       []byte // JSON, unless the volume's name follows from the pod's
}

func (r *rules) newMethod(index int, p profile.Method) method {
	m := method{Method: p, token: p.MountPath + "/" + p.File}
	for i, v := range r.Vars {
		set := envVar(i).set()
		if v.Method != 0 && v.Method != index+1 {
			continue
		}
		m.adds |= set
		if v.Use == profile.Identity {
			m.pair |= set
		}
		if v.Use == profile.Identity || v.Needed {
			m.needs |= set
		}
		if v.File {
			m.file |= set
		}
		if v.Whole && v.Use != profile.Together {
			m.whole = append(m.whole, set)
		}
	}
	if r.together != 0 {
		m.whole = append(m.whole, r.together)
	}
	for segment := range strings.SplitSeq(p.MountPath, "/") {
		if len(segment) >= len(m.segment) { // of "var" and "run", which is in both names of the one directory
			m.segment = []byte(segment)
		}
	}
	m.cutVolume()
	return m
}

// cutVolume writes the volume but for what varies from pod to pod, such as
//
//	{"name":"v","projected":{"sources":[{"serviceAccountToken":{"audience":"a","expirationSeconds":3600,"path":"token"}}]}}
func (m *method) cutVolume() {
	m.toAudience = `,"projected":{`
	if mode := m.Volume.DefaultMode; mode != 0 {
		m.toAudience += `"defaultMode":` + strconv.Itoa(int(mode)) + `,`
	}
	m.toAudience += `"sources":[{"serviceAccountToken":{"audience":`
	m.toSeconds = `,"expirationSeconds":`
	m.rest = `,"path":` + quoteJSON(m.File) + `}}`
	for _, s := range m.Sources {
		m.rest += "," + s.JSON
	}
	m.rest += `]}}`
	m.mount = m.mountJSON(m.Volume.Name)
}

func (m *method) mountJSON(volume string) []byte {
	return []byte(`{"name":` + quoteJSON(volume) + `,"readOnly":true,"mountPath":` + quoteJSON(m.MountPath) + `}`)
}

// appendVolume writes the volume.
func (m *method) appendVolume(b []byte, name, audience string, seconds int64) []byte {
	b = append(b, `{"name":`...)
	b, _ = jsontext.AppendQuote(b, name)
	b = append(b, m.toAudience...)
	b, _ = jsontext.AppendQuote(b, audience) // what cannot be quoted was refused before
	b = append(b, m.toSeconds...)
	b = strconv.AppendInt(b, seconds, 10)
	return append(b, m.rest...)
}

// volumeName is the name of the method's volume in a pod.
func (m *method) volumeName(v *view) string {
	if !m.Volume.ByPodName {
		return m.Volume.Name
	}
	of := v.name
	if of == "" {
		of = v.generateName + " (prefix)" // azure-workload-identity 1.6.0, pkg/webhook/webhook.go
	}
	sum := sha256.Sum256([]byte(of))
	return m.Volume.Name + hex.EncodeToString(sum[:15])
}

// volume finds a method's volume. One whose name follows from the pod's may have been named before
// the pod had its name.
func (v *view) volume(m *method) volumeView {
	found := volumeView{name: m.volumeName(v)}
	for i := range v.volumes {
		p := &v.volumes[i]
		token, ours := m.projectedBy(p)
		switch {
		case p.name == found.name && !ours:
			return volumeView{state: volumeForeign, name: p.name, index: p.index}
		case ours && (p.name == found.name || m.Volume.ByPodName && found.state == volumeAbsent):
			found = volumeView{state: volumeOurs, name: p.name, index: p.index, token: token}
		}
	}
	return found
}

// projectedBy says that a volume projects every file of the method, and returns the token.
func (m *method) projectedBy(p *projection) (tokenSource, bool) {
	token, ok := p.at(m.File)
	for _, s := range m.Sources {
		ok = ok && p.has(projectedFile{s.File, s.FieldPath})
	}
	return token, ok
}

// mountsOf looks at a container's mounts for a method whose volume has a name in the pod.
func (r *rules) mountsOf(c *containerView, m *method, volume string) (v mountView) {
	for _, mount := range c.near {
		ours, at := mount.name == volume, m.placeOf(mount.path)
		switch {
		case ours && at == atPath && mount.part && !r.AsEKS:
			v.foreign = true
		case ours && mount.part:
			v.inPart = true
		case ours && at == atPath:
			v.atPath = true
		case ours:
			v.elsewhere = true
		case at == atPath:
			v.foreign = true
		case at == atAlias:
			v.alias = true
		}
		v.inFront = v.inFront || at == atFile
	}
	return v
}

// isWhole says that a container has one of each of what it would get.
func (m *method) isWhole(env envSet) bool {
	for _, any := range m.whole {
		if !env.hasAny(any) {
			return false
		}
	}
	return true
}

// files names the files in the volume, the token's first.
func (m *method) files() string {
	files := []string{m.File}
	for _, s := range m.Sources {
		files = append(files, s.File)
	}
	return strings.Join(files, ", and something else to ")
}

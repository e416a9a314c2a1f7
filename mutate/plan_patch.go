package mutate

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// patch is a JSON patch in the making (RFC 6902), such as
//
//	[{"op":"add","path":"/spec/volumes","value":[]},
//	 {"op":"add","path":"/spec/containers/0/env/-","value":{"name":"AWS_REGION","value":"eu-central-1"}}]
type patch struct{ buf []byte }

// add writes one operation. The path's two parts are escaped already, and the value is JSON.
func (p *patch) add(path []byte, rest string, value []byte) {
	if len(p.buf) == 0 {
		p.buf = append(p.buf, '[')
	} else {
		p.buf = append(p.buf, ',')
	}
	p.buf = append(p.buf, `{"op":"add","path":"`...)
	p.buf = append(p.buf, path...)
	p.buf = append(p.buf, rest...)
	p.buf = append(p.buf, `","value":`...)
	p.buf = append(p.buf, value...)
	p.buf = append(p.buf, '}')
}

func (p *patch) end() []byte {
	if len(p.buf) > 0 {
		p.buf = append(p.buf, ']')
	}
	return p.buf
}

// The values that make what is added to.
var (
	emptyArray  = []byte("[]")
	emptyObject = []byte("{}")
)

// encode writes the patch for what was decided.
func (p *planner) encode() {
	env, mounts, wanted := p.additions()
	// One buffer for all: about 112 bytes an operation, and what is longer in its own.
	out := patch{buf: make([]byte, 0, 384+112*env+(len(p.id.RoleARN)+len(p.method.mountPath))*len(p.v.containers)+
		(len(p.method.mount)+112)*mounts)}
	if wanted {
		p.encodeVolume(&out)
		p.encodeLabel(&out)
	}
	for i := range p.v.containers {
		p.encodeContainer(&out, &p.v.containers[i], p.gains[i])
	}
	p.result.patch = out.end()
	if len(p.result.patch) == 0 {
		p.result.patch = nil
	}
}

// additions counts what the containers get, and says whether the volume is wanted: unless
// conflicts have left nobody to use it. EKS adds it even when all containers are skipped.
func (p *planner) additions() (env, mounts int, wanted bool) {
	for i, g := range p.gains {
		env += bits.OnesCount16(uint16(g.add))
		if g.mount {
			mounts++
		}
		wanted = wanted || p.result.Containers[i].Outcome != Conflict
	}
	return env, mounts, wanted && !p.v.debug && p.v.volumes[p.id.Method].state != volumeForeign
}

func (p *planner) encodeVolume(out *patch) {
	if p.v.volumes[p.id.Method].state != volumeAbsent {
		return
	}
	if !p.v.hasVolumes {
		out.add(nil, "/spec/volumes", emptyArray)
	}
	var buf [256]byte
	out.add(nil, "/spec/volumes/0", p.method.volume.fill(buf[:0], p.judge.audience, p.expiration))
}

// encodeLabel adds the label of PodIdentity.
func (p *planner) encodeLabel(out *patch) {
	if p.id.Method != PodIdentity {
		return
	}
	if p.v.label.set {
		if p.v.label.value != LabelPodIdentityValue {
			p.warn(CodeLabelDiffers, "/metadata/labels/"+jsontree.EscapePointer(LabelPodIdentity),
				"label "+LabelPodIdentity+" is "+quoted(p.v.label.value)+", not "+quoted(LabelPodIdentityValue)+": it is left as it is")
		}
		return
	}
	if !p.v.hasMetadata {
		out.add(nil, "/metadata", emptyObject)
	}
	if !p.v.hasLabels {
		out.add(nil, "/metadata/labels", emptyObject)
	}
	out.add([]byte("/metadata/labels/"), jsontree.EscapePointer(LabelPodIdentity), []byte(quoteJSON(LabelPodIdentityValue)))
}

func (p *planner) encodeContainer(out *patch, c *containerView, g gain) {
	if g.add == 0 && !g.mount {
		return
	}
	var buf [48]byte
	path := appendContainerPath(buf[:0], c.kind, c.index)
	if g.add != 0 {
		if !c.hasEnv {
			out.add(path, "/env", emptyArray)
		}
		for v := envVar(0); v < envAdded; v++ {
			if g.add.has(v.set()) {
				out.add(path, "/env/-", p.entry(v))
			}
		}
	}
	if g.mount {
		if !c.hasMounts {
			out.add(path, "/volumeMounts", emptyArray)
		}
		out.add(path, "/volumeMounts/-", p.method.mount)
	}
}

// entry is the env entry of a variable.
func (p *planner) entry(v envVar) []byte {
	switch v {
	case envRoleARN:
		if p.role == nil {
			p.role = appendEnv(make([]byte, 0, 40+len(p.id.RoleARN)), v, p.id.RoleARN)
		}
		return p.role
	case envTokenFile, envCredentialsAuth:
		if p.v.windows() {
			return p.method.tokenFile[1]
		}
		return p.method.tokenFile[0]
	case envSessionName:
		if SessionName(p.choices[sessionNameChoice]) == SessionNamePodName && p.v.nameFits {
			return []byte(sessionNameByName)
		}
		return []byte(sessionNameByUID)
	}
	return p.m.env[v]
}

// volumeTemplate is the volume of a method's token, but for what varies from pod to pod.
type volumeTemplate struct{ toAudience, toSeconds, rest string }

// newVolumeTemplate takes the volume apart where what varies stands.
func newVolumeTemplate(volume, file string) (t volumeTemplate) {
	const whole = `{"name":NAME,"projected":{"sources":[{"serviceAccountToken":{"audience":AUDIENCE,"expirationSeconds":SECONDS,"path":FILE}}]}}`
	filled := strings.NewReplacer("NAME", quoteJSON(volume), "FILE", quoteJSON(file)).Replace(whole)
	t.toAudience, filled, _ = strings.Cut(filled, "AUDIENCE")
	t.toSeconds, t.rest, _ = strings.Cut(filled, "SECONDS")
	return t
}

func (t volumeTemplate) fill(b []byte, audience string, seconds int64) []byte {
	b = append(b, t.toAudience...)
	b, _ = jsontext.AppendQuote(b, audience) // Identity.check saw it
	b = append(b, t.toSeconds...)
	b = strconv.AppendInt(b, seconds, 10)
	return append(b, t.rest...)
}

// newMethodSettings works out what depends on the configuration alone.
func newMethodSettings(s methodSettings) methodSettings {
	s.pair = s.headVar.set() | s.fileVar.set()
	for segment := range strings.SplitSeq(s.mountPath, "/") {
		if len(segment) > len(s.segment) {
			s.segment = []byte(segment)
		}
	}
	s.volume = newVolumeTemplate(s.volumeName, s.fileName)
	s.mount = []byte(`{"name":` + quoteJSON(s.volumeName) + `,"readOnly":true,"mountPath":` + quoteJSON(s.mountPath) + `}`)
	file := s.mountPath + "/" + s.fileName
	s.tokenFile[0] = appendEnv(nil, s.fileVar, file)
	s.tokenFile[1] = appendEnv(nil, s.fileVar, `C:`+strings.ReplaceAll(file, "/", `\`))
	return s
}

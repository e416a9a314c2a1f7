package mutate

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// patch is a JSON patch in the making (RFC 6902), one "add" after the other.
type patch struct{ buf []byte }

// add opens an operation; path parts must be escaped already. The value follows, then done.
func (p *patch) add(path ...string) {
	if len(p.buf) == 0 {
		p.buf = append(p.buf, '[')
	} else {
		p.buf = append(p.buf, ',')
	}
	p.buf = append(p.buf, `{"op":"add","path":"`...)
	for _, part := range path {
		p.buf = append(p.buf, part...)
	}
	p.buf = append(p.buf, `","value":`...)
}

// value writes JSON.
func (p *patch) value(json string) {
	p.buf = append(append(p.buf, json...), '}')
}

func (p *patch) end() []byte {
	if len(p.buf) > 0 {
		p.buf = append(p.buf, ']')
	}
	return p.buf
}

// encode writes the patch for what was decided.
func (p *planner) encode() {
	env, mounts, wanted := p.additions()
	// One buffer for all: about 120 bytes an operation, and the role's name in its own.
	out := patch{buf: make([]byte, 0, 512+120*env+len(p.id.RoleARN)*len(p.v.containers)+
		(len(p.method.mountJSON)+160)*mounts)}
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
		out.add("/spec/volumes")
		out.value("[]")
	}
	out.add("/spec/volumes/0")
	b := append(out.buf, `{"name":"`...)
	b = append(b, p.method.volumeName...)
	b = append(b, `","projected":{"sources":[{"serviceAccountToken":{"audience":`...)
	b, _ = jsontext.AppendQuote(b, p.judge.audience) // Identity.check saw it
	b = append(b, `,"expirationSeconds":`...)
	b = strconv.AppendInt(b, p.expiration, 10)
	b = append(b, `,"path":"`...)
	b = append(b, p.method.fileName...)
	out.buf = append(b, `"}}]}}}`...)
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
		out.add("/metadata")
		out.value("{}")
	}
	if !p.v.hasLabels {
		out.add("/metadata/labels")
		out.value("{}")
	}
	out.add("/metadata/labels/", jsontree.EscapePointer(LabelPodIdentity))
	out.value(`"` + LabelPodIdentityValue + `"`)
}

func (p *planner) encodeContainer(out *patch, c *containerView, g gain) {
	if g.add == 0 && !g.mount {
		return
	}
	var digits [8]byte
	path := [5]string{"/spec/", c.kind.String(), "/", string(strconv.AppendInt(digits[:0], int64(c.index), 10)), ""}
	if g.add != 0 {
		if path[4] = "/env"; !c.hasEnv {
			out.add(path[:]...)
			out.value("[]")
		}
		path[4] = "/env/-"
		for v := envVar(0); v < envAdded; v++ {
			if g.add.has(v.set()) {
				out.add(path[:]...)
				p.encodeEnv(out, v)
			}
		}
	}
	if g.mount {
		if path[4] = "/volumeMounts"; !c.hasMounts {
			out.add(path[:]...)
			out.value("[]")
		}
		path[4] = "/volumeMounts/-"
		out.add(path[:]...)
		out.value(p.method.mountJSON)
	}
}

// encodeEnv writes an env entry.
func (p *planner) encodeEnv(out *patch, v envVar) {
	switch v {
	case envRoleARN:
		b := append(out.buf, `{"name":"`+EnvRoleARN+`","value":`...)
		b, _ = jsontext.AppendQuote(b, p.id.RoleARN) // Identity.check saw it
		out.buf = append(b, '}', '}')
	case envTokenFile, envCredentialsAuth:
		if p.v.windows() {
			out.value(p.method.tokenFile[1])
		} else {
			out.value(p.method.tokenFile[0])
		}
	case envSessionName:
		if SessionName(p.choices[sessionNameChoice]) == SessionNamePodName && p.v.nameFits {
			out.value(sessionNameByName)
		} else {
			out.value(sessionNameByUID)
		}
	default:
		out.value(p.m.env[v])
	}
}

// newMethodSettings works out what depends on the configuration alone.
func newMethodSettings(s methodSettings) methodSettings {
	s.pair = s.headVar.set() | s.fileVar.set()
	for segment := range strings.SplitSeq(s.mountPath, "/") {
		if len(segment) > len(s.segment) {
			s.segment = []byte(segment)
		}
	}
	s.mountJSON = `{"name":"` + s.volumeName + `","readOnly":true,"mountPath":` + quoteJSON(s.mountPath) + `}`
	file := s.mountPath + "/" + s.fileName
	s.tokenFile[0] = envJSON(s.fileVar, file)
	s.tokenFile[1] = envJSON(s.fileVar, `C:`+strings.ReplaceAll(file, "/", `\`))
	return s
}

package mutate

import (
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
	j := &p.judge
	if p.mount = j.m.mount; j.m.Volume.ByPodName {
		p.mount = j.m.mountJSON(j.volume.name)
	}
	out := patch{buf: make([]byte, 0, p.size())}
	// Conflicts may have left nobody to use the volume. EKS adds it even when all containers are
	// skipped.
	if p.wanted && !p.taken && !j.v.debug && j.volume.state != volumeForeign {
		p.encodeVolume(&out)
		p.encodeMark(&out)
	}
	for i := range j.v.containers {
		p.encodeContainer(&out, &j.v.containers[i], p.gains[i])
	}
	p.result.patch = out.end()
	if len(p.result.patch) == 0 {
		p.result.patch = nil
	}
}

// size is about how long the patch is, so that one buffer will do.
func (p *planner) size() int {
	size, last, ofLast := 384, envSet(0), 0
	for _, g := range p.gains {
		if g.add != last { // most containers get the same
			last, ofLast = g.add, 0
			for left := g.add; left != 0; left &= left - 1 {
				ofLast += len(p.judge.g.entries[left.first()]) + 60
			}
		}
		size += ofLast + 44
		if g.mount {
			size += len(p.mount) + 104
		}
	}
	return size
}

func (p *planner) encodeVolume(out *patch) {
	j := &p.judge
	if j.volume.state != volumeAbsent {
		return
	}
	if !j.v.hasVolumes {
		out.add(nil, "/spec/volumes", emptyArray)
	}
	at := "/spec/volumes/-"
	if j.m.Volume.First {
		at = "/spec/volumes/0"
	}
	var buf [256]byte
	out.add(nil, at, j.m.appendVolume(buf[:0], j.volume.name, j.audience, p.seconds))
}

// encodeMark adds the label or the annotation.
func (p *planner) encodeMark(out *patch) {
	j := &p.judge
	mark := j.m.Mark
	path, has, there := "/metadata/annotations", j.v.hasAnnotations, setting{}
	switch {
	case mark.Key == "":
		return
	case mark.Label:
		path, has, there = "/metadata/labels", j.v.hasLabels, j.v.label
	default:
		there = j.v.settings[j.mark]
	}
	if there.set {
		if there.value != j.g.mark {
			p.warn(CodeLabelDiffers, path+"/"+jsontree.EscapePointer(mark.Key),
				"label "+mark.Key+" is "+quoted(there.value)+", not "+quoted(j.g.mark)+": it is left as it is")
		}
		return
	}
	if !j.v.hasMetadata {
		out.add(nil, "/metadata", emptyObject)
	}
	if !has {
		out.add(nil, path, emptyObject)
	}
	out.add([]byte(path+"/"), jsontree.EscapePointer(mark.Key), []byte(quoteJSON(j.g.mark)))
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
		for left := g.add; left != 0; left &= left - 1 {
			out.add(path, "/env/-", p.entry(left.first()))
		}
	}
	if g.mount {
		if !c.hasMounts {
			out.add(path, "/volumeMounts", emptyArray)
		}
		out.add(path, "/volumeMounts/-", p.mount)
	}
}

// entry is the env entry of a variable.
func (p *planner) entry(v envVar) []byte {
	j := &p.judge
	if j.g.windows != nil && j.m.file.has(v.set()) && j.v.windows() {
		return j.g.windows
	}
	return j.g.entries[v]
}

package mutate

import (
	"strconv"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// encode writes the patch for what was decided.
func (pl *profilePlanner) encode() {
	var out patch
	if pl.wanted && !pl.debug && !pl.taken && pl.state != volumeForeign {
		pl.encodeVolume(&out)
		pl.encodeAnnotation(&out)
	}
	for i := range pl.pod.containers {
		pl.encodeContainer(&out, &pl.pod.containers[i], &pl.gains[i])
	}
	pl.result.patch = out.end()
}

// encodeVolume adds the volume, such as
//
//	{"name":"v","projected":{"sources":[{"serviceAccountToken":{"audience":"a","expirationSeconds":3600,"path":"token"}}]}}
func (pl *profilePlanner) encodeVolume(out *patch) {
	if pl.state != volumeAbsent {
		return
	}
	if !pl.pod.hasVolumes {
		out.add(nil, "/spec/volumes", emptyArray)
	}
	v := `{"name":` + quoteJSON(pl.volume.name) + `,"projected":{`
	if mode := pl.p.Volume.DefaultMode; mode != 0 {
		v += `"defaultMode":` + strconv.Itoa(int(mode)) + `,`
	}
	v += `"sources":[{"serviceAccountToken":{"audience":` + quoteJSON(pl.grant.Audience) +
		`,"expirationSeconds":` + strconv.FormatInt(pl.seconds, 10) + `,"path":` + quoteJSON(pl.grant.File) + `}}`
	for _, s := range pl.grant.Sources {
		v += "," + s.JSON
	}
	out.add(nil, "/spec/volumes/-", []byte(v+`]}}`))
}

func (pl *profilePlanner) encodeAnnotation(out *patch) {
	a := pl.p.Annotation
	if _, there := pl.pod.annotations[a.Key]; there || a.Key == "" {
		return
	}
	if !pl.pod.hasMetadata {
		out.add(nil, "/metadata", emptyObject)
	}
	if !pl.pod.hasAnnotations {
		out.add(nil, "/metadata/annotations", emptyObject)
	}
	out.add([]byte("/metadata/annotations/"), jsontree.EscapePointer(a.Key), []byte(quoteJSON(a.Value)))
}

func (pl *profilePlanner) encodeContainer(out *patch, c *containerFacts, g *profileGain) {
	path := appendContainerPath(nil, c.kind, c.index)
	if len(g.env) > 0 && !c.hasEnv {
		out.add(path, "/env", emptyArray)
	}
	for _, e := range g.env {
		out.add(path, "/env/-", []byte(`{"name":`+quoteJSON(e.Name)+`,"value":`+quoteJSON(e.Value)+`}`))
	}
	if !g.mount {
		return
	}
	if !c.hasMounts {
		out.add(path, "/volumeMounts", emptyArray)
	}
	out.add(path, "/volumeMounts/-", []byte(`{"name":`+quoteJSON(pl.volume.name)+`,"readOnly":true,"mountPath":`+quoteJSON(pl.p.MountPath)+`}`))
}

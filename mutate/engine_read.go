package mutate

import (
	"slices"

	"github.com/irsa-go/irsa/internal/jsonscan"
	"github.com/irsa-go/irsa/internal/profile"
)

// podFacts is all that a profile needs to know of a pod.
type podFacts struct {
	name, generateName          string
	hasMetadata, hasAnnotations bool // objects, not absent or null
	chosen                      bool // it carries the profile's label
	mirror                      bool
	annotations                 map[string]string // those that the profile knows
	hasVolumes                  bool              // an array
	volumes                     []volumeFacts     // those whose names begin as the profile's
	containers                  []containerFacts
}

// podReader reads a pod's JSON for a profile.
type podReader struct {
	*scanner
	p     *profile.Profile
	kinds lists
	pod   podFacts
}

// readFacts reads all of doc.
func readFacts(s *jsonscan.Scanner, p *profile.Profile, kinds lists, doc []byte) (podFacts, error) {
	r := &podReader{scanner: &scanner{Scanner: s}, p: p, kinds: kinds}
	r.pod.annotations = map[string]string{}
	if err := readPod(s, doc, r.read); err != nil {
		return podFacts{}, err
	}
	sortByKind(r.pod.containers, func(c containerFacts) Kind { return c.kind })
	return r.pod, nil
}

func (r *podReader) read() {
	if !r.Object() {
		return
	}
	for r.More() {
		switch string(r.Name()) {
		case "metadata":
			r.metadata()
		case "spec":
			r.spec()
		default:
			r.Skip()
		}
	}
}

func (r *podReader) metadata() {
	if !r.Enter('{') {
		return
	}
	r.pod.hasMetadata = true
	for r.More() {
		switch string(r.Name()) {
		case "name":
			r.pod.name = string(r.Text())
		case "generateName":
			r.pod.generateName = string(r.Text())
		case "labels":
			r.Only(r.p.Label, func() { r.pod.chosen = string(r.Text()) == r.p.LabelValue })
		case "annotations":
			r.annotations()
		default:
			r.Skip()
		}
	}
}

func (r *podReader) annotations() {
	if !r.Enter('{') {
		return
	}
	r.pod.hasAnnotations = true
	for r.More() {
		switch key := string(r.Name()); {
		case key == mirrorPodKey:
			r.pod.mirror = true
			r.Skip()
		case r.knows(key):
			r.pod.annotations[key] = string(r.Text())
		default:
			r.Skip()
		}
	}
}

func (r *podReader) knows(key string) bool {
	switch key {
	case "":
		return false
	case r.p.Skip.Key, r.p.Expiration.Key, r.p.Choose.Key, r.p.Annotation.Key:
		return true
	}
	return slices.Contains(r.p.Unsupported, key)
}

func (r *podReader) spec() {
	if !r.Enter('{') {
		return
	}
	for r.More() {
		switch string(r.Name()) {
		case "volumes":
			r.volumes()
		case "containers":
			r.containers(Container)
		case "initContainers":
			r.containers(InitContainer)
		case "ephemeralContainers":
			r.containers(EphemeralContainer)
		default:
			r.Skip()
		}
	}
}

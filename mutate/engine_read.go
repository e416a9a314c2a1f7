package mutate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

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
	volumes                     []volumeFacts     // the projected ones that may be the profile's, and those of its name
	containers                  []containerFacts
}

// volumeFacts is one volume of a pod.
type volumeFacts struct {
	projection
	index int
	files []projectedFile // of its other sources
}

// projectedFile is a file that is not a token; fieldPath is that of the downward API.
type projectedFile struct{ path, fieldPath string }

// containerFacts is a container as the pod has it.
type containerFacts struct {
	name              string
	kind              Kind
	index             int
	hasEnv, hasMounts bool // arrays
	env               map[string]envFacts
	envFrom           bool
	mounts            []mount // devices too, without a name
}

// envFacts is the last entry of a variable's name, which is the one that counts.
type envFacts struct {
	value  string
	hidden bool // the value does not stand in the pod
}

func (e envFacts) empty() bool { return !e.hidden && e.value == "" }

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

func (r *podReader) volumes() {
	if !r.Enter('[') {
		return
	}
	r.pod.hasVolumes = true
	for i := 0; r.More(); i++ {
		if name, ok := r.leadingName(); ok && !strings.HasPrefix(string(name), r.p.Volume.Name) {
			r.Skip()
			continue
		}
		if v := r.volume(i); strings.HasPrefix(v.name, r.p.Volume.Name) {
			r.pod.volumes = append(r.pod.volumes, v)
		}
	}
}

func (r *podReader) volume(index int) volumeFacts {
	v := volumeFacts{index: index}
	if !r.Enter('{') {
		return v
	}
	for r.More() {
		switch string(r.Name()) {
		case "name":
			v.name = string(r.Text())
		case "projected":
			v.projected = true
			r.Only("sources", func() { r.sources(&v) })
		default:
			r.Skip()
		}
	}
	return v
}

func (r *podReader) sources(v *volumeFacts) {
	if !r.Enter('[') {
		return
	}
	for r.More() {
		if !r.Enter('{') {
			continue
		}
		for r.More() {
			switch string(r.Name()) {
			case "serviceAccountToken":
				if t, ok := r.serviceAccountToken(); ok {
					v.tokens = append(v.tokens, t)
				}
			case "configMap", "secret", "downwardAPI", "clusterTrustBundle":
				r.files(v)
			default:
				r.Skip()
			}
		}
	}
}

// files reads what a ConfigMap, a Secret, the downward API or a trust bundle projects.
func (r *podReader) files(v *volumeFacts) {
	if !r.Enter('{') {
		return
	}
	var own projectedFile
	for r.More() {
		switch string(r.Name()) {
		case "path":
			own.path = string(r.Text())
		case "items":
			r.items(v)
		default:
			r.Skip()
		}
	}
	if own.path != "" {
		v.files = append(v.files, own)
	}
}

func (r *podReader) items(v *volumeFacts) {
	if !r.Enter('[') {
		return
	}
	for r.More() {
		if !r.Enter('{') {
			continue
		}
		var f projectedFile
		for r.More() {
			switch string(r.Name()) {
			case "path":
				f.path = string(r.Text())
			case "fieldRef":
				r.Only("fieldPath", func() { f.fieldPath = string(r.Text()) })
			default:
				r.Skip()
			}
		}
		v.files = append(v.files, f)
	}
}

func (r *podReader) containers(kind Kind) {
	if !r.kinds.has(kind) {
		r.Skip()
		return
	}
	if !r.Enter('[') {
		return
	}
	for i := 0; r.More(); i++ {
		if len(r.pod.containers) >= maxContainers {
			r.Fail(fmt.Sprintf("more than %d containers", maxContainers))
			return
		}
		r.pod.containers = append(r.pod.containers, containerFacts{kind: kind, index: i, env: map[string]envFacts{}})
		r.container(&r.pod.containers[len(r.pod.containers)-1])
	}
}

func (r *podReader) container(c *containerFacts) {
	if !r.Object() { // nothing can be added to null
		return
	}
	for r.More() {
		switch string(r.Name()) {
		case "name":
			c.name = string(r.Text())
		case "env":
			r.env(c)
		case "envFrom":
			if r.Enter('[') {
				for r.More() {
					c.envFrom = true
					r.Skip()
				}
			}
		case "volumeMounts":
			r.mounts(c)
		case "volumeDevices":
			r.devices(c)
		default:
			r.Skip()
		}
	}
}

func (r *podReader) env(c *containerFacts) {
	if !r.Enter('[') {
		return
	}
	c.hasEnv = true
	for r.More() {
		if !r.Enter('{') {
			continue
		}
		var name string
		var e envFacts
		for r.More() {
			switch string(r.Name()) {
			case "name":
				name = string(r.Text())
			case "value":
				e.value = string(r.Text())
			case "valueFrom":
				e.hidden = r.valueFrom().given || e.hidden
			default:
				r.Skip()
			}
		}
		e.hidden = e.hidden || strings.Contains(e.value, "$(")
		c.env[name] = e
	}
}

func (r *podReader) mounts(c *containerFacts) {
	if !r.Enter('[') {
		return
	}
	c.hasMounts = true
	for r.More() {
		if m, ok := r.mount(); ok {
			c.mounts = append(c.mounts, m)
		}
	}
}

func (r *podReader) devices(c *containerFacts) {
	if !r.Enter('[') {
		return
	}
	for r.More() { // a device's path and a mount's may not be the same either
		r.Only("devicePath", func() { c.mounts = append(c.mounts, mount{path: string(r.Text())}) })
	}
}

// volumeName is the name of the profile's volume in a pod.
func (pod *podFacts) volumeName(v profile.Volume) string {
	if !v.ByPodName {
		return v.Name
	}
	of := pod.name
	if of == "" {
		of = pod.generateName + " (prefix)" // azure-workload-identity 1.6.0, pkg/webhook/webhook.go
	}
	sum := sha256.Sum256([]byte(of))
	return v.Name + hex.EncodeToString(sum[:15])
}

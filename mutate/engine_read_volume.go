package mutate

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/irsa-go/irsa/internal/profile"
)

// volumeFacts is one volume of a pod.
type volumeFacts struct {
	projection
	index int
	files []projectedFile // of its other sources
}

// projectedFile is a file that is not a token; fieldPath is that of the downward API.
type projectedFile struct{ path, fieldPath string }

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

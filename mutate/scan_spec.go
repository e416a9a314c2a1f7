package mutate

import (
	"path"

	corev1 "k8s.io/api/core/v1"
)

// projection is what a volume projects, as far as it matters for tokens.
type projection struct {
	name      string
	projected bool
	others    bool // sources of another kind
	tokens    []tokenSource
}

// tokenSource is a serviceAccountToken of a projected volume.
type tokenSource struct {
	path       string
	audience   string
	expiration int64 // seconds; 0: not given
}

// at returns the token at a clean path in the volume.
func (p *projection) at(file string) (tokenSource, bool) {
	for _, t := range p.tokens {
		if t.path == file || path.Clean(t.path) == file {
			return t, true
		}
	}
	return tokenSource{}, false
}

func (s *scanner) volumes() {
	from := s.Offset()
	if !s.Enter('[') {
		return
	}
	s.view.hasVolumes = true
	for i := 0; s.More(); i++ {
		if name, ok := s.leadingName(); ok && !s.m.isVolumeName(name) {
			s.Skip()
			continue
		}
		s.seeVolume(i, s.volume())
	}
	s.view.volumeList = s.Since(from)
}

// isVolumeName says whether a volume of this name matters to any method.
func (m *Mutator) isVolumeName(name []byte) bool {
	return string(name) == m.methods[WebIdentity].volumeName || string(name) == m.methods[PodIdentity].volumeName
}

func (s *scanner) seeVolume(index int, p projection) {
	for i := range s.view.volumes {
		v := &s.view.volumes[i]
		if p.name != s.m.methods[i].volumeName || v.state == volumeForeign {
			continue
		}
		*v = volumeView{state: volumeForeign, index: index}
		if t, ok := p.at(s.m.methods[i].fileName); ok {
			*v = volumeView{state: volumeOurs, index: index, audience: t.audience, expiration: t.expiration}
		}
	}
}

func (s *scanner) volume() (p projection) {
	if !s.Enter('{') {
		return p
	}
	for s.More() {
		switch string(s.Name()) {
		case "name":
			p.name = string(s.Text())
		case "projected":
			s.projected(&p)
		default:
			s.Skip()
		}
	}
	return p
}

func (s *scanner) projected(p *projection) {
	if !s.Enter('{') {
		return
	}
	p.projected = true
	for s.More() {
		if string(s.Name()) == "sources" {
			s.sources(p)
		} else {
			s.Skip()
		}
	}
}

func (s *scanner) sources(p *projection) {
	if !s.Enter('[') {
		return
	}
	for s.More() {
		if !s.Enter('{') {
			continue
		}
		for s.More() {
			if string(s.Name()) != "serviceAccountToken" {
				p.others = true
				s.Skip()
			} else if t, ok := s.serviceAccountToken(); ok {
				p.tokens = append(p.tokens, t)
			}
		}
	}
}

func (s *scanner) serviceAccountToken() (t tokenSource, ok bool) {
	if !s.Enter('{') {
		return t, false
	}
	for s.More() {
		switch string(s.Name()) {
		case "path":
			t.path = string(s.Text())
		case "audience":
			t.audience = s.audience()
		case "expirationSeconds":
			t.expiration = s.Integer()
		default:
			s.Skip()
		}
	}
	return t, true
}

// projectionOf finds a volume by name in a list of volumes, which was checked before.
func (s *scanner) projectionOf(list []byte, name string) (found projection, ok bool) {
	_ = readPod(s.Scanner, list, func() {
		if !s.Enter('[') {
			return
		}
		for s.More() {
			if p := s.volume(); p.name == name && !ok {
				found, ok = p, true
			}
		}
	})
	return found, ok
}

// audience reads a string, without allocating for the common ones.
func (s *scanner) audience() string {
	switch a := s.Text(); string(a) {
	case "":
		return ""
	case DefaultAudience:
		return DefaultAudience
	case PodIdentityAudience:
		return PodIdentityAudience
	default:
		return string(a)
	}
}

func (s *scanner) os() {
	if !s.Enter('{') {
		return
	}
	for s.More() {
		if string(s.Name()) == "name" {
			s.view.osName = string(s.Text())
		} else {
			s.Skip()
		}
	}
}

func (s *scanner) nodeSelector() {
	if !s.Enter('{') {
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case labelOS, labelOSBeta:
			if string(s.Text()) == windowsOS {
				s.view.windowsByLabel = true
			}
		default:
			s.Skip()
		}
	}
}

func (s *scanner) affinity() {
	s.Only("nodeAffinity", func() {
		s.Only("requiredDuringSchedulingIgnoredDuringExecution", func() {
			s.Only("nodeSelectorTerms", s.nodeSelectorTerms)
		})
	})
}

// nodeSelectorTerms is windowsByAffinity.
func (s *scanner) nodeSelectorTerms() {
	if !s.Enter('[') {
		return
	}
	terms, wanting := 0, 0
	for s.More() {
		windows := false
		s.Only("matchExpressions", func() {
			if !s.Enter('[') {
				return
			}
			for s.More() {
				if s.wantsWindows() {
					windows = true
				}
			}
		})
		terms++
		if windows {
			wanting++
		}
	}
	if terms > 0 && wanting == terms {
		s.view.windowsByLabel = true
	}
}

// wantsWindows reads one expression of a node selector's term.
func (s *scanner) wantsWindows() bool {
	if !s.Enter('{') {
		return false
	}
	var byOS, in, windows bool
	values := 0
	for s.More() {
		switch string(s.Name()) {
		case "key":
			key := s.Text()
			byOS = string(key) == labelOS || string(key) == labelOSBeta
		case "operator":
			in = string(s.Text()) == string(corev1.NodeSelectorOpIn)
		case "values":
			if !s.Enter('[') {
				continue
			}
			for ; s.More(); values++ {
				windows = string(s.Text()) == windowsOS
			}
		default:
			s.Skip()
		}
	}
	return byOS && in && windows && values == 1
}

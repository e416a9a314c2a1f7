package mutate

import (
	corev1 "k8s.io/api/core/v1"
)

// tokenSource is a serviceAccountToken of a projected volume, as far as a method's file
// comes from it.
type tokenSource struct {
	found      bool
	audience   string
	expiration int64
}

func (s *scanner) volumes() {
	if !s.Enter('[') {
		return
	}
	s.view.hasVolumes = true
	for i := 0; s.More(); i++ {
		if name, ok := s.leadingName(); ok && !s.m.isVolumeName(name) {
			s.Skip()
			continue
		}
		s.volume(i)
	}
}

// isVolumeName says whether a volume of this name matters to any method.
func (m *Mutator) isVolumeName(name []byte) bool {
	return string(name) == m.methods[WebIdentity].volumeName || string(name) == m.methods[PodIdentity].volumeName
}

func (s *scanner) volume(index int) {
	if !s.Enter('{') {
		return
	}
	var ours [2]bool // by Method; the name may come after what it names
	var sources [2]tokenSource
	for s.More() {
		switch string(s.Name()) {
		case "name":
			name := s.Text()
			for i := range ours {
				ours[i] = string(name) == s.m.methods[i].volumeName
			}
		case "projected":
			s.projected(&sources)
		default:
			s.Skip()
		}
	}
	for i, t := range sources {
		v := &s.view.volumes[i]
		switch {
		case !ours[i] || v.state == volumeForeign:
		case t.found:
			*v = volumeView{state: volumeOurs, index: index, audience: t.audience, expiration: t.expiration}
		default:
			*v = volumeView{state: volumeForeign, index: index}
		}
	}
}

func (s *scanner) projected(sources *[2]tokenSource) {
	if !s.Enter('{') {
		return
	}
	for s.More() {
		if string(s.Name()) != "sources" {
			s.Skip()
			continue
		}
		if !s.Enter('[') {
			continue
		}
		for s.More() {
			s.source(sources)
		}
	}
}

func (s *scanner) source(sources *[2]tokenSource) {
	if !s.Enter('{') {
		return
	}
	for s.More() {
		if string(s.Name()) == "serviceAccountToken" {
			s.serviceAccountToken(sources)
		} else {
			s.Skip()
		}
	}
}

func (s *scanner) serviceAccountToken(sources *[2]tokenSource) {
	if !s.Enter('{') {
		return
	}
	var t tokenSource
	var atPath [2]bool
	for s.More() {
		switch string(s.Name()) {
		case "path":
			path := s.Text()
			for i := range atPath {
				atPath[i] = string(path) == s.m.methods[i].fileName
			}
		case "audience":
			t.audience = s.audience()
		case "expirationSeconds":
			t.expiration = s.Integer()
		default:
			s.Skip()
		}
	}
	t.found = true
	for i := range sources {
		if atPath[i] && !sources[i].found {
			sources[i] = t
		}
	}
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

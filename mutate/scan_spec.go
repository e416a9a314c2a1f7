package mutate

import corev1 "k8s.io/api/core/v1"

func (s *scanner) volumes() {
	from := s.Offset()
	if !s.Enter('[') {
		return
	}
	s.view.hasVolumes = true
	for i := 0; s.More(); i++ {
		if name, ok := s.leadingName(); ok && !s.r.isVolume(name) {
			s.Skip()
			continue
		}
		if p := s.volume(); s.r.isVolume([]byte(p.name)) {
			p.index = i
			s.view.volumes = append(s.view.volumes, p)
		}
	}
	s.view.volumeList = s.Since(from)
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
	p.sort()
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
			switch string(s.Name()) {
			case "serviceAccountToken":
				if t, ok := s.serviceAccountToken(); ok {
					p.tokens = append(p.tokens, t)
				}
			case "configMap", "secret", "downwardAPI", "clusterTrustBundle":
				p.others = true
				s.files(p)
			default:
				p.others = true
				s.Skip()
			}
		}
	}
}

// files reads what a ConfigMap, a Secret, the downward API or a trust bundle projects, where that
// matters.
func (s *scanner) files(p *projection) {
	if !s.r.sources {
		s.Skip()
		return
	}
	if !s.Enter('{') {
		return
	}
	var own projectedFile
	for s.More() {
		switch string(s.Name()) {
		case "path":
			own.path = string(s.Text())
		case "items":
			s.items(p)
		default:
			s.Skip()
		}
	}
	if own.path != "" {
		p.files = append(p.files, own)
	}
}

func (s *scanner) items(p *projection) {
	if !s.Enter('[') {
		return
	}
	for s.More() {
		if !s.Enter('{') {
			continue
		}
		var f projectedFile
		for s.More() {
			switch string(s.Name()) {
			case "path":
				f.path = string(s.Text())
			case "fieldRef":
				s.Only("fieldPath", func() { f.fieldPath = string(s.Text()) })
			default:
				s.Skip()
			}
		}
		p.files = append(p.files, f)
	}
}

func (s *scanner) serviceAccountToken() (t tokenSource, ok bool) {
	if !s.Enter('{') {
		return t, false
	}
	for s.More() {
		switch string(s.Name()) {
		case "path":
			t.path = cleanPath(string(s.Text()))
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

// projections reads a list of volumes, which was checked before, by name: the first of each.
func (s *scanner) projections(list []byte) map[string]projection {
	all := map[string]projection{}
	_ = readPod(s.Scanner, list, func() {
		if !s.Enter('[') {
			return
		}
		for s.More() {
			p := s.volume()
			if _, twice := all[p.name]; !twice {
				all[p.name] = p
			}
		}
	})
	return all
}

// audience reads a string, without allocating for the common ones.
func (s *scanner) audience() string {
	a := s.Text()
	for i := range s.r.methods {
		if known := s.r.methods[i].Audience; string(a) == known {
			return known
		}
	}
	return string(a)
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

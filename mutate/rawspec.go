package mutate

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/strictjson"
)

// tokenSource is a serviceAccountToken of a projected volume, as far as a method's file
// comes from it.
type tokenSource struct {
	found      bool
	audience   string
	expiration int64
}

func (s *scanner) volumes() {
	if !s.enter('[') {
		return
	}
	s.view.hasVolumes = true
	for i := 0; s.more(); i++ {
		s.volume(i)
	}
}

func (s *scanner) volume(index int) {
	if !s.enter('{') {
		return
	}
	var ours [2]bool // by Method; the name may come after what it names
	var sources [2]tokenSource
	for s.more() {
		switch string(s.name()) {
		case "name":
			name := s.text()
			for i := range ours {
				ours[i] = string(name) == s.m.methods[i].volumeName
			}
		case "projected":
			s.projected(&sources)
		default:
			s.skip()
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
	if !s.enter('{') {
		return
	}
	for s.more() {
		if string(s.name()) != "sources" {
			s.skip()
			continue
		}
		if !s.enter('[') {
			continue
		}
		for s.more() {
			s.source(sources)
		}
	}
}

func (s *scanner) source(sources *[2]tokenSource) {
	if !s.enter('{') {
		return
	}
	for s.more() {
		if string(s.name()) == "serviceAccountToken" {
			s.serviceAccountToken(sources)
		} else {
			s.skip()
		}
	}
}

func (s *scanner) serviceAccountToken(sources *[2]tokenSource) {
	if !s.enter('{') {
		return
	}
	var t tokenSource
	var atPath [2]bool
	for s.more() {
		switch string(s.name()) {
		case "path":
			path := s.text()
			for i := range atPath {
				atPath[i] = string(path) == s.m.methods[i].fileName
			}
		case "audience":
			t.audience = s.audience()
		case "expirationSeconds":
			t.expiration = s.integer()
		default:
			s.skip()
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
	switch a := s.text(); string(a) {
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

// integer reads a whole number of 64 bits, with null as 0.
func (s *scanner) integer() int64 {
	if s.err != nil {
		return 0
	}
	switch s.dec.PeekKind() {
	case 'n':
		s.skip()
		return 0
	case '0', 0:
	default:
		s.wrongType("a whole number")
		return 0
	}
	v, err := s.dec.ReadValue()
	if err != nil {
		s.err = err
		return 0
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		s.err = strictjson.At(s.doc, int(s.dec.InputOffset()), string(s.dec.StackPointer()), "want a whole number of 64 bits")
	}
	return n
}

func (s *scanner) os() {
	if !s.enter('{') {
		return
	}
	for s.more() {
		if string(s.name()) == "name" {
			s.view.osName = string(s.text())
		} else {
			s.skip()
		}
	}
}

func (s *scanner) nodeSelector() {
	if !s.enter('{') {
		return
	}
	for s.more() {
		switch string(s.name()) {
		case labelOS, labelOSBeta:
			if string(s.text()) == windowsOS {
				s.view.windowsByLabel = true
			}
		default:
			s.skip()
		}
	}
}

func (s *scanner) affinity() {
	s.only("nodeAffinity", func() {
		s.only("requiredDuringSchedulingIgnoredDuringExecution", func() {
			s.only("nodeSelectorTerms", s.nodeSelectorTerms)
		})
	})
}

// only reads one member of an object and skips the others.
func (s *scanner) only(member string, read func()) {
	if !s.enter('{') {
		return
	}
	for s.more() {
		if string(s.name()) == member {
			read()
		} else {
			s.skip()
		}
	}
}

// nodeSelectorTerms is windowsByAffinity.
func (s *scanner) nodeSelectorTerms() {
	if !s.enter('[') {
		return
	}
	terms, wanting := 0, 0
	for s.more() {
		windows := false
		s.only("matchExpressions", func() {
			if !s.enter('[') {
				return
			}
			for s.more() {
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
	if !s.enter('{') {
		return false
	}
	var byOS, in, windows bool
	values := 0
	for s.more() {
		switch string(s.name()) {
		case "key":
			key := s.text()
			byOS = string(key) == labelOS || string(key) == labelOSBeta
		case "operator":
			in = string(s.text()) == string(corev1.NodeSelectorOpIn)
		case "values":
			if !s.enter('[') {
				continue
			}
			for ; s.more(); values++ {
				windows = string(s.text()) == windowsOS
			}
		default:
			s.skip()
		}
	}
	return byOS && in && windows && values == 1
}

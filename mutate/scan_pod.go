package mutate

import (
	"fmt"
	"slices"
)

func (s *scanner) pod() {
	if !s.Object() {
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case "metadata":
			s.metadata()
		case "spec":
			s.spec()
		default:
			s.Skip()
		}
	}
}

func (s *scanner) metadata() {
	if !s.Enter('{') {
		return
	}
	s.view.hasMetadata = true
	var name, generateName int // lengths
	for s.More() {
		switch string(s.Name()) {
		case "name":
			name = len(s.Text())
		case "generateName":
			generateName = len(s.Text())
		case "labels":
			s.labels()
		case "annotations":
			s.annotations()
		default:
			s.Skip()
		}
	}
	s.view.nameFits = fitsSessionName(name, generateName)
}

func (s *scanner) labels() {
	if s.view.noLabels && s.SkipObject() {
		return
	}
	if !s.Enter('{') {
		return
	}
	s.view.hasLabels = true
	for s.More() {
		switch string(s.Name()) {
		case LabelPodIdentity:
			s.view.label = s.setting()
		case s.m.keys.byRule:
			s.view.byRule = string(s.Text()) == LabelRoleByRuleValue
		default:
			s.Skip()
		}
	}
}

func (s *scanner) annotations() {
	if !s.Enter('{') {
		return
	}
	domain := s.m.cfg.AnnotationDomain
	for s.More() {
		name := s.Name()
		if string(name) == mirrorPodKey {
			s.view.mirror = true
		}
		if len(name) > len(domain) && name[len(domain)] == '/' && string(name[:len(domain)]) == domain {
			if at := s.view.annotation(string(name[len(domain)+1:])); at != nil {
				*at = s.setting()
				continue
			}
		}
		s.Skip()
	}
}

// annotation is where an annotation of this package's is kept; nil for any other.
func (v *view) annotation(name string) *setting {
	switch name {
	case AnnotationTokenExpiration:
		return &v.expiration
	case AnnotationSkipContainers:
		return &v.skip
	}
	for k, known := range choiceAnnotations {
		if name == known {
			return &v.choices[k]
		}
	}
	return nil
}

func (s *scanner) setting() setting {
	return setting{value: string(s.Text()), set: true}
}

func (s *scanner) spec() {
	if !s.Enter('{') {
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case "volumes":
			s.volumes()
		case "containers":
			s.containers(Container)
		case "initContainers":
			s.containers(InitContainer)
		case "ephemeralContainers":
			s.containers(EphemeralContainer)
		case "nodeSelector":
			s.nodeSelector()
		case "affinity":
			s.affinity()
		case "os":
			s.os()
		case "serviceAccountName":
			s.account(&s.view.account)
		case "serviceAccount":
			s.account(&s.view.accountAlias)
		default:
			s.Skip()
		}
	}
}

func (s *scanner) account(name *string) {
	if text := s.Text(); s.view.wantAccount {
		*name = string(text)
	}
}

// containers reads one list.
func (s *scanner) containers(kind Kind) {
	if !s.view.lists.has(kind) {
		s.Skip()
		return
	}
	if !s.Enter('[') {
		return
	}
	for i := 0; s.More(); i++ {
		if len(s.view.containers) >= maxContainers {
			s.Fail(fmt.Sprintf("more than %d containers", maxContainers))
			return
		}
		s.view.containers = append(s.view.containers, containerView{kind: kind, index: i})
		s.container(&s.view.containers[len(s.view.containers)-1])
	}
}

// sortContainers brings init containers to the front, whichever list came first in the JSON.
func (v *view) sortContainers() {
	sortByKind(v.containers, func(c containerView) Kind { return c.kind })
}

func sortByKind[C any](containers []C, kind func(C) Kind) {
	rank := func(c C) int {
		switch kind(c) {
		case InitContainer:
			return 0
		case Container:
			return 1
		}
		return 2
	}
	byRank := func(a, b C) int { return rank(a) - rank(b) }
	if !slices.IsSortedFunc(containers, byRank) {
		slices.SortStableFunc(containers, byRank)
	}
}

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
			name = s.podName(&s.view.name)
		case "generateName":
			generateName = s.podName(&s.view.generateName)
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
		switch name := s.Name(); {
		case string(name) == s.r.label:
			s.view.label = s.setting()
		case string(name) == s.r.Label:
			s.view.chosen = string(s.Text()) == s.r.LabelValue
		case string(name) == s.r.Leave:
			s.view.left = true
			s.Skip()
		case string(name) == s.r.ruleLabel:
			s.view.byRule = string(s.Text()) == LabelRoleByRuleValue
		default:
			s.Skip()
		}
	}
}

// podName reads a name of the pod, and keeps it where that matters.
func (s *scanner) podName(name *string) (length int) {
	text := s.Text()
	if s.r.named {
		*name = string(text)
	}
	return len(text)
}

func (s *scanner) annotations() {
	if !s.Enter('{') {
		return
	}
	s.view.hasAnnotations = true
	for s.More() {
		name := s.Name()
		if string(name) == mirrorPodKey {
			s.view.mirror = true
		}
		if i := s.r.setting(name); i >= 0 {
			s.view.settings[i] = s.setting()
		} else {
			s.Skip()
		}
	}
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

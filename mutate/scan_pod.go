package mutate

import (
	"bytes"
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
		if string(s.Name()) == LabelPodIdentity {
			s.view.label = s.setting()
		} else {
			s.Skip()
		}
	}
}

func (s *scanner) annotations() {
	if !s.Enter('{') {
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case s.m.keys.expiration:
			s.view.expiration = s.setting()
		case s.m.keys.skip:
			s.view.skip = s.setting()
		case mirrorPodKey:
			s.view.mirror = true
			s.Skip()
		default:
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

// containers reads one list: of a new pod all but the ephemeral ones, which it cannot have,
// and of a running pod these alone.
func (s *scanner) containers(kind Kind) {
	if s.view.debug != (kind == EphemeralContainer) {
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

func (s *scanner) container(c *containerView) {
	if !s.Object() { // nothing can be added to null
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case "name":
			c.name = string(s.Text())
		case "env":
			s.env(c)
		case "envFrom":
			s.envFrom(c)
		case "volumeMounts":
			s.volumeMounts(c)
		case "volumeDevices":
			s.volumeDevices(c)
		default:
			s.Skip()
		}
	}
}

func (s *scanner) env(c *containerView) {
	if !s.Enter('[') {
		return
	}
	c.hasEnv = true
	for s.More() {
		if name, ok := s.leadingName(); ok {
			c.env |= lookupEnv(name)
			s.Skip()
			continue
		}
		if !s.Enter('{') {
			continue
		}
		for s.More() {
			if string(s.Name()) == "name" {
				c.env |= lookupEnv(s.Text())
			} else {
				s.Skip()
			}
		}
	}
}

// leadingName looks ahead at an object that begins with {"name":"NAME", as Kubernetes writes
// them, so that all of it can be skipped at once; the decoder checks it then. It gives up on
// any other spelling.
func (s *scanner) leadingName() (name []byte, ok bool) {
	const head = `{"name":"`
	rest := s.Rest()
	if len(rest) > 0 && rest[0] == ',' {
		rest = rest[1:]
	}
	if len(rest) < len(head) || string(rest[:len(head)]) != head {
		return nil, false
	}
	rest = rest[len(head):]
	end := bytes.IndexByte(rest, '"')
	if end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return nil, false
	}
	return rest[:end], true
}

func (s *scanner) envFrom(c *containerView) {
	if !s.Enter('[') {
		return
	}
	for s.More() {
		may := envOfSDKs // without a prefix
		if s.Enter('{') {
			for s.More() {
				if string(s.Name()) == "prefix" {
					may = withPrefix(string(s.Text()))
				} else {
					s.Skip()
				}
			}
		}
		c.envFrom |= may
	}
}

func (s *scanner) volumeMounts(c *containerView) {
	if !s.Enter('[') {
		return
	}
	c.hasMounts = true
	for s.More() {
		if !s.Enter('{') {
			continue
		}
		var ours, atPath [2]bool // by Method, in whichever order the members come
		for s.More() {
			switch string(s.Name()) {
			case "name":
				name := s.Text()
				for i := range ours {
					ours[i] = string(name) == s.m.methods[i].volumeName
				}
			case "mountPath":
				atPath = s.paths()
			default:
				s.Skip()
			}
		}
		for i := range ours {
			c.mounts[i].see(ours[i], atPath[i])
		}
	}
}

func (s *scanner) volumeDevices(c *containerView) {
	if !s.Enter('[') {
		return
	}
	for s.More() {
		if !s.Enter('{') {
			continue
		}
		for s.More() {
			if string(s.Name()) != "devicePath" {
				s.Skip()
				continue
			}
			for i, atPath := range s.paths() {
				c.mounts[i].see(false, atPath)
			}
		}
	}
}

// paths reads a path and compares it with each method's.
func (s *scanner) paths() (atPath [2]bool) {
	p := s.Text()
	for i := range atPath {
		ours := s.m.methods[i].mountPath
		atPath[i] = string(p) == ours || len(p) > len(ours) && samePath(string(p), ours)
	}
	return atPath
}

// sortContainers brings init containers to the front, whichever list came first in the JSON.
func (v *view) sortContainers() {
	rank := func(c containerView) int {
		switch c.kind {
		case InitContainer:
			return 0
		case Container:
			return 1
		}
		return 2
	}
	byRank := func(a, b containerView) int { return rank(a) - rank(b) }
	if !slices.IsSortedFunc(v.containers, byRank) {
		slices.SortStableFunc(v.containers, byRank)
	}
}

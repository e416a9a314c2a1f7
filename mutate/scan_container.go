package mutate

import (
	"bytes"
	"strings"
)

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
		if name, ok := s.leadingName(); ok && s.r.lookup(name) == 0 {
			s.Skip()
			continue
		}
		s.envEntry(c)
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

// envEntry reads one variable (EnvVar in k8s.io/api/core/v1).
func (s *scanner) envEntry(c *containerView) {
	if !s.Enter('{') {
		return
	}
	var set envSet
	var value string
	var from reference
	for s.More() {
		switch string(s.Name()) {
		case "name":
			set = s.r.lookup(s.Text())
		case "value":
			value = string(s.Text())
		case "valueFrom":
			from = s.valueFrom()
		default:
			s.Skip()
		}
	}
	switch proxy := set.hasAny(s.r.proxy | s.r.noProxy); {
	case proxy && value == "" && !from.given:
		return // an empty one of a proxy's names says nothing about the other names
	case !proxy && c.env.hasAny(set):
		c.values = append(c.values, envValue{variable: set.first()}) // which hides what an earlier entry said
	}
	c.seeEnv(set, value, from)
}

// seeEnv records one entry. What an earlier one of the same name said is forgotten.
func (c *containerView) seeEnv(set envSet, value string, from reference) {
	if set == 0 {
		return
	}
	c.env |= set
	c.empty, c.hidden, c.maybe = c.empty&^set, c.hidden&^set, c.maybe&^set
	switch {
	case from.given:
		c.hidden |= set
		if from.optional {
			c.maybe |= set
		}
	case strings.Contains(value, "$("): // https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
		c.hidden |= set
		if isReferences(value) {
			c.maybe |= set
		}
	case value == "":
		c.empty |= set
	default:
		c.values = append(c.values, envValue{set.first(), value})
	}
}

// isReferences says that a value has nothing but references to other variables, any of which
// may be empty.
func isReferences(value string) bool {
	for strings.HasPrefix(value, "$(") {
		_, rest, ends := strings.Cut(value, ")")
		if !ends { // that is no reference
			return false
		}
		value = rest
	}
	return value == ""
}

// reference is a value that comes from elsewhere.
type reference struct {
	given    bool
	optional bool // there may be nothing
}

func (s *scanner) valueFrom() (r reference) {
	if !s.Enter('{') {
		return r
	}
	r.given = true
	for s.More() {
		switch string(s.Name()) {
		case "secretKeyRef", "configMapKeyRef", "fileKeyRef":
			s.Only("optional", func() { r.optional = r.optional || string(s.Raw()) == "true" })
		case "fieldRef":
			s.Only("fieldPath", func() {
				path := s.Text() // a label or an annotation that is not there is empty
				r.optional = r.optional || bytes.IndexByte(path, '[') >= 0
			})
		case "resourceFieldRef":
			s.Skip()
		default:
			r.optional = true
			s.Skip()
		}
	}
	return r
}

func (s *scanner) envFrom(c *containerView) {
	if !s.Enter('[') {
		return
	}
	for s.More() {
		may := s.r.sdks // without a prefix
		s.Only("prefix", func() { may = s.r.withPrefix(string(s.Text())) })
		c.envFrom |= may
	}
}

func (s *scanner) volumeMounts(c *containerView) {
	from := s.Offset()
	if !s.Enter('[') {
		return
	}
	c.hasMounts = true
	for s.More() {
		s.volumeMount(c)
	}
	c.mountList = s.Since(from)
}

// volumeMount reads one mount, and keeps what matters of it.
func (s *scanner) volumeMount(c *containerView) {
	if !s.Enter('{') {
		return
	}
	var m nearMount
	for s.More() {
		switch string(s.Name()) {
		case "name":
			if name := s.Text(); s.r.isVolume(name) {
				m.name = string(name)
			}
		case "mountPath":
			m.path = s.nearPath()
		case "subPath", "subPathExpr":
			m.part = len(s.Text()) > 0 || m.part
		default:
			s.Skip()
		}
	}
	if m.name != "" || m.path != "" {
		c.near = append(c.near, m)
	}
}

func (s *scanner) volumeDevices(c *containerView) {
	if !s.Enter('[') {
		return
	}
	for s.More() {
		// A device's path and a mount's may not be the same either.
		s.Only("devicePath", func() {
			if p := s.nearPath(); p != "" {
				c.near = append(c.near, nearMount{path: p})
			}
		})
	}
}

// nearPath reads a path; "" for one that is not near a mount path.
func (s *scanner) nearPath() string {
	p := s.Text()
	if !s.r.near(p) {
		return ""
	}
	return string(p)
}

// readMounts reads a list of mounts, which was checked before.
func (s *scanner) readMounts(list []byte) (mounts []mount) {
	_ = readPod(s.Scanner, list, func() {
		if !s.Enter('[') {
			return
		}
		for s.More() {
			if m, ok := s.mount(); ok {
				mounts = append(mounts, m)
			}
		}
	})
	return mounts
}

// mount is a volumeMount as the judge needs it.
type mount struct{ name, path, subPath, subPathExpr string }

func (s *scanner) mount() (m mount, ok bool) {
	if !s.Enter('{') {
		return m, false
	}
	for s.More() {
		switch string(s.Name()) {
		case "name":
			m.name = string(s.Text())
		case "mountPath":
			m.path = string(s.Text())
		case "subPath":
			m.subPath = string(s.Text())
		case "subPathExpr":
			m.subPathExpr = string(s.Text())
		default:
			s.Skip()
		}
	}
	return m, true
}

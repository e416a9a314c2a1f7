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
		if name, ok := s.leadingName(); ok && lookupEnv(name) == 0 {
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
			set = lookupEnv(s.Text())
		case "value":
			value = string(s.Text())
		case "valueFrom":
			from = s.valueFrom()
		default:
			s.Skip()
		}
	}
	c.seeEnv(set, value, from)
}

// seeEnv records one entry. What an earlier one of the same name said is forgotten.
func (c *containerView) seeEnv(set envSet, value string, from reference) {
	if set == 0 || set.hasAny(envProxies) && value == "" && !from.given {
		return // an empty one of the proxy's names says nothing about the other names
	}
	c.env |= set
	c.empty, c.hidden, c.maybe, c.optional = c.empty&^set, c.hidden&^set, c.maybe&^set, c.optional&^set
	switch {
	case from.given:
		c.hidden |= set
		if from.optional {
			c.maybe, c.optional = c.maybe|set, c.optional|set
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
		_, value, _ = strings.Cut(value, ")")
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
		may := envOfSDKs // without a prefix
		s.Only("prefix", func() { may = withPrefix(string(s.Text())) })
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
		if !s.Enter('{') {
			continue
		}
		var ours [2]bool // by Method, in whichever order the members come
		var at [2]place
		whole := true
		for s.More() {
			switch string(s.Name()) {
			case "name":
				name := s.Text()
				for i := range ours {
					ours[i] = string(name) == s.m.methods[i].volumeName
				}
			case "mountPath":
				at = s.places()
			case "subPath", "subPathExpr":
				whole = len(s.Text()) == 0 && whole
			default:
				s.Skip()
			}
		}
		for i := range ours {
			c.mounts[i].see(ours[i], at[i], whole)
		}
	}
	c.mountList = s.Since(from)
}

func (s *scanner) volumeDevices(c *containerView) {
	if !s.Enter('[') {
		return
	}
	for s.More() {
		// A device's path and a mount's may not be the same either.
		s.Only("devicePath", func() {
			for i, at := range s.places() {
				c.mounts[i].see(false, at, true)
			}
		})
	}
}

// places reads a path and compares it with each method's.
func (s *scanner) places() (at [2]place) {
	p := s.Text()
	for i := range at {
		at[i] = s.m.methods[i].placeOf(p)
	}
	return at
}

// mount is a volumeMount as the diagnosis needs it.
type mount struct{ name, path, subPath, subPathExpr string }

// mountsOf reads a list of mounts, which was checked before.
func (s *scanner) mountsOf(list []byte) (mounts []mount) {
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

// mount reads one mount.
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

package mutate

import (
	"fmt"
	"strings"
)

// containerFacts is a container as the pod has it.
type containerFacts struct {
	name              string
	kind              Kind
	index             int
	hasEnv, hasMounts bool // arrays
	env               map[string]envFacts
	envFrom           bool
	mounts            []mount // devices too, without a name
}

// envFacts is the last entry of a variable's name, which is the one that counts.
type envFacts struct {
	value  string
	hidden bool // the value does not stand in the pod
}

func (e envFacts) empty() bool { return !e.hidden && e.value == "" }

func (r *podReader) containers(kind Kind) {
	if !r.kinds.has(kind) {
		r.Skip()
		return
	}
	if !r.Enter('[') {
		return
	}
	for i := 0; r.More(); i++ {
		if len(r.pod.containers) >= maxContainers {
			r.Fail(fmt.Sprintf("more than %d containers", maxContainers))
			return
		}
		r.pod.containers = append(r.pod.containers, containerFacts{kind: kind, index: i, env: map[string]envFacts{}})
		r.container(&r.pod.containers[len(r.pod.containers)-1])
	}
}

func (r *podReader) container(c *containerFacts) {
	if !r.Object() { // nothing can be added to null
		return
	}
	for r.More() {
		switch string(r.Name()) {
		case "name":
			c.name = string(r.Text())
		case "env":
			r.env(c)
		case "envFrom":
			if r.Enter('[') {
				for r.More() {
					c.envFrom = true
					r.Skip()
				}
			}
		case "volumeMounts":
			r.mounts(c)
		case "volumeDevices":
			r.devices(c)
		default:
			r.Skip()
		}
	}
}

func (r *podReader) env(c *containerFacts) {
	if !r.Enter('[') {
		return
	}
	c.hasEnv = true
	for r.More() {
		if !r.Enter('{') {
			continue
		}
		var name string
		var e envFacts
		for r.More() {
			switch string(r.Name()) {
			case "name":
				name = string(r.Text())
			case "value":
				e.value = string(r.Text())
			case "valueFrom":
				e.hidden = r.valueFrom().given || e.hidden
			default:
				r.Skip()
			}
		}
		e.hidden = e.hidden || strings.Contains(e.value, "$(")
		c.env[name] = e
	}
}

func (r *podReader) mounts(c *containerFacts) {
	if !r.Enter('[') {
		return
	}
	c.hasMounts = true
	for r.More() {
		if m, ok := r.mount(); ok {
			c.mounts = append(c.mounts, m)
		}
	}
}

func (r *podReader) devices(c *containerFacts) {
	if !r.Enter('[') {
		return
	}
	for r.More() { // a device's path and a mount's may not be the same either
		r.Only("devicePath", func() { c.mounts = append(c.mounts, mount{path: string(r.Text())}) })
	}
}

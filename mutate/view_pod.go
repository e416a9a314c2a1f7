package mutate

import (
	"path"

	corev1 "k8s.io/api/core/v1"
)

// viewPod fills v from a decoded pod.
func (m *Mutator) viewPod(v *view, pod *corev1.Pod) {
	v.hasMetadata = true // encoding/json writes it always
	v.hasLabels = len(pod.Labels) > 0
	v.label = lookup(pod.Labels, LabelPodIdentity)
	v.expiration = lookup(pod.Annotations, m.keys.expiration)
	v.skip = lookup(pod.Annotations, m.keys.skip)
	_, v.mirror = pod.Annotations[mirrorPodKey]
	v.nameFits = fitsSessionName(len(pod.Name), len(pod.GenerateName))
	if pod.Spec.OS != nil {
		v.osName = string(pod.Spec.OS.Name)
	}
	v.windowsByLabel = pod.Spec.NodeSelector[labelOS] == windowsOS ||
		pod.Spec.NodeSelector[labelOSBeta] == windowsOS || windowsByAffinity(pod.Spec.Affinity)
	v.hasVolumes = len(pod.Spec.Volumes) > 0
	for i := range pod.Spec.Volumes {
		m.viewVolume(v, i, &pod.Spec.Volumes[i])
	}
	if v.debug {
		for i := range pod.Spec.EphemeralContainers {
			c := (*corev1.Container)(&pod.Spec.EphemeralContainers[i].EphemeralContainerCommon)
			v.containers = append(v.containers, m.viewContainer(EphemeralContainer, i, c))
		}
		return
	}
	for i := range pod.Spec.InitContainers {
		v.containers = append(v.containers, m.viewContainer(InitContainer, i, &pod.Spec.InitContainers[i]))
	}
	for i := range pod.Spec.Containers {
		v.containers = append(v.containers, m.viewContainer(Container, i, &pod.Spec.Containers[i]))
	}
}

func lookup(values map[string]string, key string) setting {
	value, set := values[key]
	return setting{value: value, set: set}
}

func (m *Mutator) viewVolume(v *view, index int, vol *corev1.Volume) {
	for i := range m.methods {
		if vol.Name != m.methods[i].volumeName || v.volumes[i].state == volumeForeign {
			continue
		}
		v.volumes[i] = volumeView{state: volumeForeign, index: index}
		if vol.Projected == nil {
			continue
		}
		for _, src := range vol.Projected.Sources {
			if t := src.ServiceAccountToken; t != nil && t.Path == m.methods[i].fileName {
				v.volumes[i] = volumeView{state: volumeOurs, index: index, audience: t.Audience}
				if t.ExpirationSeconds != nil {
					v.volumes[i].expiration = *t.ExpirationSeconds
				}
				break
			}
		}
	}
}

func (m *Mutator) viewContainer(kind Kind, index int, c *corev1.Container) containerView {
	v := containerView{
		name: c.Name, kind: kind, index: index,
		hasEnv: len(c.Env) > 0, hasMounts: len(c.VolumeMounts) > 0,
	}
	for i := range c.Env {
		v.env |= lookupEnv(c.Env[i].Name)
	}
	for i := range c.EnvFrom {
		v.envFrom |= withPrefix(c.EnvFrom[i].Prefix)
	}
	for i := range c.VolumeMounts {
		m.seeMount(&v, c.VolumeMounts[i].Name, c.VolumeMounts[i].MountPath)
	}
	for i := range c.VolumeDevices {
		// A device's path and a mount's may not be the same either.
		m.seeMount(&v, "", c.VolumeDevices[i].DevicePath)
	}
	return v
}

func (m *Mutator) seeMount(v *containerView, name, mountPath string) {
	for i := range m.methods {
		v.mounts[i].see(name == m.methods[i].volumeName, samePath(mountPath, m.methods[i].mountPath))
	}
}

// samePath compares a pod's path with one of ours, which is clean. Spellings that the API
// server tells apart still end up in the same place.
func samePath(p, clean string) bool {
	if p == clean {
		return true
	}
	// Only what is longer can clean to it, but for a missing slash in front.
	return len(p) > len(clean) && path.Clean(p) == clean
}

// windowsByAffinity says whether every node that the pod may run on is labelled Windows:
// each term of the required affinity, any of which may hold, asks for it.
func windowsByAffinity(a *corev1.Affinity) bool {
	if a == nil || a.NodeAffinity == nil || a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return false
	}
	terms := a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	for i := range terms {
		if !termWantsWindows(&terms[i]) {
			return false
		}
	}
	return len(terms) > 0
}

func termWantsWindows(t *corev1.NodeSelectorTerm) bool {
	for _, e := range t.MatchExpressions {
		if (e.Key == labelOS || e.Key == labelOSBeta) && e.Operator == corev1.NodeSelectorOpIn &&
			len(e.Values) == 1 && e.Values[0] == windowsOS {
			return true
		}
	}
	return false
}

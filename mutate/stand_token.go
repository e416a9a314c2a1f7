package mutate

import "path"

// sight is what a pod shows of a token's file.
type sight uint8

const (
	unseen  sight = iota // its content is not of a kind that a pod shows
	missing              // no token can be there
	seen                 // a service account's token is projected to it
)

// token finds the token that clients get who start from a file. Our own may need our other files
// and our mark as well.
func (j *judge) token(m *method, c *containerView, g gain, file string) (tokenSource, sight) {
	if file != j.Vars[m.file.first()].Value {
		return j.tokenAt(c, g, file)
	}
	if j.mark >= 0 && j.g != nil {
		if s := j.v.settings[j.mark]; s.value != j.g.mark && (s.set || !j.planned) {
			return tokenSource{}, missing
		}
	}
	for _, s := range m.Sources {
		volume, inVolume, sight := j.behind(c, g, m.MountPath+"/"+s.File)
		if sight == seen && !volume.has(projectedFile{inVolume, s.FieldPath}) {
			sight = missing
		}
		if sight != seen {
			return tokenSource{}, sight
		}
	}
	return j.tokenAt(c, g, m.token)
}

// tokenAt finds the token at a path of a container.
func (j *judge) tokenAt(c *containerView, g gain, file string) (tokenSource, sight) {
	volume, inVolume, sight := j.behind(c, g, file)
	if sight != seen {
		return tokenSource{}, sight
	}
	t, ok := volume.at(inVolume)
	switch {
	case ok:
		return t, seen
	case volume.projected && !volume.others:
		return tokenSource{}, missing
	}
	return tokenSource{}, j.otherwise(file)
}

// otherwise is what is to be seen of a file that no volume of the pod shows: whoever points below
// one of our mount paths means our token.
func (j *judge) otherwise(file string) sight {
	for i := range j.methods {
		if _, ours := placed(file).below(placed(j.methods[i].MountPath)); ours {
			return missing
		}
	}
	return unseen
}

// behind finds the volume that a file comes from, that of the innermost mount above it, and the
// file's path in the volume.
func (j *judge) behind(c *containerView, g gain, file string) (projection, string, sight) {
	at := placed(file)
	best, inMount := mount{}, ""
	for _, m := range j.mounts(c, g) {
		// Of two names of one directory, the one with more segments is mounted later.
		if rest, ok := at.below(placed(m.path)); ok && len(placed(m.path).clean)+len(m.path) >= len(placed(best.path).clean)+len(best.path) {
			best, inMount = m, rest
		}
	}
	if best.path == "" || best.subPathExpr != "" {
		return projection{}, "", j.otherwise(file)
	}
	volume, there := j.projection(best.name)
	if !there {
		return projection{}, "", missing
	}
	return volume, path.Join(best.subPath, inMount), seen
}

// mounts are those that the container has and the one that it gets.
func (j *judge) mounts(c *containerView, g gain) (mounts []mount) {
	if len(c.mountList) > 0 {
		s := j.scanner()
		mounts = s.readMounts(c.mountList)
		j.release(s)
	}
	if g.mount {
		mounts = append(mounts, mount{name: j.volume.name, path: j.m.MountPath})
	}
	return mounts
}

// projection is the volume of a name that the pod has or gets.
func (j *judge) projection(name string) (p projection, there bool) {
	if j.planned && name == j.volume.name && j.volume.state == volumeAbsent {
		p = projection{projected: true, tokens: []tokenSource{{path: j.m.File, audience: j.audience}}}
		for _, s := range j.m.Sources {
			p.files = append(p.files, projectedFile{s.File, s.FieldPath})
		}
		p.sort()
		return p, true
	}
	if j.volumes == nil && len(j.v.volumeList) > 0 { // once, for all containers
		s := j.scanner()
		j.volumes = s.projections(j.v.volumeList)
		j.release(s)
	}
	p, there = j.volumes[name]
	return p, there
}

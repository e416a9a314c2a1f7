package mutate

import "path"

// sight is what a pod shows of a token's file.
type sight uint8

const (
	unseen  sight = iota // its content is not of a kind that a pod shows
	missing              // no token can be there
	seen                 // a service account's token is projected to it
)

// token finds the projection that a file comes from: the innermost mount above it, and in that
// mount's volume the token of the path.
func (j *judge) token(c *containerView, g gain, file string) (tokenSource, sight) {
	otherwise := unseen
	at := placed(file)
	for i := range j.m.methods {
		if _, ours := at.below(placed(j.m.methods[i].mountPath)); ours {
			otherwise = missing // whoever points there means our token
		}
	}
	best, inMount := mount{}, ""
	for _, m := range j.mounts(c, g) {
		// Of two names of one directory, the one with more segments is mounted later.
		if rest, ok := at.below(placed(m.path)); ok && len(placed(m.path).clean)+len(m.path) >= len(placed(best.path).clean)+len(best.path) {
			best, inMount = m, rest
		}
	}
	if best.path == "" || best.subPathExpr != "" {
		return tokenSource{}, otherwise
	}
	volume, there := j.projection(best.name)
	t, ok := volume.at(path.Join(best.subPath, inMount))
	switch {
	case ok:
		return t, seen
	case !there || volume.projected && !volume.others:
		return tokenSource{}, missing
	}
	return tokenSource{}, otherwise
}

// mounts are those that the container has and the one that it gets.
func (j *judge) mounts(c *containerView, g gain) (mounts []mount) {
	if len(c.mountList) > 0 {
		s := j.m.scanner()
		mounts = s.mountsOf(c.mountList)
		j.m.release(s)
	}
	if ours := &j.m.methods[j.id.Method]; g.mount {
		mounts = append(mounts, mount{name: ours.volumeName, path: ours.mountPath})
	}
	return mounts
}

// projection is the volume of a name that the pod has or gets.
func (j *judge) projection(name string) (p projection, there bool) {
	if ours := &j.m.methods[j.id.Method]; j.planned && name == ours.volumeName && j.v.volumes[j.id.Method].state == volumeAbsent {
		return projection{name: name, projected: true, tokens: []tokenSource{{path: ours.fileName, audience: j.audience}}}, true
	}
	if len(j.v.volumeList) == 0 {
		return p, false
	}
	s := j.m.scanner()
	defer j.m.release(s)
	return s.projectionOf(j.v.volumeList, name)
}

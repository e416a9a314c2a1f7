package mutate

import (
	"path"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/profile"
)

// place is where something is mounted, beside a method's mount path.
type place uint8

const (
	atOther place = iota
	atPath        // at our path, however its slashes are spelled
	atAlias       // at what most images have as another name of it
	atFile        // in front of a file
)

// placeOf compares a mount's path with the method's. Spellings that the API server tells apart
// still end up in the same place.
func (m *method) placeOf(p string) place {
	at, ours := placed(p), placed(m.MountPath)
	switch {
	case path.Clean("/"+p) == m.MountPath:
		return atPath
	case at.equal(ours) && at.windows:
		return atPath
	case at.equal(ours):
		return atAlias
	case m.hides(at, m.File) || slices.ContainsFunc(m.Sources, func(s profile.Source) bool { return m.hides(at, s.File) }):
		return atFile
	}
	return atOther
}

// hides says that what is mounted at a place within the mount path is in front of a file.
func (m *method) hides(at placedPath, file string) bool {
	_, within := at.below(placed(m.MountPath))
	_, hides := placed(m.MountPath + "/" + file).below(at)
	return within && hides
}

// placedPath is a path in a container by the place that it leads to.
type placedPath struct {
	clean   string
	windows bool // upper and lower case are the same
}

// placed reads a path as the two kinds of systems do: on Windows without its drive, which is
// always the system's, and with either slash; elsewhere /run is /var/run
// (https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch05s13.html).
func placed(p string) placedPath {
	drive := len(p) >= 2 && p[1] == ':'
	if drive {
		p = p[2:]
	}
	windows := drive || strings.IndexByte(p, '\\') >= 0
	if windows {
		p = strings.ReplaceAll(p, `\`, "/")
	}
	p = path.Clean("/" + p)
	if p == "/run" || strings.HasPrefix(p, "/run/") {
		p = "/var" + p
	}
	return placedPath{p, windows}
}

func (p placedPath) equal(q placedPath) bool {
	return p.clean == q.clean || (p.windows || q.windows) && strings.EqualFold(p.clean, q.clean)
}

// below returns the rest of p under the directory; ok when p is it or is in it.
func (p placedPath) below(dir placedPath) (rest string, ok bool) {
	if dir.clean == "/" {
		return p.clean[1:], true
	}
	n := len(dir.clean)
	if len(p.clean) < n || !(placedPath{p.clean[:n], p.windows}).equal(dir) {
		return "", false
	}
	if rest = p.clean[n:]; rest == "" {
		return "", true
	}
	return rest[1:], rest[0] == '/'
}

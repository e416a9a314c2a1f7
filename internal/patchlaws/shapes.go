package patchlaws

import (
	"math/rand/v2"
	"strings"
)

// Words are what the pods of Shapes have in them that matters to one mutation: values of JSON, in
// quotes where they are text.
type Words struct {
	Labels, Annotations   []string // whole members
	EnvNames, EnvValues   []string
	VolumeNames, Paths    []string
	TokenPaths, Audiences []string
	OtherSources          []string // whole members
}

// Shapes calls try with n pods that make sense, the same ones each time.
func Shapes(n int, w Words, try func(pod string)) {
	s := shape{words: w, random: rand.New(rand.NewPCG(1, 2))}
	for range n {
		try(s.pod())
	}
}

type shape struct {
	words  Words
	random *rand.Rand
}

func (s *shape) pick(of ...string) string { return of[s.random.IntN(len(of))] }

// list writes up to three elements, or null.
func (s *shape) list(element func() string) string {
	n := s.random.IntN(5)
	if n == 4 {
		return "null"
	}
	elements := make([]string, n)
	for i := range elements {
		elements[i] = element()
	}
	return "[" + strings.Join(elements, ",") + "]"
}

// object writes members in either order, leaving some out.
func (s *shape) object(members ...string) string {
	var kept []string
	for _, m := range members {
		switch s.random.IntN(4) {
		case 0, 1:
			kept = append(kept, m)
		case 2:
			kept = append([]string{m}, kept...)
		}
	}
	return "{" + strings.Join(kept, s.pick(",", " ,\n ")) + "}"
}

func (s *shape) pod() string {
	return "{" + s.pick(``, `"x":1e400,`) + `"spec":` + s.object(
		`"containers":`+s.list(s.container), `"initContainers":`+s.list(s.container), `"volumes":`+s.list(s.volume), `"y":0`,
	) + `,"metadata":` + s.pick(`null`, s.metadata(), s.metadata(), s.metadata(), s.metadata()) + "}"
}

func (s *shape) metadata() string {
	return s.object(`"name":"p"`, `"generateName":"p-"`,
		`"labels":`+s.pick(append(s.words.Labels, `null`)...),
		`"annotations":`+s.pick(`null`, s.object(s.words.Annotations...), s.object(s.words.Annotations...)))
}

func (s *shape) container() string {
	return s.object(
		`"name":`+s.pick(`"a"`, `"b"`, `"\u0061"`),
		`"env":`+s.list(func() string {
			return s.object(`"name":`+s.pick(s.words.EnvNames...), `"value":`+s.pick(s.words.EnvValues...),
				s.pick(`"valueFrom":null`, `"valueFrom":{"secretKeyRef":{"key":"k"}}`))
		}),
		`"envFrom":`+s.list(func() string { return `{"prefix":"X"}` }),
		`"volumeMounts":`+s.list(func() string {
			return s.object(`"name":`+s.pick(s.words.VolumeNames...), `"mountPath":`+s.pick(s.words.Paths...),
				`"subPath":`+s.pick(`""`, `"token"`), `"subPathExpr":`+s.pick(`""`, `"$(X)"`))
		}),
		`"volumeDevices":`+s.list(func() string { return `{"name":"d","devicePath":` + s.pick(s.words.Paths...) + `}` }))
}

func (s *shape) volume() string {
	return s.object(`"name":`+s.pick(s.words.VolumeNames...), `"emptyDir":{}`, `"projected":{"sources":[`+strings.Join([]string{
		`{"serviceAccountToken":{"path":` + s.pick(s.words.TokenPaths...) + `,"audience":` + s.pick(s.words.Audiences...) + `,"expirationSeconds":` + s.pick(`3600`, `86400`, `null`) + `}}`,
		s.object(s.pick(append(s.words.OtherSources, `"configMap":{"name":"c"}`)...)),
	}, ",")+`]}`)
}

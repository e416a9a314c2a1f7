package mutate

import (
	"math/bits"
	"slices"
	"strings"
)

// judge is the one rule for what credentials the clients of a container find. The diagnosis of a
// pod that exists, the warnings and the completeness of a mutation all answer by it.
type judge struct {
	*engine
	v        *view
	g        *grant // nil: none was asked for
	method   int    // the grant's
	m        *method
	audience string // that its token must be for
	volume   volumeView
	planned  bool                  // judge the pod as the patch will leave it
	volumes  map[string]projection // the pod's, once they are asked for
}

// gain is what the patch gives a container.
type gain struct {
	skip  bool // nothing: an annotation names it
	add   envSet
	mount bool
}

// verdict is how a container stands.
type verdict struct {
	standing Standing
	causes   []Cause
	message  string
	// works says that the container has an identity that works, the one asked for or its
	// own, whatever the values are that the pod does not show.
	works bool
}

func (e *engine) newJudge(v *view, g *grant) judge {
	j := judge{engine: e, v: v, g: g}
	if g != nil {
		j.method = g.method
	}
	j.m = &e.methods[j.method]
	j.audience = j.m.Audience
	if g != nil {
		j.audience = g.audience
	}
	j.volume = v.volume(j.m)
	return j
}

// contenders are the methods that clients look for.
func (j *judge) contenders() []method {
	if j.Choose != "" {
		return j.methods[j.method:][:1]
	}
	return j.methods
}

// needs are the variables that an identity of a method needs.
func (j *judge) needs(m *method) envSet {
	if m == j.m && j.g != nil {
		return j.g.needs
	}
	return m.needs
}

// stand follows the order in which clients look for credentials, for the SDKs of AWS that of
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html. They treat an
// empty variable as absent.
func (j *judge) stand(c *containerView, g gain) verdict {
	given := c.given() | g.add
	unsure := ""
	for _, credential := range j.static {
		first := j.Vars[credential.first()].Name
		switch {
		case !given.hasAny(credential), !(given | c.envFrom&^c.env).has(credential):
		case given.has(credential) && !c.maybe.hasAny(credential):
			return verdict{HasOther, []Cause{CauseStaticCredentials}, first + " is set, which SDKs prefer", true}
		default:
			unsure = first
		}
	}
	v := j.identity(c, g)
	if unsure != "" {
		v.standing, v.causes = Unknown, append(v.causes, CauseReference)
		v.message = "SDKs prefer " + unsure + ", which is set if what it refers to is there; else " + v.message
	}
	return v
}

// identity is stand for a container without static keys.
func (j *judge) identity(c *containerView, g gain) verdict {
	given := c.given() | g.add
	methods := j.contenders()
	for i := range methods {
		if m := &methods[i]; given.holds(j.needs(m)) {
			return j.pair(m, c, g)
		}
	}
	var heads envSet // that are an identity of their own
	for i := range methods {
		if m := &methods[i]; len(m.Agents) > 0 {
			heads |= m.needs &^ m.file
			uri := c.value((m.needs &^ m.file).first())
			if given.has(m.needs&^m.file) && !c.hidden.has(m.needs&^m.file) && !slices.Contains(m.Agents, uri) {
				return verdict{HasOther, []Cause{CauseOtherMethod}, "its credentials are those of " + quoted(uri), true}
			}
		}
	}
	return j.none(c, g, heads)
}

// none is identity for a container that has not all variables of any method.
func (j *judge) none(c *containerView, g gain, heads envSet) verdict {
	given := c.given() | g.add
	v := verdict{standing: FallsToNode}
	if strings.EqualFold(j.value(c, g, j.nodeOff), "true") {
		v.standing = HasNone
	}
	from := given | c.envFrom&^c.env
	var needs envSet
	var empty, may bool // all variables of an identity are, or may be, there
	methods := j.contenders()
	for i := range methods {
		need := j.needs(&methods[i])
		needs |= need
		empty, may = empty || (c.env|g.add).holds(need), may || from.holds(need)
	}
	for _, credential := range j.static {
		may = may || from.has(credential)
	}
	switch {
	case empty || c.env.hasAny(needs) && !given.hasAny(needs):
		v.causes, v.message = []Cause{CauseEmpty}, "its identity variables are set but empty, which SDKs take as absent"
	case given.hasAny(needs):
		v.causes, v.message = []Cause{CausePartial}, "only one of two identity variables is set"
		if bits.OnesCount16(uint16(j.m.needs)) > 2 {
			v.message = "some of its identity variables are not set"
		}
	default:
		v.causes, v.message = []Cause{CauseNotMutated}, "no identity variables are set"
	}
	switch {
	case may:
		v.standing, v.causes = Unknown, append(v.causes, CauseReference)
		v.message += " in env; envFrom may or may not hold them"
	case c.hidden.hasAny(heads): // an endpoint of its own would need no other
		v.standing, v.causes = Unknown, append(v.causes, CauseReference)
		v.message += ", and its value is not in the pod"
	}
	return v
}

// pair looks at a container that has all variables of a method.
func (j *judge) pair(m *method, c *containerView, g gain) verdict {
	needs := j.needs(m)
	hidden, maybe := c.hidden&needs&^g.add, c.maybe&needs&^g.add
	if maybe != 0 {
		return verdict{Unknown, []Cause{CauseEmpty, CauseReference}, "the value of an identity variable is not in the pod, and may be empty", false}
	}
	token, found := tokenSource{}, unseen
	file := j.value(c, g, m.file)
	if !hidden.has(m.file) {
		token, found = j.token(m, c, g, file)
	}
	proxied := len(m.Agents) > 0 && j.proxied(m, c, g)
	v := j.compare(m, c, g, hidden)
	v.works = found != missing && !proxied
	missed := "no service account token is mounted at " + quoted(file)
	switch {
	case v.standing == HasOther && found == missing && j.g != nil:
		v.message += ", and " + missed
	case found == missing && hidden == 0:
		v = verdict{Broken, []Cause{CauseNoToken}, missed, false}
	case v.standing != HasIdentity:
	case found == unseen:
		v = verdict{Unknown, []Cause{CauseReference}, "the pod does not show what is in " + quoted(file), v.works}
	case token.audience != j.audience:
		v = verdict{Broken, []Cause{CauseOtherAudience}, "its token is for audience " + quoted(token.audience) + ", not " + quoted(j.audience), false}
	case proxied:
		v = verdict{Broken, []Cause{CauseProxy}, "it asks a proxy for the agent's credentials: NO_PROXY must hold the agent's address", false}
	}
	return v
}

// compare says whose identity a container has, as far as its variables tell; not whether it works.
func (j *judge) compare(m *method, c *containerView, g gain, hidden envSet) verdict {
	switch {
	case hidden != 0:
		return verdict{standing: Unknown, causes: []Cause{CauseReference}, message: "the value of an identity variable is not in the pod"}
	case j.g == nil:
		return verdict{standing: HasOther, message: "it has an identity, although its account has none"}
	case m != j.m:
		return verdict{standing: HasOther, causes: []Cause{CauseOtherMethod}, message: "it uses " + m.Name}
	}
	for left := j.g.needs; left != 0; left &= left - 1 {
		v := left.first()
		value, want := j.value(c, g, v.set()), j.g.values[v]
		switch {
		case value == want, m.file == v.set() && want == m.token: // another file may have such a token
		case len(m.Agents) == 0:
			return verdict{standing: HasOther, causes: []Cause{CauseOtherRole}, message: "its " + orElse(j.Vars[v].Is, j.Vars[v].Name) + " is " + quoted(value)}
		case !slices.Contains(m.Agents, value):
			return verdict{standing: HasOther, causes: []Cause{CauseOtherMethod}, message: "its credentials are those of " + quoted(value)}
		}
	}
	return verdict{standing: HasIdentity, message: "it has the identity"}
}

// value is the value of a variable that the container has or gets; "" where none is shown.
func (j *judge) value(c *containerView, g gain, v envSet) string {
	switch {
	case v == 0:
		return ""
	case g.add.has(v):
		return j.g.values[v.first()]
	}
	return c.value(v.first())
}

// finding is a verdict about a container.
func (v verdict) finding(c *containerView) Finding {
	return Finding{
		Name: c.name, Kind: c.kind, Index: c.index,
		Standing: v.standing, Causes: v.causes, Message: v.message, works: v.works,
	}
}

package mutate

import (
	"strings"
)

// judge is the one rule for what credentials the SDKs of a container find. The diagnosis of a
// pod that exists, the warnings and the completeness of a mutation all answer by it.
type judge struct {
	m        *Mutator
	v        *view
	id       Identity // zero: none was asked for
	audience string   // that its token must be for
	planned  bool     // judge the pod as the patch will leave it
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

func (m *Mutator) newJudge(v *view, id Identity) judge {
	return judge{m: m, v: v, id: id, audience: orElse(id.Audience, m.methods[id.Method].audience)}
}

// stand follows the order in which the SDKs look for credentials
// (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html). They treat
// an empty variable as absent.
func (j *judge) stand(c *containerView, g gain) verdict {
	given := c.given() | g.add
	if !given.hasAny(envKeys) || !(given | c.envFrom&^c.env).has(envKeys) {
		return j.identity(c, g)
	}
	if given.has(envKeys) && !c.maybe.hasAny(envKeys) {
		return verdict{HasOther, []Cause{CauseStaticCredentials}, "AWS_ACCESS_KEY_ID is set, which SDKs prefer", true}
	}
	v := j.identity(c, g)
	v.standing, v.causes = Unknown, append(v.causes, CauseReference)
	v.message = "SDKs prefer AWS_ACCESS_KEY_ID, which is set if what it refers to is there; else " + v.message
	return v
}

// identity is stand for a container without static keys.
func (j *judge) identity(c *containerView, g gain) verdict {
	given := c.given() | g.add
	switch {
	case given.has(envWebPair):
		return j.pair(WebIdentity, c, g)
	case given.has(envAgentPair):
		return j.pair(PodIdentity, c, g)
	case given.has(envCredentialsURI.set()) && !c.hidden.has(envCredentialsURI.set()) && !isAgent(c.value(envCredentialsURI)):
		return verdict{HasOther, []Cause{CauseOtherMethod}, "its credentials are those of " + quoted(c.value(envCredentialsURI)), true}
	}
	const pairs = envWebPair | envAgentPair
	v := verdict{standing: FallsToNode}
	if strings.EqualFold(j.value(c, g, envEC2Metadata), "true") {
		v.standing = HasNone
	}
	switch {
	case c.env.has(envWebPair) || c.env.has(envAgentPair) || c.env.hasAny(pairs) && !given.hasAny(pairs):
		v.causes, v.message = []Cause{CauseEmpty}, "its identity variables are set but empty, which SDKs take as absent"
	case given.hasAny(pairs):
		v.causes, v.message = []Cause{CausePartial}, "only one of two identity variables is set"
	default:
		v.causes, v.message = []Cause{CauseNotMutated}, "no identity variables are set"
	}
	from := given | c.envFrom&^c.env
	switch {
	case from.has(envWebPair) || from.has(envAgentPair) || from.has(envKeys):
		v.standing, v.causes = Unknown, append(v.causes, CauseReference)
		v.message += " in env; envFrom may or may not hold them"
	case c.hidden.has(envCredentialsURI.set()): // an endpoint of its own would need no other
		v.standing, v.causes = Unknown, append(v.causes, CauseReference)
		v.message += ", and its value does not stand in the pod"
	}
	return v
}

// pair looks at a container that has both variables of a method.
func (j *judge) pair(method Method, c *containerView, g gain) verdict {
	s := &j.m.methods[method]
	hidden, maybe := c.hidden&s.pair&^g.add, c.maybe&s.pair&^g.add
	if maybe != 0 {
		v := verdict{Unknown, nil, "the value of an identity variable does not stand in the pod, and may be empty", false}
		if c.optional.hasAny(maybe) {
			v.causes = append(v.causes, CauseEmpty)
		}
		v.causes = append(v.causes, CauseReference)
		return v
	}
	token, found := tokenSource{}, unseen
	file := j.value(c, g, s.fileVar)
	if !hidden.has(s.fileVar.set()) {
		token, found = j.token(c, g, file)
	}
	proxied := method == PodIdentity && j.proxied(c, g)
	v := j.compare(method, c, g, hidden)
	v.works = found != missing && !proxied
	missed := "no service account token is mounted at " + quoted(file)
	switch {
	case v.standing == HasOther && found == missing && !j.id.IsZero():
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

// compare says whose identity a pair is, as far as its variables tell; not whether it works.
func (j *judge) compare(method Method, c *containerView, g gain, hidden envSet) verdict {
	head := j.value(c, g, j.m.methods[method].headVar)
	switch {
	case hidden != 0:
		return verdict{standing: Unknown, causes: []Cause{CauseReference}, message: "the value of an identity variable does not stand in the pod"}
	case j.id.IsZero():
		return verdict{standing: HasOther, message: "it has an identity, and its account none"}
	case method != j.id.Method:
		return verdict{standing: HasOther, causes: []Cause{CauseOtherMethod}, message: "it uses " + method.String()}
	case method == WebIdentity && head != j.id.RoleARN:
		return verdict{standing: HasOther, causes: []Cause{CauseOtherRole}, message: "its role is " + quoted(head)}
	case method == PodIdentity && !isAgent(head):
		return verdict{standing: HasOther, causes: []Cause{CauseOtherMethod}, message: "its credentials are those of " + quoted(head)}
	}
	return verdict{standing: HasIdentity, message: "it has the identity"}
}

// value is the value of a variable that the container has or gets; "" where none is shown.
func (j *judge) value(c *containerView, g gain, v envVar) string {
	if !g.add.has(v.set()) {
		return c.value(v)
	}
	switch v {
	case envRoleARN:
		return j.id.RoleARN
	case envCredentialsURI:
		return j.m.cfg.agentURI()
	case envTokenFile, envCredentialsAuth:
		return j.m.methods[j.id.Method].mountPath + "/" + j.m.methods[j.id.Method].fileName
	case envEC2Metadata:
		return "true"
	}
	return ""
}

func isAgent(uri string) bool { return uri == PodIdentityURI || uri == PodIdentityURIv6 }

// finding is a verdict about a container.
func (v verdict) finding(c *containerView) Finding {
	return Finding{
		Name: c.name, Kind: c.kind, Index: c.index,
		Standing: v.standing, Causes: v.causes, Message: v.message, works: v.works,
	}
}

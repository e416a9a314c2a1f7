package mutate

import "strings"

// container decides about one container and records the outcome.
func (pl *profilePlanner) container(c *containerFacts, g *profileGain, skip bool) {
	r := ContainerResult{Name: c.name, Kind: c.kind, Index: c.index}
	m := pl.mountFacts(c)
	have, own := pl.identity(c)
	switch code, message := Code(""), ""; {
	case skip:
		r.Reason = ReasonAnnotation
		pl.wanted = true // as the clouds' own webhooks have it
	case have == all && own:
		r.Reason = ReasonPresent
	default:
		if code, message = pl.conflict(c, have, m); code != "" {
			r.Outcome, r.Reason = Conflict, Reason(code)
			pl.warn(code, r.Path(), "container "+quoted(c.name)+" gets nothing: "+message)
			pl.incomplete(r, Unknown, Cause(code), message)
			break
		}
		pl.wanted = true
		pl.complete(c, g, m)
		r.Outcome = Injected
		if have == all || have == noneNeeded && len(g.env) == 0 {
			r.Outcome, r.Reason = Skipped, ReasonPresent
		}
		pl.remark(c, g, m, r)
	}
	pl.result.Containers = append(pl.result.Containers, r)
	if !skip && r.Outcome != Conflict {
		pl.judge(c, r, own && have == all)
	}
}

// held is how many of the identity variables a container has.
type held uint8

const (
	noneNeeded held = iota // the profile has none
	none
	some
	all
)

// identity finds out which of the identity variables a container has, and whether they are its
// author's own.
func (pl *profilePlanner) identity(c *containerFacts) (have held, own bool) {
	set, wanted := 0, 0
	for _, e := range pl.grant.Env {
		if !e.Identity || e.Value == "" {
			continue
		}
		wanted++
		if there, ok := c.env[e.Name]; ok {
			set++
			own = own || there.hidden || there.value != e.Value
		}
	}
	switch {
	case wanted == 0:
		return noneNeeded, false
	case set == 0:
		return none, false
	case set < wanted:
		return some, own
	}
	return all, own
}

// conflict returns what is in the way of injecting c; "" for nothing.
func (pl *profilePlanner) conflict(c *containerFacts, have held, m mountFacts) (Code, string) {
	switch {
	case have == some:
		return CodePartialIdentity, "it sets only some of " + strings.Join(pl.identityNames(), ", ") + ": set all or none"
	case pl.debug && pl.state == volumeAbsent:
		return CodeNoVolume, "the pod has no volume " + quoted(pl.volume.name) + ", and none can be added while it runs"
	case pl.state == volumeForeign:
		return CodeForeignVolume, "volume " + quoted(pl.volume.name) + " does not project what has to be mounted"
	case m.foreign:
		return CodeForeignMount, "it has something else at " + pl.p.MountPath + ", or in front of a file there"
	case pl.taken:
		return CodeForeignAnnotation, "annotation " + pl.p.Annotation.Key + " has another value, or cannot be added while the pod runs"
	}
	return "", ""
}

func (pl *profilePlanner) identityNames() (names []string) {
	for _, e := range pl.grant.Env {
		if e.Identity {
			names = append(names, e.Name)
		}
	}
	return names
}

// complete adds to a container without a conflict what it lacks.
func (pl *profilePlanner) complete(c *containerFacts, g *profileGain, m mountFacts) {
	for i := range pl.grant.Env {
		e := &pl.grant.Env[i]
		if _, there := c.env[e.Name]; !there && e.Value != "" {
			g.env = append(g.env, e)
		}
	}
	g.mount = !m.atPath
}

// remark warns of what makes an injected identity surprising.
func (pl *profilePlanner) remark(c *containerFacts, g *profileGain, m mountFacts, r ContainerResult) {
	if m.alias {
		pl.warn(CodeForeignMount, r.Path()+"/volumeMounts", "container "+quoted(c.name)+" has something else at another name of "+
			pl.p.MountPath+": where its image links /var/run to /run, one hides the other")
	}
	if c.envFrom && len(g.env) > 0 {
		pl.warn(CodeEnvFrom, r.Path()+"/envFrom", "container "+quoted(c.name)+
			" takes variables from envFrom: any among them that is injected too is hidden")
	}
	for _, name := range pl.p.Preferred {
		if there, ok := c.env[name]; ok && !there.empty() {
			pl.warn(CodeStaticCredentials, r.Path()+"/env", "container "+quoted(c.name)+" sets "+name+
				", which clients prefer to the injected identity")
		}
	}
}

// judge records what keeps a container from having an identity that works, its own or ours.
func (pl *profilePlanner) judge(c *containerFacts, r ContainerResult, own bool) {
	for _, e := range pl.grant.Env {
		if there, ok := c.env[e.Name]; ok && there.empty() && e.Value != "" && (e.Needed || e.Identity) {
			pl.warn(CodeEmptyIdentity, r.Path()+"/env", "container "+quoted(c.name)+" sets "+e.Name+" to nothing: it has no identity")
			pl.incomplete(r, Broken, CauseEmpty, e.Name+" is empty")
			return
		}
	}
	if token, ok := pl.volume.at(pl.grant.File); ok && !own && pl.state == volumeOurs && token.audience != pl.grant.Audience {
		pl.incomplete(r, Broken, CauseOtherAudience, "its token is for audience "+quoted(token.audience))
	}
}

func (pl *profilePlanner) incomplete(r ContainerResult, s Standing, cause Cause, message string) {
	pl.result.incomplete = append(pl.result.incomplete, Finding{
		Name: r.Name, Kind: r.Kind, Index: r.Index, Standing: s, Causes: []Cause{cause}, Message: message,
	})
}

// forget leaves the containers that the pod did not have before.
func (pod *podFacts) forget(before []containerFacts) {
	known := make(map[string]bool, len(before))
	for _, c := range before {
		known[c.name] = true
	}
	fresh := pod.containers[:0]
	for _, c := range pod.containers {
		if !known[c.name] {
			fresh = append(fresh, c)
		}
	}
	pod.containers = fresh
}

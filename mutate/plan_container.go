package mutate

// container decides about one container and records the outcome.
func (p *planner) container(c *containerView, g *gain) {
	r := ContainerResult{Name: c.name, Kind: c.kind, Index: c.index}
	if g.skip {
		r.Reason, p.wanted = ReasonAnnotation, true // as the clouds' own webhooks have it
		p.result.Containers = append(p.result.Containers, r)
		return
	}
	j := &p.judge
	mounts := j.mountsOf(c, j.m, j.volume.name)
	var code Code
	theirs := c.env.holds(j.m.pair) && (j.AsEKS || p.isOwn(c))
	if !theirs {
		code = p.conflict(c, mounts, r)
	}
	if j.AsEKS || !theirs {
		p.gain(c, g, code, mounts)
		p.wanted = p.wanted || code == ""
	}
	switch {
	case code != "":
		r.Outcome, r.Reason = Conflict, Reason(code)
	case c.env.holds(j.m.pair), j.m.pair == 0 && g.add == 0:
		r.Reason = ReasonPresent
	default:
		r.Outcome = Injected
	}
	p.result.Containers = append(p.result.Containers, r)
	if r.Outcome == Injected {
		p.remark(c, *g, mounts, r)
	}
	if r.Outcome != Injected || p.doubtful(c, mounts) {
		p.review(c, *g, mounts, r)
	}
}

// isOwn says that one of the variables of an identity has another value than we would give it, or one
// that the pod does not show.
func (p *planner) isOwn(c *containerView) bool {
	for v := range envVar(maxVars) {
		if p.judge.m.pair.has(v.set()) && c.value(v) != p.judge.g.values[v] {
			return true
		}
	}
	return false
}

// gain finds what a container lacks.
func (p *planner) gain(c *containerView, g *gain, code Code, mounts mountView) {
	j := &p.judge
	// Even a container that gets nothing else is kept from the node's identity.
	g.add |= p.want & j.nodeOff &^ c.env
	if code != "" {
		return
	}
	g.add |= p.want & j.ifAbsent &^ c.env
	if !c.env.hasAny(j.together) {
		g.add |= p.want & j.together
	}
	if !c.env.has(j.m.pair) {
		g.add |= j.m.pair | p.want&j.withIdentity&^c.env
	}
	// With all variables of its own, a container keeps what it has at the path. One that has
	// everything is left alone, without a mount too, as EKS does.
	free := !mounts.foreign && j.volume.state != volumeForeign && !(j.v.debug && j.volume.state == volumeAbsent)
	if j.AsEKS {
		g.mount = free && !mounts.mounted() && !j.m.isWhole(c.env)
	} else {
		g.mount = !mounts.atPath
	}
}

// conflict returns what is in the way of injecting c, having warned of it; "" for nothing.
func (p *planner) conflict(c *containerView, mounts mountView, r ContainerResult) Code {
	j := &p.judge
	pair := j.m.pair
	switch {
	case c.env.hasAny(pair) && !c.env.has(pair):
		return p.tell(r, CodePartialIdentity, "/env", " sets "+j.list(pair&c.env)+
			" but not "+j.list(pair&^c.env)+": it gets nothing; set both or neither")
	case j.v.debug && j.volume.state == volumeAbsent:
		return p.tell(r, CodeNoVolume, "", " gets nothing: the pod has no volume "+
			j.volume.name+", and none can be added while it runs")
	case j.volume.state == volumeForeign:
		return p.tell(r, CodeForeignVolume, "", " gets nothing: volume "+
			j.volume.name+" is not one that projects a service account token to "+j.m.files())
	case mounts.foreign:
		return p.tell(r, CodeForeignMount, "/volumeMounts", " gets nothing: it has something else at "+j.m.MountPath)
	case mounts.inFront && !j.AsEKS:
		return p.tell(r, CodeForeignMount, "/volumeMounts", " gets nothing: it has something in front of a file in "+j.m.MountPath)
	case p.taken:
		return p.tell(r, CodeForeignAnnotation, "", " gets nothing: annotation "+j.m.Mark.Key+
			" has another value, or cannot be added while the pod runs")
	}
	return ""
}

// tell warns of a container.
func (p *planner) tell(r ContainerResult, code Code, in, message string) Code {
	who := "container "
	if code == CodeNoVolume {
		who = "ephemeral container "
	}
	p.warn(code, r.Path()+in, who+quoted(r.Name)+message)
	return code
}

// remark warns of what makes an injected identity useless or surprising.
func (p *planner) remark(c *containerView, g gain, mounts mountView, r ContainerResult) {
	j := &p.judge
	if j.AsEKS && !mounts.atPath && mounts.mounted() {
		elsewhere := " elsewhere than at "
		if mounts.inPart {
			elsewhere = " not whole at "
		}
		p.tell(r, CodeMountedElsewhere, "/volumeMounts", " mounts volume "+
			j.volume.name+elsewhere+j.m.MountPath+", where the token is looked for")
	}
	if mounts.alias {
		p.tell(r, CodeForeignMount, "/volumeMounts", " has something else at another name of "+
			j.m.MountPath+": where its image links /var/run to /run, one hides the other")
	}
	if c.envFrom&g.add&^j.nodeOff != 0 {
		p.tell(r, CodeEnvFrom, "/envFrom", " takes variables from envFrom: any "+j.Name+
			" identity or region among them is hidden by the injected ones")
	}
	p.remarkOthers(c, r)
}

// remarkOthers warns of credentials that clients prefer.
func (p *planner) remarkOthers(c *containerView, r ContainerResult) {
	j, given := &p.judge, c.given()
	for _, credential := range j.static {
		switch maybe := ""; {
		case given.has(credential):
			if c.maybe.hasAny(credential) {
				maybe = ", if what it refers to is there"
			}
			p.tell(r, CodeStaticCredentials, "/env", " sets "+j.Vars[credential.first()].Name+
				", which "+j.Clients+" prefer to the injected identity"+maybe)
		case given.hasAny(credential):
			p.tell(r, CodeStaticCredentials, "/env", " sets only one of "+j.list(credential)+
				", which some "+j.Clients+" take as an error")
		}
	}
	for i := range j.contenders() {
		if other := &j.methods[i]; i < j.method && given.holds(other.pair) {
			p.tell(r, CodeShadowed, "/env", " sets "+j.list(other.pair)+", which "+j.Clients+" prefer to "+j.m.Title)
		}
	}
}

// doubtful says that an injected container has something that may keep its identity from
// working. Of all others it is known that they have it.
func (p *planner) doubtful(c *containerView, mounts mountView) bool {
	j := &p.judge
	return mounts.elsewhere || mounts.inPart || mounts.alias || mounts.inFront || c.env.hasAny(j.doubts) ||
		j.volume.state == volumeOurs && j.volume.token.audience != j.audience
}

// review judges a container as the patch leaves it, and warns of what has not been said yet.
func (p *planner) review(c *containerView, g gain, mounts mountView, r ContainerResult) {
	j := &p.judge
	v := j.stand(c, g)
	f := v.finding(c)
	switch {
	case r.Outcome == Conflict:
		f.Causes = []Cause{Cause(r.Reason)}
	case f.has(CauseEmpty):
		p.tell(r, CodeEmptyIdentity, "/env", " has no "+j.Name+" identity: "+v.message)
	case f.has(CauseProxy):
		p.tell(r, CodeProxy, "/env", " may not reach "+j.m.Title+": "+v.message)
	case f.has(CauseNoToken) && (r.Outcome != Injected || g.mount || mounts.atPath): // else it was remarked
		p.tell(r, CodeNoToken, "/volumeMounts", " has no token: "+v.message)
	}
	if !v.works {
		p.result.incomplete = append(p.result.incomplete, f)
	}
}

package mutate

// container decides about one container and records the outcome.
func (p *planner) container(c *containerView, g *gain) {
	r := ContainerResult{Name: c.name, Kind: c.kind, Index: c.index}
	if g.skip {
		r.Reason = ReasonAnnotation
		p.result.Containers = append(p.result.Containers, r)
		return
	}
	code := p.conflict(c, r)
	for k := ec2MetadataChoice; k < choiceCount; k++ {
		// Even a container that gets nothing else is kept from the node's role.
		if p.choices[k] == uint8(On) && (code == "" || k == ec2MetadataChoice) {
			g.add |= choiceVars[k].set() &^ c.env
		}
	}
	switch {
	case code != "":
		r.Outcome, r.Reason = Conflict, Reason(code)
	case c.env.has(p.method.pair):
		r.Reason = ReasonPresent
	default:
		r.Outcome = Injected
	}
	// A container that has everything is left alone, without a mount too, as EKS does.
	if code == "" && (!c.env.has(p.method.pair|envRegionalSTS.set()) || !c.env.hasAny(envRegions)) {
		p.complete(c, g)
	}
	p.result.Containers = append(p.result.Containers, r)
	if r.Outcome == Injected {
		p.remark(c, *g, r)
	}
	if r.Outcome != Injected || p.doubtful(c) {
		p.review(c, *g, r)
	}
}

// complete adds to a container without a conflict what it lacks.
func (p *planner) complete(c *containerView, g *gain) {
	if p.id.RegionalSTS {
		g.add |= envRegionalSTS.set() &^ c.env
	}
	if p.m.cfg.Region != "" && !c.env.hasAny(envRegions) {
		g.add |= envRegions
	}
	if !c.env.has(p.method.pair) {
		g.add |= p.method.pair
		if s := SessionName(p.choices[sessionNameChoice]); p.id.Method == WebIdentity && (s == SessionNamePodUID || s == SessionNamePodName) {
			g.add |= envSessionName.set() &^ c.env
		}
	}
	// With both variables of its own, a container keeps what it has at the path.
	volume := p.v.volumes[p.id.Method].state
	free := !c.mounts[p.id.Method].foreign && volume != volumeForeign && !(p.v.debug && volume == volumeAbsent)
	g.mount = free && !c.mounts[p.id.Method].mounted()
}

// conflict returns what is in the way of injecting c, having warned of it; "" for nothing. A
// container that has both variables already is its author's business.
func (p *planner) conflict(c *containerView, r ContainerResult) Code {
	pair := p.method.pair
	switch {
	case c.env.has(pair):
		return ""
	case c.env.hasAny(pair):
		set, missing := pairNames(pair, c.env)
		p.warn(CodePartialIdentity, r.Path()+"/env", "container "+quoted(c.name)+" sets "+set+
			" but not "+missing+": it gets nothing; set both or neither")
		return CodePartialIdentity
	case p.v.debug && p.v.volumes[p.id.Method].state == volumeAbsent:
		p.warn(CodeNoVolume, r.Path(), "ephemeral container "+quoted(c.name)+" gets nothing: the pod has no volume "+
			p.method.volumeName+", and none can be added while it runs")
		return CodeNoVolume
	case p.v.volumes[p.id.Method].state == volumeForeign:
		p.warn(CodeForeignVolume, r.Path(), "container "+quoted(c.name)+" gets nothing: volume "+
			p.method.volumeName+" is not one that projects a service account token to "+p.method.fileName)
		return CodeForeignVolume
	case c.mounts[p.id.Method].foreign:
		p.warn(CodeForeignMount, r.Path()+"/volumeMounts", "container "+quoted(c.name)+
			" gets nothing: it has something else at "+p.method.mountPath)
		return CodeForeignMount
	}
	return ""
}

// pairNames names the variable of a pair that is set and the one that is not.
func pairNames(pair, env envSet) (set, missing string) {
	return envNames[(pair & env).first()], envNames[(pair &^ env).first()]
}

// remark warns of what makes an injected identity useless or surprising.
func (p *planner) remark(c *containerView, g gain, r ContainerResult) {
	if m := c.mounts[p.id.Method]; !m.atPath && m.mounted() {
		elsewhere := " elsewhere than at "
		if m.inPart {
			elsewhere = " not whole at "
		}
		p.warn(CodeMountedElsewhere, r.Path()+"/volumeMounts", "container "+quoted(c.name)+" mounts volume "+
			p.method.volumeName+elsewhere+p.method.mountPath+", where the token is looked for")
	}
	if c.mounts[p.id.Method].alias {
		p.warn(CodeForeignMount, r.Path()+"/volumeMounts", "container "+quoted(c.name)+" has something else at another name of "+
			p.method.mountPath+": where its image links /var/run to /run, one hides the other")
	}
	if c.envFrom&g.add&envIdentity != 0 {
		p.warn(CodeEnvFrom, r.Path()+"/envFrom", "container "+quoted(c.name)+
			" takes variables from envFrom: any AWS identity or region among them is hidden by the injected ones")
	}
	given := c.given()
	switch maybe := ""; {
	case given.has(envKeys):
		if c.maybe.hasAny(envKeys) {
			maybe = ", if what it refers to is there"
		}
		p.warn(CodeStaticCredentials, r.Path()+"/env", "container "+quoted(c.name)+
			" sets AWS_ACCESS_KEY_ID, which AWS SDKs prefer to the injected identity"+maybe)
	case given.hasAny(envKeys):
		p.warn(CodeStaticCredentials, r.Path()+"/env", "container "+quoted(c.name)+
			" sets only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which some AWS SDKs take as an error")
	}
	if p.id.Method == PodIdentity && given.has(envWebPair) {
		p.warn(CodeShadowed, r.Path()+"/env", "container "+quoted(c.name)+" sets "+EnvRoleARN+" and "+
			EnvTokenFile+", which AWS SDKs prefer to EKS Pod Identity")
	}
}

// doubtful says that an injected container has something that may keep its identity from
// working. Of all others it is known that they have it.
func (p *planner) doubtful(c *containerView) bool {
	m := c.mounts[p.id.Method]
	v := &p.v.volumes[p.id.Method]
	return m.elsewhere || m.inPart || m.alias || m.inFront || c.env.hasAny(envKeys|envWebPair|envAgentPair|envProxy.set()) ||
		v.state == volumeOurs && v.audience != p.judge.audience
}

// review judges a container as the patch leaves it, and warns of what has not been said yet.
func (p *planner) review(c *containerView, g gain, r ContainerResult) {
	v := p.judge.stand(c, g)
	f := v.finding(c)
	path, name := r.Path()+"/env", "container "+quoted(c.name)
	switch {
	case r.Outcome == Conflict:
		f.Causes = []Cause{Cause(r.Reason)}
	case f.has(CauseEmpty):
		p.warn(CodeEmptyIdentity, path, name+" has no AWS identity: "+v.message)
	case f.has(CauseProxy):
		p.warn(CodeProxy, path, name+" may not reach EKS Pod Identity: "+v.message)
	case f.has(CauseNoToken) && (r.Outcome != Injected || g.mount || c.mounts[p.id.Method].atPath): // else it was remarked
		p.warn(CodeNoToken, r.Path()+"/volumeMounts", name+" has no token: "+v.message)
	}
	if !v.works {
		p.result.incomplete = append(p.result.incomplete, f)
	}
}

package admissionpolicy

import (
	"regexp"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/irsa-go/irsa/mutate"
)

// containerKinds are the lists of containers in a pod's spec.
var containerKinds = []string{"containers", "initContainers", "ephemeralContainers"}

// The states of a container: what the patch does to it.
const (
	skipped  = "skipped"  // named by the annotation
	old      = "old"      // an ephemeral container that was there before
	conflict = "conflict" // half an identity, our volume's name or mount path taken, no volume for an ephemeral one
	complete = "complete" // has everything
	own      = "own"      // has both variables, and something of its author's where ours would be
	inject   = "inject"
)

// windows says whether the pod is for Windows: spec.os decides; without it a node selector, or a
// required node affinity each of whose terms, any of which may hold, asks for it.
const windows = `has(object.spec.os) ? object.spec.os.name == 'windows' : ` +
	`(has(object.spec.nodeSelector) && ['kubernetes.io/os', 'beta.kubernetes.io/os'].exists(k, k in object.spec.nodeSelector && object.spec.nodeSelector[k] == 'windows')) || ` +
	`(has(object.spec.affinity) && has(object.spec.affinity.nodeAffinity) && has(object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution) && ` +
	`object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.all(t, has(t.matchExpressions) && ` +
	`t.matchExpressions.exists(e, e.key in ['kubernetes.io/os', 'beta.kubernetes.io/os'] && e.operator == 'In' && e.values == ['windows'])))`

// tokenFile is the path of the token in a container. On Windows the kubelet mounts the same path
// under the system drive.
func (p *Policies) tokenFile() string {
	files := p.tokenFiles()
	return fill(`variables.windows ? <windows> : <unix>`, "windows", str(files[1]), "unix", str(files[0]))
}

// tokenFiles are the paths elsewhere and on Windows.
func (p *Policies) tokenFiles() []string {
	file := p.mutation.MountPath + "/" + mutate.TokenFileName
	return []string{file, `C:` + strings.ReplaceAll(file, "/", `\`)}
}

// knownVariables are those that a container may have of its own already.
var knownVariables = []string{
	mutate.EnvRoleARN, mutate.EnvTokenFile, mutate.EnvRegionalSTS, mutate.EnvRegion, mutate.EnvDefaultRegion,
	mutate.EnvSessionName, mutate.EnvEC2Metadata, mutate.EnvDualStack, mutate.EnvFIPS,
}

// containerVariables are, for one list of containers: the list, the names of the variables that each
// sets, the state of each, and the variables that each gets.
func (p *Policies) containerVariables(kind string) []admissionregistrationv1.Variable {
	return []admissionregistrationv1.Variable{
		{Name: kind, Expression: containersOf(kind)},
		{Name: kind + "Set", Expression: variablesSet(kind, knownVariables)},
		{Name: kind + "State", Expression: p.state(kind)},
		{Name: kind + "Add", Expression: p.additions(kind)},
	}
}

// containersOf are the containers of the request: a pod is created with its containers and init
// containers, and ephemeral ones are added to it later, through a subresource of their own.
func containersOf(kind string) string {
	subresource := `''`
	if kind == "ephemeralContainers" {
		subresource = `'ephemeralcontainers'`
	}
	return fill(`variables.subresource == <subresource> && has(object.spec.<kind>) ? object.spec.<kind> : []`,
		"subresource", subresource, "kind", kind)
}

// variablesSet are, for each container of a list, those of the known variables that it sets.
func variablesSet(kind string, known []string) string {
	return fill(`variables.<kind>.map(c, has(c.env) ? c.env.filter(e, e.name in <known>).map(e, string(e.name)) : [])`,
		"kind", kind, "known", list(known))
}

// ephemeralOnly are what can only be of an ephemeral container: that it was there before, and that the
// pod has no volume, where none can be added to a running pod.
func ephemeralOnly(kind, volumeAbsent string) (wasThere, noVolume string) {
	if kind != "ephemeralContainers" {
		return `false`, `false`
	}
	return `has(oldObject.spec.ephemeralContainers) && oldObject.spec.ephemeralContainers.exists(o, o.name == c.name)`, volumeAbsent
}

func (p *Policies) state(kind string) string {
	wasThere, noVolume := ephemeralOnly(kind, `!variables.volumeThere`)
	set := "variables." + kind + "Set[i]"
	return fill(`variables.<kind>.transformList(i, c, `+
		`<wasThere> ? <old> : `+
		`c.name in variables.skip ? <skipped> : `+
		`(<role> in <set>) != (<file> in <set>) ? <conflict> : `+
		// A container that has everything is left alone, as EKS does.
		`<role> in <set> && <sts> in <set> && <regionSet> ? <complete> : `+
		`<noVolume> || (variables.volumeThere && !variables.volumeOurs) || `+
		`(has(c.volumeMounts) && c.volumeMounts.exists(m, m.name != <volume> && m.mountPath.matches(<path>))) || `+
		`(has(c.volumeDevices) && c.volumeDevices.exists(d, d.devicePath.matches(<path>))) ? (<role> in <set> ? <own> : <conflict>) : `+
		`<inject>)`,
		"kind", kind, "set", set, "wasThere", wasThere, "noVolume", noVolume, "regionSet", regionSet(set),
		"old", str(old), "skipped", str(skipped), "conflict", str(conflict), "complete", str(complete), "inject", str(inject), "own", str(own),
		"path", str(samePath(p.mutation.MountPath)), "volume", str(mutate.VolumeName),
		"role", str(mutate.EnvRoleARN), "file", str(mutate.EnvTokenFile), "sts", str(mutate.EnvRegionalSTS))
}

// samePath is the regular expression of a path's spellings: with more slashes, and with "." between.
func samePath(clean string) string {
	const slash = `/(\./|/)*`
	segments := strings.Split(strings.TrimPrefix(clean, "/"), "/")
	for i, segment := range segments {
		segments[i] = regexp.QuoteMeta(segment)
	}
	return "^" + slash + strings.Join(segments, slash) + `(/(\./|/)*\.?)?$`
}

// regionSet says whether a region need not be added.
func regionSet(set string) string {
	return fill(`(<region> in <set> || <default> in <set>)`, "set", set,
		"region", str(mutate.EnvRegion), "default", str(mutate.EnvDefaultRegion))
}

// additions are the variables that each container gets, in order: lists of a name and a value, or of
// a name, nothing, and the field of the pod that the value comes from.
func (p *Policies) additions(kind string) string {
	set := "variables." + kind + "Set[i]"
	add := []string{
		fill(`(variables.regional && !(<name> in <set>) ? [[<name>, 'regional']] : [])`, "set", set, "name", str(mutate.EnvRegionalSTS)),
	}
	if p.mutation.Region != "" {
		add = append(add, fill(`(<there> ? [] : [[<default>, <value>], [<region>, <value>]])`, "there", regionSet(set),
			"default", str(mutate.EnvDefaultRegion), "region", str(mutate.EnvRegion), "value", str(p.mutation.Region)))
	}
	add = append(add, fill(`(<role> in <set> ? [] : [[<role>, variables.role], [<file>, variables.tokenFile]] + `+
		`(variables.session == <omitted> || <session> in <set> ? [] : [[<session>, '', variables.sessionName]]))`, "set", set,
		"role", str(mutate.EnvRoleARN), "file", str(mutate.EnvTokenFile), "session", str(mutate.EnvSessionName), "omitted", str(omitted)))
	return fill(`variables.<kind>.transformList(i, c, (variables.<kind>State[i] in <some> ? <add> : [])<chosen>)`, "kind", kind,
		"some", list([]string{inject, own}), "add", strings.Join(add, " + "), "chosen", chosen(kind))
}

// patch is the one mutation: everything it does is an add, to a list that is created first where it
// is not there. Operations are values of the API server's own types (https://kubernetes.io/docs/
// reference/access-authn-authz/mutating-admission-policy/).
func (p *Policies) patch() string {
	parts := []string{p.patchVolume()}
	for _, kind := range containerKinds {
		parts = append(parts, p.patchEnv(kind), p.patchMounts(kind))
	}
	return strings.Join(parts, " +\n")
}

func (p *Policies) patchVolume() string {
	return fill(`(variables.volumeThere || variables.subresource != '' || `+
		// Unless conflicts have left nobody to use it; EKS adds it even when all are skipped.
		`(variables.containersState + variables.initContainersState).all(s, s == <conflict>) ? [] : `+
		`(has(object.spec.volumes) ? [] : [JSONPatch{op: 'add', path: '/spec/volumes', value: []}]) + `+
		`[JSONPatch{op: 'add', path: '/spec/volumes/0', value: Object.spec.volumes{name: <volume>, projected: Object.spec.volumes.projected{`+
		`sources: [Object.spec.volumes.projected.sources{serviceAccountToken: Object.spec.volumes.projected.sources.serviceAccountToken{`+
		`audience: variables.audience, expirationSeconds: variables.expiration, path: <token>}}]}}}])`,
		"conflict", str(conflict), "volume", str(mutate.VolumeName), "token", str(mutate.TokenFileName))
}

func (p *Policies) patchEnv(kind string) string {
	return patchEnv(kind, fill(`size(a) == 2 ? <pair> : `+
		`Object.spec.<kind>.env{name: a[0], valueFrom: Object.spec.<kind>.env.valueFrom{`+
		`fieldRef: Object.spec.<kind>.env.valueFrom.fieldRef{fieldPath: a[2]}}}`, "kind", kind, "pair", envValue(kind)))
}

func (p *Policies) patchMounts(kind string) string {
	return patchMounts(kind, fill(`m.name == <volume>`, "volume", str(mutate.VolumeName)), str(mutate.VolumeName), p.mutation.MountPath)
}

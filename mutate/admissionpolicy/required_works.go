package admissionpolicy

import (
	"strings"

	"github.com/irsa-go/irsa/mutate"
)

// The rule of package mutate for whether a container has an identity that works, in CEL. Its home is
// there; one table of pods holds the two together.

// identityVariables are those that SDKs find credentials by.
var identityVariables = []string{
	mutate.EnvRoleARN, mutate.EnvTokenFile, mutate.EnvCredentialsURI, mutate.EnvCredentialsAuth,
	"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY",
}

// What a container has of a variable, by the last entry of its name, which is the one that counts.
const (
	absent = ""       // not there or empty, which is the same to SDKs
	given  = "given"  // its value stands in the pod
	hidden = "hidden" // it does not, and is not empty
	maybe  = "maybe"  // it does not, and may be empty
)

// stateOf is what an entry e gives.
var stateOf = fill(`has(e.valueFrom) ? (`+
	`(has(e.valueFrom.secretKeyRef) && has(e.valueFrom.secretKeyRef.optional) && e.valueFrom.secretKeyRef.optional) || `+
	`(has(e.valueFrom.configMapKeyRef) && has(e.valueFrom.configMapKeyRef.optional) && e.valueFrom.configMapKeyRef.optional) || `+
	`(has(e.valueFrom.fileKeyRef) && has(e.valueFrom.fileKeyRef.optional) && e.valueFrom.fileKeyRef.optional) || `+
	`(has(e.valueFrom.fieldRef) && e.valueFrom.fieldRef.fieldPath.contains('[')) ? <maybe> : <hidden>) : `+
	`!has(e.value) || e.value == '' ? <absent> : `+
	`!e.value.contains('$(') ? <given> : e.value.matches(<references>) ? <maybe> : <hidden>`,
	"references", str(`^([$]\([^)]*\))+$`),
	"absent", str(absent), "given", str(given), "hidden", str(hidden), "maybe", str(maybe))

// lastOf is the last of what the entries of these names give in env, and else "".
func lastOf(env, gives string, names ...string) string {
	return fill(`[<env>.filter(e, e.name in <names>).map(e, <gives>)].map(l, ([''] + l)[size(l)])[0]`,
		"env", env, "names", list(names), "gives", gives)
}

// states is, for each container, what it has of each variable and the values that stand in the pod.
func states() string {
	const literal = `has(e.value) ? string(e.value) : ''`
	return fill(`variables.env.map(env, {'role': <role>, 'file': <file>, 'uri': <uri>, 'auth': <auth>, 'key': <key>, 'secret': <secret>, `+
		`'fileValue': <fileValue>, 'authValue': <authValue>, 'uriValue': <uriValue>})`,
		"role", lastOf("env", stateOf, mutate.EnvRoleARN), "file", lastOf("env", stateOf, mutate.EnvTokenFile),
		"uri", lastOf("env", stateOf, mutate.EnvCredentialsURI), "auth", lastOf("env", stateOf, mutate.EnvCredentialsAuth),
		"key", lastOf("env", stateOf, "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
		"secret", lastOf("env", stateOf, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
		"fileValue", placed(lastOf("env", literal, mutate.EnvTokenFile)),
		"authValue", placed(lastOf("env", literal, mutate.EnvCredentialsAuth)),
		"uriValue", lastOf("env", literal, mutate.EnvCredentialsURI))
}

// placed is a path by the place that it leads to: with one slash before each part and none at the end,
// without a drive and ".", and /run as /var/run.
func placed(path string) string {
	return fill(`[(<path>).replace('\\', '/')].map(p, (p.matches('^[A-Za-z]:') ? p.substring(2) : p)`+cleaned+`)`+
		`.map(l, size(l) > 0 && l[0] == 'run' ? ['var'] + l : l).map(l, size(l) == 0 ? '' : '/' + l.join('/'))[0]`, "path", path)
}

// mountsOfContainers is, for each container, where it has what mounted.
func mountsOfContainers() string {
	return fill(`variables.all.map(c, has(c.volumeMounts) ? c.volumeMounts.map(m, {'at': <at>, 'volume': string(m.name), `+
		`'part': has(m.subPath) ? string(m.subPath)`+cleaned+`.join('/') : '', 'expression': has(m.subPathExpr) ? string(m.subPathExpr) : ''}) : [])`,
		"at", placed("string(m.mountPath)"))
}

// works says of each container whether it has an identity that works.
func (p *Policies) works() string {
	return fill(`variables.has.transformList(i, h, `+
		`h.key in <sure> && h.secret in <sure> || (`+
		`h.role != '' && h.file != '' ? h.role != <maybe> && h.file != <maybe> && (h.file == <hidden> || <webToken>) : `+
		`h.uri != '' && h.auth != '' ? h.uri != <maybe> && h.auth != <maybe> && (h.auth == <hidden> || <agentToken>) : `+
		`h.uri == <given> && !(h.uriValue in <agent>)))`,
		"sure", list([]string{given, hidden}), "maybe", str(maybe), "hidden", str(hidden), "given", str(given),
		"agent", list([]string{mutate.PodIdentityURI, mutate.PodIdentityURIv6}),
		"webToken", p.tokenAt("h.fileValue"), "agentToken", p.tokenAt("h.authValue"))
}

// tokenAt says whether a token may be in a file of container i: by the innermost mount above it, and in
// that mount's volume. What a pod does not show passes, except where our own token belongs.
func (p *Policies) tokenAt(file string) string {
	return fill(`[variables.mounts[i].filter(m, <file> == m.at || <file>.startsWith(m.at + '/'))].exists(above, `+
		`size(above) == 0 ? !<ours> : above.exists(b, above.all(o, size(o.at) <= size(b.at)) && (`+
		`b.expression != '' ? !<ours> : variables.volumes.exists(v, v.name == b.volume && (`+
		`has(v.projected) && has(v.projected.sources) && v.projected.sources.exists(s, has(s.serviceAccountToken) && `+tokenPath+` == <path>) || `+
		`!(has(v.projected) && (!has(v.projected.sources) || v.projected.sources.all(s, has(s.serviceAccountToken)))) && !<ours>)))))`,
		"file", file, "ours", p.ours(file),
		"path", fill(`(<file> == b.at ? b.part : (b.part == '' ? '' : b.part + '/') + <file>.substring(size(b.at) + 1))`, "file", file))
}

// ours says whether a file, which is placed, is in a directory that our tokens are mounted at.
func (p *Policies) ours(file string) string {
	within := func(mountPath string) string {
		if strings.HasPrefix(mountPath+"/", "/run/") {
			mountPath = "/var" + mountPath
		}
		return str(mountPath + "/")
	}
	return fill(`(<file>.startsWith(<web>) || <file>.startsWith(<agent>))`, "file", file,
		"web", within(p.mutation.MountPath), "agent", within(p.mutation.PodIdentityMountPath))
}

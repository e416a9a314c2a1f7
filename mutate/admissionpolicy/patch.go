package admissionpolicy

// Parts of the patches of all clouds.

// envValue is the variable of which a is the name and the value.
func envValue(kind string) string {
	return fill(`Object.spec.<kind>.env{name: a[0], value: a[1]}`, "kind", kind)
}

// patchEnv adds to each container the variables that it gets: value makes each of a.
func patchEnv(kind, value string) string {
	return fill(`variables.<kind>Add.transformList(i, add, size(add) > 0, `+
		`(has(variables.<kind>[i].env) && size(variables.<kind>[i].env) > 0 ? [] : [JSONPatch{op: 'add', path: '/spec/<kind>/' + string(i) + '/env', value: []}]) + `+
		`add.map(a, JSONPatch{op: 'add', path: '/spec/<kind>/' + string(i) + '/env/-', value: <value>})).flatten()`, "kind", kind, "value", value)
}

// patchMounts mounts a volume in each container that is injected and has no mount m that is mounted.
func patchMounts(kind, mounted, volume, mountPath string) string {
	return fill(`variables.<kind>.transformList(i, c, variables.<kind>State[i] == <inject> && `+
		`!(has(c.volumeMounts) && c.volumeMounts.exists(m, <mounted>)), `+
		`(has(c.volumeMounts) ? [] : [JSONPatch{op: 'add', path: '/spec/<kind>/' + string(i) + '/volumeMounts', value: []}]) + `+
		`[JSONPatch{op: 'add', path: '/spec/<kind>/' + string(i) + '/volumeMounts/-', value: `+
		`Object.spec.<kind>.volumeMounts{name: <volume>, mountPath: <path>, readOnly: true}}]).flatten()`,
		"kind", kind, "inject", str(inject), "mounted", mounted, "volume", volume, "path", str(mountPath))
}

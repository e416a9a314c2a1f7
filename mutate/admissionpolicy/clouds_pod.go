package admissionpolicy

import (
	"cmp"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/irsa-go/irsa/internal/profile"
)

// podVariables are what the pod has and asks for.
func (c cloud) podVariables() []admissionregistrationv1.Variable {
	name, found := str(c.volumeName()), fill(`v.name == <name>`, "name", str(c.volumeName()))
	if c.volumeOf().ByPodName { // another planner may have named it after the pod
		found = fill(`v.name.startsWith(<prefix>)`, "prefix", str(c.volumeOf().Name))
	}
	all := []admissionregistrationv1.Variable{
		{Name: "subresource", Expression: subresource},
		{Name: "pod", Expression: podAnnotations},
		{Name: "expiration", Expression: c.seconds("variables.pod", "variables.accountExpiration")},
		{Name: "checked", Expression: c.checked()},
		{Name: "skip", Expression: fill(`<key> in variables.pod ? string(variables.pod[<key>]).split(<separator>).map(n, n.trim()) : []`,
			"key", str(c.p.Skip.Key), "separator", str(c.p.Skip.Separator))},
		{Name: "chosen", Expression: c.chosen()},
		{Name: "volumes", Expression: `has(object.spec.volumes) ? object.spec.volumes : []`},
		{Name: "found", Expression: fill(`variables.volumes.filter(v, <found> && <ours>).map(v, string(v.name))`,
			"found", found, "ours", c.byMethod(isOurs))},
		{Name: "volume", Expression: fill(`variables.found == [] ? <name> : variables.found[0]`, "name", name)},
		{Name: "taken", Expression: fill(`variables.volumes.exists(v, v.name == <name> && !(<name> in variables.found))<annotation>`,
			"name", name, "annotation", c.markTaken())},
	}
	for _, kind := range containerKinds {
		all = append(all, c.containerVariables(kind)...)
	}
	return all
}

// volumeOf is the volume, which all methods share as they share the mount path.
func (c cloud) volumeOf() profile.Volume { return c.p.Methods[0].Volume }

// volumeName is one name for all pods: CEL has no hash, of which a name that follows from the pod's
// is made. Clients do not look at it.
func (c cloud) volumeName() string {
	if v := c.volumeOf(); v.ByPodName {
		return v.Name + "token"
	}
	return c.volumeOf().Name
}

func (c cloud) mountPath() string { return c.p.Methods[0].MountPath }

// chosen says that the pod asks for the second method.
func (c cloud) chosen() string {
	if c.p.Choose == "" {
		return `false`
	}
	return fill(`<key> in variables.pod && variables.pod[<key>].lowerAscii() == 'true'`, "key", str(c.p.Choose))
}

// byMethod is an expression for each method, and the choice between them.
func (c cloud) byMethod(of func(profile.Method) string) string {
	if c.p.Choose == "" {
		return of(c.p.Methods[0])
	}
	return `(variables.chosen ? ` + of(c.p.Methods[1]) + ` : ` + of(c.p.Methods[0]) + `)`
}

// gained are the variables of a method that are added, each with what it gets.
func (c cloud) gained(method int) (all []profile.Var) {
	for _, v := range c.p.Vars {
		if value, ok := c.Grant.Values[v.Name]; ok {
			v.Value = value
		}
		if v.Value != "" && (v.Method == 0 || v.Method == method+1) {
			all = append(all, v)
		}
	}
	return all
}

// isOurs says that the volume v projects every file of the method.
func isOurs(m profile.Method) string {
	all := fill(`has(v.projected) && has(v.projected.sources) && v.projected.sources.exists(s, has(s.serviceAccountToken) && `+tokenPath+` == <file>)`,
		"file", str(m.File))
	for _, s := range m.Sources {
		is := fill(`(has(s.configMap) && has(s.configMap.items) && s.configMap.items.exists(i, i.path == <file>) || has(s.clusterTrustBundle) && s.clusterTrustBundle.path == <file>)`,
			"file", str(s.File))
		if s.FieldPath != "" {
			is = fill(`has(s.downwardAPI) && has(s.downwardAPI.items) && s.downwardAPI.items.exists(i, i.path == <file> && has(i.fieldRef) && i.fieldRef.fieldPath == <field>)`,
				"file", str(s.File), "field", str(s.FieldPath))
		}
		all += ` && v.projected.sources.exists(s, ` + is + `)`
	}
	return all
}

// mark is the annotation that the pod gets.
func (c cloud) mark() profile.Mark { return c.p.Methods[0].Mark }

// markTaken says that the annotation has another value, or cannot be added any more.
func (c cloud) markTaken() string {
	if c.mark().Key == "" {
		return ""
	}
	return fill(` || (<key> in variables.pod ? variables.pod[<key>] != <value> : variables.subresource != '')`,
		"key", str(c.mark().Key), "value", text(c.Grant.Mark))
}

// containerVariables are those of one list, as [Policies.containerVariables] are.
func (c cloud) containerVariables(kind string) []admissionregistrationv1.Variable {
	var known []string
	for _, v := range c.p.Vars {
		if v.Use != profile.Static {
			known = append(known, v.Name)
		}
	}
	return []admissionregistrationv1.Variable{
		{Name: kind, Expression: containersOf(kind)},
		{Name: kind + "Set", Expression: variablesSet(kind, known)},
		{Name: kind + "State", Expression: c.state(kind)},
		{Name: kind + "Add", Expression: c.additions(kind)},
	}
}

// state is as [Policies.state] is: the container is left alone, in conflict, or gets what it lacks.
func (c cloud) state(kind string) string {
	wasThere, noVolume := ephemeralOnly(kind, `variables.found == []`)
	return fill(`variables.<kind>.transformList(i, c, <wasThere> ? <old> : c.name in variables.skip ? <skipped> : <identity>`+
		`<noVolume> || variables.taken || `+
		`(has(c.volumeMounts) && c.volumeMounts.exists(m, m.mountPath.matches(<path>) && !(m.name == variables.volume && `+
		`(!has(m.subPath) || m.subPath == '') && (!has(m.subPathExpr) || m.subPathExpr == '')) || m.mountPath.matches(<below>))) || `+
		`(has(c.volumeDevices) && c.volumeDevices.exists(d, d.devicePath.matches(<path>) || d.devicePath.matches(<below>))) ? <conflict> : <inject>)`,
		"kind", kind, "wasThere", wasThere, "noVolume", noVolume, "identity", c.identity("variables."+kind+"Set[i]"), "path", str(samePath(c.mountPath())),
		"below", c.byMethod(func(m profile.Method) string { return str(inFront(m)) }),
		"old", str(old), "skipped", str(skipped), "conflict", str(conflict), "inject", str(inject))
}

// identity decides by the variables that belong together: a container that has all of them, and one
// in another way than ours, is complete, and one that has only some is a conflict.
func (c cloud) identity(set string) string {
	var names, foreign []string
	for _, e := range c.gained(0) {
		if e.Use == profile.Identity {
			names = append(names, e.Name)
			foreign = append(foreign, fill(`c.env.exists(e, e.name == <name> && (!has(e.value) || e.value != <value>))`, "name", str(e.Name), "value", text(e.Value)))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fill(`<names>.all(n, n in <set>) && (<foreign>) ? <complete> : <names>.exists(n, n in <set>) && !<names>.all(n, n in <set>) ? <conflict> : `,
		"names", list(names), "set", set, "foreign", strings.Join(foreign, " || "), "complete", str(complete), "conflict", str(conflict))
}

// inFront is the regular expression of mount paths that hide a file of the method: those of the folders
// between it and the mount path, and its own. /run is /var/run in most images.
func inFront(m profile.Method) string {
	var all []string
	add := func(file string) {
		for at := file; at != "."; at = path.Dir(at) {
			full := path.Join(m.MountPath, at)
			all = append(all, samePath(full))
			if alias, ok := strings.CutPrefix(full, "/var"); ok && strings.HasPrefix(alias, "/run/") {
				all = append(all, samePath(alias))
			}
		}
	}
	add(m.File)
	for _, s := range m.Sources {
		add(s.File)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "|")
}

// additions are the variables that each container gets, as lists of a name and a value.
func (c cloud) additions(kind string) string {
	set := "variables." + kind + "Set[i]"
	of := func(method int) string {
		add := []string{`[['', '']].filter(a, false)`} // an empty list of pairs, not of anything
		for _, v := range c.gained(method) {
			there := `<name> in <set>`
			if strings.Contains(v.Value, mark) { // what an account says may be empty
				there += ` || <value> == ''`
			}
			add = append(add, fill(`(`+there+` ? [] : [[<name>, <value>]])`, "name", str(v.Name), "set", set, "value", text(v.Value)))
		}
		return "(" + strings.Join(add, " + ") + ")"
	}
	all := of(0)
	if c.p.Choose != "" {
		all = `(variables.chosen ? ` + of(1) + ` : ` + all + `)`
	}
	return fill(`variables.<kind>.transformList(i, c, variables.<kind>State[i] == <inject> ? <all> : [])`, "kind", kind, "inject", str(inject), "all", all)
}

// patch is the one mutation, as [Policies.patch] is.
func (c cloud) patch() string {
	parts := []string{c.patchVolume()}
	for _, kind := range containerKinds {
		mounted := fill(`m.mountPath.matches(<path>)`, "path", str(samePath(c.mountPath())))
		parts = append(parts, patchEnv(kind, envValue(kind)), patchMounts(kind, mounted, `variables.volume`, c.mountPath()))
	}
	return strings.Join(parts, " +\n")
}

// patchVolume adds the volume and the annotation where a container uses them, or is left out by its
// pod's annotation.
func (c cloud) patchVolume() string {
	annotation := ""
	if mark := c.mark(); mark.Key != "" {
		annotation = fill(` + (<key> in variables.pod ? [] : (has(object.metadata.annotations) ? [] : [JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}]) + `+
			`[JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey(<key>), value: <value>}])`, "key", str(mark.Key), "value", text(c.Grant.Mark))
	}
	return fill(`(variables.taken || variables.subresource != '' || (variables.containersState + variables.initContainersState).all(s, !(s in <wanted>)) ? [] : `+
		`(variables.found != [] ? [] : (has(object.spec.volumes) ? [] : [JSONPatch{op: 'add', path: '/spec/volumes', value: []}]) + `+
		`[JSONPatch{op: 'add', path: '/spec/volumes/-', value: <volume>}])<annotation>)`,
		"wanted", list([]string{skipped, inject}), "volume", c.byMethod(c.volume), "annotation", annotation)
}

// volume is the volume of a method.
func (c cloud) volume(m profile.Method) string {
	sources := []string{fill(`dyn({'serviceAccountToken': dyn({'audience': dyn(<audience>), 'expirationSeconds': dyn(variables.expiration), 'path': dyn(<path>)})})`,
		"audience", text(cmp.Or(c.Grant.Audience, m.Audience)), "path", str(m.File))}
	for _, s := range m.Sources {
		sources = append(sources, ofJSON(s.JSON))
	}
	mode := ""
	if m.Volume.DefaultMode != 0 {
		mode = fill(`, 'defaultMode': dyn(<mode>)`, "mode", strconv.Itoa(int(m.Volume.DefaultMode)))
	}
	return fill(`{'name': dyn(variables.volume), 'projected': dyn({'sources': dyn([<sources>])<mode>})}`, "sources", strings.Join(sources, ", "), "mode", mode)
}

// ofJSON is a JSON document as CEL: maps of anything by text, and the like.
func ofJSON(doc string) string {
	var value any
	if json.Unmarshal([]byte(doc), &value) != nil {
		return `null` // the rules are the library's own
	}
	return ofValue(value)
}

func ofValue(value any) string {
	var parts []string
	switch v := value.(type) {
	case string:
		return "dyn(" + str(v) + ")"
	case bool:
		return "dyn(" + strconv.FormatBool(v) + ")"
	case []any:
		for _, element := range v {
			parts = append(parts, ofValue(element))
		}
		return "dyn([" + strings.Join(parts, ", ") + "])"
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, str(name)+": "+ofValue(v[name]))
		}
		return "dyn({" + strings.Join(parts, ", ") + "})"
	}
	return `null`
}

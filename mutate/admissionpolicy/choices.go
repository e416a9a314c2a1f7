package admissionpolicy

import (
	"strconv"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/irsa-go/irsa/mutate"
)

// The settings that Config, the account and the pod each may have, the pod before the account and the
// account before Config. Each is a variable of the account's with the suffix Account, and one of the
// pod's.

// aSwitch is a variable that is "true" in each container where the setting is on.
type aSwitch struct {
	name, annotation, env string
	conflicts             bool // in containers that get nothing else, too
	on                    func(mutate.Config) bool
}

var switches = []aSwitch{
	{"ec2Metadata", mutate.AnnotationDisableEC2Metadata, mutate.EnvEC2Metadata, true, func(c mutate.Config) bool { return c.DisableEC2Metadata }},
	{"dualStack", mutate.AnnotationUseDualStackEndpoint, mutate.EnvDualStack, false, func(c mutate.Config) bool { return c.UseDualStackEndpoint }},
	{"fips", mutate.AnnotationUseFIPSEndpoint, mutate.EnvFIPS, false, func(c mutate.Config) bool { return c.UseFIPSEndpoint }},
}

// The values of the annotation session-name.
const (
	byPodUID  = "pod-uid"
	byPodName = "pod-name"
	omitted   = "none"
)

// choice is one of the settings, as the expression that reads an annotation of it.
type choice struct {
	name, annotation, want, byDefault string
	read                              func(key, from, absent, bad string) string
}

func (p *Policies) choices() []choice {
	session := map[mutate.SessionName]string{mutate.SessionNamePodUID: byPodUID, mutate.SessionNamePodName: byPodName}[p.mutation.SessionName]
	if session == "" {
		session = omitted
	}
	all := []choice{{"session", mutate.AnnotationSessionName, "pod-uid, pod-name or none", str(session), readSession}}
	for _, s := range switches {
		all = append(all, choice{s.name, s.annotation, wantSwitch, strconv.FormatBool(s.on(p.mutation)), readSwitch})
	}
	return all
}

// accountChoices are what the account says, and Config where it says nothing.
func (p *Policies) accountChoices() (vars []admissionregistrationv1.Variable) {
	for _, c := range p.choices() {
		bad := p.refuseValue(c.annotation, "variables.account", c.want)
		if p.mutation.BadAnnotations == mutate.WarnAllBad {
			bad = c.byDefault
		}
		vars = append(vars, variable(c.name+"Account", c.read(p.key(c.annotation), "variables.account", c.byDefault, bad)))
	}
	return vars
}

// ruleChoices are what Config says.
func (p *Policies) ruleChoices() (vars []admissionregistrationv1.Variable) {
	for _, c := range p.choices() {
		vars = append(vars, variable(c.name+"Account", c.byDefault))
	}
	return vars
}

// podChoices are what the pod says, and the account where the pod says nothing.
func (p *Policies) podChoices() (vars []admissionregistrationv1.Variable) {
	for _, c := range p.choices() {
		account := "variables." + c.name + "Account"
		bad := account
		if p.mutation.BadAnnotations == mutate.RefuseAllBad {
			bad = p.refuseValue(c.annotation, "variables.pod", c.want)
		}
		vars = append(vars, variable(c.name, c.read(p.key(c.annotation), "variables.pod", account, bad)))
	}
	return vars
}

func variable(name, expression string) admissionregistrationv1.Variable {
	return admissionregistrationv1.Variable{Name: name, Expression: expression}
}

func readSession(key, from, absent, bad string) string {
	return fill(`!(<key> in <from>) ? <absent> : <from>[<key>] in <values> ? string(<from>[<key>]) : <bad>`,
		"key", key, "from", from, "absent", absent, "bad", bad, "values", list([]string{byPodUID, byPodName, omitted}))
}

// The spellings of strconv.ParseBool.
var (
	spelledTrue  = []string{"1", "t", "T", "TRUE", "true", "True"}
	spelledFalse = []string{"0", "f", "F", "FALSE", "false", "False"}
)

const wantSwitch = "true or false"

func readSwitch(key, from, absent, bad string) string {
	return fill(`!(<key> in <from>) ? <absent> : <from>[<key>] in <true> ? true : <from>[<key>] in <false> ? false : <bad>`,
		"key", key, "from", from, "absent", absent, "bad", bad, "true", list(spelledTrue), "false", list(spelledFalse))
}

// sessionName is the field of the pod that names the session: the name where it is known to fit the 2
// to 64 characters of STS, as every generated one is, else the UID.
const sessionName = `variables.session == '` + byPodName + `' && ` +
	`(has(object.metadata.name) && object.metadata.name != '' ? ` +
	`size(object.metadata.name) >= 2 && size(object.metadata.name) <= 64 : ` +
	`has(object.metadata.generateName) && object.metadata.generateName != '') ? 'metadata.name' : 'metadata.uid'`

// chosen are the variables that container i of a list gets where a setting is on: lists of a name and
// "true".
func chosen(kind string) (terms string) {
	for _, s := range switches {
		without := []string{skipped, old, conflict}
		if s.conflicts { // even a container that gets nothing else is kept from the node's role
			without = []string{skipped, old}
		}
		terms += fill(` + (!variables.<on> || variables.<kind>State[i] in <without> || <name> in variables.<kind>Set[i] ? [] : [[<name>, 'true']])`,
			"on", s.name, "kind", kind, "without", list(without), "name", str(s.env))
	}
	return terms
}

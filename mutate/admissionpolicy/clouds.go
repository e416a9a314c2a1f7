package admissionpolicy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/internal/profile"
	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
)

// Azure returns the policy that gives pods with Azure's label their identity in Azure, as package
// azure does, and its binding. They are named as Config.Name says, with "-azure" behind it, and every
// call returns new values.
//
// It finds the account as [Policies.Injection] does, at the same cost and with the same race, and
// stands beside it: a pod may have identities of several clouds. See [CloudFeatures].
func Azure(mutation azure.Config, cfg Config) (Injection, error) {
	m, err := azure.New(mutation)
	if err != nil {
		return Injection{}, fmt.Errorf("admissionpolicy: %w", err)
	}
	return newCloud(m.Template(reference)).injection(cfg, nil)
}

// Google does as [Azure] does, for package google and pods whose account names a provider. The names end in
// "-google".
func Google(mutation google.Config, cfg Config) (Injection, error) {
	m, err := google.New(mutation)
	if err != nil {
		return Injection{}, fmt.Errorf("admissionpolicy: %w", err)
	}
	impersonating := m.Template(reference)
	direct := m.Template(func(name string) string {
		if name == google.ValueEmail {
			return ""
		}
		return reference(name)
	})
	const credentials = "credentials"
	derived := []admissionregistrationv1.Variable{
		{Name: google.ValueProject, Expression: `variables.email.matches('@[^.]+[.]iam[.]gserviceaccount[.]com$') ? variables.email.split('@')[1].split('.')[0] : ''`},
		{Name: credentials, Expression: fill(`variables.email == '' ? <direct> : <impersonating>`,
			"direct", text(direct.Grant.Mark), "impersonating", text(impersonating.Grant.Mark))},
	}
	impersonating.Grant.Mark = reference(credentials)
	return newCloud(impersonating).injection(cfg, derived)
}

// cloud writes down the policy of a cloud from its rules, which are data.
type cloud struct {
	profile.Template
	p profile.Profile
}

func newCloud(t profile.Template) cloud { return cloud{t, t.Profile} }

// injection is the policy; derived are variables that follow from the account's values.
func (c cloud) injection(cfg Config, derived []admissionregistrationv1.Variable) (Injection, error) {
	if cfg.Name == "" {
		cfg.Name = DefaultName
	}
	if kubename.CheckServiceAccount(cfg.Name) != nil { // a DNS subdomain too
		return Injection{}, fmt.Errorf("admissionpolicy: %w", errName(cfg.Name))
	}
	if err := c.check(); err != nil {
		return Injection{}, fmt.Errorf("admissionpolicy: %s: %w", c.p.Cloud, err)
	}
	all := injection(cfg.Name+"-"+c.p.Cloud, admissionregistrationv1.MutatingAdmissionPolicySpec{
		MatchConstraints: c.match(),
		MatchConditions:  []admissionregistrationv1.MatchCondition{{Name: "the-pods-own-account", Expression: c.ownAccount()}},
		Variables:        slices.Concat(c.accountVariables(), derived, c.podVariables()),
		Mutations:        mutations(c.patch()),
	})
	byAccount(&all)
	return all, nil
}

// check refuses rules that are not written down here: those of AWS's own.
func (c cloud) check() error {
	if len(c.p.Methods) == 0 || c.p.AsEKS || c.p.Leave != "" || c.p.Refuse {
		return errors.New("a policy does not do what the rules say")
	}
	for _, v := range c.p.Vars {
		if v.From != "" || v.Use != profile.IfAbsent && v.Use != profile.Identity && v.Use != profile.Static {
			return fmt.Errorf("a policy does not add %s", v.Name)
		}
	}
	return nil
}

// match is the rules of every namespace, for pods with the cloud's label.
func (c cloud) match() *admissionregistrationv1.MatchResources {
	all := matchPods(nil)
	if c.p.Label != "" {
		all.ObjectSelector.MatchLabels = map[string]string{c.p.Label: c.p.LabelValue}
	}
	return all
}

// ownAccount is evaluated for every ServiceAccount of the namespace: it is kept cheap.
func (c cloud) ownAccount() string {
	var needs []string
	for _, v := range c.Values {
		if slices.Contains(c.Needs, v.Name) {
			needs = append(needs, fill(`params.metadata.annotations[?<key>].orValue('') != ''`, "key", str(v.Key)))
		}
	}
	if needs == nil {
		return ownAccount
	}
	return ownAccount + ` && has(params.metadata.annotations) && (` + strings.Join(needs, " || ") + `)`
}

// accountVariables are what the account says, each the value or an error.
func (c cloud) accountVariables() []admissionregistrationv1.Variable {
	all := []admissionregistrationv1.Variable{
		{Name: "accountName", Expression: `string(params.metadata.name)`},
		{Name: "account", Expression: `has(params.metadata.annotations) ? params.metadata.annotations : {}`},
	}
	for _, v := range c.Values {
		absent := fill(`!(<key> in variables.account)`, "key", str(v.Key))
		if v.EmptyIsAbsent {
			absent += fill(` || variables.account[<key>] == ''`, "key", str(v.Key))
		}
		all = append(all, admissionregistrationv1.Variable{Name: v.Name, Expression: fill(
			`[<absent> ? <default> : string(variables.account[<key>])].map(v, v.matches(<pattern>) ? v : <refusal>)[0]`,
			"absent", absent, "default", text(v.Default), "key", str(v.Key), "pattern", str(v.Pattern), "refusal", refusal(v.Key, "v", v.Want))})
	}
	return append(all, admissionregistrationv1.Variable{
		Name: "accountExpiration", Expression: c.seconds("variables.account", fmt.Sprint(c.Grant.Seconds)),
	})
}

// seconds are those of the annotation, else otherwise.
func (c cloud) seconds(annotations, otherwise string) string {
	e := c.p.Expiration
	absent, least, raised := fill(`!(<key> in <from>)`, "key", str(e.Key), "from", annotations), e.Min, `int(v)`
	if e.EmptyIsAbsent {
		absent += fill(` || <from>[<key>] == ''`, "key", str(e.Key), "from", annotations)
	}
	if e.RaiseToMin {
		least, raised = 0, fmt.Sprintf(`(int(v) < %d ? %d : int(v))`, e.Min, e.Min)
	}
	_, want := e.Parse("")
	return fill(`<absent> ? <otherwise> : [string(<from>[<key>])].map(v, `+
		`v.matches('^[+-]?0*[0-9]{1,18}$') && int(v) >= <least> && int(v) <= <most> ? <value> : <refusal>)[0]`,
		"absent", absent, "otherwise", otherwise, "from", annotations, "key", str(e.Key), "least", fmt.Sprint(least), "most", fmt.Sprint(e.Max),
		"value", raised, "refusal", refusal(e.Key, "v", want.Error()))
}

// checked is all that may be refused, of the account also where the pod says otherwise.
func (c cloud) checked() string {
	all := `[string(variables.accountExpiration), string(variables.expiration)`
	for _, v := range c.Values {
		all += `, variables.` + v.Name
	}
	return all + `]`
}

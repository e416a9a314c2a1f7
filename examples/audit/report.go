package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
)

// report is what the audit found, each list in order.
type report struct {
	admitted []line // who can become what
	nowhere  []line // annotations that lead nowhere
	asNode   []line // pods without an identity of their own
	findings []line // policies that Lint has something to say of
}

// line is a subject and what there is to say of it.
type line struct{ who, what string }

// cluster is a cluster with the IAM OIDC provider that stands for it.
type cluster struct {
	provider trust.Provider
	reader   clusterReader
}

// auditor is what one audit knows of the accounts.
type auditor struct {
	report  report
	roles   map[string]*trust.Policy // by ARN
	index   *trust.Index
	mutator *mutate.Mutator
	several bool // clusters: their names must be said
}

// audit reads both sides and compares them.
func audit(clusters []cluster, accounts []roleReader) (report, error) {
	a := auditor{roles: map[string]*trust.Policy{}, several: len(clusters) > 1}
	for _, account := range accounts {
		roles, err := account.Roles()
		if err != nil {
			return report{}, err
		}
		for _, role := range roles {
			a.roles[role.arn] = role.policy
		}
	}
	a.index = trust.NewIndex(a.roles)
	var err error
	if a.mutator, err = mutate.New(mutate.Config{}); err != nil {
		return report{}, err
	}
	for _, c := range clusters {
		if err := a.cluster(c); err != nil {
			return report{}, err
		}
	}
	a.lint(clusters)
	r := a.report
	for _, list := range [][]line{r.admitted, r.nowhere, r.asNode, r.findings} {
		slices.SortStableFunc(list, func(a, b line) int { return cmp.Compare(a.who, b.who) })
	}
	return r, nil
}

// cluster looks at every service account and pod.
func (a *auditor) cluster(c cluster) error {
	w, err := c.reader.Workloads()
	if err != nil {
		return err
	}
	for _, sa := range w.accounts {
		s, err := trust.ServiceAccount(sa.Namespace, sa.Name)
		if err != nil {
			return fmt.Errorf("service account %s/%s: %w", sa.Namespace, sa.Name, err)
		}
		who := a.name(c, sa.Namespace+"/"+sa.Name)
		for _, admission := range a.index.Who(c.provider, s) {
			a.admitted(who, admission)
		}
		if problem := a.annotation(c.provider, &sa, s); problem != "" {
			a.report.nowhere = append(a.report.nowhere, line{who, problem})
		}
	}
	for _, pod := range w.pods {
		if problem := asNode(&pod); problem != "" {
			a.report.asNode = append(a.report.asNode, line{a.name(c, pod.Namespace+"/"+pod.Name), problem})
		}
	}
	return nil
}

// name says in which cluster somebody is, when there are several.
func (a *auditor) name(c cluster, who string) string {
	if a.several {
		return who + " of " + c.provider.HostPath()
	}
	return who
}

// admitted adds a role that an account can have, and those that it reaches through it.
func (a *auditor) admitted(who string, admission trust.RoleAdmission) {
	perhaps := ""
	if admission.Unproven {
		perhaps = " (if a condition is met that the account alone does not tell)"
	}
	a.report.admitted = append(a.report.admitted, line{who, admission.Role + perhaps})
	for _, way := range a.index.Through(admission.Role) {
		a.report.admitted = append(a.report.admitted, line{who, way[len(way)-1] + " through " + strings.Join(way[:len(way)-1], ", then ") + perhaps})
	}
}

// lint adds what is wrong with the policies that are about one of the clusters.
func (a *auditor) lint(clusters []cluster) {
	for arn, policy := range a.roles {
		document := policy.Document()
		if !slices.ContainsFunc(clusters, func(c cluster) bool { return strings.Contains(document, c.provider.HostPath()) }) {
			continue
		}
		for _, f := range policy.Lint() {
			a.report.findings = append(a.report.findings, line{arn, f.String()})
		}
	}
}

// annotation follows the role that an account names, and says why it leads nowhere.
func (a *auditor) annotation(provider trust.Provider, sa *corev1.ServiceAccount, s trust.Subject) (problem string) {
	id, err := a.mutator.Identity(sa)
	switch {
	case err != nil:
		return err.Error()
	case id.IsZero():
		return ""
	case a.roles[id.RoleARN] == nil:
		return id.RoleARN + ": the account has no such role"
	}
	audience := cmp.Or(id.Audience, trust.DefaultAudience)
	d := a.roles[id.RoleARN].Evaluate(trust.WebIdentity(provider, trust.Claims{"sub": s.String(), "aud": []any{audience}}))
	if d.Allowed {
		return ""
	}
	reason, _, _ := strings.Cut(d.String(), "\n")
	return id.RoleARN + ": " + reason
}

// asNode looks for containers whose SDK would find nothing and fall back to the node's role.
func asNode(pod *corev1.Pod) (problem string) {
	var names []string
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		env := map[string]string{}
		for _, v := range c.Env {
			env[v.Name] = cmp.Or(v.Value, "from elsewhere")
		}
		_, err := token.Resolve(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		if errors.Is(err, token.ErrNoIdentity) {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "as service account " + cmp.Or(pod.Spec.ServiceAccountName, "default") + ", containers " + strings.Join(names, ", ")
}

// print says whether there is anything to look at; who can become what is no fault.
func (r report) print(w io.Writer) (found bool) {
	for _, section := range []struct {
		title string
		lines []line
	}{
		{"Who can become what", r.admitted},
		{"Annotations that lead nowhere", r.nowhere},
		{"Pods that run as their node", r.asNode},
		{"Trust policies to look at", r.findings},
	} {
		fmt.Fprintf(w, "%s\n", section.title)
		if len(section.lines) == 0 {
			fmt.Fprintln(w, "  none")
		}
		for _, l := range section.lines {
			fmt.Fprintf(w, "  %s: %s\n", l.who, l.what)
		}
		fmt.Fprintln(w)
	}
	return len(r.nowhere)+len(r.asNode)+len(r.findings) > 0
}

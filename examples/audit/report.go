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

// audit reads both sides and compares them.
func audit(provider trust.Provider, cluster clusterReader, account roleReader) (report, error) {
	w, err := cluster.Workloads()
	if err != nil {
		return report{}, err
	}
	roles, err := account.Roles()
	if err != nil {
		return report{}, err
	}
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		return report{}, err
	}
	var r report
	var subjects []trust.Subject
	for _, sa := range w.accounts {
		s, err := trust.ServiceAccount(sa.Namespace, sa.Name)
		if err != nil {
			return report{}, fmt.Errorf("service account %s/%s: %w", sa.Namespace, sa.Name, err)
		}
		subjects = append(subjects, s)
		r.annotation(mutator, provider, &sa, s, roles)
	}
	for _, role := range roles {
		r.role(provider, role, subjects)
	}
	for _, pod := range w.pods {
		r.pod(&pod)
	}
	for _, list := range [][]line{r.admitted, r.nowhere, r.asNode, r.findings} {
		slices.SortStableFunc(list, func(a, b line) int { return cmp.Compare(a.who, b.who) })
	}
	return r, nil
}

// role adds whom a role admits, and what is wrong with its policy if it is about the cluster.
func (r *report) role(provider trust.Provider, role role, subjects []trust.Subject) {
	if strings.Contains(role.policy.Document(), provider.HostPath()) {
		for _, f := range role.policy.Lint() {
			r.findings = append(r.findings, line{role.arn, f.String()})
		}
	}
	for _, a := range role.policy.Who(provider, subjects) {
		what := role.arn
		if a.Unproven {
			what += " (if a condition is met that the account alone does not tell)"
		}
		r.admitted = append(r.admitted, line{accountName(a.Subject), what})
	}
}

// annotation follows the role that an account names.
func (r *report) annotation(m *mutate.Mutator, provider trust.Provider, sa *corev1.ServiceAccount, s trust.Subject, roles []role) {
	id, err := m.Identity(sa)
	if err != nil {
		r.nowhere = append(r.nowhere, line{accountName(s), err.Error()})
		return
	}
	if id.IsZero() {
		return
	}
	audience := cmp.Or(id.Audience, trust.DefaultAudience)
	i := slices.IndexFunc(roles, func(role role) bool { return role.arn == id.RoleARN })
	if i < 0 {
		r.nowhere = append(r.nowhere, line{accountName(s), id.RoleARN + ": the account has no such role"})
		return
	}
	d := roles[i].policy.Evaluate(trust.WebIdentity(provider, trust.Claims{"sub": s.String(), "aud": []any{audience}}))
	if !d.Allowed {
		reason, _, _ := strings.Cut(d.String(), "\n")
		r.nowhere = append(r.nowhere, line{accountName(s), id.RoleARN + ": " + reason})
	}
}

func accountName(s trust.Subject) string {
	namespace, name, _ := s.ServiceAccount()
	return namespace + "/" + name
}

// pod looks for containers whose SDK would find nothing and fall back to the node's role.
func (r *report) pod(pod *corev1.Pod) {
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
	if len(names) > 0 {
		r.asNode = append(r.asNode, line{pod.Namespace + "/" + pod.Name,
			"as service account " + cmp.Or(pod.Spec.ServiceAccountName, "default") + ", containers " + strings.Join(names, ", ")})
	}
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

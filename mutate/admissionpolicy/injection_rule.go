package admissionpolicy

import (
	"errors"
	"strconv"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/rolerule"
	"github.com/irsa-go/irsa/mutate"
)

// InjectionByRule returns the policy that gives pods the role of mutate.Config.RoleRule, and its
// binding. It looks up no account: none is missed, many cost no more than few, and the policy can be
// [Injection.Static]. It fails without a rule.
//
// The policy covers the pods with the label role-by-rule=true, or with RoleRuleForEveryPod all pods:
// choose the namespaces in the binding's MatchResources then. Pods with the label that keeps EKS's
// webhook away are left out.
func (p *Policies) InjectionByRule() (Injection, error) {
	switch {
	case !p.made():
		return Injection{}, errors.New("admissionpolicy: injection by rule: the Policies were not made by New")
	case p.mutation.RoleRule.IsZero():
		return Injection{}, errors.New("admissionpolicy: injection by rule: RoleRule is not set")
	}
	all := p.injection(p.name+"-rule", admissionregistrationv1.MatchCondition{
		Name: "not-a-mirror", Expression: notMirror,
	}, p.ruleVariables())
	if !p.mutation.RoleRuleForEveryPod {
		all.Policy.Spec.MatchConstraints.ObjectSelector.MatchLabels = map[string]string{
			p.mutation.AnnotationKey(mutate.LabelRoleByRule): mutate.LabelRoleByRuleValue,
		}
	}
	return all, nil
}

// ruleVariables are what follows from the pod's namespace and the name of its service account.
func (p *Policies) ruleVariables() []admissionregistrationv1.Variable {
	return append([]admissionregistrationv1.Variable{
		{Name: "accountName", Expression: `has(object.spec.serviceAccountName) && object.spec.serviceAccountName != '' ? object.spec.serviceAccountName : 'default'`},
		{Name: "fullName", Expression: `request.namespace + '.' + variables.accountName`},
		{Name: "role", Expression: roleByRule(rolerule.FormOf(p.mutation.RoleRule))},
		{Name: "audience", Expression: str(p.mutation.Audience)},
		{Name: "regional", Expression: strconv.FormatBool(p.mutation.RegionalSTS)},
		{Name: "accountExpiration", Expression: p.defaultSeconds()},
	}, p.ruleChoices()...)
}

// roleByRule is [mutate.RoleRule] in CEL.
func roleByRule(f rolerule.Form) string {
	return fill(`size(variables.fullName) <= <short> ? <base> + request.namespace + '/' + <prefix> + variables.fullName : `+
		`<base> + request.namespace + '/' + variables.fullName.substring(<beginning>, size(variables.fullName) - <end>) + '/' + <prefix> + <long> + `+
		`variables.fullName.substring(0, <beginning>) + variables.fullName.substring(size(variables.fullName) - <end>)`,
		"short", strconv.Itoa(f.Short), "beginning", strconv.Itoa(f.Beginning), "end", strconv.Itoa(f.End),
		"base", str(f.Base), "prefix", str(f.Prefix), "long", str(rolerule.Long))
}

// staticSuffix ends the names of objects that the API server reads from its disk
// (https://kep.k8s.io/5793).
const staticSuffix = ".static.k8s.io"

// Static returns the injection as the API server reads it from its disk: write both objects to the
// staticManifestsDir of MutatingAdmissionPolicyConfiguration (beta and on by default from Kubernetes
// 1.37). It is in force before the first request, and nobody can change it through the API. It fails
// for an injection with parameters, which cannot be static.
func (i Injection) Static() (Injection, error) {
	if i.Policy == nil || i.Binding == nil {
		return Injection{}, errors.New("admissionpolicy: static: the injection is empty")
	}
	if i.Policy.Spec.ParamKind != nil || i.Binding.Spec.ParamRef != nil {
		return Injection{}, errors.New("admissionpolicy: static: the policy has parameters: take the injection by rule")
	}
	i = Injection{Policy: i.Policy.DeepCopy(), Binding: i.Binding.DeepCopy()}
	makeStatic(&i.Policy.ObjectMeta, &i.Binding.ObjectMeta, &i.Binding.Spec.PolicyName)
	return i, nil
}

// Static returns the validation as the API server reads it from its disk, as [Injection.Static] does:
// write both objects to the staticManifestsDir of ValidatingAdmissionPolicyConfiguration.
func (v Validation) Static() (Validation, error) {
	if v.Policy == nil || v.Binding == nil {
		return Validation{}, errors.New("admissionpolicy: static: the validation is empty")
	}
	v = Validation{Policy: v.Policy.DeepCopy(), Binding: v.Binding.DeepCopy()}
	makeStatic(&v.Policy.ObjectMeta, &v.Binding.ObjectMeta, &v.Binding.Spec.PolicyName)
	return v, nil
}

func makeStatic(policy, binding *metav1.ObjectMeta, name *string) {
	policy.Name += staticSuffix
	binding.Name += staticSuffix
	*name += staticSuffix
}

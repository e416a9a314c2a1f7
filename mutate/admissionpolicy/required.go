package admissionpolicy

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
)

// Required returns the policy that denies a pod labelled [mutate.LabelRequireIdentity] when it has not got an
// identity, and its binding. It closes the race of [Policies.Injection] for those who ask: a pod that
// came before the API server's cache knew its account is denied, and its controller creates it again.
//
// It looks at the pod alone, as all mutation has left it: each of its containers and init containers
// must have an identity that works, by injection or of its own, except those that the pod's annotation
// skip-containers names, and each ephemeral container that is added later. It judges as package mutate does: an empty variable is absent, and the token
// must be mounted where the variable points. It cannot tell which role the identity should have: see
// [Features].
// Without the label, which may be taken off, a debugger gets in without one; the other containers do
// not change. That a pod carries the label is for its author, or for a policy of the cluster's, to see
// to.
func (p *Policies) Required() Validation {
	if !p.made() {
		return Validation{}
	}
	return validation(p.name+"-required", admissionregistrationv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: &admissionregistrationv1.MatchResources{
			ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{
				p.mutation.AnnotationKey(mutate.LabelRequireIdentity): mutate.LabelRequireIdentityValue,
			}},
			ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{
				rule("pods", admissionregistrationv1.Create),
				rule("pods/ephemeralcontainers", admissionregistrationv1.Update),
			},
		},
		Variables: []admissionregistrationv1.Variable{
			{Name: "pod", Expression: `has(object.metadata.annotations) ? object.metadata.annotations : {}`},
			{Name: "skip", Expression: p.skip()},
			{Name: "volumes", Expression: `has(object.spec.volumes) ? object.spec.volumes : []`},
			{Name: "all", Expression: newContainers},
			{Name: "env", Expression: fill(`variables.all.map(c, has(c.env) ? c.env.filter(e, e.name in <known>) : [])`, "known", list(identityVariables))},
			{Name: "has", Expression: states()},
			{Name: "mounts", Expression: mountsOfContainers()},
			{Name: "works", Expression: p.works()},
			{Name: "without", Expression: `variables.all.transformList(i, c, !(c.name in variables.skip) && !variables.works[i], string(c.name))`},
		},
		Validations: []admissionregistrationv1.Validation{{
			Expression: `size(variables.without) == 0`,
			MessageExpression: fill(`'the pod is labelled <label> and these containers have no AWS identity: ' + variables.without.join(', ') + `+
				`'. If the service account of the pod is new, try again'`, "label", p.mutation.AnnotationKey(mutate.LabelRequireIdentity)),
			Reason: reason(metav1.StatusReasonForbidden),
		}},
	})
}

// newContainers are those of a pod that is created, or the ephemeral ones that are added to it.
const newContainers = `has(request.subResource) && request.subResource == 'ephemeralcontainers' ? ` +
	`(has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers.filter(c, ` +
	`!has(oldObject.spec.ephemeralContainers) || !oldObject.spec.ephemeralContainers.exists(o, o.name == c.name)) : []) : ` +
	`object.spec.containers + (has(object.spec.initContainers) ? object.spec.initContainers : [])`

func reason(r metav1.StatusReason) *metav1.StatusReason { return &r }

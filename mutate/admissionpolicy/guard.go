package admissionpolicy

import (
	"errors"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/kubename"
)

// Guard returns the policy that refuses to change or delete this configuration's own admission
// objects, and its binding. It is for the API server's disk: make it [Validation.Static]. The API
// server holds no other policy against admission objects.
//
// It guards the policies and bindings of the injections, of Required and of Roles, and the policies,
// bindings and webhook configurations that are named beside them. They may be created once, and what
// does not change their content is let through; for anything else the file on the API server's disk
// has to be changed first. An object that a controller keeps up to date, such as a webhook
// configuration with a certificate of cert-manager's, cannot be guarded.
func (p *Policies) Guard(names ...string) (Validation, error) {
	if !p.made() {
		return Validation{}, errors.New("admissionpolicy: guard: the Policies were not made by New")
	}
	for _, name := range names {
		if kubename.CheckServiceAccount(name) != nil { // a DNS subdomain too
			return Validation{}, fmt.Errorf("admissionpolicy: guard: %q is not a DNS subdomain", name)
		}
	}
	own := []string{p.name, p.name + "-rule", p.name + "-required", p.name + "-roles", p.name + "-azure", p.name + "-google"}
	return validation(p.name+"-guard", admissionregistrationv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: &admissionregistrationv1.MatchResources{
			ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionregistrationv1.RuleWithOperations{
					Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Update, admissionregistrationv1.Delete},
					Rule: admissionregistrationv1.Rule{
						APIGroups:   []string{admissionregistrationv1.GroupName},
						APIVersions: []string{"*"},
						Resources: []string{
							"mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
							"validatingadmissionpolicies", "validatingadmissionpolicybindings",
							"mutatingwebhookconfigurations", "validatingwebhookconfigurations",
						},
					},
				},
			}},
		},
		Validations: []admissionregistrationv1.Validation{{
			// A collection is deleted under no name: the objects tell theirs. Who applies the
			// same object again and again changes nothing.
			Expression: fill(`!(oldObject.metadata.name in <names>) || request.operation == 'UPDATE' && `+
				`(has(oldObject.spec) ? object.spec == oldObject.spec : has(oldObject.webhooks) && has(object.webhooks) && object.webhooks == oldObject.webhooks)`,
				"names", list(slices.Concat(own, names))),
			MessageExpression: `request.resource.resource + ' ' + oldObject.metadata.name + ' is guarded by a policy on the disk of the API server'`,
			Reason:            reason(metav1.StatusReasonForbidden),
		}},
	}), nil
}

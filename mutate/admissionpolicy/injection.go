package admissionpolicy

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
)

// Injection is the mutation as two objects of the cluster. Apply both.
type Injection struct {
	Policy  *admissionregistrationv1.MutatingAdmissionPolicy
	Binding *admissionregistrationv1.MutatingAdmissionPolicyBinding
}

// Injection returns the policy that gives pods what their service account's annotations ask for, and
// its binding. Every call returns new values, which the caller may change.
//
// The policy covers every namespace, and leaves out the pods with the label that keeps EKS's webhook
// away, and with mutate.Config.RoleRule those that ask for their role by rule: the account's
// annotations are not theirs. Where the annotations cannot be honoured, the pod is denied.
func (p *Policies) Injection() Injection {
	if !p.made() {
		return Injection{}
	}
	all := p.injection(p.name, admissionregistrationv1.MatchCondition{
		Name: "the-pods-own-annotated-account", Expression: p.ownAnnotatedAccount(),
	}, p.accountVariables())
	byAccount(&all)
	if !p.mutation.RoleRule.IsZero() && !p.mutation.RoleRuleForEveryPod {
		pods := all.Policy.Spec.MatchConstraints.ObjectSelector
		pods.MatchExpressions = append(pods.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: p.mutation.AnnotationKey(mutate.LabelRoleByRule), Operator: metav1.LabelSelectorOpNotIn, Values: []string{mutate.LabelRoleByRuleValue},
		})
	}
	return all
}

// byAccount makes the service accounts of the pod's namespace the parameters.
func byAccount(all *Injection) {
	all.Policy.Spec.ParamKind = &admissionregistrationv1.ParamKind{APIVersion: "v1", Kind: "ServiceAccount"}
	// An empty selector is every ServiceAccount of the pod's namespace: the policy is evaluated
	// once for each, and the match condition picks the pod's own.
	allow := admissionregistrationv1.AllowAction
	all.Binding.Spec.ParamRef = &admissionregistrationv1.ParamRef{
		Selector:                &metav1.LabelSelector{},
		ParameterNotFoundAction: &allow,
	}
}

// injection is what both ways of finding the role have in common.
func (p *Policies) injection(name string, which admissionregistrationv1.MatchCondition, identity []admissionregistrationv1.Variable) Injection {
	return injection(name, admissionregistrationv1.MutatingAdmissionPolicySpec{
		MatchConstraints: p.match(),
		MatchConditions:  []admissionregistrationv1.MatchCondition{which},
		Variables:        append(identity, p.podVariables()...),
		Mutations:        mutations(p.patch()),
	})
}

// injection is what the policies of all clouds have in common.
func injection(name string, spec admissionregistrationv1.MutatingAdmissionPolicySpec) Injection {
	fail := admissionregistrationv1.Fail
	spec.FailurePolicy, spec.ReinvocationPolicy = &fail, admissionregistrationv1.IfNeededReinvocationPolicy
	return Injection{
		Policy: &admissionregistrationv1.MutatingAdmissionPolicy{
			TypeMeta:   metav1.TypeMeta{APIVersion: apiVersion, Kind: "MutatingAdmissionPolicy"},
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       spec,
		},
		Binding: &admissionregistrationv1.MutatingAdmissionPolicyBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: apiVersion, Kind: "MutatingAdmissionPolicyBinding"},
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       admissionregistrationv1.MutatingAdmissionPolicyBindingSpec{PolicyName: name},
		},
	}
}

// mutations are two: the first changes nothing. It fails on what cannot be honoured, and is short,
// because the API server quotes the failing expression whole.
func mutations(patch string) []admissionregistrationv1.Mutation {
	return []admissionregistrationv1.Mutation{jsonPatch(check), jsonPatch(patch)}
}

// check evaluates all that may be refused, and is an empty patch.
const check = `variables.checked == [] ? [JSONPatch{op: 'remove', path: '/spec'}] : []`

// checked is all that may be refused, of the account also where the pod says otherwise.
func (p *Policies) checked() string {
	expression := `[variables.role, variables.audience, string(variables.regional), string(variables.accountExpiration), string(variables.expiration)`
	for _, c := range p.choices() {
		expression += fill(`, string(variables.<name>Account), string(variables.<name>)`, "name", c.name)
	}
	return expression + "]"
}

func jsonPatch(expression string) admissionregistrationv1.Mutation {
	return admissionregistrationv1.Mutation{
		PatchType: admissionregistrationv1.PatchTypeJSONPatch,
		JSONPatch: &admissionregistrationv1.JSONPatch{Expression: expression},
	}
}

// ownAccount picks the pod's own account. Another binding could take its parameters from elsewhere.
const ownAccount = `params != null && has(object.spec.serviceAccountName) && ` +
	`params.metadata.name == object.spec.serviceAccountName && ` +
	`params.metadata.namespace == request.namespace && ` + notMirror

// ownAnnotatedAccount is evaluated for every ServiceAccount of the namespace: it is kept cheap.
func (p *Policies) ownAnnotatedAccount() string {
	return fill(ownAccount+` && has(params.metadata.annotations) && <role> in params.metadata.annotations && `+
		`params.metadata.annotations[<role>] != ''`,
		"role", p.key(mutate.AnnotationRoleARN))
}

// notMirror leaves out the mirror of a kubelet's static pod, in which the API server refuses tokens.
const notMirror = `!(has(object.metadata.annotations) && 'kubernetes.io/config.mirror' in object.metadata.annotations)`

// accountVariables are what the service account's annotations ask for. Variables are evaluated when
// they are first used, each at most once for a pod.
func (p *Policies) accountVariables() []admissionregistrationv1.Variable {
	return append([]admissionregistrationv1.Variable{
		{Name: "accountName", Expression: `string(params.metadata.name)`},
		{Name: "account", Expression: `params.metadata.annotations`},
		{Name: "role", Expression: p.role()},
		{Name: "audience", Expression: p.audience()},
		{Name: "regional", Expression: p.regional()},
		{Name: "accountExpiration", Expression: p.accountExpiration()},
	}, p.accountChoices()...)
}

const (
	subresource    = `has(request.subResource) ? request.subResource : ''`
	podAnnotations = `has(object.metadata.annotations) ? object.metadata.annotations : {}`
)

// podVariables are what the pod has and asks for.
func (p *Policies) podVariables() []admissionregistrationv1.Variable {
	vars := []admissionregistrationv1.Variable{
		{Name: "subresource", Expression: subresource},
		{Name: "pod", Expression: podAnnotations},
		{Name: "expiration", Expression: p.expiration()},
	}
	vars = append(vars, p.podChoices()...)
	vars = append(vars, []admissionregistrationv1.Variable{
		{Name: "checked", Expression: p.checked()},
		{Name: "skip", Expression: p.skip()},
		{Name: "windows", Expression: windows},
		{Name: "tokenFile", Expression: p.tokenFile()},
		{Name: "sessionName", Expression: sessionName},
		{Name: "volumes", Expression: `has(object.spec.volumes) ? object.spec.volumes : []`},
		{Name: "volumeThere", Expression: fill(`variables.volumes.exists(v, v.name == <volume>)`, "volume", str(mutate.VolumeName))},
		{Name: "volumeOurs", Expression: fill(`variables.volumes.exists(v, v.name == <volume> && <ours>)`, "volume", str(mutate.VolumeName), "ours", tokenVolume("v"))},
	}...)
	for _, kind := range containerKinds {
		vars = append(vars, p.containerVariables(kind)...)
	}
	return vars
}

// tokenVolume says whether a volume projects a service account's token to the path of ours.
func tokenVolume(v string) string {
	return fill(`has(<v>.projected) && has(<v>.projected.sources) && `+
		`<v>.projected.sources.exists(s, has(s.serviceAccountToken) && <path> == <token>)`,
		"v", v, "path", tokenPath, "token", str(mutate.TokenFileName))
}

// tokenPath is where a source of a projected volume has its token, whether that is written with "./" or not.
const tokenPath = `s.serviceAccountToken.path` + cleaned + `.join('/')`

// cleaned is the parts of a path.
const cleaned = `.split('/').filter(part, part != '' && part != '.')`

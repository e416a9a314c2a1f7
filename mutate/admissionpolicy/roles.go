package admissionpolicy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/internal/printable"
	"github.com/irsa-go/irsa/mutate"
)

// AllowedRoles are the roles, and the audiences for them, that a namespace may name.
type AllowedRoles struct {
	// ARNs are whole role ARNs, compared exactly.
	ARNs []string
	// Paths widen it to every role under an IAM path: ARNs that end with a slash, such as
	// arn:aws:iam::111122223333:role/team-a/.
	Paths []string
	// Audiences are the tokens' audiences that service accounts may ask for by annotation, beside
	// Config.Audience and sts.amazonaws.com. They are compared exactly.
	Audiences []string
}

// Roles returns the policy that refuses every role which the namespace's list does not have, and its
// binding. A namespace that is not in the map may name none.
//
// It looks at what is new, so that what is there from before can still be changed and deleted: the
// role-arn and the audience of service accounts, when it is new or another; and of pods their role-arn
// annotation, AWS_ROLE_ARN in every container, ephemeral ones too (one that
// takes its value from elsewhere cannot be compared, and is refused), and projected tokens for AWS
// audiences, which are those that any namespace may name. These are accepted in the shape of the
// injection only, in a container that has an allowed AWS_ROLE_ARN.
//
// It keeps honest people from mistakes, but it is not a security boundary: whoever may create
// serviceaccounts/token asks the API server for the token of any account, with any audience, without a
// pod at all, and a process may present its token for another role than it was given. The role's trust
// policy is the boundary.
func (p *Policies) Roles(allowed map[string]AllowedRoles) (Validation, error) {
	if !p.made() {
		return Validation{}, errors.New("admissionpolicy: roles: the Policies were not made by New")
	}
	table, err := p.allowedTable(allowed)
	if err != nil {
		return Validation{}, fmt.Errorf("admissionpolicy: roles: %w", err)
	}
	return validation(p.name+"-roles", admissionregistrationv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: &admissionregistrationv1.MatchResources{
			ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{
				rule("serviceaccounts", admissionregistrationv1.Create, admissionregistrationv1.Update),
				rule("pods", admissionregistrationv1.Create, admissionregistrationv1.Update),
				rule("pods/ephemeralcontainers", admissionregistrationv1.Update),
			},
		},
		Variables:   p.roleVariables(table),
		Validations: p.roleValidations(),
	}), nil
}

func (p *Policies) roleVariables(table allowedTable) []admissionregistrationv1.Variable {
	annotation := func(of, key string) string {
		given := `string(` + of + `.metadata.annotations[` + p.key(key) + `])`
		if key == mutate.AnnotationRoleARN {
			given = p.givenRole(given)
		}
		return fill(`has(<of>.metadata.annotations) && <key> in <of>.metadata.annotations ? <given> : ''`,
			"of", of, "key", p.key(key), "given", given)
	}
	return []admissionregistrationv1.Variable{
		{Name: "arns", Expression: table.arns},
		{Name: "paths", Expression: table.paths},
		{Name: "annotated", Expression: annotation("object", mutate.AnnotationRoleARN)},
		{Name: "before", Expression: `oldObject == null ? '' : ` + annotation("oldObject", mutate.AnnotationRoleARN)},
		{Name: "audiences", Expression: table.audiences},
		{Name: "audience", Expression: `request.resource.resource != 'serviceaccounts' ? '' : ` + annotation("object", mutate.AnnotationAudience)},
		{Name: "audienceBefore", Expression: `oldObject == null ? '' : ` + annotation("oldObject", mutate.AnnotationAudience)},
		{Name: "created", Expression: `request.resource.resource == 'pods' && request.operation == 'CREATE'`},
		{Name: "debugged", Expression: `has(request.subResource) && request.subResource == 'ephemeralcontainers'`},
		// Containers that were there before are not looked at: a pod from before the policy must
		// stay one that its controllers can change and delete.
		{Name: "containers", Expression: `(variables.created ? object.spec.containers : []) + ` +
			`(variables.created && has(object.spec.initContainers) ? object.spec.initContainers : []) + ` +
			`(variables.debugged && has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers.filter(c, ` +
			`!has(oldObject.spec.ephemeralContainers) || !oldObject.spec.ephemeralContainers.exists(o, o.name == c.name)) : [])`},
		{Name: "literals", Expression: fill(`variables.containers.filter(c, has(c.env)).map(c, c.env.filter(e, e.name == <role> && has(e.value) && e.value != '').map(e, string(e.value))).flatten()`,
			"role", str(mutate.EnvRoleARN))},
		{Name: "projections", Expression: fill(`(variables.created || variables.debugged) && has(object.spec.volumes) ? object.spec.volumes.filter(v, `+
			`has(v.projected) && has(v.projected.sources) && v.projected.sources.exists(s, has(s.serviceAccountToken) && `+
			`has(s.serviceAccountToken.audience) && s.serviceAccountToken.audience in <audiences>)) : []`, "audiences", list(table.forAWS))},
	}
}

const allowedRole = `(<role> in variables.arns || variables.paths.exists(p, <role>.startsWith(p)))`

func (p *Policies) roleValidations() []admissionregistrationv1.Validation {
	isAllowed := func(role string) string { return fill(allowedRole, "role", role) }
	deny := func(expression, message string) admissionregistrationv1.Validation {
		return admissionregistrationv1.Validation{Expression: expression, MessageExpression: message, Reason: reason(metav1.StatusReasonForbidden)}
	}
	return []admissionregistrationv1.Validation{
		deny(`variables.annotated == '' || variables.annotated == variables.before || `+isAllowed("variables.annotated"),
			`'namespace ' + request.namespace + ' may not name the role ' + variables.annotated + ' of the annotation '+ `+p.key(mutate.AnnotationRoleARN)),
		deny(`variables.audience == '' || variables.audience == variables.audienceBefore || variables.audience in variables.audiences || variables.audience in `+
			list(p.audiences()),
			`'namespace ' + request.namespace + ' may not name the audience ' + variables.audience + ' of the annotation '+ `+p.key(mutate.AnnotationAudience)),
		deny(`variables.literals.all(r, `+isAllowed("r")+`)`,
			fill(`'namespace ' + request.namespace + ' may not name the role of the variable <role> in ' + request.resource.resource`, "role", mutate.EnvRoleARN)),
		deny(fill(`variables.containers.all(c, !has(c.env) || c.env.all(e, e.name != <role> || !has(e.valueFrom)))`, "role", str(mutate.EnvRoleARN)),
			fill(`'the variable <role> must have its value in the pod: what it takes from elsewhere cannot be compared with the roles of namespace ' + request.namespace`,
				"role", mutate.EnvRoleARN)),
		deny(fill(`variables.projections.all(v, v.name == <volume> && size(v.projected.sources) == 1 && v.projected.sources[0].serviceAccountToken.path == <token> && `+
			`variables.containers.all(c, !has(c.volumeMounts) || !c.volumeMounts.exists(m, m.name == <volume>) || has(c.env) && c.env.exists(e, e.name == <role> && has(e.value) && e.value != '')))`,
			"volume", str(mutate.VolumeName), "token", str(mutate.TokenFileName), "role", str(mutate.EnvRoleARN)),
			`'a volume projects a token for AWS in another way than the injection does: name the role on the service account instead'`),
	}
}

// audiences are those that every account may ask for.
func (p *Policies) audiences() []string {
	return slices.Compact([]string{mutate.DefaultAudience, p.mutation.Audience})
}

// allowedTable is the allowed lists as expressions, of the request's namespace.
type allowedTable struct {
	arns, paths, audiences string
	// forAWS are the audiences that AWS may take a token for, whoever names them.
	forAWS []string
}

func (p *Policies) allowedTable(allowed map[string]AllowedRoles) (allowedTable, error) {
	var errs []error
	var arns, paths, audiences []string
	forAWS := append(p.audiences(), mutate.PodIdentityAudience)
	for _, namespace := range slices.Sorted(maps.Keys(allowed)) {
		roles := allowed[namespace]
		if err := kubename.CheckNamespace(namespace); err != nil {
			errs = append(errs, err)
		}
		for _, role := range roles.ARNs {
			if _, err := arn.ParseRole(role); err != nil {
				errs = append(errs, fmt.Errorf("namespace %q: ARNs: %q: %w", namespace, role, err))
			}
		}
		for _, path := range roles.Paths {
			if err := checkRolePath(path); err != nil {
				errs = append(errs, fmt.Errorf("namespace %q: Paths: %q: %w", namespace, path, err))
			}
		}
		for _, audience := range roles.Audiences {
			if audience == "" || !printable.Is(audience) {
				errs = append(errs, fmt.Errorf("namespace %q: Audiences: %q, want printable UTF-8", namespace, audience))
			}
			forAWS = append(forAWS, audience)
		}
		if len(roles.Audiences) > 0 {
			audiences = append(audiences, str(namespace)+": "+list(roles.Audiences))
		}
		if len(roles.ARNs) > 0 {
			arns = append(arns, str(namespace)+": "+list(roles.ARNs))
		}
		if len(roles.Paths) > 0 {
			paths = append(paths, str(namespace)+": "+list(roles.Paths))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return allowedTable{}, err
	}
	slices.Sort(forAWS)
	return allowedTable{
		arns: ofNamespace(arns), paths: ofNamespace(paths), audiences: ofNamespace(audiences), forAWS: slices.Compact(forAWS),
	}, nil
}

// ofNamespace is the list that a map literal of these entries has for the request's namespace.
func ofNamespace(entries []string) string {
	if len(entries) == 0 {
		return `['']` + `.filter(s, false)` // an empty list of strings, not of anything
	}
	return fill(`request.namespace in <map> ? <map>[request.namespace] : []`, "map", "{"+strings.Join(entries, ", ")+"}")
}

// checkRolePath admits a role ARN that ends with a path of at least one part.
func checkRolePath(path string) error {
	trimmed, ok := strings.CutSuffix(path, "/")
	if !ok {
		return errors.New(`want an ARN that ends with "/", such as "arn:aws:iam::111122223333:role/team-a/"`)
	}
	if _, err := arn.ParseRole(path + "name"); err != nil {
		return err
	}
	if strings.HasSuffix(trimmed, ":role") {
		return errors.New("it covers every role of the account")
	}
	return nil
}

package trusttest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/irsa-go/irsa/internal/arn"
)

// The quotas of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html.
const (
	maxInlineSize = 10240 // of all inline policies of a role, white space not counted
	maxAttached   = 10
)

func policyNameLimits() limits {
	return limits{required: true, min: 1, max: 128, class: nameClass()}
}

func (a *Account) putRolePolicy(c *call) (any, error) {
	name := c.form.text("PolicyName", policyNameLimits())
	document := c.form.text("PolicyDocument", documentLimits())
	return a.roleChange(c, func(r *role) (any, error) {
		if err := checkPermissionPolicy(document); err != nil {
			return nil, err
		}
		next := maps.Clone(r.inline)
		next[name] = document
		size := 0
		for _, document := range next {
			size += countVisible(document)
		}
		if size > maxInlineSize {
			// Seen in the field: https://github.com/aws-amplify/amplify-cli/issues/1699
			return nil, limitExceeded("Maximum policy size of %d bytes exceeded for role %s", maxInlineSize, r.name)
		}
		r.inline = next
		return nil, nil
	})
}

// countVisible counts characters without white space, as IAM does for quotas.
func countVisible(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// noSuchPolicy is recorded from AWS:
// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_roles.snapshot.json.
func noSuchPolicy(name string) error {
	return noSuchEntity("The role policy with name %s cannot be found.", name)
}

func (a *Account) getRolePolicy(c *call) (any, error) {
	name := c.form.text("PolicyName", policyNameLimits())
	return a.roleOperation(c, func(r *role) (any, error) {
		document, ok := r.inline[name]
		if !ok {
			return nil, noSuchPolicy(name)
		}
		return struct {
			RoleName, PolicyName, PolicyDocument string
		}{r.name, name, percentEncode(document)}, nil
	})
}

func (a *Account) listRolePolicies(c *call) (any, error) {
	at := c.form.paging()
	return a.roleOperation(c, func(r *role) (any, error) {
		page, mark, err := cut(slices.Sorted(maps.Keys(r.inline)), at)
		if err != nil {
			return nil, err
		}
		return struct {
			PolicyNames *members[string]
			pageMark
		}{list(page), mark}, nil
	})
}

func (a *Account) deleteRolePolicy(c *call) (any, error) {
	name := c.form.text("PolicyName", policyNameLimits())
	return a.roleChange(c, func(r *role) (any, error) {
		if _, ok := r.inline[name]; !ok {
			return nil, noSuchPolicy(name)
		}
		delete(r.inline, name)
		return nil, nil
	})
}

// checkPolicyARN takes the policies of AWS and of this account for existing ones. Texts
// recorded from AWS, same source as noSuchPolicy.
func (a *Account) checkPolicyARN(policyARN string) error {
	parsed, err := arn.Parse(policyARN)
	if err != nil || parsed.Service != "iam" || parsed.Region != "" || !strings.HasPrefix(parsed.Resource, "policy/") {
		return validationError("ARN %s is not valid.", policyARN)
	}
	_, err = arn.ParsePolicy(policyARN)
	if err != nil || parsed.Partition != a.partition || parsed.AccountID != "aws" && parsed.AccountID != a.id {
		return noSuchEntity("Policy %s does not exist or is not attachable.", policyARN)
	}
	return nil
}

func (a *Account) attachRolePolicy(c *call) (any, error) {
	policyARN := c.form.text("PolicyArn", arnLimits())
	return a.roleChange(c, func(r *role) (any, error) {
		if err := a.checkPolicyARN(policyARN); err != nil {
			return nil, err
		}
		if slices.Contains(r.attached, policyARN) {
			return nil, nil // idempotent
		}
		if len(r.attached) >= maxAttached {
			// Seen in the field: https://github.com/aws/aws-cdk (pipelines), spectrocloud's documentation.
			return nil, limitExceeded("Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
		}
		r.attached = append(r.attached, policyARN)
		return nil, nil
	})
}

func (a *Account) detachRolePolicy(c *call) (any, error) {
	policyARN := c.form.text("PolicyArn", arnLimits())
	return a.roleChange(c, func(r *role) (any, error) {
		if err := a.checkPolicyARN(policyARN); err != nil {
			if refused, ok := err.(*refusal); !ok || refused.status != http.StatusNotFound {
				return nil, err
			}
		}
		i := slices.Index(r.attached, policyARN)
		if i < 0 {
			return nil, noSuchEntity("Policy %s was not found.", policyARN)
		}
		r.attached = slices.Delete(r.attached, i, i+1)
		return nil, nil
	})
}

func (a *Account) listAttachedRolePolicies(c *call) (any, error) {
	type entry struct{ PolicyName, PolicyArn string }
	at := c.form.paging()
	prefix := c.form.text("PathPrefix", limits{min: 1, max: 512})
	return a.roleOperation(c, func(r *role) (any, error) {
		var all []entry
		for _, policyARN := range r.attached {
			_, path, _ := strings.Cut(policyARN, ":policy")
			name := strings.LastIndexByte(path, '/') + 1
			if strings.HasPrefix(path[:name], prefix) {
				all = append(all, entry{path[name:], policyARN})
			}
		}
		page, mark, err := cut(all, at)
		if err != nil {
			return nil, err
		}
		return struct {
			AttachedPolicies *members[entry]
			pageMark
		}{list(page), mark}, nil
	})
}

func (a *Account) putBoundary(c *call) (any, error) {
	policyARN := c.form.text("PermissionsBoundary", arnLimits())
	return a.roleChange(c, func(r *role) (any, error) {
		if err := a.checkPolicyARN(policyARN); err != nil {
			return nil, err
		}
		r.boundary = policyARN
		return nil, nil
	})
}

func (a *Account) deleteBoundary(c *call) (any, error) {
	return a.roleChange(c, func(r *role) (any, error) {
		r.boundary = ""
		return nil, nil
	})
}

package trusttest

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/irsa-go/irsa/internal/strictjson"
	"github.com/irsa-go/irsa/trust"
)

// maxTrustPolicySize is AssumeRolePolicySizeQuota of a new account
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxTrustPolicySize = 2048

// checkTrustPolicy refuses what IAM refuses of a role's trust policy, with IAM's own text. The
// caller holds a.mu.
func (a *Account) checkTrustPolicy(document string) error {
	policy, err := trust.Parse([]byte(document))
	if err != nil {
		message := "Syntax errors in policy."
		if syntax := (*trust.SyntaxError)(nil); errors.As(err, &syntax) && syntax.Message != "" {
			message = syntax.Message
		}
		return malformedPolicy("%s", message)
	}
	message := firstProven(policy.Validate())
	// A text that names the principal goes before the same text without.
	if refused := a.checkPrincipals(document); refused != nil && strings.HasPrefix(refused.message, message) {
		return refused
	}
	if message != "" {
		return malformedPolicy("%s", message)
	}
	if policy.Size() > maxTrustPolicySize {
		// Observed: https://github.com/kubeflow/kubeflow/issues/29
		return limitExceeded("Cannot exceed quota for ACLSizePerRole: %d", maxTrustPolicySize)
	}
	return nil
}

// firstProven returns the first message that IAM is known to answer with; a finding of which
// nobody knows what IAM says lets the document pass.
func firstProven(err error) string {
	if err == nil {
		return ""
	}
	var all []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	} else {
		all = []error{err}
	}
	for _, one := range all {
		var invalid *trust.InvalidError
		if errors.As(one, &invalid) && !invalid.Unproven {
			return invalid.Message
		}
	}
	return ""
}

// checkPermissionPolicy refuses what IAM refuses of an inline or session policy: a rough
// check, as nothing here evaluates such a policy. The texts are those of moto, which took
// them from AWS (https://github.com/getmoto/moto/blob/master/moto/iam/policy_validation.py).
func checkPermissionPolicy(document string) error {
	var policy struct {
		Version   string
		Statement json.RawMessage
	}
	limit := strictjson.Limits{Bytes: 2 * 131072, Depth: 32}
	if strictjson.Check([]byte(document), limit) != nil || json.Unmarshal([]byte(document), &policy) != nil || policy.Statement == nil {
		return malformedPolicy("Syntax errors in policy.")
	}
	if policy.Version != "2012-10-17" && policy.Version != "2008-10-17" {
		return malformedPolicy("Policy document must be version 2012-10-17 or greater.")
	}
	var all []map[string]json.RawMessage
	if json.Unmarshal(policy.Statement, &all) != nil {
		all = make([]map[string]json.RawMessage, 1)
		if json.Unmarshal(policy.Statement, &all[0]) != nil {
			return malformedPolicy("Syntax errors in policy.")
		}
	}
	for _, statement := range all {
		if err := checkPermission(statement); err != nil {
			return err
		}
	}
	return nil
}

func checkPermission(statement map[string]json.RawMessage) error {
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := statement[name]; ok {
				return true
			}
		}
		return false
	}
	var effect string
	switch {
	case json.Unmarshal(statement["Effect"], &effect) != nil, effect != "Allow" && effect != "Deny":
		return malformedPolicy("Syntax errors in policy.")
	case has("Principal", "NotPrincipal"):
		return malformedPolicy("Policy document should not specify a principal.")
	case !has("Action", "NotAction"):
		return malformedPolicy("Policy statement must contain actions.")
	case !has("Resource", "NotResource"):
		return malformedPolicy("Policy statement must contain resources.")
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"net/url"

	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/trust"
)

// role is an IAM role with its trust policy.
type role struct {
	arn    string
	policy *trust.Policy
}

// roleReader gives an account's roles: a dump here, iam:ListRoles in an operator.
type roleReader interface {
	Roles() ([]role, error)
}

// rolesDump is the output of aws iam get-account-authorization-details, or of list-roles.
type rolesDump struct{ source }

func (d rolesDump) Roles() ([]role, error) {
	data, err := d.read()
	if err != nil {
		return nil, err
	}
	type detail struct {
		Arn                      string
		AssumeRolePolicyDocument json.RawMessage
	}
	var dump struct{ RoleDetailList, Roles []detail }
	if err := yaml.Unmarshal(data, &dump); err != nil {
		return nil, fmt.Errorf("%s %s: %w", d.flag, d.file, err)
	}
	details := append(dump.RoleDetailList, dump.Roles...)
	if len(details) == 0 {
		return nil, fmt.Errorf("%s %s: it has no RoleDetailList and no Roles", d.flag, d.file)
	}
	var roles []role
	for _, r := range details {
		policy, err := readPolicy(r.AssumeRolePolicyDocument)
		if err != nil {
			return nil, fmt.Errorf("%s %s: role %q: %w", d.flag, d.file, r.Arn, err)
		}
		roles = append(roles, role{r.Arn, policy})
	}
	return roles, nil
}

// readPolicy takes the document as the CLI prints it, an object, and as the API has it, a
// percent-encoded string (RFC 3986: a '+' is a plus).
func readPolicy(document json.RawMessage) (*trust.Policy, error) {
	var encoded string
	if json.Unmarshal(document, &encoded) == nil {
		decoded, err := url.PathUnescape(encoded)
		if err != nil {
			return nil, err
		}
		document = []byte(decoded)
	}
	return trust.Parse(document)
}

package arn

import (
	"errors"
	"fmt"
	"strings"
)

// Role is the ARN of an IAM role, taken apart.
type Role struct {
	Partition string
	AccountID string
	Path      string // begins and ends with "/"
	Name      string
}

// ParseRole parses a role's ARN: known partition, 12-digit account, valid path and name, and
// the 2048 characters that STS admits at most
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
func ParseRole(s string) (Role, error) {
	if len(s) > 2048 {
		return Role{}, fmt.Errorf("it has %d characters, more than 2048", len(s))
	}
	a, rest, err := ParseIAM(s, "role")
	if err != nil {
		return Role{}, err
	}
	i := strings.LastIndexByte(rest, '/') + 1
	r := Role{Partition: a.Partition, AccountID: a.AccountID, Path: "/" + rest[:i], Name: rest[i:]}
	if err := CheckRoleName(r.Name); err != nil {
		return Role{}, err
	}
	if err := CheckPath(r.Path); err != nil {
		return Role{}, err
	}
	return r, nil
}

// String returns the role's ARN; the zero value gives "".
func (r Role) String() string {
	if r == (Role{}) {
		return ""
	}
	return "arn:" + r.Partition + ":iam::" + r.AccountID + ":role" + r.Path + r.Name
}

// CheckRoleName reports a name that IAM refuses: 1 to 64 of [\w+=,.@-]
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html).
func CheckRoleName(name string) error {
	if name == "" {
		return errors.New("the role name is empty")
	}
	if bare := name[strings.LastIndexByte(name, '/')+1:]; bare != "" && bare != name {
		what := "has a path"
		if strings.HasPrefix(name, "arn:") {
			what = "is an ARN"
		}
		return fmt.Errorf("role name %q %s: want the name alone, %q", name, what, bare)
	}
	if len(name) > 64 {
		return fmt.Errorf("role name %q has %d characters, more than 64", name, len(name))
	}
	if !Only(name, IsNameRune) {
		return fmt.Errorf("role name %q has characters other than letters, digits and _+=,.@-", name)
	}
	return nil
}

// CheckPath reports a path that IAM refuses: "/", or at most 512 of U+0021 to U+007E
// that begin and end with a slash (same source as CheckRoleName).
func CheckPath(path string) error {
	printable := func(r rune) bool { return '!' <= r && r <= '~' }
	if len(path) > 512 || !strings.HasPrefix(path, "/") || !strings.HasSuffix(path, "/") || !Only(path, printable) {
		return fmt.Errorf(`path %q must begin and end with "/", be printable ASCII and at most 512 long`, path)
	}
	return nil
}

// CheckSessionName reports a session name that STS refuses: 2 to 64 of [\w+=,.@-]
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
func CheckSessionName(name string) error {
	if len(name) < 2 || len(name) > 64 {
		return fmt.Errorf("session name %q has %d characters, want 2 to 64", name, len(name))
	}
	if !Only(name, IsNameRune) {
		return fmt.Errorf("session name %q has characters other than letters, digits and _+=,.@-", name)
	}
	return nil
}

// CheckPolicyName reports a name of an inline policy that IAM refuses: 1 to 128 of [\w+=,.@-]
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html).
func CheckPolicyName(name string) error {
	if name == "" || len(name) > 128 || !Only(name, IsNameRune) {
		return fmt.Errorf("policy name %q is not 1 to 128 letters, digits and _+=,.@-", name)
	}
	return nil
}

// ParsePolicy parses the ARN of a managed policy: AWS's own, whose account is "aws", or an
// account's.
func ParsePolicy(s string) (ARN, error) {
	a, err := Parse(s)
	if err != nil {
		_, _, err = ParseIAM(s, "policy") // which fails too, and says what a policy's ARN looks like
		return ARN{}, err
	}
	checked := a
	if a.AccountID == "aws" {
		checked.AccountID = "000000000000"
	}
	_, path, err := ParseIAM(checked.String(), "policy")
	if err != nil {
		return ARN{}, err
	}
	if err := CheckPolicyName(path[strings.LastIndexByte(path, '/')+1:]); err != nil {
		return ARN{}, err
	}
	return a, nil
}

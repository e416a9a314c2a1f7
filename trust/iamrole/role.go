package iamrole

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/trust"
)

// Role is a role as IAM has it. It is a plain value.
type Role struct {
	// ARN, Path and Name say which role it is.
	ARN, Path, Name string
	// Trust is the trust policy; nil when the document cannot be read.
	Trust *trust.Policy
	// TrustError says why Trust is nil, mostly as a *[trust.SyntaxError].
	TrustError error
	// TrustDocument is the trust policy as it is stored.
	TrustDocument string
	// Description is "" where there is none.
	Description string
	// MaxSessionDuration is how long a session may last at most.
	MaxSessionDuration time.Duration
	// PermissionsBoundary is the ARN of the policy that bounds the role; "" for none.
	PermissionsBoundary string
	// InlinePolicies are the documents of permission policies by name, as they are stored.
	InlinePolicies map[string]string
	// ManagedPolicies are the ARNs of the attached policies, in IAM's order.
	ManagedPolicies []string
	// Tags are all tags of the role, AWS's own among them.
	Tags map[string]string

	home home
}

// Read reads a role with its policies and tags, as they are: a trust policy that cannot be
// read is reported in the role and is not an error.
//
// The caller needs iam:GetRole, iam:ListRolePolicies, iam:GetRolePolicy for each inline policy,
// and iam:ListAttachedRolePolicies. These are separate calls: what another writer changes
// meanwhile may be seen in part.
//
// Errors: [ErrNotFound]; [ErrOtherCase]; what IAM answers.
func Read(ctx context.Context, api Reader, roleName string) (Role, error) {
	fail := func(err error) (Role, error) {
		return Role{}, fmt.Errorf("iamrole: role %q: %w", roleName, err)
	}
	if err := arn.CheckRoleName(roleName); err != nil {
		return fail(err)
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	r, err := readRole(ctx, api, roleName)
	if err != nil {
		return fail(err)
	}
	names, err := listInline(ctx, api, roleName)
	if err != nil {
		return fail(err)
	}
	if r.InlinePolicies, err = readInline(ctx, api, roleName, names); err != nil {
		return fail(err)
	}
	if r.ManagedPolicies, err = listAttached(ctx, api, roleName); err != nil {
		return fail(err)
	}
	return *r, nil
}

// readRole reads what GetRole says: all but the permission policies.
func readRole(ctx context.Context, api iam.GetRoleAPIClient, name string) (*Role, error) {
	out, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if err != nil {
		return nil, fmt.Errorf("read role: %w", notFound(err))
	}
	if out.Role == nil {
		return nil, errors.New("read role: IAM's answer has no role")
	}
	r := &Role{
		ARN:                aws.ToString(out.Role.Arn),
		Description:        aws.ToString(out.Role.Description),
		MaxSessionDuration: time.Duration(aws.ToInt32(out.Role.MaxSessionDuration)) * time.Second,
		Tags:               iamcall.TagMap(out.Role.Tags),
	}
	id, err := arn.ParseRole(r.ARN)
	if err != nil {
		return nil, fmt.Errorf("read role: its ARN %q: %w", r.ARN, err)
	}
	if id.Name != name {
		return nil, fmt.Errorf("%w: %q", ErrOtherCase, id.Name)
	}
	r.Path, r.Name, r.home = id.Path, id.Name, home{id.Partition, id.AccountID}
	if b := out.Role.PermissionsBoundary; b != nil {
		r.PermissionsBoundary = aws.ToString(b.PermissionsBoundaryArn)
	}
	if r.TrustDocument, r.TrustError = decodeDocument(aws.ToString(out.Role.AssumeRolePolicyDocument)); r.TrustError == nil {
		r.Trust, r.TrustError = trust.Parse([]byte(r.TrustDocument))
	}
	return r, nil
}

// notFound marks the answer to a role that is not there with ErrNotFound.
func notFound(err error) error {
	if iamcall.Is(err, iamcall.NoSuchEntity) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return err
}

// isProtected says that only an AWS service may change the role: IAM answers
// UnmodifiableEntity to everybody else
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html).
func (r *Role) isProtected() bool { return isReservedPath(r.Path) }

func isReservedPath(path string) bool {
	return strings.HasPrefix(path, "/aws-service-role/") || strings.HasPrefix(path, "/aws-reserved/")
}

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

// liveRole is what GetRole says.
type liveRole struct {
	arn         arn.Role
	document    string
	trust       *trust.Policy // nil: the document cannot be read, see trustErr
	trustErr    error
	description string
	maxSession  time.Duration
	boundary    string
	tags        map[string]string
}

type roleGetter interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
}

// readRole returns ErrNotFound for a role that is not there.
func readRole(ctx context.Context, api roleGetter, name string) (*liveRole, error) {
	out, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if iamcall.Is(err, iamcall.NoSuchEntity) {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read role: %w", err)
	}
	if out.Role == nil {
		return nil, errors.New("read role: IAM's answer has no role")
	}
	r := &liveRole{
		description: aws.ToString(out.Role.Description),
		maxSession:  time.Duration(aws.ToInt32(out.Role.MaxSessionDuration)) * time.Second,
		tags:        iamcall.TagMap(out.Role.Tags),
	}
	if r.arn, err = arn.ParseRole(aws.ToString(out.Role.Arn)); err != nil {
		return nil, fmt.Errorf("read role: its ARN %q: %w", aws.ToString(out.Role.Arn), err)
	}
	if b := out.Role.PermissionsBoundary; b != nil {
		r.boundary = aws.ToString(b.PermissionsBoundaryArn)
	}
	if r.document, r.trustErr = decodeDocument(aws.ToString(out.Role.AssumeRolePolicyDocument)); r.trustErr == nil {
		r.trust, r.trustErr = trust.Parse([]byte(r.document))
	}
	return r, nil
}

// isProtected says that only an AWS service may change the role: IAM answers
// UnmodifiableEntity to everybody else
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html).
func (r *liveRole) isProtected() bool {
	return strings.HasPrefix(r.arn.Path, "/aws-service-role/") || strings.HasPrefix(r.arn.Path, "/aws-reserved/")
}

func (r *liveRole) home() home { return home{r.arn.Partition, r.arn.AccountID} }

// observed is a role as IAM has it, as far as the spec speaks of it.
type observed struct {
	role     *liveRole // nil: there is none
	inline   map[string]string
	attached []string
}

// errEndlessPages is IAM's, or a proxy's, failure to end a list.
var errEndlessPages = errors.New("IAM returned the same page again")

func observe(ctx context.Context, api Reader, w wanted) (observed, error) {
	role, err := readRole(ctx, api, w.Name)
	if errors.Is(err, ErrNotFound) {
		return observed{}, nil
	}
	if err != nil {
		return observed{}, err
	}
	have := observed{role: role}
	if have.inline, err = readInline(ctx, api, w); err != nil {
		return observed{}, err
	}
	if len(w.managed) > 0 || w.ForeignManagedPolicies == Remove {
		if have.attached, err = listAttached(ctx, api, w.Name); err != nil {
			return observed{}, err
		}
	}
	return have, nil
}

// readInline reads the policies that the spec names, and only the names of the others, when
// they matter.
func readInline(ctx context.Context, api Reader, w wanted) (map[string]string, error) {
	inline := map[string]string{}
	if w.ForeignInlinePolicies == Remove {
		names, err := listInline(ctx, api, w.Name)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			inline[name] = ""
		}
	}
	for name := range w.InlinePolicies {
		out, err := api.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(w.Name), PolicyName: aws.String(name)})
		if iamcall.Is(err, iamcall.NoSuchEntity) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read inline policy %q: %w", name, err)
		}
		if inline[name], err = decodeDocument(aws.ToString(out.PolicyDocument)); err != nil {
			return nil, fmt.Errorf("read inline policy %q: %w", name, err)
		}
	}
	return inline, nil
}

func listInline(ctx context.Context, api Reader, role string) ([]string, error) {
	var names []string
	in := &iam.ListRolePoliciesInput{RoleName: aws.String(role)}
	for {
		out, err := api.ListRolePolicies(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list inline policies: %w", err)
		}
		names = append(names, out.PolicyNames...)
		if !out.IsTruncated {
			return names, nil
		}
		if out.Marker == nil || in.Marker != nil && *in.Marker == *out.Marker {
			return nil, fmt.Errorf("list inline policies: %w", errEndlessPages)
		}
		in.Marker = out.Marker
	}
}

func listAttached(ctx context.Context, api Reader, role string) ([]string, error) {
	var arns []string
	in := &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(role)}
	for {
		out, err := api.ListAttachedRolePolicies(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list attached policies: %w", err)
		}
		for _, p := range out.AttachedPolicies {
			arns = append(arns, aws.ToString(p.PolicyArn))
		}
		if !out.IsTruncated {
			return arns, nil
		}
		if out.Marker == nil || in.Marker != nil && *in.Marker == *out.Marker {
			return nil, fmt.Errorf("list attached policies: %w", errEndlessPages)
		}
		in.Marker = out.Marker
	}
}

package iamrole

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// observe reads a role as far as the spec speaks of it; nil when there is none. Of foreign
// inline policies it reads the names alone, and those only when they are to be removed.
func observe(ctx context.Context, api Reader, w wanted) (*Role, error) {
	role, err := readRole(ctx, api, w.Name)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var foreign []string
	if w.ForeignInlinePolicies == Remove {
		if foreign, err = listInline(ctx, api, w.Name); err != nil {
			return nil, err
		}
	}
	names := slices.Sorted(maps.Keys(w.InlinePolicies))
	if role.InlinePolicies, err = readInline(ctx, api, w.Name, names); err != nil {
		return nil, err
	}
	for _, name := range iamcall.Minus(foreign, names) {
		role.InlinePolicies[name] = ""
	}
	if len(w.managed) > 0 || w.ForeignManagedPolicies == Remove {
		role.ManagedPolicies, err = listAttached(ctx, api, w.Name)
	}
	return role, err
}

// readInline reads the inline policies of these names that there are.
func readInline(ctx context.Context, api Reader, role string, names []string) (map[string]string, error) {
	inline := map[string]string{}
	for _, name := range names {
		out, err := api.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String(name)})
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

func listInline(ctx context.Context, api iam.ListRolePoliciesAPIClient, role string) (names []string, err error) {
	err = eachPage("list inline policies", func(marker *string) (bool, *string, error) {
		out, err := api.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String(role), Marker: marker})
		if err != nil {
			return false, nil, err
		}
		names = append(names, out.PolicyNames...)
		return out.IsTruncated, out.Marker, nil
	})
	return names, err
}

func listAttached(ctx context.Context, api iam.ListAttachedRolePoliciesAPIClient, role string) (arns []string, err error) {
	err = eachPage("list attached policies", func(marker *string) (bool, *string, error) {
		out, err := api.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(role), Marker: marker})
		if err != nil {
			return false, nil, err
		}
		for _, p := range out.AttachedPolicies {
			arns = append(arns, aws.ToString(p.PolicyArn))
		}
		return out.IsTruncated, out.Marker, nil
	})
	return arns, err
}

// errEndlessPages is IAM's, or a proxy's, failure to end a list.
var errEndlessPages = errors.New("IAM returned the same page again")

// eachPage asks for one page after the other, up to the last.
func eachPage(what string, page func(marker *string) (truncated bool, next *string, err error)) error {
	var marker *string
	for {
		truncated, next, err := page(marker)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", what, notFound(err))
		case !truncated:
			return nil
		case next == nil, marker != nil && *marker == *next:
			return fmt.Errorf("%s: %w", what, errEndlessPages)
		}
		marker = next
	}
}

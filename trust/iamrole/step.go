package iamrole

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/trust"
)

// Step is one write to IAM.
type Step struct {
	// Action is the IAM action, such as "iam:PutRolePolicy".
	Action string
	// Text says what it does, for a person.
	Text string
	// Removes is true of a step that takes something away that the spec does not list.
	Removes bool

	run func(context.Context, *ensurer) error
}

// undoTimeout is how long taking a role back may take.
const undoTimeout = 30 * time.Second

// errUntagged says that the role is there but has no tags yet: another round sets them.
var errUntagged = errors.New("created without tags")

func createStep(w wanted) Step {
	text := fmt.Sprintf("create role under path %q%s", cmp.Or(w.Path, "/"), iamcall.QuotedTags(", tags ", w.Tags))
	if w.PermissionsBoundary != "" {
		text += fmt.Sprintf(", permissions boundary %q", w.PermissionsBoundary)
	}
	for _, c := range (*trust.Policy)(nil).Diff(w.Trust) {
		text += "; trust: " + c.String()
	}
	return Step{Action: "iam:CreateRole", Text: text, run: func(ctx context.Context, e *ensurer) error { return e.create(ctx) }}
}

func (e *ensurer) create(ctx context.Context) error {
	w := e.wanted
	in := &iam.CreateRoleInput{
		RoleName:                 aws.String(w.Name),
		Path:                     aws.String(cmp.Or(w.Path, "/")),
		AssumeRolePolicyDocument: aws.String(w.Trust.Document()),
		Description:              optional(w.Description),
		PermissionsBoundary:      optional(w.PermissionsBoundary),
		Tags:                     iamcall.Tags(w.Tags),
	}
	if w.MaxSessionDuration > 0 {
		in.MaxSessionDuration = seconds(w.MaxSessionDuration)
	}
	out, err := e.api.CreateRole(ctx, in)
	untagged := err != nil && len(w.Tags) > 0 && iamcall.IsTagOnCreateRefused(w.home.partition, err)
	if untagged {
		in.Tags = nil
		out, err = e.api.CreateRole(ctx, in)
	}
	if err != nil {
		return err
	}
	if out.Role == nil {
		return errors.New("IAM's answer has no role")
	}
	role, err := arn.ParseRole(aws.ToString(out.Role.Arn))
	if err == nil {
		err = w.home.check(role.Partition, role.AccountID)
	}
	if err != nil {
		// Nobody can use it, and it has no rights yet: take it back, whatever the context says.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		_, undo := e.api.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String(w.Name)})
		return errors.Join(fmt.Errorf("the role that IAM created, %q, is deleted again: %w", aws.ToString(out.Role.Arn), err), undo)
	}
	e.result.ARN, e.result.Created = role.String(), true
	if untagged {
		return errUntagged
	}
	return nil
}

func boundaryStep(w wanted, before string) Step {
	text := fmt.Sprintf("set permissions boundary %q", w.PermissionsBoundary)
	if before != "" {
		text += fmt.Sprintf(" instead of %q", before)
	}
	return Step{Action: "iam:PutRolePermissionsBoundary", Text: text, run: func(ctx context.Context, e *ensurer) error {
		_, err := e.api.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{
			RoleName: aws.String(w.Name), PermissionsBoundary: aws.String(w.PermissionsBoundary),
		})
		return err
	}}
}

// settingsStep always says both: IAM takes a duration that is left out for one hour
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html).
func settingsStep(w wanted, description string, session time.Duration) Step {
	text := fmt.Sprintf("set description %q and maximum session duration %v", description, session)
	return Step{Action: "iam:UpdateRole", Text: text, run: func(ctx context.Context, e *ensurer) error {
		_, err := e.api.UpdateRole(ctx, &iam.UpdateRoleInput{
			RoleName: aws.String(w.Name), Description: aws.String(description), MaxSessionDuration: seconds(session),
		})
		return err
	}}
}

// trustStep reads the policy once more before it writes.
func trustStep(w wanted, have *liveRole) Step {
	text := "replace the trust policy, which cannot be read"
	if have.trust != nil {
		text = "change the trust policy"
		for _, c := range have.trust.Diff(w.Trust) {
			text += "; " + c.String()
		}
	}
	return Step{Action: "iam:UpdateAssumeRolePolicy", Text: text, run: func(ctx context.Context, e *ensurer) error {
		t := editor{api: e.api, name: w.Name, edit: w.editTrust, settle: e.cfg, patience: e.patience, quota: e.quota}
		done, err := t.run(ctx)
		e.result.Unconfirmed = done.unconfirmed
		return err
	}}
}

// editTrust is the edit that leaves exactly the spec's policy.
func (w wanted) editTrust(role *liveRole) (*trust.Policy, error) {
	if role.trust != nil && role.trust.Equal(w.Trust) {
		return role.trust, nil
	}
	return w.Trust, nil
}

func putInlineStep(role, name, document string, exists bool) Step {
	text := fmt.Sprintf("add inline policy %q", name)
	if exists {
		text = fmt.Sprintf("change inline policy %q", name)
	}
	return Step{Action: "iam:PutRolePolicy", Text: text, run: func(ctx context.Context, e *ensurer) error {
		_, err := e.api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: aws.String(role), PolicyName: aws.String(name), PolicyDocument: aws.String(document),
		})
		return err
	}}
}

func deleteInlineStep(role, name string) Step {
	return Step{Action: "iam:DeleteRolePolicy", Text: fmt.Sprintf("delete inline policy %q", name), Removes: true,
		run: func(ctx context.Context, e *ensurer) error {
			_, err := e.api.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String(name)})
			return ignoreGone(err)
		}}
}

func attachStep(role, policy string) Step {
	return Step{Action: "iam:AttachRolePolicy", Text: fmt.Sprintf("attach policy %q", policy),
		run: func(ctx context.Context, e *ensurer) error {
			_, err := e.api.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String(role), PolicyArn: aws.String(policy)})
			return err
		}}
}

func detachStep(role, policy string) Step {
	return Step{Action: "iam:DetachRolePolicy", Text: fmt.Sprintf("detach policy %q", policy), Removes: true,
		run: func(ctx context.Context, e *ensurer) error {
			_, err := e.api.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String(role), PolicyArn: aws.String(policy)})
			return ignoreGone(err)
		}}
}

func tagStep(role string, set map[string]string) Step {
	return Step{Action: "iam:TagRole", Text: iamcall.QuotedTags("set tags ", set),
		run: func(ctx context.Context, e *ensurer) error {
			_, err := e.api.TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String(role), Tags: iamcall.Tags(set)})
			return err
		}}
}

func untagStep(role string, keys []string) Step {
	return Step{Action: "iam:UntagRole", Text: "remove tags " + iamcall.Quoted(keys), Removes: true,
		run: func(ctx context.Context, e *ensurer) error {
			_, err := e.api.UntagRole(ctx, &iam.UntagRoleInput{RoleName: aws.String(role), TagKeys: keys})
			return err
		}}
}

// ignoreGone is content when somebody else has removed it first.
func ignoreGone(err error) error {
	if iamcall.Is(err, iamcall.NoSuchEntity) {
		return nil
	}
	return err
}

func seconds(d time.Duration) *int32 { return aws.Int32(int32(d / time.Second)) }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

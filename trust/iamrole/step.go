package iamrole

import (
	"cmp"
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

// Step is one write to IAM: the action, such as "iam:PutRolePolicy", a text for a person, and
// whether it takes something away that the spec does not list.
type Step = iamcall.Step

// write is a step and what makes it.
type write = iamcall.Write[*ensurer]

// undoTimeout is how long taking a role back may take.
const undoTimeout = 30 * time.Second

func createStep(w wanted) write {
	text := fmt.Sprintf("create role under path %q%s", cmp.Or(w.Path, "/"), iamcall.QuotedTags(", tags ", w.Tags))
	if w.PermissionsBoundary != "" {
		text += fmt.Sprintf(", permissions boundary %q", w.PermissionsBoundary)
	}
	for _, c := range (*trust.Policy)(nil).Diff(w.Trust) {
		text += "; trust: " + c.String()
	}
	return write{Step: Step{Action: createRole, Text: text}, Run: func(ctx context.Context, e *ensurer) error { return e.create(ctx) }}
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
	out, err := e.CreateRole(ctx, in)
	untagged := err != nil && len(w.Tags) > 0 && iamcall.IsTagOnCreateRefused(w.home.partition, err)
	if untagged {
		in.Tags = nil
		out, err = e.CreateRole(ctx, in)
	}
	if iamcall.Is(err, iamcall.EntityAlreadyExists) && e.refused {
		return cmp.Or(e.findTwin(ctx), err)
	}
	if err != nil {
		e.refused = iamcall.Is(err, iamcall.EntityAlreadyExists)
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
		_, undo := e.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String(w.Name)})
		return errors.Join(fmt.Errorf("the role that IAM created, %q, is deleted again: %w", aws.ToString(out.Role.Arn), err), undo)
	}
	e.result.ARN, e.result.Created = role.String(), true
	if untagged {
		return &iamcall.Unfinished{} // another look at it sets the tags
	}
	return nil
}

// findTwin looks for a role whose name differs in case only. It is asked for when IAM has
// refused to create a role twice that it does not have: there may be one that is too new to be
// seen, or a twin, for which no wait would help.
func (e *ensurer) findTwin(ctx context.Context) error {
	var twin string
	err := eachPage("list roles", func(marker *string) (bool, *string, error) {
		out, err := e.ListRoles(ctx, &iam.ListRolesInput{Marker: marker})
		if err != nil {
			return false, nil, err
		}
		for _, r := range out.Roles {
			if name := aws.ToString(r.RoleName); name != e.wanted.Name && strings.EqualFold(name, e.wanted.Name) {
				twin = name
			}
		}
		return out.IsTruncated && twin == "", out.Marker, nil
	})
	if err != nil || twin == "" {
		return nil // who may not list roles is told what IAM said
	}
	return fmt.Errorf("%w: %q", ErrOtherCase, twin)
}

func boundaryStep(w wanted, before string) write {
	text := fmt.Sprintf("set permissions boundary %q", w.PermissionsBoundary)
	if before != "" {
		text += fmt.Sprintf(" instead of %q", before)
	}
	return iamcall.Call((*ensurer).PutRolePermissionsBoundary,
		&iam.PutRolePermissionsBoundaryInput{RoleName: aws.String(w.Name), PermissionsBoundary: aws.String(w.PermissionsBoundary)},
		Step{Action: "iam:PutRolePermissionsBoundary", Text: text})
}

func clearBoundaryStep(role, before string) write {
	return gone(iamcall.Call((*ensurer).DeleteRolePermissionsBoundary, &iam.DeleteRolePermissionsBoundaryInput{RoleName: aws.String(role)},
		Step{Action: "iam:DeleteRolePermissionsBoundary", Text: fmt.Sprintf("remove permissions boundary %q", before), Removes: true}))
}

// settingsStep always says both: IAM takes a duration that is left out for one hour
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html).
func settingsStep(w wanted, description string, session time.Duration) write {
	return iamcall.Call((*ensurer).UpdateRole,
		&iam.UpdateRoleInput{RoleName: aws.String(w.Name), Description: aws.String(description), MaxSessionDuration: seconds(session)},
		Step{Action: "iam:UpdateRole", Text: fmt.Sprintf("set description %q and maximum session duration %v", description, session)})
}

// trustStep reads the policy once more before it writes.
func trustStep(w wanted, have *Role) write {
	text := "replace the trust policy, which cannot be read"
	if have.Trust != nil {
		text = "change the trust policy"
		for _, c := range have.Trust.Diff(w.Trust) {
			text += "; " + c.String()
		}
	}
	return write{Step: Step{Action: updateTrust, Text: text}, Run: func(ctx context.Context, e *ensurer) error {
		t := editor{api: e, name: w.Name, edit: w.editTrust, settle: e.cfg.Settle, patience: e.patience, quota: e.quota}
		done, err := t.run(ctx)
		e.result.Unconfirmed = done.unconfirmed
		return err
	}}
}

// editTrust is the edit that leaves exactly the spec's policy.
func (w wanted) editTrust(role *Role) (*trust.Policy, error) {
	if role.Trust != nil && role.Trust.Equal(w.Trust) {
		return role.Trust, nil
	}
	return w.Trust, nil
}

func putInlineStep(role, name, document string, exists bool) write {
	text := fmt.Sprintf("add inline policy %q", name)
	if exists {
		text = fmt.Sprintf("change inline policy %q", name)
	}
	return iamcall.Call((*ensurer).PutRolePolicy,
		&iam.PutRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String(name), PolicyDocument: aws.String(document)},
		Step{Action: "iam:PutRolePolicy", Text: text})
}

func deleteInlineStep[C remover](role, name string) iamcall.Write[C] {
	return gone(iamcall.Call(C.DeleteRolePolicy,
		&iam.DeleteRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String(name)},
		Step{Action: "iam:DeleteRolePolicy", Text: fmt.Sprintf("delete inline policy %q", name), Removes: true}))
}

func attachStep(role, policy string) write {
	return iamcall.Call((*ensurer).AttachRolePolicy,
		&iam.AttachRolePolicyInput{RoleName: aws.String(role), PolicyArn: aws.String(policy)},
		Step{Action: "iam:AttachRolePolicy", Text: fmt.Sprintf("attach policy %q", policy)})
}

func detachStep[C remover](role, policy string) iamcall.Write[C] {
	return gone(iamcall.Call(C.DetachRolePolicy,
		&iam.DetachRolePolicyInput{RoleName: aws.String(role), PolicyArn: aws.String(policy)},
		Step{Action: "iam:DetachRolePolicy", Text: fmt.Sprintf("detach policy %q", policy), Removes: true}))
}

func tagStep(role string, set map[string]string) write {
	return iamcall.Call((*ensurer).TagRole, &iam.TagRoleInput{RoleName: aws.String(role), Tags: iamcall.Tags(set)},
		Step{Action: "iam:TagRole", Text: iamcall.QuotedTags("set tags ", set)})
}

func untagStep(role string, keys []string) write {
	return iamcall.Call((*ensurer).UntagRole, &iam.UntagRoleInput{RoleName: aws.String(role), TagKeys: keys},
		Step{Action: "iam:UntagRole", Text: "remove tags " + iamcall.Quoted(keys), Removes: true})
}

// gone is content when somebody else has removed the thing first, but not when the role itself
// is not there.
func gone[C any](w iamcall.Write[C]) iamcall.Write[C] {
	call := w.Run
	w.Run = func(ctx context.Context, client C) error {
		err := call(ctx, client)
		if iamcall.Is(err, iamcall.NoSuchEntity) && !isRoleMissing(err) {
			return nil
		}
		return err
	}
	return w
}

func seconds(d time.Duration) *int32 { return aws.Int32(int32(d / time.Second)) }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

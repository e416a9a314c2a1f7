package iamprovider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// Step is one write to IAM: the action, such as "iam:TagOpenIDConnectProvider", a text for a
// person, and whether it takes something away that the spec does not list.
type Step = iamcall.Step

// StepError reports the step at which Ensure stopped. What was done before stays done and is
// right by itself; the next Ensure goes on from there.
type StepError = iamcall.StepError

// write is a step and what makes it.
type write = iamcall.Write[*ensurer]

const (
	createProvider    = "iam:CreateOpenIDConnectProvider"
	updateThumbprints = "iam:UpdateOpenIDConnectProviderThumbprint"
)

func createStep(w wanted) write {
	fetch := "thumbprints " + iamcall.Quoted(w.thumbprints)
	if w.thumbprints == nil {
		fetch = "the thumbprint left for IAM to fetch"
	}
	text := fmt.Sprintf("create provider with client ids %s, %s%s", iamcall.Quoted(w.clientIDs), fetch, iamcall.QuotedTags(", tags ", w.tags))
	return write{Step: Step{Action: createProvider, Text: text}, Run: func(ctx context.Context, e *ensurer) error { return e.create(ctx) }}
}

func (e *ensurer) create(ctx context.Context) error {
	w := e.wanted
	in := &iam.CreateOpenIDConnectProviderInput{
		Url:            aws.String(w.issuer.String()),
		ClientIDList:   w.clientIDs,
		ThumbprintList: w.thumbprints,
		Tags:           iamcall.Tags(w.tags),
	}
	out, err := e.CreateOpenIDConnectProvider(ctx, in)
	untagged := err != nil && len(w.tags) > 0 && iamcall.IsTagOnCreateRefused(w.partition, err)
	if untagged {
		in.Tags = nil
		out, err = e.CreateOpenIDConnectProvider(ctx, in)
	}
	if err != nil {
		return err
	}
	if out == nil {
		return errNoAnswer
	}
	if got := aws.ToString(out.OpenIDConnectProviderArn); got != w.arn {
		return fmt.Errorf("%w: IAM created %q, delete it if it is not wanted there", ErrOtherAccount, got)
	}
	e.result.Created = true
	if untagged {
		return &iamcall.Unfinished{} // another look at it sets the tags
	}
	return nil
}

func addClientIDStep(arn, id string) write {
	return iamcall.Call((*ensurer).AddClientIDToOpenIDConnectProvider,
		&iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(arn), ClientID: aws.String(id)},
		Step{Action: "iam:AddClientIDToOpenIDConnectProvider", Text: fmt.Sprintf("add client id %q", id)})
}

func removeClientIDStep(arn, id string) write {
	return iamcall.Call((*ensurer).RemoveClientIDFromOpenIDConnectProvider,
		&iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(arn), ClientID: aws.String(id)},
		Step{Action: "iam:RemoveClientIDFromOpenIDConnectProvider", Text: fmt.Sprintf("remove client id %q", id), Removes: true})
}

// thumbprintStep replaces the list before by next, as IAM has no smaller edit.
func thumbprintStep(arn string, before, next []string) write {
	var parts []string
	if added := iamcall.Minus(next, before); len(added) > 0 {
		parts = append(parts, "add thumbprint "+iamcall.Quoted(added))
	}
	dropped := iamcall.Minus(before, next)
	if len(dropped) > 0 {
		parts = append(parts, "remove thumbprint "+iamcall.Quoted(dropped))
	}
	step := Step{Action: updateThumbprints, Text: strings.Join(parts, ", "), Removes: len(dropped) > 0}
	return write{Step: step, Run: func(ctx context.Context, e *ensurer) error {
		_, err := e.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{
			OpenIDConnectProviderArn: aws.String(arn), ThumbprintList: next,
		})
		if err != nil {
			return err
		}
		return e.confirm(ctx, before)
	}}
}

// errReplaced says that another writer's list has come over ours.
var errReplaced = errors.New("another writer keeps replacing the thumbprints")

// confirm reads again what became of the thumbprints.
func (e *ensurer) confirm(ctx context.Context, before []string) error {
	outcome, err := iamcall.Confirm(ctx, e.cfg.Settle, func(ctx context.Context) (iamcall.Outcome, error) {
		have, err := observe(ctx, e, e.wanted)
		if err != nil {
			return iamcall.NotYet, err
		}
		return e.judge(before, have.thumbprints), nil
	})
	if err != nil {
		return fmt.Errorf("the thumbprints are written, but reading them again failed: %w", err)
	}
	e.result.Unconfirmed = outcome == iamcall.NotYet
	if outcome == iamcall.Lost {
		return &iamcall.Unfinished{Cause: errReplaced}
	}
	return nil
}

func (e *ensurer) judge(before, now []string) iamcall.Outcome {
	missing, foreign := iamcall.Minus(e.wanted.thumbprints, now), iamcall.Minus(now, e.wanted.thumbprints)
	switch {
	case len(missing) == 0 && (!e.wanted.exact || len(foreign) == 0):
		return iamcall.Kept
	case slices.Equal(before, now):
		return iamcall.NotYet
	}
	return iamcall.Lost
}

func tagStep(arn string, set map[string]string) write {
	return iamcall.Call((*ensurer).TagOpenIDConnectProvider,
		&iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(arn), Tags: iamcall.Tags(set)},
		Step{Action: "iam:TagOpenIDConnectProvider", Text: iamcall.QuotedTags("set tags ", set)})
}

func untagStep(arn string, keys []string) write {
	return iamcall.Call((*ensurer).UntagOpenIDConnectProvider,
		&iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(arn), TagKeys: keys},
		Step{Action: "iam:UntagOpenIDConnectProvider", Text: "remove tags " + iamcall.Quoted(keys), Removes: true})
}

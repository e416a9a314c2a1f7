package iamprovider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// Step is one write to IAM.
type Step struct {
	// Action is the IAM action, such as "iam:TagOpenIDConnectProvider".
	Action string
	// Text says what it does, for a person.
	Text string
	// Removes is true of a step that takes something away that Ensure did not put there.
	Removes bool

	run func(context.Context, API) error
}

const updateThumbprints = "iam:UpdateOpenIDConnectProviderThumbprint"

// errUntagged says that the provider is there but has no tags yet: another round sets them.
var errUntagged = errors.New("created without tags")

func (s Step) isThumbprints() bool { return s.Action == updateThumbprints }

func createStep(w wanted) Step {
	fetch := "thumbprints " + iamcall.Quoted(w.thumbprints)
	if w.thumbprints == nil {
		fetch = "the thumbprint that IAM fetches"
	}
	text := fmt.Sprintf("create provider with client ids %s, %s%s", iamcall.Quoted(w.clientIDs), fetch, iamcall.QuotedTags(", tags ", w.tags))
	return Step{Action: "iam:CreateOpenIDConnectProvider", Text: text, run: func(ctx context.Context, api API) error {
		in := &iam.CreateOpenIDConnectProviderInput{
			Url:            aws.String(w.issuer.String()),
			ClientIDList:   w.clientIDs,
			ThumbprintList: w.thumbprints,
			Tags:           iamcall.Tags(w.tags),
		}
		out, err := api.CreateOpenIDConnectProvider(ctx, in)
		if err != nil && len(w.tags) > 0 && iamcall.IsTagOnCreateRefused(w.partition, err) {
			in.Tags = nil
			if _, err := api.CreateOpenIDConnectProvider(ctx, in); err != nil {
				return err
			}
			return errUntagged
		}
		if err != nil {
			return err
		}
		return checkCreated(w.arn, aws.ToString(out.OpenIDConnectProviderArn))
	}}
}

// checkCreated finds out that the credentials are of another account than the one named.
func checkCreated(want, got string) error {
	if got != want {
		return fmt.Errorf("%w: IAM created %q, delete it if it is not wanted there", ErrOtherAccount, got)
	}
	return nil
}

func addClientIDStep(arn, id string) Step {
	return Step{Action: "iam:AddClientIDToOpenIDConnectProvider", Text: fmt.Sprintf("add client id %q", id),
		run: func(ctx context.Context, api API) error {
			_, err := api.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{
				OpenIDConnectProviderArn: aws.String(arn), ClientID: aws.String(id),
			})
			return err
		}}
}

func removeClientIDStep(arn, id string) Step {
	return Step{Action: "iam:RemoveClientIDFromOpenIDConnectProvider", Text: fmt.Sprintf("remove client id %q", id), Removes: true,
		run: func(ctx context.Context, api API) error {
			_, err := api.RemoveClientIDFromOpenIDConnectProvider(ctx, &iam.RemoveClientIDFromOpenIDConnectProviderInput{
				OpenIDConnectProviderArn: aws.String(arn), ClientID: aws.String(id),
			})
			return err
		}}
}

// thumbprintStep replaces the list by next, as IAM has no smaller edit.
func thumbprintStep(arn string, next, added, dropped []string) Step {
	var parts []string
	if len(added) > 0 {
		parts = append(parts, "add thumbprint "+iamcall.Quoted(added))
	}
	if len(dropped) > 0 {
		parts = append(parts, "remove thumbprint "+iamcall.Quoted(dropped))
	}
	return Step{Action: updateThumbprints, Text: strings.Join(parts, ", "), Removes: len(dropped) > 0,
		run: func(ctx context.Context, api API) error {
			_, err := api.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{
				OpenIDConnectProviderArn: aws.String(arn), ThumbprintList: next,
			})
			return err
		}}
}

func tagStep(arn string, set map[string]string) Step {
	return Step{Action: "iam:TagOpenIDConnectProvider", Text: iamcall.QuotedTags("set tags ", set),
		run: func(ctx context.Context, api API) error {
			_, err := api.TagOpenIDConnectProvider(ctx, &iam.TagOpenIDConnectProviderInput{
				OpenIDConnectProviderArn: aws.String(arn), Tags: iamcall.Tags(set),
			})
			return err
		}}
}

func untagStep(arn string, keys []string) Step {
	return Step{Action: "iam:UntagOpenIDConnectProvider", Text: "remove tags " + iamcall.Quoted(keys), Removes: true,
		run: func(ctx context.Context, api API) error {
			_, err := api.UntagOpenIDConnectProvider(ctx, &iam.UntagOpenIDConnectProviderInput{
				OpenIDConnectProviderArn: aws.String(arn), TagKeys: keys,
			})
			return err
		}}
}

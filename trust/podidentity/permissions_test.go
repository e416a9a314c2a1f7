package podidentity_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/podidentity"
)

// The page of permissions is what callers are given: every call that a function makes is on it, and
// nothing else. What EKS itself asks IAM for is not seen here.
func TestTheCallsOfEachFunctionAreThoseOfThePageOfPermissions(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../examples/irsa/PERMISSIONS.md")
	if err != nil {
		t.Skip("the module is on its own")
	}
	b := newBox(t)
	there := podidentity.Spec{Target: b.target("there"), RoleARN: reader, Tags: map[string]string{"a": "b"}}
	_, err = podidentity.Ensure(t.Context(), b, there, podidentity.Config{})
	require.NoError(t, err)
	for _, call := range []struct {
		name string
		do   func(context.Context, *eks.Client) error
	}{
		{"podidentity.Read", func(ctx context.Context, c *eks.Client) error {
			_, err := podidentity.Read(ctx, c, there.Target)
			return err
		}},
		{"podidentity.List", func(ctx context.Context, c *eks.Client) error {
			_, err := podidentity.List(ctx, c, b.arn, "")
			return err
		}},
		{"podidentity.Plan", func(ctx context.Context, c *eks.Client) error {
			_, err := podidentity.Plan(ctx, c, there)
			return err
		}},
		{"podidentity.Ensure", func(ctx context.Context, c *eks.Client) error {
			anew, changed := there, there
			anew.Target = b.target("new")
			changed.RoleARN, changed.Tags, changed.ForeignTags = writer, map[string]string{"c": "d"}, podidentity.Remove
			for _, spec := range []podidentity.Spec{anew, changed} {
				if _, err := podidentity.Ensure(ctx, c, spec, podidentity.Config{}); err != nil {
					return err
				}
			}
			return nil
		}},
		{"podidentity.Delete", func(ctx context.Context, c *eks.Client) error { return podidentity.Delete(ctx, c, there.Target) }},
	} {
		var used []string
		client := eks.NewFromConfig(b.account.AWSConfig(), func(o *eks.Options) {
			o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
				return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("recorded", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					used = append(used, "eks:"+awsmiddleware.GetOperationName(ctx))
					return next.HandleInitialize(ctx, in)
				}), middleware.After)
			})
		})
		require.NoError(t, call.do(t.Context(), client), call.name)
		_, listed, _ := strings.Cut(string(page), "\n## "+call.name+"\n")
		listed, _, _ = strings.Cut(listed, "\n## ")
		slices.Sort(used)
		assert.ElementsMatch(t, regexp.MustCompile(`eks:[A-Z]\w+`).FindAllString(listed, -1), slices.Compact(used), call.name)
	}
}

package trusttest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/trusttest"
)

// assertRefusal checks everything that AWS says when it says no.
func assertRefusal(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var refused smithy.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, code, refused.ErrorCode())
	assert.Equal(t, message, refused.ErrorMessage())
	var response *awshttp.ResponseError
	require.ErrorAs(t, err, &response)
	assert.Equal(t, status, response.HTTPStatusCode())
	assert.NotEmpty(t, response.ServiceRequestID())
}

// refusal is a call that must fail, on an account with the provider providerARN and the role
// "app" that has one inline policy.
type refusal struct {
	call          func(context.Context, *iam.Client) error
	status        int
	code, message string
}

func runRefusals(t *testing.T, tests map[string]refusal) {
	_, client := newIAM(t, trusttest.Config{})
	createProvider(t, client)
	createRole(t, client)
	_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("app"), PolicyName: aws.String("inline"), PolicyDocument: aws.String(permissions),
	})
	require.NoError(t, err)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assertRefusal(t, test.call(t.Context(), client), test.status, test.code, test.message)
		})
	}
}

func creatingProvider(edit func(*iam.CreateOpenIDConnectProviderInput)) func(context.Context, *iam.Client) error {
	return func(ctx context.Context, client *iam.Client) error {
		_, err := client.CreateOpenIDConnectProvider(ctx, providerInput(func(in *iam.CreateOpenIDConnectProviderInput) {
			in.Url = aws.String("https://new.example.com")
		}, edit))
		return err
	}
}

func settingThumbprints(thumbprints ...string) func(context.Context, *iam.Client) error {
	return func(ctx context.Context, client *iam.Client) error {
		_, err := client.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{
			OpenIDConnectProviderArn: aws.String(providerARN), ThumbprintList: append([]string{}, thumbprints...),
		})
		return err
	}
}

func many(n int, form string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(form, i)
	}
	return all
}

// onProvider calls every operation that takes an existing provider.
func onProvider(arn string) map[string]func(context.Context, *iam.Client) error {
	return map[string]func(context.Context, *iam.Client) error{
		"get": func(ctx context.Context, c *iam.Client) error {
			_, err := c.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
			return err
		},
		"add a client id": func(ctx context.Context, c *iam.Client) error {
			_, err := c.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, ClientID: aws.String("x")})
			return err
		},
		"remove a client id": func(ctx context.Context, c *iam.Client) error {
			_, err := c.RemoveClientIDFromOpenIDConnectProvider(ctx, &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, ClientID: aws.String("x")})
			return err
		},
		"update the thumbprints": func(ctx context.Context, c *iam.Client) error {
			_, err := c.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: &arn, ThumbprintList: []string{digits("a")}})
			return err
		},
		"tag": func(ctx context.Context, c *iam.Client) error {
			_, err := c.TagOpenIDConnectProvider(ctx, &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, Tags: someTags("k", "v")})
			return err
		},
		"untag": func(ctx context.Context, c *iam.Client) error {
			_, err := c.UntagOpenIDConnectProvider(ctx, &iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, TagKeys: []string{"k"}})
			return err
		},
		"list the tags": func(ctx context.Context, c *iam.Client) error {
			_, err := c.ListOpenIDConnectProviderTags(ctx, &iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: &arn})
			return err
		},
	}
}

func deletingProvider(arn string) func(context.Context, *iam.Client) error {
	return func(ctx context.Context, c *iam.Client) error {
		_, err := c.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
		return err
	}
}

func TestIAMRefusesProvidersThatAreNotThere(t *testing.T) {
	t.Parallel()
	const missing, noARN = providerARN + "/", "not-an-arn-but-long-enough"
	tests := map[string]refusal{
		"delete":       {deletingProvider(missing), 404, "NoSuchEntity", "OpenId connect Provider " + missing + " cannot be found."},
		"delete, what": {deletingProvider(noARN), 400, "ValidationError", "ARN " + noARN + " is not valid."},
	}
	for name, call := range onProvider(missing) {
		tests[name] = refusal{call, 404, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + missing}
	}
	for name, call := range onProvider(noARN) {
		tests[name+", what"] = refusal{call, 400, "ValidationError", "ARN " + noARN + " is not valid."}
	}
	runRefusals(t, tests)
}

func TestIAMRefusesProviders(t *testing.T) {
	t.Parallel()
	type input = iam.CreateOpenIDConnectProviderInput
	badURL := func(url string) refusal {
		return refusal{creatingProvider(func(in *input) { in.Url = &url }), 400, "ValidationError", "Invalid Open ID Connect Provider URL"}
	}
	exists := func(url string) refusal {
		return refusal{creatingProvider(func(in *input) { in.Url = &url }), 409, "EntityAlreadyExists", "Provider with url " + url + " already exists."}
	}
	lengths := func(most, least int) string {
		return fmt.Sprintf("failed to satisfy constraint: Member must satisfy constraint: "+
			"[Member must have length less than or equal to %d, Member must have length greater than or equal to %d]", most, least)
	}
	runRefusals(t, map[string]refusal{
		"an http URL":                      badURL("http://new.example.com"),
		"no scheme":                        badURL("new.example.com"),
		"a port":                           badURL("https://new.example.com:8443"),
		"a query":                          badURL("https://new.example.com/?a=b"),
		"a fragment":                       badURL("https://new.example.com/#a"),
		"a user":                           badURL("https://me@new.example.com"),
		"the same URL again":               exists(issuerURL),
		"the same URL with a default port": exists("https://oidc.example.com:443/cluster"),
		"everything too long, told at once": {creatingProvider(func(in *input) {
			in.Url = aws.String("https://" + strings.Repeat("a", 248))
			in.ClientIDList, in.ThumbprintList = []string{strings.Repeat("a", 256)}, []string{digits("a") + "a"}
		}), 400, "ValidationError", "3 validation errors detected: Value at 'clientIDList' " + lengths(255, 1) +
			"; Value at 'thumbprintList' " + lengths(40, 40) +
			"; Value at 'url' failed to satisfy constraint: Member must have length less than or equal to 255"},
		"an empty URL": {creatingProvider(func(in *input) { in.Url = aws.String("") }), 400, "ValidationError",
			"1 validation error detected: Value at 'url' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		"six thumbprints": {creatingProvider(func(in *input) { in.ThumbprintList = strings.Fields(strings.Repeat(digits("a")+" ", 6)) }),
			400, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."},
		"a thumbprint that is not hexadecimal": {creatingProvider(func(in *input) { in.ThumbprintList = []string{digits("g")} }),
			400, "InvalidInput", "Thumbprint must be a hexadecimal string."},
		"101 client ids": {creatingProvider(func(in *input) { in.ClientIDList = many(101, "id-%d") }),
			409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"},
		"tag keys that differ in case alone": {creatingProvider(func(in *input) { in.Tags = someTags("a", "", "A", "") }),
			400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		"an issuer that cannot be reached": {creatingProvider(func(in *input) { in.ThumbprintList, in.Url = nil, aws.String("https://127.0.0.1:1") }),
			400, "OpenIdIdpCommunicationError", "The request failed because IAM cannot connect to the OpenID Connect identity provider URL."},
		"no thumbprints any more": {settingThumbprints(), 400, "InvalidInput", "Thumbprint list must contain at least one entry."},
		"six thumbprints at once": {settingThumbprints(many(6, "%040d")...), 400, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."},
		"a short thumbprint":      {settingThumbprints("abc"), 400, "ValidationError", "1 validation error detected: Value at 'thumbprintList' " + lengths(40, 40)},
	})
}

func TestAProviderHasRoomForAHundredClientIDsAndFiftyTags(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	var tags []string
	for _, key := range many(50, "key-%d") {
		tags = append(tags, key, "")
	}
	arn := createProvider(t, client, func(in *iam.CreateOpenIDConnectProviderInput) {
		in.ClientIDList, in.Tags = append(many(100, "id-%d"), "id-0"), someTags(tags...)
	})

	err := onProvider(arn)["add a client id"](t.Context(), client)
	assertRefusal(t, err, 409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
	err = onProvider(arn)["tag"](t.Context(), client)
	assertRefusal(t, err, 409, "LimitExceeded", "The number of tags has reached the maximum limit.")
	assert.Len(t, getProvider(t, client, arn).ClientIDList, 100)
	assert.Len(t, listProviderTags(t, client, arn), 50)
}

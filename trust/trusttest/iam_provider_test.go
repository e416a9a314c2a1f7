package trusttest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	issuerURL   = "https://oidc.example.com/cluster"
	providerARN = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/cluster"
)

// newIAM is an empty account and a client of its administrator.
func newIAM(t *testing.T, cfg trusttest.Config) (*trusttest.Account, *iam.Client) {
	t.Helper()
	account, err := trusttest.NewAccount(cfg)
	require.NoError(t, err)
	t.Cleanup(account.Close)
	return account, iam.NewFromConfig(account.AWSConfig())
}

// digits is a thumbprint of one digit.
func digits(digit string) string { return strings.Repeat(digit, 40) }

// providerInput is complete, as changed by edit.
func providerInput(edit ...func(*iam.CreateOpenIDConnectProviderInput)) *iam.CreateOpenIDConnectProviderInput {
	in := &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuerURL), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{digits("a")},
	}
	for _, change := range edit {
		change(in)
	}
	return in
}

func createProvider(t *testing.T, client *iam.Client, edit ...func(*iam.CreateOpenIDConnectProviderInput)) (arn string) {
	t.Helper()
	out, err := client.CreateOpenIDConnectProvider(t.Context(), providerInput(edit...))
	require.NoError(t, err)
	return *out.OpenIDConnectProviderArn
}

func getProvider(t *testing.T, client *iam.Client, arn string) *iam.GetOpenIDConnectProviderOutput {
	t.Helper()
	out, err := client.GetOpenIDConnectProvider(t.Context(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	require.NoError(t, err)
	return out
}

func someTags(pairs ...string) []types.Tag {
	var all []types.Tag
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return all
}

func TestAProviderIsCreatedReadListedAndDeleted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)
	_, client := newIAM(t, trusttest.Config{Now: func() time.Time { return now }})

	created, err := client.CreateOpenIDConnectProvider(t.Context(), providerInput(func(in *iam.CreateOpenIDConnectProviderInput) {
		in.Tags = someTags("team", "shop", "empty", "")
	}))
	require.NoError(t, err)
	assert.Equal(t, providerARN, *created.OpenIDConnectProviderArn)
	assert.Equal(t, someTags("team", "shop", "empty", ""), created.Tags)

	got := getProvider(t, client, providerARN)
	assert.Equal(t, "oidc.example.com/cluster", *got.Url, "without scheme")
	assert.Equal(t, []string{"sts.amazonaws.com"}, got.ClientIDList)
	assert.Equal(t, []string{digits("a")}, got.ThumbprintList)
	assert.Equal(t, someTags("team", "shop", "empty", ""), got.Tags)
	assert.Equal(t, now.Truncate(time.Second), *got.CreateDate)

	without, err := client.CreateOpenIDConnectProvider(t.Context(), providerInput(func(in *iam.CreateOpenIDConnectProviderInput) {
		in.Url = aws.String("https://a.example.com")
	}))
	require.NoError(t, err)
	assert.Nil(t, without.Tags, "absent, not empty")
	other := *without.OpenIDConnectProviderArn
	all, err := client.ListOpenIDConnectProviders(t.Context(), nil)
	require.NoError(t, err)
	assert.ElementsMatch(t, []types.OpenIDConnectProviderListEntry{{Arn: aws.String(providerARN)}, {Arn: &other}}, all.OpenIDConnectProviderList)

	_, err = client.DeleteOpenIDConnectProvider(t.Context(), &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerARN)})
	require.NoError(t, err)
	all, err = client.ListOpenIDConnectProviders(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, []types.OpenIDConnectProviderListEntry{{Arn: &other}}, all.OpenIDConnectProviderList)
}

func TestAProviderIsKeptInIAMsForm(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		url, arn, kept string
	}{
		"the default port is dropped":              {"https://x.example.com:443/p", "x.example.com/p", "x.example.com/p"},
		"a slash at the end stays":                 {"https://x.example.com/p/", "x.example.com/p/", "x.example.com/p/"},
		"the host keeps its capital letters":       {"https://X.Example.com/Path", "X.Example.com/Path", "X.Example.com/Path"},
		"an issuer on loopback may have a port":    {"https://127.0.0.1:8443", "127.0.0.1:8443", "127.0.0.1:8443"},
		"an issuer without a path has none either": {"https://x.example.com", "x.example.com", "x.example.com"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newIAM(t, trusttest.Config{AccountID: "444455556666", Partition: "aws-cn"})

			arn := createProvider(t, client, func(in *iam.CreateOpenIDConnectProviderInput) { in.Url = &test.url })

			assert.Equal(t, "arn:aws-cn:iam::444455556666:oidc-provider/"+test.arn, arn)
			assert.Equal(t, test.kept, *getProvider(t, client, arn).Url)
		})
	}
}

func TestASlashAtTheEndMakesAnotherProvider(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})

	without := createProvider(t, client)
	with := createProvider(t, client, func(in *iam.CreateOpenIDConnectProviderInput) { in.Url = aws.String(issuerURL + "/") })

	assert.Equal(t, without+"/", with)
}

func TestListsOfAProviderAreKeptInIAMsForm(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})

	arn := createProvider(t, client, func(in *iam.CreateOpenIDConnectProviderInput) {
		in.ClientIDList = []string{"b", "a", "b", "A"}
		in.ThumbprintList = []string{digits("B"), digits("a"), digits("b")}
	})

	got := getProvider(t, client, arn)
	assert.Equal(t, []string{"b", "a", "A"}, got.ClientIDList, "no duplicates, in order")
	assert.Equal(t, []string{digits("b"), digits("a"), digits("b")}, got.ThumbprintList, "lower case, duplicates kept")
	assert.Empty(t, got.Tags)
}

func TestClientIDsComeAndGo(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	arn := createProvider(t, client)
	add := func(id string) {
		_, err := client.AddClientIDToOpenIDConnectProvider(t.Context(), &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, ClientID: &id})
		require.NoError(t, err)
	}
	remove := func(id string) {
		_, err := client.RemoveClientIDFromOpenIDConnectProvider(t.Context(), &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, ClientID: &id})
		require.NoError(t, err)
	}

	add("second")
	add("second")
	assert.Equal(t, []string{"sts.amazonaws.com", "second"}, getProvider(t, client, arn).ClientIDList, "adding twice is adding once")
	remove("sts.amazonaws.com")
	remove("sts.amazonaws.com")
	remove("SECOND")
	assert.Equal(t, []string{"second"}, getProvider(t, client, arn).ClientIDList, "removing twice is removing once")
	remove("second")
	assert.Empty(t, getProvider(t, client, arn).ClientIDList)
}

func TestThumbprintsAreReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	arn := createProvider(t, client)

	_, err := client.UpdateOpenIDConnectProviderThumbprint(t.Context(), &iam.UpdateOpenIDConnectProviderThumbprintInput{
		OpenIDConnectProviderArn: &arn, ThumbprintList: []string{digits("1"), digits("2"), digits("3"), digits("4"), digits("F")},
	})

	require.NoError(t, err, "five, whatever the text of the refusal says")
	assert.Equal(t, []string{digits("1"), digits("2"), digits("3"), digits("4"), digits("f")}, getProvider(t, client, arn).ThumbprintList)
}

func TestAProviderWithoutThumbprintsGetsTheIssuersOwn(t *testing.T) {
	t.Parallel()
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: issuerURL})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	_, client := newIAM(t, trusttest.Config{DialContext: issuer.DialContext})

	arn := createProvider(t, client, func(in *iam.CreateOpenIDConnectProviderInput) { in.ThumbprintList = nil })

	assert.Equal(t, []string{thumbprint(issuer)}, getProvider(t, client, arn).ThumbprintList)
}

func TestProvidersAreTagged(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	arn := createProvider(t, client, func(in *iam.CreateOpenIDConnectProviderInput) { in.Tags = someTags("team", "shop") })

	_, err := client.TagOpenIDConnectProvider(t.Context(), &iam.TagOpenIDConnectProviderInput{
		OpenIDConnectProviderArn: &arn, Tags: someTags("cluster", "blue", "TEAM", "search", "stage", "test"),
	})
	require.NoError(t, err)
	assert.Equal(t, someTags("TEAM", "search", "cluster", "blue", "stage", "test"), listProviderTags(t, client, arn), "keys know no case")

	_, err = client.UntagOpenIDConnectProvider(t.Context(), &iam.UntagOpenIDConnectProviderInput{
		OpenIDConnectProviderArn: &arn, TagKeys: []string{"stage", "unknown"},
	})
	require.NoError(t, err)
	assert.Equal(t, someTags("TEAM", "search", "cluster", "blue"), listProviderTags(t, client, arn))
}

func listProviderTags(t *testing.T, client *iam.Client, arn string) []types.Tag {
	t.Helper()
	out, err := client.ListOpenIDConnectProviderTags(t.Context(), &iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: &arn})
	require.NoError(t, err)
	assert.False(t, out.IsTruncated)
	assert.Nil(t, out.Marker)
	return out.Tags
}

func TestTagsOfAProviderComeInPagesSortedByKey(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	arn := createProvider(t, client, func(in *iam.CreateOpenIDConnectProviderInput) {
		in.Tags = someTags("e", "5", "d", "4", "c", "3", "b", "2", "a", "1")
	})
	var sizes []int
	var all []types.Tag

	pages := iam.NewListOpenIDConnectProviderTagsPaginator(client, &iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: &arn, MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		sizes, all = append(sizes, len(page.Tags)), append(all, page.Tags...)
	}

	assert.Equal(t, []int{2, 2, 1}, sizes)
	assert.Equal(t, someTags("a", "1", "b", "2", "c", "3", "d", "4", "e", "5"), all)
}

func TestAnAccountHasRoomForAHundredProviders(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	for i := range 100 {
		createProvider(t, client, func(in *iam.CreateOpenIDConnectProviderInput) {
			in.Url = aws.String(fmt.Sprintf("%s/%d", issuerURL, i))
		})
	}

	_, err := client.CreateOpenIDConnectProvider(t.Context(), providerInput())

	assertRefusal(t, err, 409, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100")
}

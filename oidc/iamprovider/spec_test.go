package iamprovider_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestASpecThatIAMWouldRefuseIsRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("client", i)
	}
	for name, c := range map[string]struct {
		change func(*iamprovider.Spec)
		want   string
	}{
		"no account":            {func(s *iamprovider.Spec) { s.AccountID = "" }, "not twelve digits"},
		"unknown partition":     {func(s *iamprovider.Spec) { s.Partition = "aws-x" }, `partition "aws-x" is unknown`},
		"no issuer":             {func(s *iamprovider.Spec) { s.Issuer = oidc.Issuer{} }, "no issuer"},
		"a port":                {func(s *iamprovider.Spec) { s.Issuer = issuer(t, "https://issuer.example:8443") }, "port"},
		"no client id":          {func(s *iamprovider.Spec) { s.ClientIDs = []string{} }, "list is empty"},
		"an empty client id":    {func(s *iamprovider.Spec) { s.ClientIDs = []string{""} }, "want 1 to 255"},
		"a long client id":      {func(s *iamprovider.Spec) { s.ClientIDs = []string{strings.Repeat("x", 256)} }, "256 characters"},
		"too many client ids":   {func(s *iamprovider.Spec) { s.ClientIDs = many }, "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"},
		"no thumbprint":         {func(s *iamprovider.Spec) { s.Thumbprints = []string{} }, "Thumbprint list must contain at least one entry."},
		"a colon in thumbprint": {func(s *iamprovider.Spec) { s.Thumbprints = []string{"a1:b2"} }, "not 40 hexadecimal digits"},
		"no hexadecimal":        {func(s *iamprovider.Spec) { s.Thumbprints = []string{strings.Repeat("g", 40)} }, "not 40 hexadecimal digits"},
		"too many thumbprints": {func(s *iamprovider.Spec) {
			s.Thumbprints = nil
			for i := range 6 {
				s.Thumbprints = append(s.Thumbprints, strings.Repeat(fmt.Sprint(i), 40))
			}
		}, "Thumbprint list must contain fewer than 5 entries."},
		"AWS's own tag":    {func(s *iamprovider.Spec) { s.Tags = map[string]string{"AWS:x": ""} }, "AWS's own"},
		"tags alike":       {func(s *iamprovider.Spec) { s.Tags = map[string]string{"a": "", "A": ""} }, "by case"},
		"a long tag value": {func(s *iamprovider.Spec) { s.Tags = map[string]string{"a": strings.Repeat("x", 257)} }, "257 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, trusttest.Config{})
			s := spec(t)
			c.change(&s)
			r, err := iamprovider.Ensure(t.Context(), b, s, iamprovider.Config{})
			require.ErrorContains(t, err, c.want)
			assert.Zero(t, r)
			p, err := iamprovider.Plan(t.Context(), b, s)
			require.ErrorContains(t, err, c.want)
			assert.Zero(t, p)
			assert.Zero(t, b.Calls(""))
		})
	}
}

func TestAllProblemsOfASpecAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := iamprovider.Plan(t.Context(), nil, iamprovider.Spec{ClientIDs: []string{"", "kubernetes"}, Thumbprints: []string{}})
	for _, want := range []string{"not twelve digits", "no issuer", "want 1 to 255", "at least one entry"} {
		assert.ErrorContains(t, err, want)
	}
	assert.ErrorIs(t, err, iamprovider.ErrAPIServerAudience)
	var limit *iamprovider.LimitError
	assert.ErrorAs(t, err, &limit)
}

func TestTheAPIServersOwnAudienceIsRefusedAndFlaggedOnAdoption(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	for _, audience := range []string{issuerURL, issuerURL + "/", "https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local"} {
		s := spec(t)
		s.ClientIDs = []string{"sts.amazonaws.com", audience}
		_, err := iamprovider.Ensure(t.Context(), b, s, iamprovider.Config{})
		require.ErrorIs(t, err, iamprovider.ErrAPIServerAudience, audience)
	}
	require.Zero(t, b.Calls(""))
	for raw, allowed := range map[string]bool{
		"https://gitlab.com": true, issuerURL: true,
		"https://container.googleapis.com/v1/projects/p/locations/l/clusters/c":        false,
		"https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF": false,
		"https://oidc.prod-aks.azure.com/4327d83a-dd12-4dc6-9a45-f303f763fa99/":        false,
	} {
		s := spec(t)
		s.Issuer, s.NotCluster = issuer(t, raw), true
		s.ClientIDs = []string{raw}
		_, err := iamprovider.Plan(t.Context(), b, s)
		assert.Equal(t, !allowed, errors.Is(err, iamprovider.ErrAPIServerAudience), "%s: %v", raw, err)
		s.ClientIDs = []string{"kubernetes.svc.default"}
		_, err = iamprovider.Plan(t.Context(), b, s)
		assert.ErrorIs(t, err, iamprovider.ErrAPIServerAudience, raw)
	}
	b.Calls("")

	_, err := b.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuerURL), ClientIDList: []string{issuerURL, "sts.amazonaws.com"}, ThumbprintList: []string{thumbA},
	})
	require.NoError(t, err)
	b.wire.Writes()
	r := b.ensure(t, spec(t))
	assert.Empty(t, b.wire.Writes(), "it is not removed unasked")
	require.Len(t, r.Warnings, 1)
	assert.Equal(t, iamprovider.CodeAPIServerAudience, r.Warnings[0].Code)

	s := spec(t)
	s.Exact = true
	r = b.ensure(t, s)
	assert.Empty(t, r.Warnings)
	assert.Equal(t, []string{"sts.amazonaws.com"}, b.stored(t).ClientIDList)
}

func TestAdditionsBeyondTheLimitsAreRefusedWithoutAWrite(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	s := spec(t)
	s.Thumbprints = nil
	for i := range 5 {
		s.Thumbprints = append(s.Thumbprints, strings.Repeat(fmt.Sprint(i), 40))
	}
	s.ClientIDs = nil
	for i := range 100 {
		s.ClientIDs = append(s.ClientIDs, fmt.Sprint("client", i))
	}
	b.ensure(t, s)
	b.wire.Writes()
	var limit *iamprovider.LimitError

	more := spec(t)
	more.ClientIDs = []string{"client1"}
	_, err := iamprovider.Ensure(t.Context(), b, more, iamprovider.Config{})
	require.ErrorAs(t, err, &limit)
	assert.Equal(t, iamprovider.LimitError{Field: "Thumbprints", Count: 6, Message: "Thumbprint list must contain fewer than 5 entries."}, *limit)

	more.ClientIDs, more.Thumbprints = []string{"one more"}, nil
	_, err = iamprovider.Plan(t.Context(), b, more)
	require.ErrorAs(t, err, &limit)
	assert.Equal(t, 101, limit.Count)
	assert.Empty(t, b.wire.Writes())
	assert.Len(t, b.stored(t).ThumbprintList, 5)
}

func TestTheProviderIsKeptAsIAMKeepsIt(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://Issuer.example:443/A": "arn:aws:iam::111122223333:oidc-provider/Issuer.example/A",
		"https://issuer.example/a/":    "arn:aws:iam::111122223333:oidc-provider/issuer.example/a/",
		"https://issuer.example/a":     "arn:aws:iam::111122223333:oidc-provider/issuer.example/a",
	} {
		b := newBox(t, trusttest.Config{})
		s := spec(t)
		s.Issuer = issuer(t, raw)
		arn, err := iamprovider.ARN("aws", account, s.Issuer)
		require.NoError(t, err)
		assert.Equal(t, want, arn)
		for range 2 {
			r := b.ensure(t, s)
			assert.Equal(t, want, r.ARN)
		}
		assert.Equal(t, 1, b.Calls("CreateOpenIDConnectProvider"), raw)
	}
	_, err := iamprovider.ARN("", "1", oidc.Issuer{})
	for _, want := range []string{`partition ""`, `account id "1"`, "no issuer is given"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestCredentialsOfAnotherAccountAreFoundOut(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{AccountID: "999988887777"})
	_, err := iamprovider.Ensure(t.Context(), b, spec(t), iamprovider.Config{})
	require.ErrorIs(t, err, iamprovider.ErrOtherAccount)
	assert.ErrorContains(t, err, "arn:aws:iam::999988887777:oidc-provider/")
}

func TestDeleteIsContentWhenThereIsNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	for range 2 {
		require.NoError(t, iamprovider.Delete(t.Context(), b, providerARN))
	}
	assert.Equal(t, 2, b.Calls("DeleteOpenIDConnectProvider"))
	require.ErrorContains(t, iamprovider.Delete(t.Context(), b, "arn:aws:iam::111122223333:role/x"), `want "oidc-provider/NAME"`)
	b.SetFault(trusttest.Fault{Failure: trusttest.InternalFailure})
	require.ErrorContains(t, iamprovider.Delete(t.Context(), b, providerARN), "api error InternalFailure")
}

func TestNothingPanicsOnNilAndZeroValues(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, err := iamprovider.Plan(ctx, nil, spec(t))
	require.ErrorIs(t, err, iamprovider.ErrNoClient)
	_, err = iamprovider.Ensure(ctx, nil, spec(t), iamprovider.Config{})
	require.ErrorIs(t, err, iamprovider.ErrNoClient)
	require.ErrorIs(t, iamprovider.Delete(ctx, nil, providerARN), iamprovider.ErrNoClient)
	_, err = iamprovider.Stale(ctx, nil, iamprovider.StaleConfig{})
	require.ErrorIs(t, err, iamprovider.ErrNoClient)
	_, err = iamprovider.Ensure(ctx, nil, iamprovider.Spec{}, iamprovider.Config{})
	require.ErrorContains(t, err, "no issuer is given")
	assert.NotEmpty(t, iamprovider.Changes{}.String())
	assert.Empty(t, (&iamprovider.StepError{}).Error())
}

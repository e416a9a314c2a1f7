package iamprovider_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// answers is what each issuer says; nil is a document.
type answers map[string]error

func (a answers) Discover(ctx context.Context, iss oidc.Issuer) (*oidc.Document, error) {
	if err := a[iss.String()]; err != nil {
		return nil, fmt.Errorf("oidc: issuer %q: %w", iss, err)
	}
	return &oidc.Document{}, ctx.Err()
}

func TestStaleSaysWhichProvidersSomebodyElseCouldTakeOver(t *testing.T) {
	t.Parallel()
	gone := &net.DNSError{Err: "no such host", IsNotFound: true}
	missing, denied := &oidc.StatusError{Status: 404}, &oidc.StatusError{Status: 403}
	const eks = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
	issuers := answers{
		"https://a.example":                                           nil,
		"https://b.example":                                           gone,
		"https://c.example":                                           &net.DNSError{Err: "timeout", IsTimeout: true},
		"https://d.example":                                           missing,
		"https://bucket1.s3.eu-west-1.amazonaws.com":                  missing,
		"https://bucket2.s3-eu-west-1.amazonaws.com":                  missing,
		"https://s3.us-east-1.amazonaws.com/bucket3":                  missing,
		"https://bucket6.s3.eusc-de-east-1.amazonaws.eu":              missing,
		"https://s3.us-iso-east-1.c2s.ic.gov/bucket7":                 missing,
		"https://bucket8.s3.dualstack.us-isof-south-1.csp.hci.ic.gov": missing,
		"https://bucket9.s3.cn-north-1.amazonaws.com.cn":              missing,
		"https://s3.amazonaws.eu.example":                             missing,
		"https://bucket4.s3.amazonaws.com":                            denied,
		"https://bucket5.s3.eu-west-1.amazonaws.com":                  nil,
		"https://site.github.io":                                      gone,
		"https://store.blob.core.windows.net/cluster":                 gone,
		eks: gone,
	}
	want := map[string]oidc.Code{
		"https://b.example":                                           iamprovider.CodeHostUnknown,
		"https://c.example":                                           "",
		"https://d.example":                                           "",
		"https://bucket1.s3.eu-west-1.amazonaws.com":                  iamprovider.CodeClaimableHost,
		"https://bucket2.s3-eu-west-1.amazonaws.com":                  iamprovider.CodeClaimableHost,
		"https://s3.us-east-1.amazonaws.com/bucket3":                  iamprovider.CodeClaimableHost,
		"https://bucket6.s3.eusc-de-east-1.amazonaws.eu":              iamprovider.CodeClaimableHost,
		"https://s3.us-iso-east-1.c2s.ic.gov/bucket7":                 iamprovider.CodeClaimableHost,
		"https://bucket8.s3.dualstack.us-isof-south-1.csp.hci.ic.gov": iamprovider.CodeClaimableHost,
		"https://bucket9.s3.cn-north-1.amazonaws.com.cn":              iamprovider.CodeClaimableHost,
		"https://s3.amazonaws.eu.example":                             "",
		"https://bucket4.s3.amazonaws.com":                            "",
		"https://site.github.io":                                      iamprovider.CodeClaimableHost,
		"https://store.blob.core.windows.net/cluster":                 iamprovider.CodeClaimableHost,
		eks: "",
	}
	b := newBox(t, trusttest.Config{})
	for raw := range issuers {
		s := spec(t)
		s.Issuer = issuer(t, raw)
		b.ensure(t, s)
	}
	b.wire.Writes()
	reports, err := iamprovider.Stale(t.Context(), b, iamprovider.StaleConfig{Discoverer: issuers})
	require.NoError(t, err)
	assert.Empty(t, b.wire.Writes(), "a report, never a deletion")
	got := map[string]oidc.Code{}
	for i, r := range reports {
		require.ErrorContains(t, r.Err, `oidc: issuer "`+r.Issuer.String()+`": `)
		assert.Equal(t, iamprovider.CodeNoAnswer, r.Problems[0].Code)
		got[r.Issuer.String()] = ""
		if len(r.Problems) > 1 {
			got[r.Issuer.String()] = r.Problems[1].Code
			name := r.Issuer.HostPath() // a bucket may be named in the path alone
			if r.Problems[1].Code == iamprovider.CodeHostUnknown {
				name, _, _ = strings.Cut(name, "/")
			}
			assert.Contains(t, r.Problems[1].Message, `"`+name+`"`)
		}
		if i > 0 {
			assert.Less(t, reports[i-1].ARN, r.ARN)
		}
	}
	assert.Equal(t, want, got)
}

func TestStaleAsksTheRealIssuer(t *testing.T) {
	t.Parallel()
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: issuerURL})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	cfg := iamprovider.StaleConfig{Discoverer: &oidc.Client{RootCAs: cluster.CertPool(), DialContext: cluster.DialContext}}
	reports, err := iamprovider.Stale(t.Context(), b, cfg)
	require.NoError(t, err)
	assert.Empty(t, reports)
	cluster.Close()
	reports, err = iamprovider.Stale(t.Context(), b, cfg)
	require.NoError(t, err)
	require.Len(t, reports, 1)
	assert.Equal(t, providerARN, reports[0].ARN)
}

// silent never answers.
type silent struct{}

func (silent) Discover(ctx context.Context, _ oidc.Issuer) (*oidc.Document, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestStaleWaitsForNobodyForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		for i := range 20 {
			s := spec(t)
			s.Issuer = issuer(t, fmt.Sprintf("https://issuer%d.example", i))
			b.ensure(t, s)
		}
		start := time.Now()
		reports, err := iamprovider.Stale(t.Context(), b, iamprovider.StaleConfig{Discoverer: silent{}})
		require.NoError(t, err)
		assert.Len(t, reports, 20)
		assert.Equal(t, 30*time.Second, time.Since(start), "eight at a time")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		reports, err = iamprovider.Stale(ctx, b, iamprovider.StaleConfig{Discoverer: silent{}})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Nil(t, reports)

		b.SetFault(trusttest.Fault{Failure: trusttest.InternalFailure})
		_, err = iamprovider.Stale(t.Context(), b, iamprovider.StaleConfig{})
		require.ErrorContains(t, err, "api error InternalFailure")
		assert.False(t, errors.Is(err, context.DeadlineExceeded))
	})
}

func TestAHostThatDoesNotExistIsKnownFromTheRealClientsError(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	client := &oidc.Client{DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}}
	}}
	reports, err := iamprovider.Stale(t.Context(), b, iamprovider.StaleConfig{Discoverer: client})
	require.NoError(t, err)
	require.Len(t, reports, 1)
	require.Len(t, reports[0].Problems, 2)
	assert.Equal(t, iamprovider.CodeHostUnknown, reports[0].Problems[1].Code)
}

// unruly does what no Discoverer should.
type unruly func()

func (u unruly) Discover(context.Context, oidc.Issuer) (*oidc.Document, error) {
	u()
	return nil, nil
}

func TestADiscovererThatDoesNotReturnIsAProblemOfThatIssuer(t *testing.T) {
	t.Parallel()
	for says, u := range map[string]unruly{
		"panicked, in":   func() { panic("a secret of the caller's") },
		"did not return": runtime.Goexit,
	} {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		reports, err := iamprovider.Stale(t.Context(), b, iamprovider.StaleConfig{Discoverer: u})
		require.NoError(t, err)
		require.Len(t, reports, 1, says)
		assert.Equal(t, providerARN, reports[0].ARN)
		require.ErrorContains(t, reports[0].Err, says)
		assert.NotContains(t, reports[0].Err.Error(), "secret")
		require.Len(t, reports[0].Problems, 1)
		assert.Equal(t, iamprovider.CodeNoAnswer, reports[0].Problems[0].Code)
	}
}

// mute answers nothing at all.
type mute struct{}

func (mute) ListOpenIDConnectProviders(context.Context, *iam.ListOpenIDConnectProvidersInput, ...func(*iam.Options)) (*iam.ListOpenIDConnectProvidersOutput, error) {
	return nil, nil
}

func (mute) GetOpenIDConnectProvider(context.Context, *iam.GetOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error) {
	return nil, nil
}

// muteOnCreate has no provider, and answers nothing to the request for one.
type muteOnCreate struct{ box }

func (muteOnCreate) CreateOpenIDConnectProvider(context.Context, *iam.CreateOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.CreateOpenIDConnectProviderOutput, error) {
	return nil, nil
}

func TestNoAnswerIsAnError(t *testing.T) {
	t.Parallel()
	reports, err := iamprovider.Stale(t.Context(), mute{}, iamprovider.StaleConfig{})
	require.ErrorContains(t, err, "neither an answer nor an error")
	assert.Nil(t, reports)
	_, err = iamprovider.Plan(t.Context(), mute{}, spec(t))
	require.ErrorContains(t, err, "read provider: IAM gave neither an answer nor an error")
	_, err = iamprovider.Ensure(t.Context(), muteOnCreate{newBox(t, trusttest.Config{})}, spec(t), iamprovider.Config{})
	require.ErrorContains(t, err, "neither an answer nor an error")
}

// one is an account with one provider.
type one struct{}

func (one) ListOpenIDConnectProviders(context.Context, *iam.ListOpenIDConnectProvidersInput, ...func(*iam.Options)) (*iam.ListOpenIDConnectProvidersOutput, error) {
	return &iam.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []types.OpenIDConnectProviderListEntry{{Arn: aws.String(providerARN)}}}, nil
}

func TestStaleTakesANilContextForOneWithoutAnEnd(t *testing.T) {
	t.Parallel()
	var none context.Context
	reports, err := iamprovider.Stale(none, one{}, iamprovider.StaleConfig{Discoverer: answers{}})
	require.NoError(t, err)
	assert.Empty(t, reports)
}

package iamrole_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// assumer has a role for a:one, and asks STS for it as one of the cluster's pods.
func assumer(t *testing.T, fault trusttest.Fault) func(account string) func(context.Context) error {
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: issuerURL})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	b := newBox(t, trusttest.Config{DialContext: cluster.DialContext, RootCAs: cluster.CertPool()})
	iss, err := oidc.ParseIssuer(issuerURL)
	require.NoError(t, err)
	_, err = iamprovider.Ensure(t.Context(), b, iamprovider.Spec{AccountID: account, Issuer: iss}, iamprovider.Config{})
	require.NoError(t, err)
	role := b.ensure(t, spec(t))
	require.True(t, role.Created)
	b.SetFault(fault) // from here on: Ensure itself waits until a policy may name the provider
	client := sts.NewFromConfig(b.AWSConfig())
	return func(name string) func(context.Context) error {
		token, err := cluster.Token(oidctest.TokenRequest{Namespace: "a", ServiceAccount: name, UID: "1", Audiences: []string{"sts.amazonaws.com"}})
		require.NoError(t, err)
		return func(ctx context.Context) error {
			_, err := client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
				RoleArn: aws.String(role.ARN), RoleSessionName: aws.String("test"), WebIdentityToken: aws.String(token),
			})
			return err
		}
	}
}

func TestWaitAssumableWaitsForANewRoleAndItsProvider(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault trusttest.Fault
		want  string
		takes time.Duration
	}{
		"role":     {trusttest.Fault{RolePropagation: 7 * time.Second}, "AccessDenied", 7 * time.Second},
		"provider": {trusttest.Fault{ProviderPropagation: 9 * time.Second}, "No OpenIDConnect provider found", 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				assume := assumer(t, c.fault)("one")
				require.ErrorContains(t, assume(t.Context()), c.want)
				start := time.Now()
				require.NoError(t, iamrole.WaitAssumable(t.Context(), assume, 0))
				assert.GreaterOrEqual(t, time.Since(start), c.takes)
				assert.Less(t, time.Since(start), c.takes+6*time.Second, "no more than a pause of 5 seconds later")
			})
		})
	}
}

func TestWaitAssumableGivesUpWithTheLastAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stranger := assumer(t, trusttest.Fault{})("stranger")
		start := time.Now()
		err := iamrole.WaitAssumable(t.Context(), stranger, 30*time.Second)
		require.ErrorIs(t, err, iamrole.ErrNotAssumable)
		var api smithy.APIError
		require.ErrorAs(t, err, &api)
		assert.Equal(t, "AccessDenied", api.ErrorCode())
		assert.InDelta(t, 27.5, time.Since(start).Seconds(), 2.6)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = iamrole.WaitAssumable(ctx, stranger, 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, iamrole.ErrNotAssumable)
	})
}

func TestWaitAssumableEndsAtOnceWhenNoTimeWouldHelp(t *testing.T) {
	t.Parallel()
	calls := 0
	broken := errors.New("no network")
	err := iamrole.WaitAssumable(t.Context(), func(context.Context) error { calls++; return broken }, 0)
	require.ErrorIs(t, err, broken)
	assert.Equal(t, 1, calls)
	require.ErrorContains(t, iamrole.WaitAssumable(t.Context(), nil, 0), "assume is nil")
}

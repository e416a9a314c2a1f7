package token_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const controllerARN = "arn:aws:iam::111122223333:role/controller"

// tenantBox is an account with the role controller, and a role for each of two tenants.
type tenantBox struct{ *trusttest.Account }

func newTenantBox(t *testing.T) tenantBox {
	t.Helper()
	account, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	b := tenantBox{account}
	b.role(t, "controller", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`)
	for _, name := range []string{"api", "web"} {
		subject, err := trust.ServiceAccount("payments", name)
		require.NoError(t, err)
		policy, err := trust.NewChain(trust.ChainGrant{RoleARNs: []string{controllerARN}, Subject: subject})
		require.NoError(t, err)
		b.role(t, name, policy.Document())
	}
	return b
}

func (b tenantBox) role(t *testing.T, name, document string) {
	t.Helper()
	_, err := iam.NewFromConfig(b.AWSConfig()).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &document})
	require.NoError(t, err)
}

func (b tenantBox) as(c aws.CredentialsProvider) *sts.Client {
	cfg := b.AWSConfig()
	cfg.Credentials = c
	return sts.NewFromConfig(cfg)
}

// controller gives sessions of the role controller, with these transitive tags.
func (b tenantBox) controller(tags ...string) aws.CredentialsProvider {
	return stscreds.NewAssumeRoleProvider(sts.NewFromConfig(b.AWSConfig()), controllerARN, func(o *stscreds.AssumeRoleOptions) {
		o.TransitiveTagKeys = tags
		for _, tag := range tags {
			o.Tags = append(o.Tags, types.Tag{Key: aws.String(tag), Value: aws.String("flux-system")})
		}
	})
}

func (b tenantBox) pool(t *testing.T, controller aws.CredentialsProvider) *token.Pool {
	t.Helper()
	pool, err := token.NewTenantPool(controller, func(_ token.Key, c aws.CredentialsProvider) (stscreds.AssumeRoleAPIClient, error) {
		return b.as(c), nil
	}, token.PoolConfig{})
	require.NoError(t, err)
	return pool
}

func tenantKey(name string) token.Key {
	return token.Key{Namespace: "payments", ServiceAccount: name, UID: "uid-" + name, RoleARN: "arn:aws:iam::111122223333:role/" + name}
}

func TestATenantGetsTheRoleOfItsTagsAndNoOther(t *testing.T) {
	t.Parallel()
	b := newTenantBox(t)
	pool := b.pool(t, b.controller())
	for _, name := range []string{"api", "web"} {
		p, err := pool.Tenant(tenantKey(name))
		require.NoError(t, err)
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		again, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, creds, again)
		who, err := b.as(p).GetCallerIdentity(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, "arn:aws:sts::111122223333:assumed-role/"+name+"/payments."+name, *who.Arn)
	}
	assert.Equal(t, 2, pool.Len())

	theirs := tenantKey("api")
	theirs.RoleARN = tenantKey("web").RoleARN
	p, err := pool.Tenant(theirs)
	require.NoError(t, err)
	_, err = p.Retrieve(t.Context())
	assert.ErrorContains(t, err, "AccessDenied", "another's role")
	assert.True(t, token.IsFinal(err))
}

func TestATenantsTagsAreTransitiveWhereAsked(t *testing.T) {
	t.Parallel()
	b := newTenantBox(t)
	b.role(t, "onward", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/api"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`)
	b.role(t, "further", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/onward"},"Action":["sts:AssumeRole","sts:TagSession"],
		"Condition":{"StringEquals":{"aws:PrincipalTag/kubernetes-namespace":"payments","aws:PrincipalTag/kubernetes-service-account":"api"}}}]}`)
	pool := b.pool(t, b.controller())
	for _, transitive := range []bool{true, false} {
		key := tenantKey("api")
		key.TransitiveTags = transitive
		p, err := pool.Tenant(key)
		require.NoError(t, err)
		chain, err := token.Chain(p, func(c aws.CredentialsProvider) stscreds.AssumeRoleAPIClient { return b.as(c) },
			token.Hop{RoleARN: "arn:aws:iam::111122223333:role/onward"}, token.Hop{RoleARN: "arn:aws:iam::111122223333:role/further"})
		require.NoError(t, err)
		_, err = chain.Retrieve(t.Context())
		if transitive {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, "AccessDenied")
			assert.ErrorContains(t, err, "role/further")
		}
	}
	assert.Equal(t, 2, pool.Len(), "the two share nothing")
}

func TestAControllerWithEKSsOwnTagsCannotSetATenants(t *testing.T) {
	t.Parallel()
	b := newTenantBox(t)
	p, err := b.pool(t, b.controller("kubernetes-namespace")).Tenant(tenantKey("api"))
	require.NoError(t, err)
	_, err = p.Retrieve(t.Context())
	assert.ErrorContains(t, err, "conflicts with a transitive tag key from the calling session")
}

func TestTenantPoolsAndTokenPoolsAreNotMixedUp(t *testing.T) {
	t.Parallel()
	b := newTenantBox(t)
	pool := b.pool(t, b.controller())
	_, err := pool.Provider(tenantKey("api"), token.SourceFunc(func(context.Context) (string, error) { return "", nil }))
	assert.ErrorContains(t, err, "use Tenant")
	tokens := newPool(t, &poolSTS{}, token.PoolConfig{})
	_, err = tokens.Tenant(tenantKey("api"))
	assert.ErrorContains(t, err, "use Provider")
	key := tenantKey("api")
	key.TransitiveTags = true
	_, err = tokens.Provider(key, token.SourceFunc(func(context.Context) (string, error) { return "", nil }))
	assert.ErrorContains(t, err, "TransitiveTags")

	key = tenantKey("api")
	key.Issuer, key.UID, key.RoleARN, key.Duration = "https://issuer.example", "", "api", 2*time.Hour
	_, err = pool.Tenant(key)
	for _, want := range []string{"the fields Issuer and Audience must be empty", "UID", "RoleARN", "Duration"} {
		assert.ErrorContains(t, err, want)
	}
	_, err = (*token.Pool)(nil).Tenant(tenantKey("api"))
	assert.ErrorContains(t, err, "it is nil or zero")
	_, err = token.NewTenantPool(nil, nil, token.PoolConfig{MaxIdentities: -1})
	for _, want := range []string{"token: tenant pool: ", "controller", "newClient", "MaxIdentities"} {
		assert.ErrorContains(t, err, want)
	}
	refusing, err := token.NewTenantPool(b.controller(), func(token.Key, aws.CredentialsProvider) (stscreds.AssumeRoleAPIClient, error) {
		return nil, errors.New("no region")
	}, token.PoolConfig{})
	require.NoError(t, err)
	_, err = refusing.Tenant(tenantKey("api"))
	assert.ErrorContains(t, err, "client: no region")
}

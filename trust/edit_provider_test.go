package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestWithoutProvider(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	cart := account(t, "shop", "cart")
	policy := build(t, grant(p, cart), grant(q, cart))
	left, err := policy.WithoutProvider(p)
	require.NoError(t, err)
	assert.Equal(t, build(t, grant(q, cart)).Document(), left.Document())
	same, err := left.WithoutProvider(p)
	require.NoError(t, err)
	assert.Same(t, left, same)

	shared := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":["`+p.ARN()+`","`+q.ARN()+`"]},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"`+q.ConditionKey("sub")+`":"x*"}}},`+
		`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`","AWS":"111122223333"},"Action":"sts:AssumeRole"},`+
		`{"Effect":"Deny","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity"}`))
	left, err = shared.WithoutProvider(p)
	require.NoError(t, err)
	assert.Equal(t, 2, left.Len())
	assert.NotContains(t, left.Document(), p.ARN())
	assert.Contains(t, left.Document(), `{"Federated":["`+q.ARN()+`"]}`)
	assert.Contains(t, left.Document(), `"Principal":{"AWS":"111122223333"}`)

	_, err = parse(t, statement(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity"}`)).WithoutProvider(p)
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused)
	_, err = policy.WithoutProvider(trust.Provider{})
	assert.Error(t, err)
	var none *trust.Policy
	still, err := none.WithoutProvider(p)
	require.NoError(t, err)
	assert.Same(t, none, still)
}

func TestRetargeted(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	cart := account(t, "shop", "cart")
	policy := parse(t, statement(vendor+`,{"Effect":"Allow","Principal":{"Federated":["`+p.ARN()+`"]},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+
		strings.ToUpper(p.HostPath())+`:sub":"`+cart.String()+`","`+p.ConditionKey("aud")+`":["sts.amazonaws.com"],"other.example.com:sub":"x"},"StringLike":{"`+p.ConditionKey("email")+`":"${`+p.ConditionKey("sub")+`}@${aws:x}"}}}`))
	moved, err := policy.Retargeted(p, q)
	require.NoError(t, err)
	want := strings.NewReplacer(p.ARN(), q.ARN(), p.HostPath(), q.HostPath(), strings.ToUpper(p.HostPath()), q.HostPath()).Replace(policy.Document())
	assert.Equal(t, want, moved.Document())
	same, err := moved.Retargeted(p, q)
	require.NoError(t, err)
	assert.Same(t, moved, same)
	same, err = moved.Retargeted(q, q)
	require.NoError(t, err)
	assert.Same(t, moved, same)

	simple, err := build(t, grant(p, cart)).Retargeted(p, q)
	require.NoError(t, err)
	assert.True(t, simple.Equal(build(t, grant(q, cart))))
	assert.False(t, simple.Allows(token(p, cart)))

	clash := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+p.ConditionKey("sub")+`":"a","`+q.ConditionKey("SUB")+`":"b"}}}`))
	_, err = clash.Retargeted(p, q)
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused)
	for _, zero := range [][2]trust.Provider{{p, {}}, {{}, q}} {
		_, err = policy.Retargeted(zero[0], zero[1])
		assert.Error(t, err)
	}
}

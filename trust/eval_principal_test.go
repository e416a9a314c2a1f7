package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestPrincipals(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	for name, c := range map[string]struct {
		principal      string
		allows, denies bool
	}{
		"the provider":                       {`{"Federated":"` + p.ARN() + `"}`, true, true},
		"the provider among others":          {`{"Federated":["accounts.google.com","` + p.ARN() + `"]}`, true, true},
		"another provider":                   {`{"Federated":"` + provider(t, green).ARN() + `"}`, false, false},
		"the provider in another account":    {`{"Federated":"` + strings.Replace(p.ARN(), "111122223333", "444455556666", 1) + `"}`, false, false},
		"the provider in another partition":  {`{"Federated":"` + strings.Replace(p.ARN(), "arn:aws:", "arn:aws-cn:", 1) + `"}`, false, false},
		"the provider with a trailing slash": {`{"Federated":"` + p.ARN() + `/"}`, false, false},
		"the provider in another case":       {`{"Federated":"` + strings.ToLower(p.ARN()) + `"}`, false, true},
		"a wildcard":                         {`{"Federated":"*"}`, false, true},
		"a provider by wildcard":             {`{"Federated":"arn:aws:iam::111122223333:oidc-provider/*"}`, false, true},
		"every AWS account":                  {`{"AWS":"*"}`, false, true},
		"everybody":                          {`"*"`, false, true},
		"the account":                        {`{"AWS":"arn:aws:iam::111122223333:root"}`, false, false},
		"a service":                          {`{"Service":"pods.eks.amazonaws.com"}`, false, false},
		"an unknown kind":                    {`{"Everyone":"` + p.ARN() + `"}`, false, true},
		"an empty object":                    {`{}`, false, true},
		"an empty list":                      {`{"Federated":[]}`, false, true},
		"a number":                           {`5`, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := token(p, account(t, "a", "b"))
			allow := `{"Effect":"Allow","Principal":` + c.principal + `,"Action":"sts:AssumeRoleWithWebIdentity"}`
			open := `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity"}`
			assert.Equal(t, c.allows, parse(t, statement(allow)).Allows(q))
			denied := parse(t, statement(open+","+strings.Replace(allow, "Allow", "Deny", 1)))
			assert.Equal(t, c.denies, !denied.Allows(q))
		})
	}
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	const session = "arn:aws:sts::111122223333:assumed-role/reader/me"
	for name, c := range map[string]struct {
		principal string
		session   trust.AssumeRoleSession
		want      bool
	}{
		"the account's root":            {`"arn:aws:iam::111122223333:root"`, trust.AssumeRoleSession{PrincipalARN: session}, true},
		"the account's id":              {`"111122223333"`, trust.AssumeRoleSession{PrincipalARN: session}, true},
		"everybody":                     {`"*"`, trust.AssumeRoleSession{PrincipalARN: session}, true},
		"another account":               {`"444455556666"`, trust.AssumeRoleSession{PrincipalARN: session}, false},
		"root of another partition":     {`"arn:aws-cn:iam::111122223333:root"`, trust.AssumeRoleSession{PrincipalARN: session}, false},
		"the session":                   {`"` + session + `"`, trust.AssumeRoleSession{PrincipalARN: session}, true},
		"the session's role":            {`"arn:aws:iam::111122223333:role/reader"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/reader"}, true},
		"a role whose path is unknown":  {`"arn:aws:iam::111122223333:role/reader"`, trust.AssumeRoleSession{PrincipalARN: session}, false},
		"a role of another name":        {`["arn:aws:iam::111122223333:role/reader","111122223333"]`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/writer"}, false},
		"a role of another account":     {`"111122223333"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::444455556666:role/reader"}, false},
		"the session's role with path":  {`"arn:aws:iam::111122223333:role/a/reader"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/a/reader"}, true},
		"a role with another path":      {`"arn:aws:iam::111122223333:role/reader"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/a/reader"}, false},
		"a user":                        {`"arn:aws:iam::111122223333:user/u"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u"}, true},
		"another user":                  {`"arn:aws:iam::111122223333:user/v"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u"}, false},
		"an id that is not known":       {`"AROAEXAMPLEEXAMPLE123"`, trust.AssumeRoleSession{PrincipalARN: session}, false},
		"an id that is the session's":   {`"AROAEXAMPLEEXAMPLE123"`, trust.AssumeRoleSession{PrincipalARN: session, PrincipalID: "AROAEXAMPLEEXAMPLE123:me"}, true},
		"an id that is somebody else's": {`"AROAEXAMPLEEXAMPLE123"`, trust.AssumeRoleSession{PrincipalARN: session, PrincipalID: "AROAEXAMPLEEXAMPLE124:me"}, false},
		"a wildcard":                    {`"arn:aws:iam::111122223333:role/*"`, trust.AssumeRoleSession{PrincipalARN: session}, false},
		"no principal":                  {`"*"`, trust.AssumeRoleSession{PrincipalARN: "me"}, false},
		"a resource that is none":       {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:s3:::bucket"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":`+c.principal+`},"Action":"sts:AssumeRole"}`))
			q := trust.AssumeRole(c.session)
			assert.Equal(t, c.want, policy.Allows(q), "%s", policy.Evaluate(q))
		})
	}
}

func TestAssumeRoleConditions(t *testing.T) {
	t.Parallel()
	full := trust.AssumeRoleSession{PrincipalARN: "arn:aws:sts::111122223333:assumed-role/reader/me", RoleARN: "arn:aws:iam::111122223333:role/reader", PrincipalID: "AROAEXAMPLEEXAMPLE123:me", OrgID: "o-1",
		PrincipalTags: map[string]string{"Team": "a"}, SessionName: "s", SessionTags: map[string]string{"k": "v"}, TransitiveTagKeys: []string{"k"}, SourceIdentity: "me"}
	bare := trust.AssumeRoleSession{PrincipalARN: full.PrincipalARN}
	for conditions, want := range map[string][2]bool{ // full, bare
		`{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/reader"}}`:                 {true, false},
		`{"StringEquals":{"aws:PrincipalAccount":"111122223333","aws:PrincipalType":"AssumedRole"}}`: {true, true},
		`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`:                                              {true, false},
		`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}`:                                      {true, false},
		`{"StringNotEquals":{"aws:PrincipalTag/team":"b"}}`:                                          {true, false},
		`{"Null":{"aws:PrincipalTag/other":"true"}}`:                                                 {true, false},
		`{"StringEquals":{"sts:RoleSessionName":"s"}}`:                                               {true, false},
		`{"StringEquals":{"sts:SourceIdentity":"me","aws:RequestTag/K":"v"}}`:                        {true, false},
		`{"ForAllValues:StringEquals":{"aws:TagKeys":"k","sts:TransitiveTagKeys":["k"]}}`:            {true, true},
		`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`:                                             {false, false},
		`{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}`:                                     {false, false},
		`{"Null":{"sts:ExternalId":"true"}}`:                                                         {true, true},
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],"Condition":`+conditions+`}`))
		for i, s := range []trust.AssumeRoleSession{full, bare} {
			assert.Equal(t, want[i], policy.Allows(trust.AssumeRole(s)), "%d %s", i, conditions)
		}
	}
}

func TestChaining(t *testing.T) {
	t.Parallel()
	role := "arn:aws:iam::111122223333:role/source"
	session := trust.AssumeRoleSession{PrincipalARN: "arn:aws:sts::111122223333:assumed-role/source/s", RoleARN: role, ExternalID: "eu-west-1/1/c/ns/sa"}
	policy, err := trust.NewChain(trust.ChainGrant{RoleARNs: []string{role}, ExternalID: session.ExternalID})
	require.NoError(t, err)
	assert.True(t, policy.Allows(trust.AssumeRole(session)))
	tagged := session
	tagged.SessionTags = map[string]string{"a": "b"}
	assert.False(t, policy.Allows(trust.AssumeRole(tagged)), "tags need sts:TagSession")
	other := session
	other.ExternalID = "x"
	assert.False(t, policy.Allows(trust.AssumeRole(other)))

	tags, err := trust.NewChain(trust.ChainGrant{RoleARNs: []string{role}, TagSession: true})
	require.NoError(t, err)
	assert.True(t, tags.Allows(trust.AssumeRole(tagged)))
	tagged.SourceIdentity = "me"
	assert.False(t, tags.Allows(trust.AssumeRole(tagged)), "a source identity needs sts:SetSourceIdentity")

	repository, err := trust.ParseSubject("repo:octo/app:ref:refs/heads/main")
	require.NoError(t, err)
	for name, g := range map[string]trust.ChainGrant{
		"a subject that is not an account": {RoleARNs: []string{role}, Subject: repository},
		"nobody":                           {}, "no role": {RoleARNs: []string{"arn:aws:iam::111122223333:user/u"}}, "a wildcard": {RoleARNs: []string{"arn:aws:iam::111122223333:role/*"}},
		"a bad external id": {RoleARNs: []string{role}, ExternalID: "a b"}, "a short one": {RoleARNs: []string{role}, ExternalID: "a"},
	} {
		policy, err := trust.NewChain(g)
		assert.Error(t, err, name)
		assert.Nil(t, policy, name)
	}
}

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
			assert.Equal(t, c.allows, parse(t, statement(allow)).Evaluate(q).Statements[0].PrincipalMatched)
			assert.Equal(t, c.denies, denied.Evaluate(q).Statements[1].PrincipalMatched)
		})
	}
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	const yes, no, unproven, refused = "yes", "no", "unproven", "refused"
	id := func(s string) trust.AssumeRoleSession {
		return trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u", PrincipalID: s}
	}
	const session = "arn:aws:sts::111122223333:assumed-role/reader/me"
	for name, c := range map[string]struct {
		principal string
		session   trust.AssumeRoleSession
		want      string
	}{
		"the account's root":                      {`"arn:aws:iam::111122223333:root"`, trust.AssumeRoleSession{PrincipalARN: session}, yes},
		"the account's id":                        {`"111122223333"`, trust.AssumeRoleSession{PrincipalARN: session}, yes},
		"everybody":                               {`"*"`, trust.AssumeRoleSession{PrincipalARN: session}, yes},
		"another account":                         {`"444455556666"`, trust.AssumeRoleSession{PrincipalARN: session}, no},
		"root of another partition":               {`"arn:aws-cn:iam::111122223333:root"`, trust.AssumeRoleSession{PrincipalARN: session}, no},
		"the session":                             {`"` + session + `"`, trust.AssumeRoleSession{PrincipalARN: session}, yes},
		"the session's role":                      {`"arn:aws:iam::111122223333:role/reader"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/reader"}, yes},
		"a role whose path is unknown":            {`"arn:aws:iam::111122223333:role/reader"`, trust.AssumeRoleSession{PrincipalARN: session}, unproven},
		"a role of another name":                  {`["arn:aws:iam::111122223333:role/reader","111122223333"]`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/writer"}, refused},
		"a role of another account":               {`"111122223333"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::444455556666:role/reader"}, refused},
		"the session's role with path":            {`"arn:aws:iam::111122223333:role/a/reader"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/a/reader"}, yes},
		"a role with another path":                {`"arn:aws:iam::111122223333:role/reader"`, trust.AssumeRoleSession{PrincipalARN: session, RoleARN: "arn:aws:iam::111122223333:role/a/reader"}, no},
		"a user":                                  {`"arn:aws:iam::111122223333:user/u"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u"}, yes},
		"another user":                            {`"arn:aws:iam::111122223333:user/v"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u"}, no},
		"an id that is not known":                 {`"AROAEXAMPLEEXAMPLE123"`, trust.AssumeRoleSession{PrincipalARN: session}, unproven},
		"an id that is the session's":             {`"AROAEXAMPLEEXAMPLE123"`, trust.AssumeRoleSession{PrincipalARN: session, PrincipalID: "AROAEXAMPLEEXAMPLE123:me"}, yes},
		"an id that is somebody else's":           {`"AROAEXAMPLEEXAMPLE123"`, trust.AssumeRoleSession{PrincipalARN: session, PrincipalID: "AROAEXAMPLEEXAMPLE124:me"}, no},
		"a wildcard":                              {`"arn:aws:iam::111122223333:role/*"`, trust.AssumeRoleSession{PrincipalARN: session}, unproven},
		"root of a second account":                {`"arn:aws:iam::444455556666:root"`, trust.AssumeRoleSession{PrincipalARN: session}, no},
		"root of a service":                       {`"arn:aws:s3::111122223333:root"`, trust.AssumeRoleSession{PrincipalARN: session}, no},
		"a second role, the path being unknown":   {`"arn:aws:iam::111122223333:role/writer"`, trust.AssumeRoleSession{PrincipalARN: session}, no},
		"a role without a name":                   {`"arn:aws:iam::111122223333:role/"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u"}, no},
		"an empty text":                           {`""`, trust.AssumeRoleSession{PrincipalARN: session}, unproven},
		"an id of 16 characters":                  {`"AIDAEXAMPLEEXAMP"`, id("AIDAEXAMPLEEXAMP"), yes},
		"an id of 15 characters":                  {`"AIDAEXAMPLEEXAM"`, id("AIDAEXAMPLEEXAM"), unproven},
		"an id of 128 characters":                 {`"AIDA` + strings.Repeat("X", 124) + `"`, id("AIDA" + strings.Repeat("X", 124)), yes},
		"an id of 129 characters":                 {`"AIDA` + strings.Repeat("X", 125) + `"`, id("AIDA" + strings.Repeat("X", 125)), unproven},
		"an id with the last letters and digits":  {`"AIDAAZAZAZAZ0909"`, id("AIDAAZAZAZAZ0909"), yes},
		"an id with a slash":                      {`"AIDAEXAMPLE/XAMP"`, id("AIDAEXAMPLE/XAMP"), unproven},
		"an id with a colon":                      {`"AIDAEXAMPLE:XAMP"`, id("AIDAEXAMPLE:XAMP"), unproven},
		"an id with an at sign":                   {`"AIDAEXAMPLE@XAMP"`, id("AIDAEXAMPLE@XAMP"), unproven},
		"an id with a bracket":                    {`"AIDAEXAMPLE[XAMP"`, id("AIDAEXAMPLE[XAMP"), unproven},
		"an id with a small letter":               {`"AIDAEXAMPLExXAMP"`, id("AIDAEXAMPLExXAMP"), unproven},
		"an id of another kind":                   {`"ABIAEXAMPLEEXAMP"`, id("ABIAEXAMPLEEXAMP"), unproven},
		"an id of a group":                        {`"AGPAEXAMPLEEXAMP"`, id("AIDAEXAMPLEEXAMP"), no},
		"an id of an instance profile":            {`"AIPAEXAMPLEEXAMP"`, id("AIDAEXAMPLEEXAMP"), no},
		"an id of a managed policy":               {`"ANPAEXAMPLEEXAMP"`, id("AIDAEXAMPLEEXAMP"), no},
		"no principal":                            {`"*"`, trust.AssumeRoleSession{PrincipalARN: "me"}, refused},
		"the role of a session that is not named": {`"arn:aws:iam::111122223333:role/a/reader"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:role/a/reader"}, yes},
		"the session that is not named":           {`"` + session + `"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:role/a/reader"}, unproven},
		"a session of another role":               {`"` + session + `"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:role/writer"}, no},
		"a role with two ARNs":                    {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:role/reader", RoleARN: "arn:aws:iam::111122223333:role/a/reader"}, refused},
		"a role that has no name":                 {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:role/a/"}, refused},
		"a group":                                 {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:group/g"}, refused},
		"an identity provider":                    {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:oidc-provider/x"}, refused},
		"a user without a name":                   {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/"}, refused},
		"a session without a name":                {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:sts::111122223333:assumed-role/reader"}, refused},
		"a session with a path":                   {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:sts::111122223333:assumed-role/team/reader/me"}, refused},
		"a session of IAM":                        {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:assumed-role/reader/me"}, refused},
		"every user":                              {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/*"}, refused},
		"a user of a region":                      {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam:eu-west-1:111122223333:user/u"}, refused},
		"a user of no partition":                  {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:AWS:iam::111122223333:user/u"}, refused},
		"an account's root user":                  {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:root"}, refused},
		"a federated user":                        {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:sts::111122223333:federated-user/bob"}, refused},
		"a name of one letter":                    {`"*"`, trust.AssumeRoleSession{PrincipalARN: session, SessionName: "a"}, refused},
		"a name with a colon":                     {`"*"`, trust.AssumeRoleSession{PrincipalARN: session, SessionName: "a:b"}, refused},
		"a transitive tag that is not set":        {`"*"`, trust.AssumeRoleSession{PrincipalARN: session, TransitiveTagKeys: []string{"t"}}, refused},
		"a transitive tag that is not among them": {`"*"`, trust.AssumeRoleSession{PrincipalARN: session, SessionTags: map[string]string{"u": "x"}, TransitiveTagKeys: []string{"t", "u"}}, refused},
		"a resource that is none":                 {`"*"`, trust.AssumeRoleSession{PrincipalARN: "arn:aws:s3:::bucket"}, refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := trust.AssumeRole(c.session)
			matched := func(effect string) bool {
				policy := parse(t, statement(`{"Effect":"`+effect+`","Principal":{"AWS":`+c.principal+`},"Action":"sts:AssumeRole"}`))
				d := policy.Evaluate(q)
				assert.False(t, effect == "Deny" && d.Allowed)
				assert.Equal(t, "sts:AssumeRole", d.Statements[0].Action)
				assert.Equal(t, d.Allowed, policy.Allows(q))
				assert.Equal(t, c.want == refused, d.Refusal != "" && policy.Validate() == nil, "%s", d)
				return d.Statements[0].PrincipalMatched && c.want != refused
			}
			assert.Equal(t, c.want == yes, matched("Allow"))
			assert.Equal(t, c.want == yes || c.want == unproven, matched("Deny"))
		})
	}
}

// A canonical id names an account, but not which one: it lets nobody in, and a Deny of it denies.
func TestACanonicalUserMayBeAnybodyInAWS(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	for _, c := range []struct {
		q      trust.Request
		denies bool
	}{
		{trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u"}), true},
		{token(p, account(t, "a", "b")), false},
	} {
		for effect, matched := range map[string]bool{"Allow": false, "Deny": c.denies} {
			policy := parse(t, statement(`{"Effect":"`+effect+`","Principal":{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},"Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"]}`))
			assert.False(t, policy.Allows(c.q))
			assert.Equal(t, matched, policy.Evaluate(c.q).Statements[0].PrincipalMatched, effect)
		}
	}
}

func TestAssumeRoleConditions(t *testing.T) {
	t.Parallel()
	full := trust.AssumeRoleSession{PrincipalARN: "arn:aws:sts::111122223333:assumed-role/reader/me", RoleARN: "arn:aws:iam::111122223333:role/reader", PrincipalID: "AROAEXAMPLEEXAMPLE123:me", OrgID: "o-1",
		PrincipalTags: map[string]string{"Team": "a"}, SessionName: "ss", SessionTags: map[string]string{"k": "v"}, TransitiveTagKeys: []string{"k"}, SourceIdentity: "me"}
	bare := trust.AssumeRoleSession{PrincipalARN: full.PrincipalARN}
	for conditions, want := range map[string][2]bool{ // full, bare
		`{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/reader"}}`:                 {true, false},
		`{"StringEquals":{"aws:PrincipalAccount":"111122223333","aws:PrincipalType":"AssumedRole"}}`: {true, true},
		`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`:                                              {true, false},
		`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}`:                                      {true, false},
		`{"StringNotEquals":{"aws:PrincipalTag/team":"b"}}`:                                          {true, false},
		`{"Null":{"aws:PrincipalTag/other":"true"}}`:                                                 {true, false},
		`{"StringEquals":{"sts:RoleSessionName":"ss"}}`:                                              {true, false},
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
	for want, g := range map[string]trust.ChainGrant{
		"is not a service account":                 {RoleARNs: []string{role}, Subject: repository},
		"it names no role":                         {},
		`its resource is "user/u"`:                 {RoleARNs: []string{"arn:aws:iam::111122223333:user/u"}},
		`role name "*"`:                            {RoleARNs: []string{"arn:aws:iam::111122223333:role/*"}},
		"the external id has a character other":    {RoleARNs: []string{role}, ExternalID: "a b"},
		"the external id has 1 characters, want 2": {RoleARNs: []string{role}, ExternalID: "a"},
	} {
		policy, err := trust.NewChain(g)
		assert.ErrorContains(t, err, want)
		assert.Nil(t, policy, want)
	}
}

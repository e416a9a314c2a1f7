package trust

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/jsontree"
)

const (
	lawWeb   = `"Action":"sts:AssumeRoleWithWebIdentity"`
	lawToken = `"Principal":{"Federated":"FED"},` + lawWeb
	lawOther = `"Principal":{"Federated":"Accounts.Google.com"},` + lawWeb
)

func lawProvider(t *testing.T, account, url string) Provider {
	t.Helper()
	p, err := NewProvider("aws", account, url)
	require.NoError(t, err)
	return p
}

func lawDocument(p Provider, statements string) string {
	return strings.NewReplacer("FED", p.arn, "HOST", p.hostPath).Replace(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)
}

// The edits themselves hardly ever make what the law refuses, so it is asked directly.
func TestTheLawOfEditsTellsStatementsApart(t *testing.T) {
	t.Parallel()
	p := lawProvider(t, "111122223333", "https://idp.example.com/x")
	under := func(who, conditions string) string {
		return `{"Effect":"Allow",` + who + `,"Condition":{` + conditions + `}}`
	}
	for name, c := range map[string]struct {
		before, after string
		same          bool
	}{
		"the statement itself":                  {under(lawToken, ``), under(lawToken, ``), true},
		"its own claim in a variable":           {under(lawToken, `"StringEquals":{"HOST:sub":"${HOST:sub}"}`), under(lawToken, `"StringEquals":{"HOST:sub":"${HOST:sub}"}`), true},
		"the case of an action":                 {under(lawToken, `"StringEquals":{"aws:x":"1"}`), strings.Replace(under(lawToken, `"StringEquals":{"aws:x":"1"}`), "sts:A", "STS:a", 1), true},
		"a condition that every token meets":    {under(lawToken, `"Bool":{"aws:SecureTransport":"true"}`), under(lawToken, ``), true},
		"the account that every role has":       {under(lawToken, `"StringEquals":{"aws:ResourceAccount":"111122223333"}`), under(lawToken, ``), true},
		"a value of what nobody knows":          {under(lawToken, `"StringEquals":{"aws:x":"1"}`), under(lawToken, `"StringEquals":{"aws:x":"2"}`), false},
		"the key of what nobody knows":          {under(lawToken, `"StringEquals":{"aws:x":"1"}`), under(lawToken, `"StringEquals":{"aws:y":"1"}`), false},
		"the operator on what nobody knows":     {under(lawToken, `"StringEquals":{"aws:x":"1"}`), under(lawToken, `"StringLike":{"aws:x":"1"}`), false},
		"one more thing that nobody knows":      {under(lawToken, `"StringEquals":{"aws:x":"1"}`), under(lawToken, `"StringEquals":{"aws:x":"1","aws:y":"1"}`), false},
		"a variable that nobody knows":          {under(lawToken, `"StringEquals":{"aws:x":"${aws:a}"}`), under(lawToken, `"StringEquals":{"aws:x":"${aws:b}"}`), false},
		"what follows a variable":               {under(lawToken, `"StringEquals":{"aws:x":"${aws:a}1"}`), under(lawToken, `"StringEquals":{"aws:x":"${aws:a}2"}`), false},
		"a variable of the issuer":              {under(lawToken, `"StringEquals":{"aws:x":"${HOST:sub}"}`), under(lawToken, `"StringEquals":{"aws:x":"${HOST:aud}"}`), false},
		"a variable's issuer":                   {under(lawToken, `"StringEquals":{"aws:x":"${HOST:sub}"}`), under(lawToken, `"StringEquals":{"aws:x":"${ido.example.com/x:sub}"}`), false},
		"what is excluded of the actions":       {strings.Replace(under(lawToken, ``), lawWeb, `"NotAction":"sts:GetCallerIdentity"`, 1), strings.Replace(under(lawToken, ``), lawWeb, `"NotAction":"sts:GetSessionToken"`, 1), false},
		"what breaks the statement":             {strings.Replace(under(lawToken, ``), `{"Effect"`, `{"A":1,"Effect"`, 1), strings.Replace(under(lawToken, ``), `{"Effect"`, `{"B":1,"Effect"`, 1), false},
		"a token without the claim":             {under(lawToken, `"StringEquals":{"HOST:sub":"a"}`), under(lawToken, `"StringEqualsIfExists":{"HOST:sub":"a"}`), false},
		"a token of an issuer without an ARN":   {under(lawOther, `"StringEquals":{"accounts.google.com:sub":"a"}`), under(lawOther, `"StringEquals":{"accounts.google.com:sub":"b"}`), false},
		"a service":                             {`{"Effect":"Allow","Principal":{"Service":"a.amazonaws.com"},"Action":"sts:AssumeRole"}`, `{"Effect":"Allow","Principal":{"Service":"b.amazonaws.com"},"Action":"sts:AssumeRole"}`, false},
		"what nobody knows of a service":        {under(`"Principal":{"Service":"a.amazonaws.com"},"Action":"sts:AssumeRole"`, `"StringEquals":{"aws:SourceArn":"1"}`), under(`"Principal":{"Service":"a.amazonaws.com"},"Action":"sts:AssumeRole"`, `"StringEquals":{"aws:SourceArn":"2"}`), false},
		"an account":                            {`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}`, `{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"sts:AssumeRole"}`, false},
		"what nobody knows of a user":           {under(`"Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"`, `"StringEquals":{"aws:SourceVpc":"1"}`), under(`"Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"`, `"StringEquals":{"aws:SourceVpc":"2"}`), false},
		"a second statement, on something else": {under(lawToken, `"StringEquals":{"aws:x":"1"}`), under(lawToken, `"StringEquals":{"aws:x":"1"}`) + "," + under(lawToken, `"StringEquals":{"aws:y":"1"}`), false},
		"a first statement, on something else":  {under(lawToken, `"StringEquals":{"aws:x":"1"}`), under(lawToken, `"StringEquals":{"aws:y":"1"}`) + "," + under(lawToken, `"StringEquals":{"aws:x":"1"}`), false},
		"whether the caller is meant":           {under(`"Principal":{"AWS":"*"},`+lawWeb, `"StringEquals":{"aws:x":"1"}`), under(`"Principal":{"AWS":"*","Federated":"FED"},`+lawWeb, `"StringEquals":{"aws:x":"1"}`), false},
		"an issuer that nothing follows":        {under(lawToken, `"StringEquals":{"aws:x":"${HOST"}`), under(lawToken, `"StringEquals":{"aws:x":"${HOST"}`), true},
		"a variable of a longer name":           {under(lawToken, `"StringEquals":{"aws:x":"${HOSTx:sub}"}`), under(lawToken, `"StringEquals":{"aws:x":"${x:sub}"}`), false},
		"a statement that is not there at all":  {under(lawToken, ``), ``, false},
		"what a variable brings in":             {under(lawToken, `"StringLike":{"HOST:sub":"a${HOST:aud, 'b'}"}`), ``, false},
		"the operator on a list":                {under(lawToken, `"StringEquals":{"HOST:amr":"x"}`), under(lawToken, `"StringLike":{"HOST:amr":"x"}`), false},
		"a tag that a service may pass":         {under(`"Principal":{"Service":"a.amazonaws.com"},"Action":"sts:AssumeRole"`, `"StringEquals":{"aws:RequestTag/x":"1"}`), under(`"Principal":{"Service":"a.amazonaws.com"},"Action":"sts:AssumeRole"`, `"StringEquals":{"aws:RequestTag/x":"2"}`), false},
		"a tag that a user may pass":            {under(`"Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"`, `"StringEquals":{"aws:RequestTag/x":"1"}`), under(`"Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"`, `"StringEquals":{"aws:RequestTag/x":"2"}`), false},
	} {
		policy, err := Parse([]byte(lawDocument(p, c.before)))
		require.NoError(t, err, name)
		after, err := Parse([]byte(lawDocument(p, c.after)))
		require.NoError(t, err, name)
		var parts []*jsontree.Value
		for _, s := range after.list() {
			parts = append(parts, s.node)
		}
		nobody := func(*request) bool { return false }
		assert.Equal(t, c.same, policy.keeps(&policy.statements[0], parts, webRequests, nobody), name)
		everybody := func(*request) bool { return true }
		assert.True(t, policy.keeps(&policy.statements[0], parts, webRequests, everybody), name)
	}
}

// manyLetters are patterns that tell 2^26 sets of letters apart.
func manyLetters() string {
	var patterns []string
	for c := 'a'; c <= 'z'; c++ {
		patterns = append(patterns, `"*`+string(c)+`*"`)
	}
	return "[" + strings.Join(patterns, ",") + "]"
}

func TestTheLawOfEditsHoldsNothingThatItCannotTry(t *testing.T) {
	t.Parallel()
	p := lawProvider(t, "111122223333", "https://idp.example.com/x")
	for _, key := range []string{"HOST:aud", "HOST:sub"} { // the first to be tried, and the last
		policy, err := Parse([]byte(lawDocument(p, `{"Effect":"Allow",`+lawToken+`,"Condition":{"StringLike":{"`+key+`":`+manyLetters()+`}}}`)))
		require.NoError(t, err)
		_, ok := webRequests([]*statement{&policy.statements[0]})
		assert.False(t, ok, key)
	}
	pods, err := Parse([]byte(lawDocument(p, `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringLike":{"aws:RequestTag/kubernetes-service-account":`+manyLetters()+`}}}`)))
	require.NoError(t, err)
	_, ok := podRequests([]*statement{&pods.statements[0]}, PodIdentityGrant{})
	assert.False(t, ok)
}

func TestTheLawOfEditsRefusesAStatementThatAdmitsOthersToo(t *testing.T) {
	t.Parallel()
	p := lawProvider(t, "111122223333", "https://idp.example.com/x")
	g := Grant{Provider: p, Subjects: []Subject{{text: "system:serviceaccount:a:a"}}}
	web := func(sub string) string {
		return `{"Effect":"Allow",` + lawToken + `,"Condition":{"StringEquals":{"HOST:aud":"sts.amazonaws.com"},"StringLike":{"HOST:sub":` + sub + `}}}`
	}
	first, named := web(`"b"`), web(`"system:serviceaccount:a:a"`)
	for name, c := range map[string]struct {
		after string
		paths []string
	}{
		"a new one for the grant":         {first + "," + named, nil},
		"the first with the grant's":      {web(`["b","system:serviceaccount:a:a"]`), nil},
		"the first with a stranger":       {web(`["b","c"]`), []string{"/Statement/0"}},
		"a new one with a stranger":       {first + "," + named + "," + web(`["c"]`), []string{""}},
		"the first and a new one for all": {web(`"*"`) + "," + web(`"*"`), []string{"/Statement/0", ""}},
	} {
		before, err := Parse([]byte(lawDocument(p, first)))
		require.NoError(t, err)
		after, err := Parse([]byte(lawDocument(p, c.after)))
		require.NoError(t, err)
		var paths []string
		for _, err := range before.widened(after, "WithGrant", g.requests, func(r *request) bool { return g.covers(r, false) }) {
			var e *EditError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, "WithGrant", e.Edit)
			paths = append(paths, e.Path)
		}
		assert.Equal(t, c.paths, paths, name)
	}
}

func TestAGrantCoversOnlyTokensOfItsProviderAndAudiences(t *testing.T) {
	t.Parallel()
	p, q := lawProvider(t, "111122223333", "https://idp.example.com/x"), lawProvider(t, "444455556666", "https://idp.example.com/x")
	const sub = "system:serviceaccount:a:a"
	g := Grant{Provider: p, Subjects: []Subject{{text: sub}}}
	user := tokenOf(p, sub, DefaultAudience)
	user.caller.kind = callerUser
	for name, c := range map[string]struct {
		r         *request
		any, want bool
	}{
		"its own":                              {tokenOf(p, sub, DefaultAudience), false, true},
		"of another audience":                  {tokenOf(p, sub, "x"), false, false},
		"of another audience, when any will":   {tokenOf(p, sub, "x"), true, true},
		"of another subject":                   {tokenOf(p, "x", DefaultAudience), true, false},
		"of the same issuer, in other account": {tokenOf(q, sub, DefaultAudience), true, false},
		"a caller of another kind":             {user, true, false},
		"one of which nothing is known":        {sketch(p.arn), true, false},
	} {
		assert.Equal(t, c.want, g.covers(c.r, c.any), name)
	}
}

package trust_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

const (
	cluster1  = "arn:aws:eks:eu-west-1:111122223333:cluster/blue"
	aSession  = "arn:aws:sts::111122223333:assumed-role/reader/me"
	aRole     = "arn:aws:iam::111122223333:role/reader"
	aUser     = "arn:aws:iam::111122223333:user/u"
	allOfThem = `"Principal":{"Federated":"FED","Service":"pods.eks.amazonaws.com","AWS":"111122223333"},` +
		`"Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`
)

// for all callers at once: an Allow under conditions, or an open Allow beside a Deny under them.
func judging(t *testing.T, effect, conditions string) *trust.Policy {
	t.Helper()
	p := provider(t, blue)
	body := strings.NewReplacer("FED", p.ARN(), "HOST", p.HostPath())
	s := `{"Effect":"` + effect + `",` + allOfThem + `,"Condition":` + conditions + `}`
	if effect == "Deny" {
		s = `{"Effect":"Allow",` + allOfThem + `},` + s
	}
	return parse(t, statement(body.Replace(s)))
}

// answer is how a condition block fares with a request: met, not met, or unproven.
func answer(t *testing.T, q trust.Request, conditions string) string {
	t.Helper()
	allow, deny := judging(t, "Allow", conditions).Allows(q), judging(t, "Deny", conditions).Allows(q)
	require.False(t, allow && deny, conditions)
	switch {
	case allow:
		return "met"
	case deny:
		return "not met"
	}
	return "unproven"
}

// callers are the requests of the documentation's columns, with nothing that they need not have.
func callers(t *testing.T) [4]trust.Request {
	t.Helper()
	return [4]trust.Request{
		token(provider(t, blue), account(t, "shop", "cart")),
		trust.PodIdentity(trust.PodIdentitySession{Namespace: "shop", ServiceAccount: "cart"}),
		trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aSession}),
		trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aUser}),
	}
}

func knowledge(t *testing.T, q trust.Request, key string) string {
	t.Helper()
	switch answer(t, q, `{"Null":{"`+key+`":"true"}}`) {
	case "met":
		return "absent"
	case "not met":
		return "known"
	}
	return "unknown"
}

func TestTheDocumentationSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(doc), "web identity  Pod Identity  session  user\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "//\n")
	listed := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Fields(strings.TrimPrefix(line, "//"))
		require.Len(t, cells, 5, line)
		listed[cells[0]] = true
		key := strings.NewReplacer("NAME", "n", "CLAIM", "sub").Replace(cells[0])
		for i, q := range callers(t) {
			for _, spelling := range []string{key, strings.ToUpper(key)} {
				assert.Equal(t, cells[i+1], knowledge(t, q, spelling), "%s, column %d", spelling, i)
			}
		}
	}
	// Every other key of AWS's list, and one that AWS may add, is unknown to every caller.
	for _, key := range strings.Fields(`aws:CalledVia aws:CalledViaFirst aws:CalledViaLast aws:CurrentTime aws:EpochTime
		aws:ChatbotSourceArn aws:Ec2InstanceSourceVpc aws:FederatedProvider aws:PrincipalOrgID aws:PrincipalOrgPaths
		aws:PrincipalTag/n aws:Referer aws:RequestedRegion aws:ResourceOrgID aws:ResourceOrgPaths aws:ResourceTag/locked
		aws:SourceIdentity aws:SourceIp aws:SourceVpc aws:SourceVpcArn aws:SourceVpce aws:UserAgent aws:userid aws:username
		aws:ViaAWSService aws:VpceAccount aws:VpceOrgID aws:VpceOrgPaths aws:VpcSourceIp aws:AssumedRoot
		iam:ResourceTag/locked sts:RoleSessionName sts:DurationSeconds sts:RequestContext/a aws:IsMcpServiceAction
		aws:Brandnew aws:ResourceTag/example.com:x s3:prefix ec2:SourceInstanceArn localhost:sub nonsense:`) {
		require.False(t, listed[key], key)
		for i, q := range callers(t) {
			assert.Equal(t, "unknown", knowledge(t, q, key), "%s, column %d", key, i)
		}
	}
}

func TestAnUnknownKeyIsNeitherMetNorNotMet(t *testing.T) {
	t.Parallel()
	for i, q := range callers(t) {
		for _, operator := range []string{"StringEquals", "StringNotEquals", "StringEqualsIfExists", "StringNotEqualsIfExists", "StringLike",
			"ForAllValues:StringEquals", "ForAnyValue:StringEquals", "ForAllValues:StringNotEqualsIfExists", "StringNotLike", "ArnNotEquals",
			"StringNotEqualsIgnoreCase", "Null", "NotIpAddress", "DateNotEquals", "NumericNotEquals", "Bool"} {
			assert.Equal(t, "unproven", answer(t, q, `{"`+operator+`":{"iam:ResourceTag/locked":"true"}}`), "%s, column %d", operator, i)
			assert.Equal(t, "unproven", answer(t, q, `{"`+operator+`":{"AWS:resourcetag/LOCKED":["true","false"]}}`), "%s, column %d", operator, i)
		}
	}
}

func TestTheRoleOfAWebIdentityIsInTheProvidersAccount(t *testing.T) {
	t.Parallel()
	q := callers(t)[0]
	assert.Equal(t, "met", answer(t, q, `{"StringEquals":{"aws:ResourceAccount":"111122223333"}}`))
	assert.Equal(t, "not met", answer(t, q, `{"StringNotEquals":{"aws:ResourceAccount":"111122223333"}}`))
	assert.False(t, judging(t, "Allow", `{}`).Allows(q.With("aws:ResourceAccount", "444455556666")))
}

func TestADecisionNamesTheUnknownKey(t *testing.T) {
	t.Parallel()
	calls := callers(t)
	for name, c := range map[string]struct {
		q          trust.Request
		conditions string
		unknown    []string
		says       string
	}{
		"the role's tags": {calls[0], `{"StringNotEquals":{"iam:ResourceTag/locked":"true"}}`, []string{"iam:ResourceTag/locked"},
			`iam:ResourceTag/locked is not known, the policy wants StringNotEquals true (it is not known offline: add it with Request.With)`},
		"a policy variable": {calls[1].With("aws:SourceOrgId", "o-1"), `{"StringEquals":{"aws:SourceOrgId":"${aws:ResourceOrgId}"}}`, []string{"aws:resourceorgid"},
			`of the policy variable aws:resourceorgid: it is not known offline: add it with Request.With`},
		"both sides":         {calls[1], `{"StringEquals":{"aws:SourceOrgId":"${aws:ResourceOrgId}"}}`, []string{"aws:SourceOrgId"}, `aws:SourceOrgId is not known`},
		"a pod":              {calls[1], `{"StringEquals":{"aws:RequestTag/kubernetes-pod-name":"x"}}`, []string{"aws:RequestTag/kubernetes-pod-name"}, `set PodIdentitySession.PodName`},
		"the session's role": {calls[2], `{"ArnNotEquals":{"aws:PrincipalArn":"` + aRole + `"}}`, []string{"aws:PrincipalArn"}, `set AssumeRoleSession.RoleARN`},
		"the audience kept":  {calls[0], `{"StringNotEquals":{"HOST:oaud":"x"}}`, []string{provider(t, blue).ConditionKey("oaud")}, `no source says`},
	} {
		d := judging(t, "Allow", c.conditions).Evaluate(c.q)
		assert.Equal(t, c.unknown, d.Unknown, name)
		assert.Contains(t, d.String(), c.says, name)
		d = judging(t, "Deny", c.conditions).Evaluate(c.q)
		assert.Equal(t, c.unknown, d.Unknown, name)
		assert.True(t, strings.HasPrefix(d.String(), "denied: /Statement/1 may deny it: "), d)
		assert.Contains(t, d.String(), c.says, name)
	}
	open := judging(t, "Allow", `{"Null":{"aws:TagKeys":"false"}}`).Evaluate(calls[0])
	assert.Empty(t, open.Unknown, "nothing unknown would help")
	both := parse(t, strings.NewReplacer("FED", provider(t, blue).ARN()).Replace(statement(
		`{"Effect":"Allow",`+allOfThem+`,"Condition":{"Bool":{"aws:ViaAWSService":"false"}}},{"Effect":"Deny",`+allOfThem+`}`)))
	assert.Empty(t, both.Evaluate(calls[0]).Unknown, "a Deny is certain")
}

func TestWithRefusesWhatTheRequestItselfDecides(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	open := judging(t, "Allow", `{}`)
	for i, q := range callers(t) {
		require.True(t, open.Allows(q), i)
		for _, key := range []string{"aws:RequestTag/Team", "AWS:requesttag/team", "aws:TagKeys", "sts:TransitiveTagKeys", "sts:SourceIdentity",
			"sts:ExternalId", "aws:RequestTag/kubernetes-pod-name", "aws:SecureTransport"} {
			assert.False(t, open.Allows(q.With(key, "x")), "%s, column %d", key, i)
		}
		assert.True(t, open.Allows(q.With("aws:ResourceTag/locked", "x")), i)
		assert.False(t, open.Allows(q.With("aws:ResourceTag/locked", "x").With("aws:resourcetag/Locked", "y")), i)
	}
	web := callers(t)[0]
	for _, key := range []string{p.ConditionKey("sub"), p.ConditionKey("oaud"), p.ConditionKey("roles"), "other.example.com:sub", "aws:SourceArn"} {
		assert.False(t, open.Allows(web.With(key, "x")), key)
	}
	chained := callers(t)[2].With("other.example.com:sub", "x")
	assert.Equal(t, "met", answer(t, chained, `{"StringEquals":{"other.example.com:sub":"x"}}`), "the keys of a federation stay in a session")
}

func TestWhatIsNotKnownOfACallDenies(t *testing.T) {
	t.Parallel()
	calls := callers(t)
	for name, c := range map[string]struct {
		q          trust.Request
		conditions string
	}{
		"an organization, if it exists": {calls[1], `{"StringEqualsIfExists":{"aws:SourceOrgID":"o-mine"}}`},
		"a call by way of a service":    {calls[2], `{"Bool":{"aws:ViaAWSService":"true"}}`},
		"the session's own federation":  {calls[2], `{"StringEquals":{"HOST:sub":"x"}}`},
		"the path of a session's role":  {calls[2], `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/team/*"}}`},
		"a pod's tag":                   {calls[1], `{"StringEquals":{"aws:RequestTag/eks-cluster-name":"blue"}}`},
	} {
		assert.Equal(t, "unproven", answer(t, c.q, c.conditions), name)
	}
	deny := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"},`+
		`{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:role/team/reader"},"Action":"sts:AssumeRole"}`))
	assert.False(t, deny.Allows(calls[2]), "the session may be of that role")
	assert.Contains(t, deny.Evaluate(calls[2]).String(), "AssumeRoleSession.RoleARN")
	assert.True(t, deny.Allows(trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aSession, RoleARN: aRole})))
	assert.False(t, deny.Allows(trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aSession, RoleARN: "arn:aws:iam::111122223333:role/team/reader"})))
}

func TestWhatAClustersARNTells(t *testing.T) {
	t.Parallel()
	q := trust.PodIdentity(trust.PodIdentitySession{ClusterARN: cluster1, Namespace: "shop", ServiceAccount: "cart"})
	assert.Equal(t, "met", answer(t, q, `{"StringEquals":{"aws:SourceAccount":"111122223333","aws:RequestTag/eks-cluster-name":"blue"},"ArnEquals":{"aws:SourceArn":"`+cluster1+`"}}`))
	untagged := trust.PodIdentity(trust.PodIdentitySession{ClusterARN: cluster1, Namespace: "shop", ServiceAccount: "cart", DisableSessionTags: true})
	assert.Equal(t, "met", answer(t, untagged, `{"Null":{"aws:RequestTag/kubernetes-pod-name":"true","aws:TagKeys":"true"}}`))
}

func TestTheAudienceThatATokenKeeps(t *testing.T) {
	t.Parallel()
	google := provider(t, "https://accounts.google.com")
	policy := func(p trust.Provider, conditions string) *trust.Policy { return judged(t, p, "Allow", conditions) }
	plain := trust.Claims{"sub": "x", "aud": "a"}
	assert.True(t, policy(google, `{"StringEquals":{"HOST:oaud":"a","HOST:aud":"a"}}`).Allows(trust.WebIdentity(google, plain)))
	assert.False(t, policy(google, `{"StringEquals":{"HOST:oaud":"b"}}`).Allows(trust.WebIdentity(google, plain)))
	p := provider(t, blue)
	for _, conditions := range []string{`{"StringEquals":{"HOST:oaud":"a"}}`, `{"StringNotEquals":{"HOST:oaud":"b"}}`, `{"Null":{"HOST:oaud":"true"}}`} {
		assert.False(t, policy(p, conditions).Allows(trust.WebIdentity(p, plain)), conditions)
		assert.False(t, judged(t, p, "Deny", conditions).Allows(trust.WebIdentity(p, plain)), conditions)
	}
}

func TestAnEmptyTextIsAnEmptyDataSet(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	q := trust.WebIdentity(p, trust.Claims{"sub": "", "amr": []any{"", "a"}})
	for conditions, want := range map[string]string{
		`{"ForAllValues:StringEquals":{"HOST:sub":"x"}}`:           "met",
		`{"ForAllValues:StringNotEquals":{"HOST:sub":""}}`:         "met",
		`{"ForAnyValue:StringLike":{"HOST:sub":"*"}}`:              "not met",
		`{"ForAnyValue:StringEquals":{"HOST:sub":""}}`:             "not met",
		`{"ForAnyValue:StringEqualsIfExists":{"HOST:sub":"x"}}`:    "unproven",
		`{"StringEquals":{"HOST:sub":""}}`:                         "met",
		`{"Null":{"HOST:sub":"false"}}`:                            "unproven",
		`{"ForAllValues:StringEquals":{"HOST:amr":"a"}}`:           "unproven",
		`{"ForAllValues:StringEquals":{"HOST:amr":["a",""]}}`:      "met",
		`{"ForAnyValue:StringEquals":{"HOST:amr":"a"}}`:            "met",
		`{"ForAnyValue:StringEquals":{"HOST:amr":["",  "other"]}}`: "unproven",
	} {
		assert.Equal(t, want, answer(t, q, conditions), conditions)
	}
}

func TestAListIsNotAPolicyVariable(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	q := trust.WebIdentity(p, trust.Claims{"sub": "a", "amr": []any{"a"}, "email": "T",
		"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"T": "a"}}}).With("aws:CalledVia", "a").With("aws:Listed", "a", "b")
	for _, variable := range []string{"${HOST:amr}", "${HOST:AMR, 'a'}", "${aws:TagKeys}", "${aws:CalledVia}", "${aws:Listed}", "${aws:PrincipalOrgPaths, 'a'}"} {
		assert.Equal(t, "unproven", answer(t, q, `{"StringEquals":{"HOST:sub":"`+variable+`"}}`), variable)
	}
	text := trust.WebIdentity(p, trust.Claims{"sub": "a", "amr": "a"})
	assert.Equal(t, "unproven", answer(t, text, `{"StringEquals":{"HOST:sub":"${HOST:amr}"}}`), "a text in place of a list")
}

func TestAnIPv6AddressWithoutPrefixIsUnproven(t *testing.T) {
	t.Parallel()
	for address, c := range map[string][2]string{
		"2001:db8::1": {"2001:db8::1", "unproven"}, "2001:db8::2": {"2001:db8::1/127", "not met"}, "2001:db8:0::1": {"2001:db8::/32", "met"},
		"10.0.0.1": {"10.0.0.1", "met"}, "::ffff:10.0.0.1": {"::ffff:10.0.0.1", "unproven"},
	} {
		q := callers(t)[0].With("aws:SourceIp", address)
		assert.Equal(t, c[1], answer(t, q, `{"IpAddress":{"aws:SourceIp":"`+c[0]+`"}}`), address)
	}
}

func TestWhatSTSRefusesRefusesTheRequest(t *testing.T) {
	t.Parallel()
	open := judging(t, "Allow", `{}`)
	p := provider(t, blue)
	many := map[string]string{}
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		many[string(c)], many["x"+string(c)] = "", ""
	}
	for name, tags := range map[string]map[string]string{
		"a reserved name": {"aws:x": "v"}, "a reserved name in capitals": {"AWS:x": "v"}, "an empty name": {"": "v"},
		"a long name": {strings.Repeat("n", 129): "v"}, "a long value": {"n": strings.Repeat("v", 257)}, "a star": {"n": "*"},
		"a dollar in a name": {"$": "v"}, "a line": {"n": "a\nb"}, "52 of them": many, "two but for case": {"é": "1", "É": "2"},
	} {
		s := trust.AssumeRoleSession{PrincipalARN: aUser, SessionTags: tags}
		assert.False(t, open.Allows(trust.AssumeRole(s)), name)
		claims := map[string]any{}
		for k, v := range tags {
			claims[k] = v
		}
		assert.False(t, open.Allows(trust.WebIdentity(p, trust.Claims{"https://aws.amazon.com/tags": map[string]any{"principal_tags": claims}})), name)
	}
	fine := map[string]string{"Kostenstelle ü": "", strings.Repeat("n", 128): strings.Repeat("ö", 256), "_.:/=+-@": "_.:/=+-@ 1"}
	assert.True(t, open.Allows(trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aUser, SessionTags: fine})))
	for id, ok := range map[string]bool{"me": true, "a+=,.@-_Z9": true, "a": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
		"a b": false, "aws:me": false, "é2": false, "a/b": false} {
		assert.Equal(t, ok, open.Allows(trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aUser, SourceIdentity: id})), id)
		assert.Equal(t, ok, open.Allows(trust.WebIdentity(p, trust.Claims{"https://aws.amazon.com/source_identity": id})), id)
	}
	assert.False(t, open.Allows(trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aUser, ExternalID: "x"})))
}

// Issuers of one region of EKS have names of the same length.
func TestAKeyOfAnotherIssuerOfTheSameLength(t *testing.T) {
	t.Parallel()
	q := callers(t)[0]
	other := provider(t, green)
	require.Len(t, other.HostPath(), len(provider(t, blue).HostPath()))
	sub := account(t, "shop", "cart").String()
	assert.Equal(t, "not met", answer(t, q, `{"StringEquals":{"`+other.ConditionKey("sub")+`":"`+sub+`"}}`))
	assert.Equal(t, "met", answer(t, q, `{"Null":{"`+other.ConditionKey("sub")+`":"true"}}`))
	assert.Equal(t, "met", answer(t, q, `{"StringEquals":{"HOST:sub":"`+sub+`"}}`))
}

func TestEveryFieldOfAnARNIsCompared(t *testing.T) {
	t.Parallel()
	q := trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aSession, RoleARN: aRole})
	for pattern, want := range map[string]string{
		aRole: "met", "arn:aws:iam::*:role/read*": "met", "*:*:*:*:*:*": "met", "arn:aws:iam::444455556666:role/reader": "not met",
		"arn:aws-cn:iam::111122223333:role/reader": "not met", "arn:aws:sts::111122223333:role/reader": "not met",
		"arn:aws:iam:eu-west-1:111122223333:role/reader": "not met", "urn:aws:iam::111122223333:role/reader": "not met",
		"arn:aws:iam::111122223333:role/writer": "not met", "arn:aws:iam::1111*3:role/reader": "met",
	} {
		for _, operator := range []string{"ArnLike", "ArnEquals"} {
			assert.Equal(t, want, answer(t, q, `{"`+operator+`":{"aws:PrincipalArn":"`+pattern+`"}}`), "%s %s", operator, pattern)
		}
	}
}

// IAM stores no wildcard in an AWS principal, so such a policy allows nothing at all.
func TestAWildcardInAnAWSPrincipal(t *testing.T) {
	t.Parallel()
	q := trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aUser})
	open := `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}`
	require.True(t, parse(t, statement(open)).Allows(q))
	for _, principal := range []string{"arn:aws:iam::111122223333:user/*", "arn:aws:iam::111122223333:user/?", "arn:aws:iam::*:root"} {
		for _, effect := range []string{"Allow", "Deny"} {
			policy := parse(t, statement(open+`,{"Effect":"`+effect+`","Principal":{"AWS":"`+principal+`"},"Action":"sts:AssumeRole"}`))
			assert.False(t, policy.Allows(q), "%s %s", effect, principal)
			matched := policy.Evaluate(q).Statements[1].Matched
			assert.Equal(t, effect == "Deny", matched, "%s %s", effect, principal)
		}
	}
}

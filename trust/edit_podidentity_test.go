package trust_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

const cluster2 = "arn:aws:eks:eu-west-1:111122223333:cluster/green"

func podOf(cluster, namespace, name string) trust.Request {
	return trust.PodIdentity(trust.PodIdentitySession{ClusterARN: cluster, Namespace: namespace, ServiceAccount: name})
}

func TestARoleMovesToPodIdentityAndBackWithoutLosingAnything(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	original := parse(t, statement(vendor+","+statementOf(build(t, grant(p, cart)).Document())))
	for name, g := range map[string]trust.PodIdentityGrant{
		"every pod":           {},
		"an account":          {AccountID: "111122223333"},
		"a cluster":           {AccountID: "111122223333", ClusterARNs: []string{cluster1}},
		"two clusters":        {ClusterARNs: []string{cluster1, cluster2}},
		"a namespace":         {Namespaces: []string{"shop"}},
		"namespaces":          {ClusterARNs: []string{cluster1}, Namespaces: []string{"shop", "post"}},
		"a service account":   {Subjects: []trust.Subject{cart}},
		"of three namespaces": {ClusterARNs: []string{cluster1}, Subjects: []trust.Subject{cart, mail, account(t, "shop", "mail")}},
	} {
		with, err := original.WithPodIdentity(g)
		require.NoError(t, err, name)
		assert.True(t, with.Allows(podOf(cluster1, "shop", "cart")), name)
		assert.True(t, with.Allows(token(p, cart)), name)
		require.NoError(t, with.Validate(), name)
		same, err := with.WithPodIdentity(g)
		require.NoError(t, err, name)
		assert.Same(t, with, same, name)

		back, err := with.WithoutPodIdentity(g)
		require.NoError(t, err, name)
		assert.Equal(t, original.Document(), back.Document(), name)
		same, err = back.WithoutPodIdentity(g)
		require.NoError(t, err, name)
		assert.Same(t, back, same, name)

		alone, err := with.WithoutGrant(grant(p, cart))
		require.NoError(t, err, name)
		assert.True(t, alone.Allows(podOf(cluster1, "shop", "cart")), name)
		assert.False(t, alone.Allows(token(p, cart)), name)
	}
}

func TestPodIdentityChangesTheLeast(t *testing.T) {
	t.Parallel()
	cart, mail, post := account(t, "shop", "cart"), account(t, "shop", "mail"), account(t, "post", "mail")
	of := func(s ...trust.Subject) trust.PodIdentityGrant {
		return trust.PodIdentityGrant{ClusterARNs: []string{cluster1}, Subjects: s}
	}
	policy, err := trust.NewPodIdentity(of(cart))
	require.NoError(t, err)
	both, err := policy.WithPodIdentity(of(mail, post))
	require.NoError(t, err)
	assert.Equal(t, 2, both.Len(), "mail joins cart's statement")
	fresh, err := trust.NewPodIdentity(of(cart, mail, post))
	require.NoError(t, err)
	assert.True(t, both.Equal(fresh))

	left, err := both.WithoutPodIdentity(of(cart))
	require.NoError(t, err)
	for name, want := range map[string]bool{"shop:cart": false, "shop:mail": true, "post:mail": true, "post:cart": false} {
		namespace, account, _ := strings.Cut(name, ":")
		assert.Equal(t, want, left.Allows(podOf(cluster1, namespace, account)), name)
		assert.False(t, left.Allows(podOf(cluster2, namespace, account)), name)
	}
	none, err := both.WithoutPodIdentity(trust.PodIdentityGrant{})
	require.NoError(t, err)
	assert.Zero(t, none.Len(), "the zero grant names every pod")
	shop, err := both.WithoutPodIdentity(trust.PodIdentityGrant{Namespaces: []string{"shop"}})
	require.NoError(t, err)
	assert.Equal(t, 1, shop.Len())
	assert.True(t, shop.Allows(podOf(cluster1, "post", "mail")))
	elsewhere, err := both.WithoutPodIdentity(trust.PodIdentityGrant{ClusterARNs: []string{cluster2}})
	require.NoError(t, err)
	assert.Same(t, both, elsewhere)

	clusters, err := trust.NewPodIdentity(trust.PodIdentityGrant{ClusterARNs: []string{cluster1, cluster2}, Namespaces: []string{"shop"}})
	require.NoError(t, err)
	one, err := clusters.WithoutPodIdentity(trust.PodIdentityGrant{ClusterARNs: []string{cluster2}})
	require.NoError(t, err)
	assert.Equal(t, []bool{true, false}, []bool{one.Allows(podOf(cluster1, "shop", "x")), one.Allows(podOf(cluster2, "shop", "x"))})
}

func TestWithoutPodIdentityIsRefusedWhenAPodStays(t *testing.T) {
	t.Parallel()
	cart := account(t, "shop", "cart")
	pods := func(conditions string) string {
		return `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":` + conditions + `}`
	}
	for name, c := range map[string]struct {
		body string
		g    trust.PodIdentityGrant
		path string
	}{
		"every pod is admitted":      {vendor + "," + pods(`{}`), trust.PodIdentityGrant{Subjects: []trust.Subject{cart}}, "/Statement/1"},
		"the namespace is":           {pods(`{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"shop"}}`), trust.PodIdentityGrant{Subjects: []trust.Subject{cart}}, "/Statement/0"},
		"by pattern":                 {pods(`{"StringLike":{"aws:RequestTag/kubernetes-namespace":"s*"}}`), trust.PodIdentityGrant{Namespaces: []string{"shop"}}, "/Statement/0"},
		"by a cross product":         {pods(`{"StringEquals":{"aws:RequestTag/kubernetes-namespace":["shop","post"],"aws:RequestTag/kubernetes-service-account":["cart","mail"]}}`), trust.PodIdentityGrant{Subjects: []trust.Subject{cart}}, "/Statement/0"},
		"another service beside it":  {strings.Replace(pods(`{"StringEquals":{"aws:SourceAccount":"111122223333"}}`), `"pods.eks.amazonaws.com"`, `["pods.eks.amazonaws.com","ec2.amazonaws.com"]`, 1), trust.PodIdentityGrant{Namespaces: []string{"shop"}}, "/Statement/0"},
		"in all clusters":            {pods(`{"StringEquals":{"aws:SourceAccount":"111122223333"}}`), trust.PodIdentityGrant{ClusterARNs: []string{cluster1}}, "/Statement/0"},
		"one of them by pattern":     {pods(`{"StringLike":{"aws:RequestTag/kubernetes-namespace":"s*"},"StringEquals":{"aws:RequestTag/kubernetes-service-account":"zz"}}`), trust.PodIdentityGrant{Namespaces: []string{"shop"}}, "/Statement/0"},
		"by a tag that it may have":  {pods(`{"StringEquals":{"aws:RequestTag/team":"x"}}`), trust.PodIdentityGrant{Namespaces: []string{"shop"}}, "/Statement/0"},
		"if the tag is there at all": {pods(`{"StringEqualsIfExists":{"aws:RequestTag/kubernetes-namespace":"shop"}}`), trust.PodIdentityGrant{Namespaces: []string{"shop"}}, "/Statement/0"},
	} {
		policy := parse(t, statement(c.body))
		out, err := policy.WithoutPodIdentity(c.g)
		var refused *trust.EditError
		require.ErrorAs(t, err, &refused, "%s: %s", name, out)
		assert.Nil(t, out, name)
		assert.Equal(t, []string{"WithoutPodIdentity", c.path}, []string{refused.Edit, refused.Path}, name)
	}
	shared := parse(t, statement(strings.Replace(pods(`{}`), `"pods.eks.amazonaws.com"`, `["pods.eks.amazonaws.com","ec2.amazonaws.com"]`, 1)))
	left, err := shared.WithoutPodIdentity(trust.PodIdentityGrant{})
	require.NoError(t, err)
	assert.Contains(t, left.Document(), `"Principal":{"Service":["ec2.amazonaws.com"]}`)

	named := `{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"shop","aws:RequestTag/kubernetes-service-account":"cart"}}`
	own := statementOf(must(trust.NewPodIdentity(trust.PodIdentityGrant{Subjects: []trust.Subject{cart}})).Document())
	for name, body := range map[string]string{
		"a Deny of the pod":                  strings.Replace(pods(named), "Allow", "Deny", 1),
		"a statement for another service":    strings.Replace(pods(named), "pods.eks.amazonaws.com", "ec2.amazonaws.com", 1),
		"a statement for another pod":        pods(strings.Replace(named, "cart", "mail", 1)),
		"a statement for another pod's name": pods(strings.Replace(named, "shop", "post", 1)),
	} {
		policy := parse(t, statement(body))
		same, err := policy.WithoutPodIdentity(trust.PodIdentityGrant{Subjects: []trust.Subject{cart}})
		require.NoError(t, err, name)
		assert.Same(t, policy, same, name)
		left, err := parse(t, statement(body+","+own)).WithoutPodIdentity(trust.PodIdentityGrant{Subjects: []trust.Subject{cart}})
		require.NoError(t, err, name)
		assert.Equal(t, statement(body), left.Document(), name)
	}
}

func TestWithPodIdentityIsRefusedWhenADenyOverridesIt(t *testing.T) {
	t.Parallel()
	policy := parse(t, statement(`{"Effect":"Deny","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:SourceAccount":"444455556666"}}}`))
	_, err := policy.WithPodIdentity(trust.PodIdentityGrant{AccountID: "111122223333"})
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "/Statement/0", refused.Path)
	deny := statementOf(policy.Document())
	for path, document := range map[string]string{
		"/Statement/2": statement(vendor + "," + strings.Replace(deny, "NotEquals", "Equals", 1) + "," + deny + "," + deny),
		"/Statement":   `{"Version":"2012-10-17","Statement":` + deny + `}`,
	} {
		_, err := parse(t, document).WithPodIdentity(trust.PodIdentityGrant{AccountID: "111122223333"})
		require.ErrorAs(t, err, &refused, path)
		assert.Equal(t, path, refused.Path)
	}
	with, err := policy.WithPodIdentity(trust.PodIdentityGrant{AccountID: "444455556666"})
	require.NoError(t, err)
	assert.True(t, with.Allows(trust.PodIdentity(trust.PodIdentitySession{AccountID: "444455556666", Namespace: "a", ServiceAccount: "b"})))
	for _, g := range []trust.PodIdentityGrant{{AccountID: "1"}, {Namespaces: []string{"A"}}, {Namespaces: []string{"a"}, Subjects: []trust.Subject{account(t, "a", "b")}}} {
		_, err := policy.WithPodIdentity(g)
		require.ErrorContains(t, err, "trust: WithPodIdentity: ")
		_, err = policy.WithoutPodIdentity(g)
		require.ErrorContains(t, err, "trust: WithoutPodIdentity: ")
	}
}

// An accepted edit of pods changes the answer for the pods that it names, and for nobody else.
func FuzzPodIdentityEditsOpenAndTakeNothingElse(f *testing.F) {
	for i := range 30 {
		seed := make([]byte, 60)
		for j := range seed {
			seed[j] = byte((i*7919 + j*j*31 + i*j*17 + (i+3)*(j+5)*(j+11)) >> 2)
		}
		f.Add(seed)
	}
	names := []string{"a", "b", "c"}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &chooser{data}
		var statements []string
		for range 1 + c.n(3) {
			var conditions []string
			for range c.n(3) {
				operator := pick(c, "", "", "ForAllValues:", "ForAnyValue:") + pick(c, "StringEquals", "StringEquals", "StringLike", "StringNotEquals") + pick(c, "", "", "IfExists")
				key := pick(c, "aws:RequestTag/kubernetes-namespace", "aws:RequestTag/kubernetes-service-account", "aws:requesttag/Kubernetes-Namespace")
				condition := `"` + operator + `":{"` + key + `":["` + pick(c, "a", "b", "*", "a*") + `","` + pick(c, "a", "b", "c") + `"]}`
				if c.n(4) == 0 {
					condition = pick(c, `"ArnEquals":{"aws:SourceArn":["`+cluster1+`","`+cluster2+`"]}`, `"ArnLike":{"aws:SourceArn":"`+cluster1+`*"}`)
				}
				if !strings.Contains(strings.Join(conditions, ","), condition[:strings.Index(condition, ":{")]) {
					conditions = append(conditions, condition)
				}
			}
			statements = append(statements, `{"Effect":"`+pick(c, "Allow", "Allow", "Allow", "Deny")+`","Principal":{"Service":`+
				pick(c, `"pods.eks.amazonaws.com"`, `["ec2.amazonaws.com","pods.eks.amazonaws.com"]`)+`},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{`+strings.Join(conditions, ",")+`}}`)
		}
		policy := parse(t, statement(strings.Join(statements, ",")))
		g := trust.PodIdentityGrant{}
		if c.n(3) == 0 {
			g.ClusterARNs = []string{pick(c, cluster1, cluster2)}
		}
		switch c.n(3) {
		case 1:
			g.Namespaces = []string{pick(c, names...)}
		case 2:
			g.Subjects = []trust.Subject{account(t, pick(c, names...), pick(c, names...)), account(t, pick(c, names...), pick(c, names...))}
		}
		with := c.n(2) == 0
		edit := policy.WithoutPodIdentity
		if with {
			edit = policy.WithPodIdentity
		}
		out, err := edit(g)
		if err != nil {
			var refused *trust.EditError
			require.ErrorAs(t, err, &refused)
			return
		}
		for _, cluster := range []string{cluster1, cluster2, cluster1 + "x"} {
			for _, namespace := range append(names, "ab") {
				for _, name := range append(names, "z") {
					for _, untagged := range []bool{false, true} {
						q := trust.PodIdentity(trust.PodIdentitySession{ClusterARN: cluster, Namespace: namespace, ServiceAccount: name, DisableSessionTags: untagged})
						named := (len(g.ClusterARNs) == 0 || g.ClusterARNs[0] == cluster) &&
							(len(g.Namespaces)+len(g.Subjects) == 0 || !untagged && (len(g.Namespaces) > 0 && g.Namespaces[0] == namespace ||
								slices.Contains(g.Subjects, account(t, namespace, name))))
						was, is := policy.Allows(q), out.Allows(q)
						if named {
							require.False(t, !with && is || with && was && !is, "%s\n%s\n%v %s %s %s %t", policy, out, g, cluster, namespace, name, untagged)
						} else {
							require.Equal(t, was, is, "%s\n%s\n%v %s %s %s %t", policy, out, g, cluster, namespace, name, untagged)
						}
					}
				}
			}
		}
	})
}

// A token may set the session tags of a pod itself.
func TestWithoutPodIdentityLeavesTokensWithTheSameTags(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	const asked = `"Action":["sts:AssumeRoleWithWebIdentity","sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":["shop","post"]}}}`
	shared := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`","Service":"pods.eks.amazonaws.com"},`+asked))
	tagged := trust.WebIdentity(p, trust.Claims{"sub": "x", "https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"kubernetes-namespace": "shop"}}})
	require.True(t, shared.Allows(tagged))
	out, err := shared.WithoutPodIdentity(trust.PodIdentityGrant{Namespaces: []string{"shop"}})
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused, "%s", out)
	assert.Equal(t, "/Statement/0", refused.Path)

	out, err = shared.WithoutPodIdentity(trust.PodIdentityGrant{})
	require.NoError(t, err, "all pods can go")
	assert.True(t, out.Allows(tagged))
	apart := parse(t, statement(`{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},`+asked))
	out, err = apart.WithoutPodIdentity(trust.PodIdentityGrant{Namespaces: []string{"shop"}})
	require.NoError(t, err)
	assert.NotContains(t, out.Document(), "shop")
}

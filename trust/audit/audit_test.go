package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/growth"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/audit"
)

const arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3"

func Example() {
	cluster, err := trust.ParseProviderARN("arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3")
	if err != nil {
		fmt.Println(err)
		return
	}
	roles, err := audit.ReadRoles("roles.json", strings.NewReader(`{"RoleDetailList": [{
  "RoleName": "cart", "Arn": "arn:aws:iam::111122223333:role/cart", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
    "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3"},
    "Condition": {"StringEquals": {
      "oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3:sub": "system:serviceaccount:shop:cart",
      "oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3:aud": "sts.amazonaws.com"}}}]}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := audit.New(roles, cluster)
	if err == nil {
		err = a.Cluster(cluster, strings.NewReader(`{"kind": "List", "items": [
  {"kind": "ServiceAccount", "metadata": {"namespace": "shop", "name": "cart"}},
  {"kind": "ServiceAccount", "metadata": {"namespace": "shop", "name": "mail",
    "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/mail"}}},
  {"kind": "Pod", "metadata": {"namespace": "shop", "name": "mail-0"}, "spec": {"containers": [{"name": "app"}]}}]}`))
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Report())
	// Output:
	// Who can become what
	//   shop/cart: arn:aws:iam::111122223333:role/cart
	//
	// Annotations that lead nowhere
	//   shop/mail: arn:aws:iam::111122223333:role/mail: the account has no such role
	//
	// Pods that run as their node
	//   shop/mail-0: as service account default, containers app
	//
	// Trust policies to look at
	//   none
}

func provider(t *testing.T) trust.Provider {
	t.Helper()
	p, err := trust.ParseProviderARN(arn)
	require.NoError(t, err)
	return p
}

// begin is an audit of the cluster with a role that all of its service accounts may have.
func begin(t *testing.T, role string) *audit.Audit {
	t.Helper()
	roles, err := audit.ReadRoles("roles", strings.NewReader(`{"RoleDetailList":[{"Arn":"`+role+`","AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
		"Principal":{"Federated":"`+arn+`"}}]}}]}`))
	require.NoError(t, err)
	a, err := audit.New(roles, provider(t))
	require.NoError(t, err)
	return a
}

// A token is for the audience that the account's annotation names, and others may be made for STS.
func TestTheAudienceOfAnAnnotationCounts(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::111122223333:role/cart"
	roles := map[string]*trust.Policy{}
	for name, audience := range map[string]string{"cart": "vault", "mail": trust.DefaultAudience, "other": "other"} {
		subject, err := trust.ServiceAccount("shop", "cart")
		require.NoError(t, err)
		roles[strings.Replace(role, "cart", name, 1)], err = trust.New(trust.Grant{Provider: provider(t), Subjects: []trust.Subject{subject}, Audiences: []string{audience}})
		require.NoError(t, err)
	}
	a, err := audit.New(roles, provider(t))
	require.NoError(t, err)
	require.NoError(t, a.ServiceAccount(provider(t), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart",
		Annotations: map[string]string{"eks.amazonaws.com/role-arn": role, "eks.amazonaws.com/audience": "vault"}}}))
	assert.Empty(t, a.Report().Nowhere)
	assert.Equal(t, []audit.Admission{{Who: "shop/cart", Role: role}, {Who: "shop/cart", Role: strings.Replace(role, "cart", "mail", 1)}}, a.Report().Admitted)
}

// What a browser makes of the page is tested in internal/e2e/auditpage.
func TestThePageHasTheNamesAsText(t *testing.T) {
	t.Parallel()
	hostile := `</script><img src=x onerror=alert(1)>"'&{{.}}` + "\u202e"
	quoted, err := json.Marshal(hostile)
	require.NoError(t, err)
	name := string(quoted[1 : len(quoted)-1])
	a := begin(t, name)
	require.NoError(t, a.Cluster(provider(t), strings.NewReader(`{"items":[{"kind":"ServiceAccount","metadata":{"namespace":"shop","name":"cart"}},
		{"kind":"Pod","metadata":{"namespace":"`+name+`","name":"`+name+`"},"spec":{"containers":[{"name":"`+name+`"}]}}]}`)))
	var out bytes.Buffer
	require.NoError(t, a.Report().WriteHTML(&out))
	page := out.String()
	assert.NotContains(t, page, "<img")
	assert.NotContains(t, page, hostile)
	escaped := "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&#34;&#39;&amp;{{.}}\\u202e"
	assert.Contains(t, page, ">"+escaped+"</a>", "the role")
	assert.Contains(t, page, ">"+escaped+"/"+escaped+"</a>", "the pod")
	assert.Contains(t, page, "containers "+escaped+"</td>", "the container")
	assert.Equal(t, 1, strings.Count(page, "<script>"))
	script := page[strings.Index(page, "<script>")+len("<script>") : strings.Index(page, "</script>")]
	sum := sha256.Sum256([]byte(script))
	assert.Contains(t, page, "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; base-uri 'none'", "no other script may run")
	assert.NotRegexp(t, `(src|href)="?(https?:)?//`, page, "it needs nothing else")
}

const account = `{"kind":"ServiceAccount","metadata":{"namespace":"a","name":"b"}}`

func TestAClusterIsReadFromJSONAndYAML(t *testing.T) {
	t.Parallel()
	for _, dump := range []string{
		`{"items":[` + account + `]}`, `{"items":[` + account + `,{"kind":"Secret"}],"kind":"List"}` + "\n" + `{"items":[]}{"items":null}`,
		"items:\n- kind: ServiceAccount\n  metadata: {namespace: a, name: b}\n",
		"# nothing\n---\nitems: []\n---\nitems:\n- kind: ServiceAccount\n  metadata: {namespace: a, name: b}\n",
	} {
		a := begin(t, "arn:aws:iam::111122223333:role/x")
		require.NoError(t, a.Cluster(provider(t), strings.NewReader(dump)), dump)
		assert.Equal(t, []audit.Admission{{Who: "a/b", Role: "arn:aws:iam::111122223333:role/x", Unproven: false}}, a.Report().Admitted, dump)
		assert.Equal(t, a.Report(), a.Report(), "asking changes nothing")
		assert.True(t, a.Report().Found())
	}
}

func TestADumpThatLacksSomethingIsRefused(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line went dead")
	for dump, says := range map[string]string{
		"": `it has no list "items"`, "[]": `it has no list "items"`, `{"items":{}}`: `object 1 has no list "items"`, `{"items":[]}`: "no service account",
		`{"items":[` + account + `]}` + account: `object 2 has no list "items"`, "items:\n- " + account + "\n---\n" + account: `object 2 has no list "items"`, `{"items":null}`: "no service account",
		`{"items":[` + account + `,{}]}`: "items[1]: it has no kind", `{"items":[` + account: "the document ends in the middle",
		`{"items":[` + account + `]} x`: "something follows", "items: []\nitems: []\n": `mapping key "items" already defined`, `{"items":[7]}`: "items[0]: json: ",
		`{"items":[{"kind":"ServiceAccount","metadata":{"namespace":"a","name":"A B"}}]}`: `"A B"`,
	} {
		err := begin(t, "arn:aws:iam::111122223333:role/x").Cluster(provider(t), strings.NewReader(dump))
		require.ErrorContains(t, err, says, dump)
		assert.True(t, strings.HasPrefix(err.Error(), "audit: "), err)
	}
	err := begin(t, "arn:x").Cluster(provider(t), io.MultiReader(strings.NewReader(`{"items":[`), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)

	for dump, says := range map[string]string{
		`{"Roles":[]}`: "it does not list any role", `{"Roles":[{"RoleName":"x"}]}`: `/Roles/0: the document does not say the ARN of role "x"`,
		`{"Roles":[{"Arn":"a","AssumeRolePolicyDocument":8}]}`:                                   `role "a": `,
		`{"Roles":[{"Arn":"a","AssumeRolePolicyDocument":{"Statement":[]}}],"IsTruncated":true}`: "the list goes on",
		`{"items":[]}`: "it is not a trust policy, nor a document that holds roles",
		`{"Roles":[` + roleA + `,{"Arn":"a","AssumeRolePolicyDocument":{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*"}]}}]}`: `role "a": it is listed twice, with different policies`,
	} {
		roles, err := audit.ReadRoles("roles", strings.NewReader(dump))
		require.ErrorContains(t, err, says, dump)
		assert.Nil(t, roles)
	}
	roles, err := audit.ReadRoles("roles", strings.NewReader(`{"Roles":[`+roleA+`,`+roleA+`]}`))
	require.NoError(t, err)
	assert.Len(t, roles, 1)
}

const roleA = `{"Arn":"a","AssumeRolePolicyDocument":{"Statement":[]}}`

func TestAContainersEnvironmentTellsWhetherItRunsAsItsNode(t *testing.T) {
	t.Parallel()
	for containers, want := range map[string]string{
		`{"name":"app"}`: "app",
		`{"name":"app","env":[{"name":"AWS_ROLE_ARN","value":""},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE"}]}`: "app",
		`{"name":"app","envFrom":[{"secretRef":{"name":"keys"}}]},{"name":"side"}`:                         "app (unless values from elsewhere give it an identity), side",
		`{"name":"app","env":[{"name":"AWS_ACCESS_KEY_ID","valueFrom":{"secretKeyRef":{"name":"k","key":"id"}}},
			{"name":"AWS_SECRET_ACCESS_KEY","valueFrom":{"secretKeyRef":{"name":"k","key":"key"}}}]}`: "",
		`{"name":"app","env":[{"name":"AWS_ROLE_ARN","value":"arn:aws:iam::111122223333:role/x"}]}`: "app",
		`{"name":"app","env":[{"name":"AWS_EC2_METADATA_DISABLED","value":"true"}]}`:                "",
	} {
		a := begin(t, "arn:aws:iam::111122223333:role/x")
		require.NoError(t, a.Cluster(provider(t), strings.NewReader(`{"items":[`+account+`,{"kind":"Pod","metadata":{"namespace":"a","name":"p"},"spec":{"containers":[`+containers+`]}}]}`)))
		got := ""
		for _, remark := range a.Report().AsNode {
			got = remark.What
		}
		assert.Equal(t, want, strings.TrimPrefix(got, "as service account default, containers "), containers)
	}
}

func TestNothingIsNoReasonToPanic(t *testing.T) {
	t.Parallel()
	a, err := audit.New(nil)
	require.NoError(t, err)
	require.EqualError(t, a.ServiceAccount(provider(t), nil), "audit: the service account is nil")
	require.ErrorContains(t, a.Pod(provider(t), nil), "audit: mutate: ")
	_, err = audit.New(nil, provider(t), trust.Provider{})
	require.EqualError(t, err, "audit: cluster 2 has no provider")
	for _, a := range []*audit.Audit{a, new(audit.Audit)} {
		text, err := json.Marshal(a.Report())
		require.NoError(t, err)
		assert.JSONEq(t, `{"admitted":[],"nowhere":[],"asNode":[],"findings":[]}`, string(text), "for programs a list is a list")
		assert.False(t, a.Report().Found())
	}
	var r *audit.Report
	assert.Equal(t, "no report", r.String())
	assert.False(t, r.Found())
	assert.NotEmpty(t, r.Mermaid())
	assert.Error(t, r.WriteHTML(io.Discard))
}

func TestEachEntryOfAReportIsALine(t *testing.T) {
	t.Parallel()
	r := audit.Report{AsNode: []audit.Remark{{Who: "a\n  b", What: "\x1b[2J"}}}
	assert.Contains(t, r.String(), "\n  a\\n  b: \\x1b[2J\n")
}

// It measures memory, so that nothing else may run meanwhile.
func TestAClusterOfAnySizeTakesTheMemoryOfItsLargestObject(t *testing.T) {
	a := begin(t, "arn:aws:iam::111122223333:role/x")
	dump := growth.Large(`{"items":[`, 500, func(int) string {
		return `{"kind":"Secret","data":{"x":"` + strings.Repeat("x", 40_000) + `"}},`
	}, account+"]}")
	require.NoError(t, a.Cluster(provider(t), dump))
	grew, looks := dump.Grew()
	assert.Greater(t, looks, 5)
	assert.Less(t, grew, int64(8<<20))
	assert.Len(t, a.Report().Admitted, 1)
}

func TestTheGraphHasEachNameOnce(t *testing.T) {
	t.Parallel()
	a := begin(t, `role\"x`)
	require.NoError(t, a.Cluster(provider(t), strings.NewReader(`{"items":[`+account+`,`+account+`]}`)))
	assert.Equal(t, "flowchart LR\n  n0[\"a/b\"]\n  n1[\"role#quot;x\"]\n  n0 --> n1", a.Report().Mermaid())
}

// Whatever a dump has, it is read or refused, and nothing panics.
func FuzzADumpIsReadOrRefused(f *testing.F) {
	f.Add([]byte(`{"items":[` + account + `,{"kind":"Pod","spec":{"containers":[{"name":"c","env":[{"name":"AWS_ROLE_ARN"}]}]}}]}{"items":[]}`))
	f.Add([]byte("items: &i\n- kind: ServiceAccount\n  metadata: {namespace: a, name: b, annotations: {eks.amazonaws.com/role-arn: x}}\n---\nitems: []\n"))
	f.Fuzz(func(t *testing.T, dump []byte) {
		a := begin(t, "arn:aws:iam::111122223333:role/x")
		if err := a.Cluster(provider(t), bytes.NewReader(dump)); err == nil {
			assert.NotEmpty(t, a.Report().Admitted, "each account may have the role, and a dump has one")
		}
		_, err := audit.ReadRoles("roles", bytes.NewReader(dump))
		_ = err // any will do
	})
}

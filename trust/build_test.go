package trust_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

var update = flag.Bool("update", false, "write the golden files")

// shapes are all kinds of policies that the builders make.
func shapes(t testing.TB) map[string]*trust.Policy {
	t.Helper()
	p, q := provider(t, blue), provider(t, green)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	china, err := trust.NewProvider("aws-cn", "111122223333", "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/A1B2")
	require.NoError(t, err)
	podIdentity, err := trust.NewPodIdentity(trust.PodIdentityGrant{AccountID: "111122223333",
		ClusterARNs: []string{"arn:aws:eks:eu-west-1:111122223333:cluster/blue"}, Subjects: []trust.Subject{cart, mail}})
	require.NoError(t, err)
	chain, err := trust.NewChain(trust.ChainGrant{RoleARNs: []string{"arn:aws:iam::111122223333:role/a"}, ExternalID: "blue/shop/cart", TagSession: true})
	require.NoError(t, err)
	one := build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{cart}})
	migration, err := trust.Join(one, podIdentity)
	require.NoError(t, err)
	return map[string]*trust.Policy{
		"one":       one,
		"several":   build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{cart, mail, cart}}),
		"clusters":  build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{cart}}, trust.Grant{Provider: q, Subjects: []trust.Subject{cart}}),
		"audiences": build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{cart}, Audiences: []string{"vault", "sts.amazonaws.com", "vault"}}),
		"patterns":  build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{mail}, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:shop:*")}}),
		"merged": build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{cart}}, trust.Grant{Provider: q, Subjects: []trust.Subject{cart}},
			trust.Grant{Provider: p, Subjects: []trust.Subject{mail}, Audiences: []string{trust.DefaultAudience}}),
		"china":       build(t, trust.Grant{Provider: china, Subjects: []trust.Subject{cart}}),
		"podidentity": podIdentity,
		"chain":       chain,
		"migration":   migration,
	}
}

func TestBuiltPolicies(t *testing.T) {
	t.Parallel()
	for name, p := range shapes(t) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "built", name+".json")
			var indented bytes.Buffer
			require.NoError(t, json.Indent(&indented, []byte(p.Document()), "", "  "))
			indented.WriteByte('\n')
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				require.NoError(t, os.WriteFile(file, indented.Bytes(), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), indented.String())

			assert.NoError(t, p.Validate(), "what the builders make, IAM takes")
			assert.Empty(t, p.Lint(), "and it is clean")
			assert.NoError(t, p.CheckSize(0))
			again := parse(t, string(want))
			assert.Equal(t, p.Document(), again.Document())
			assert.True(t, p.Equal(again))
			assert.True(t, p.Equal(p.Compact()))
		})
	}
}

func TestAGrantThatIsWrong(t *testing.T) {
	t.Parallel()
	p, s := provider(t, blue), account(t, "a", "b")
	for name, c := range map[string]struct {
		grant trust.Grant
		want  string
	}{
		"zero":                  {trust.Grant{}, "names nobody"},
		"nobody":                {trust.Grant{Provider: p}, "names nobody"},
		"no provider":           {trust.Grant{Subjects: []trust.Subject{s}}, "it has no provider"},
		"a zero subject":        {trust.Grant{Provider: p, Subjects: []trust.Subject{s, {}}}, "one of its subjects is the zero value"},
		"a zero pattern":        {trust.Grant{Provider: p, Patterns: []trust.Pattern{{}}}, "one of its patterns is the zero value"},
		"no audiences":          {trust.Grant{Provider: p, Subjects: []trust.Subject{s}, Audiences: []string{}}, "its list of audiences is empty"},
		"an empty audience":     {trust.Grant{Provider: p, Subjects: []trust.Subject{s}, Audiences: []string{""}}, `audience ""`},
		"an audience of all":    {trust.Grant{Provider: p, Subjects: []trust.Subject{s}, Audiences: []string{"*"}}, `audience "*": an audience is exact`},
		"an audience variable":  {trust.Grant{Provider: p, Subjects: []trust.Subject{s}, Audiences: []string{"${x}"}}, `audience "${x}"`},
		"an audience in binary": {trust.Grant{Provider: p, Subjects: []trust.Subject{s}, Audiences: []string{"\x00"}}, "it contains a control character"},
	} {
		policy, err := trust.New(trust.Grant{Provider: p, Subjects: []trust.Subject{s}}, c.grant)
		assert.ErrorContains(t, err, "trust: new policy: grant 2: ", name)
		assert.ErrorContains(t, err, c.want, name)
		assert.Nil(t, policy, name)
		_, err = (&trust.Policy{}).WithGrant(c.grant)
		assert.ErrorContains(t, err, c.want, name)
		_, err = (&trust.Policy{}).WithoutGrant(c.grant)
		assert.ErrorContains(t, err, c.want, name)
	}
	policy, err := trust.New()
	assert.ErrorContains(t, err, "it has no grants")
	assert.Nil(t, policy)

	_, err = trust.New(trust.Grant{}, trust.Grant{Provider: p})
	var several interface{ Unwrap() []error }
	require.ErrorAs(t, err, &several)
	assert.Len(t, several.Unwrap(), 2, "all grants are reported at once")
}

// A policy that is built is one that IAM stores.
func TestNewRefusesWhatIAMDoesNotStore(t *testing.T) {
	t.Parallel()
	github := provider(t, "https://token.actions.githubusercontent.com")
	for message, g := range map[string]trust.Grant{
		"Condition can contain only one colon.":                                 {Provider: provider(t, "https://oidc.example.com/a:b"), Subjects: []trust.Subject{account(t, "a", "b")}},
		"Federated principals must be valid domain names or SAML metadata ARNs": {Provider: provider(t, "https://oidc.example.com/$"), Subjects: []trust.Subject{account(t, "a", "b")}},
		"/Statement/0: Trust policy with trusted principal":                     {Provider: github, Patterns: []trust.Pattern{pattern(t, "*:ref:refs/heads/main")}},
	} {
		policy, err := trust.New(g)
		assert.ErrorContains(t, err, "trust: new policy: IAM would not store it: ")
		assert.ErrorContains(t, err, message)
		var invalid *trust.InvalidError
		assert.ErrorAs(t, err, &invalid)
		assert.Nil(t, policy)
	}
}

func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	one := build(t, trust.Grant{Provider: provider(t, blue), Subjects: []trust.Subject{account(t, "a", "b")}})
	twice, err := trust.Join(one, one, nil)
	require.NoError(t, err)
	assert.Equal(t, one.Document(), twice.Document(), "the same statement is not repeated")
	old := parse(t, `{"Version":"2008-10-17","Statement":[]}`)
	_, err = trust.Join(one, old)
	assert.EqualError(t, err, "trust: join policies: policy 2 is not of version 2012-10-17")
	admits := strings.TrimSuffix(one.Document(), "}")
	refused := parse(t, admits+`,"Extra":1}`)
	require.False(t, refused.Allows(token(provider(t, blue), account(t, "a", "b"))))
	joined, err := trust.Join(one, refused)
	assert.ErrorContains(t, err, "trust: join policies: policy 2 is one that IAM does not store: /Extra")
	var invalid *trust.InvalidError
	assert.ErrorAs(t, err, &invalid)
	assert.Nil(t, joined)
	sid := func(action string) *trust.Policy {
		return parse(t, statement(`{"Sid":"A","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"`+action+`"}`))
	}
	_, err = trust.Join(sid("sts:AssumeRole"), sid("sts:TagSession"))
	assert.ErrorContains(t, err, `Sid "A"`)
}

func TestSizeIsWhatIAMCounts(t *testing.T) {
	t.Parallel()
	doc := shapes(t)["one"].Document()
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, []byte(doc), "", "\t"))
	assert.Equal(t, len(doc), parse(t, indented.String()).Size(), "white space between values does not count")
	assert.Equal(t, len(`{"Id":"e","Statement":[]}`), parse(t, `{"Id":"é","Statement":[]}`).Size(), "characters count, not bytes")

	// The measured case: statements with aud and sub for long names; four fit, five do not.
	var grants []trust.Grant
	for _, id := range []string{"A", "B", "C", "D", "E"} {
		q := provider(t, "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDE"+id)
		grants = append(grants, trust.Grant{Provider: q, Subjects: []trust.Subject{account(t, "production-namespace-1", "application-service-account")}})
	}
	assert.NoError(t, build(t, grants[:4]...).CheckSize(trust.DefaultSizeQuota))
	err := build(t, grants...).CheckSize(0)
	var size *trust.SizeError
	require.ErrorAs(t, err, &size)
	assert.Equal(t, 2048, size.Quota)
	assert.Equal(t, build(t, grants...).Size(), size.Size)
	assert.Equal(t, size.Size-size.Quota, size.Excess)
	assert.Contains(t, err.Error(), "have the quota raised")
	assert.NoError(t, build(t, grants...).CheckSize(4096))

	// The same account again and again, a statement each, is what Compact is for.
	one := shapes(t)["one"]
	body := statementOf(doc)
	wide := parse(t, statement(body+","+body+","+body+","+body+","+body+","+body))
	require.ErrorAs(t, wide.CheckSize(0), &size)
	assert.Contains(t, size.Error(), "Compact brings it to")
	assert.Equal(t, size.Compacted, wide.Compact().Size())
	assert.True(t, wide.Equal(one))
	assert.Less(t, wide.Compact().Size(), one.Size(), "a list of one statement becomes the statement")
}

func TestCompactMergesWhatMeansTheSame(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	policy := shapes(t)["patterns"]
	policy, err := policy.WithGrant(trust.Grant{Provider: p, Subjects: []trust.Subject{account(t, "x", "y")}, Audiences: []string{"vault"}})
	require.NoError(t, err)
	compact := policy.Compact()
	assert.Equal(t, 3, policy.Len())
	assert.Equal(t, 2, compact.Len())
	assert.True(t, compact.Equal(policy))
	assert.Same(t, compact, compact.Compact(), "compact is compact")
	// ANDed conditions on one key must stay two.
	twice := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":["`+p.ARN()+`"]},"Action":["sts:AssumeRoleWithWebIdentity"],"Condition":{"StringEquals":{"`+
		p.ConditionKey("sub")+`":["a","b"]},"StringLike":{"`+p.ConditionKey("sub")+`":["a","c"]}}}`))
	for sub, want := range map[string]bool{"a": true, "b": false, "c": false} {
		q := trust.WebIdentity(p, trust.Claims{"sub": sub})
		assert.Equal(t, want, twice.Allows(q), sub)
		assert.Equal(t, want, twice.Compact().Allows(q), sub)
	}
	assert.Less(t, twice.Compact().Size(), twice.Size())
}

package trust_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestProviderIsKeptAsIAMKeepsIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ partition, issuer, hostPath string }{
		{"aws", blue, strings.TrimPrefix(blue, "https://")},
		{"aws", "https://Example.com", "Example.com"},
		{"aws", "https://example.com/", "example.com/"},
		{"aws", "https://example.com:443/a", "example.com/a"},
		{"aws", "https://127.0.0.1:8443/a", "127.0.0.1:8443/a"},
		{"aws-cn", "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/A", "oidc.eks.cn-north-1.amazonaws.com.cn/id/A"},
		{"aws-us-gov", "https://a.b", "a.b"}, {"aws-iso", "https://a.b", "a.b"}, {"aws-iso-b", "https://a.b", "a.b"},
		{"aws-iso-e", "https://a.b", "a.b"}, {"aws-iso-f", "https://a.b", "a.b"}, {"aws-eusc", "https://a.b", "a.b"},
	} {
		p, err := trust.NewProvider(c.partition, "111122223333", c.issuer)
		require.NoError(t, err, c.issuer)
		assert.Equal(t, "arn:"+c.partition+":iam::111122223333:oidc-provider/"+c.hostPath, p.ARN())
		assert.Equal(t, c.hostPath, p.HostPath())
		assert.Equal(t, "https://"+c.hostPath, p.IssuerURL())
		assert.Equal(t, c.hostPath+":sub", p.ConditionKey("sub"))
		assert.Equal(t, []string{c.partition, "111122223333"}, []string{p.Partition(), p.AccountID()})
		again, err := trust.ParseProviderARN(p.ARN())
		require.NoError(t, err)
		assert.Equal(t, p, again)
		assert.True(t, p == again, "providers are comparable")

		text, err := json.Marshal(map[string]trust.Provider{"p": p})
		require.NoError(t, err)
		var back map[string]trust.Provider
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, p, back["p"])
	}
	slash := provider(t, "https://example.com/")
	assert.NotEqual(t, slash, provider(t, "https://example.com"), "a trailing slash makes another provider")
}

func TestProviderRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][3]string{
		"an unknown partition": {"aws-test", "111122223333", blue},
		"no partition":         {"", "111122223333", blue},
		"a short account":      {"aws", "34892524", blue},
		"no account":           {"aws", "", blue},
		"plain http":           {"aws", "111122223333", "http://example.com"},
		"a port":               {"aws", "111122223333", "https://example.com:8443"},
		"a query":              {"aws", "111122223333", "https://example.com?a=b"},
		"a wildcard":           {"aws", "111122223333", "https://*.example.com"},
		"a placeholder":        {"aws", "111122223333", "https://${ISSUER}"},
		"a long URL":           {"aws", "111122223333", "https://example.com/" + strings.Repeat("a", 240)},
		"no URL":               {"aws", "111122223333", ""},
	} {
		p, err := trust.NewProvider(c[0], c[1], c[2])
		assert.ErrorContains(t, err, "trust: provider of issuer", name)
		assert.Zero(t, p, name)
	}
	for _, arn := range []string{
		"", "x", "arn:aws:iam::111122223333:oidc-provider/", "arn:aws:iam::111122223333:oidc-provider/a.b:443",
		"arn:aws:iam::111122223333:oidc-provider/a.b:444", "arn:aws:iam::111122223333:saml-provider/x",
		"arn:aws:iam::111122223333:oidc-provider/${OIDC}", "arn:aws:iam:eu-west-1:111122223333:oidc-provider/a.b",
		"arn:aws-test:iam::123456789012:oidc-provider/discovery.example.com", "arn:aws:iam::34892524:oidc-provider/a.b",
	} {
		p, err := trust.ParseProviderARN(arn)
		assert.ErrorContains(t, err, "trust: provider ARN", arn)
		assert.Zero(t, p, arn)
	}
}

func TestZeroIdentities(t *testing.T) {
	t.Parallel()
	var p trust.Provider
	assert.True(t, p.IsZero())
	assert.Empty(t, p.ARN()+p.String()+p.IssuerURL()+p.HostPath()+p.ConditionKey("sub")+p.Partition()+p.AccountID())
	require.NoError(t, p.UnmarshalText(nil))
	assert.True(t, trust.Subject{}.IsZero())
	assert.True(t, trust.Pattern{}.IsZero())
	assert.False(t, trust.Pattern{}.Matches(trust.Subject{}))
	_, _, ok := trust.Subject{}.ServiceAccount()
	assert.False(t, ok)
	assert.ErrorContains(t, (*trust.Provider)(nil).UnmarshalText(nil), "into a nil *Provider")
	assert.ErrorContains(t, (*trust.Subject)(nil).UnmarshalText(nil), "into a nil *Subject")
	assert.ErrorContains(t, (*trust.Pattern)(nil).UnmarshalText(nil), "into a nil *Pattern")
	assert.ErrorContains(t, (*trust.Policy)(nil).UnmarshalJSON([]byte("{}")), "into a nil *Policy")
	var s trust.Subject
	assert.ErrorContains(t, s.UnmarshalText([]byte("a*")), "cannot contain '*' or '?'")
	assert.Zero(t, s)
}

func TestServiceAccountNamesAreThoseOfKubernetes(t *testing.T) {
	t.Parallel()
	s := account(t, "shop", "cart.v2")
	assert.Equal(t, "system:serviceaccount:shop:cart.v2", s.String())
	namespace, name, ok := s.ServiceAccount()
	assert.Equal(t, []any{"shop", "cart.v2", true}, []any{namespace, name, ok})
	parsed, err := trust.ParseSubject(s.String())
	require.NoError(t, err)
	assert.Equal(t, s, parsed)

	const label, subdomain, exact = "is not a DNS label", "is not a DNS subdomain", "a subject is exact"
	for _, c := range []struct{ namespace, name, apart, asText string }{
		{"", "b", label, label}, {"A", "b", label, label}, {"a.b", "c", label, label}, {" a", "b", label, label},
		{strings.Repeat("a", 64), "b", label, label}, {"*", "b", label, exact}, {"a:b", "c", `namespace "a:b"`, `service account "b:c"`},
		{"a", "", subdomain, subdomain}, {"a", "B", subdomain, subdomain}, {"a", "b:c", subdomain, subdomain}, {"a", "b/c", subdomain, subdomain},
		{"a", strings.Repeat("b", 254), subdomain, subdomain}, {"a", "*", subdomain, exact}, {"a", "?", subdomain, exact},
		{"a", "b\n", subdomain, "control character"}, {"a", "${b}", subdomain, "policy variable"},
	} {
		s, err := trust.ServiceAccount(c.namespace, c.name)
		assert.ErrorContains(t, err, c.apart, "%q", c)
		assert.Zero(t, s)
		s, err = trust.ParseSubject("system:serviceaccount:" + c.namespace + ":" + c.name)
		assert.ErrorContains(t, err, c.asText, "%q", c)
		assert.Zero(t, s)
	}
}

func TestSubjectsAreExact(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"repo:octo-org/octo-repo:environment:prod", "a", "ü", "project_path:a/b:ref_type:branch:ref:main", "system:node:x"} {
		parsed, err := trust.ParseSubject(s)
		require.NoError(t, err, s)
		assert.Equal(t, s, parsed.String())
	}
	for _, s := range []string{"", "*", "a*", "a?", "${aws:username}", "a\x00", "a\n", "\xff", strings.Repeat("a", 1025),
		"system:serviceaccount:", "system:serviceaccount:a", "system:serviceaccount:a:b:c"} {
		parsed, err := trust.ParseSubject(s)
		assert.ErrorContains(t, err, "trust: subject", "%q", s)
		assert.Zero(t, parsed)
	}
}

func TestPatternsWidenDeliberately(t *testing.T) {
	t.Parallel()
	for text, matches := range map[string]bool{
		"system:serviceaccount:shop:*": true, "system:serviceaccount:s*": true, "system:serviceaccount:shop:c?rt": true,
		"*:cart": true, "system:serviceaccount:shop:*-v2": false, "repo:*": false, "system:serviceaccount:*": true,
	} {
		assert.Equal(t, matches, pattern(t, text).Matches(account(t, "shop", "cart")), text)
	}
	for _, text := range []string{"", "*", "**", "?", "?*", "system:serviceaccount:a:b", "a${b}*", "system:serviceaccount:A:*",
		"system:serviceaccount:a:b:*", "system:serviceaccount::*", "system:serviceaccount:*:", "a*\n", "a*\xff"} {
		p, err := trust.ParsePattern(text)
		assert.ErrorContains(t, err, "trust: pattern", "%q", text)
		assert.Zero(t, p)
	}
}

func FuzzIdentitiesAreWhatTheySay(f *testing.F) {
	for _, s := range []string{blue, "arn:aws:iam::111122223333:oidc-provider/a.b/c", "system:serviceaccount:a:b", "a*", "repo:o/r:*", "\xff", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := trust.ParseProviderARN(text); err == nil {
			assert.Equal(t, text, p.ARN())
			again, err := trust.NewProvider(p.Partition(), p.AccountID(), p.IssuerURL())
			require.NoError(t, err)
			assert.Equal(t, p, again)
		} else {
			assert.Zero(t, p)
		}
		s, err := trust.ParseSubject(text)
		if err == nil {
			assert.Equal(t, text, s.String())
			assert.False(t, strings.ContainsAny(text, "*?"))
		} else {
			assert.Zero(t, s)
		}
		if p, perr := trust.ParsePattern(text); perr == nil {
			assert.Equal(t, text, p.String())
			assert.ErrorContains(t, err, "a subject is exact", "no text is both a subject and a pattern")
		} else {
			assert.Zero(t, p)
		}
	})
}

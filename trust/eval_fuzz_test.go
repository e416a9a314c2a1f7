package trust_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// chooser turns fuzzed bytes into choices; when they run out it always takes the first.
type chooser struct{ data []byte }

func (c *chooser) n(below int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % below
}

func pick[T any](c *chooser, from ...T) T { return from[c.n(len(from))] }

const fuzzHost = "oidc.example.com/Id"

var fuzzOperators = strings.Fields(`StringEquals StringLike StringNotEquals StringNotLike StringEqualsIgnoreCase
	StringNotEqualsIgnoreCase Null Bool NumericEquals NumericNotEquals NumericLessThan NumericGreaterThanEquals
	DateEquals DateGreaterThan DateLessThanEquals IpAddress NotIpAddress ArnEquals ArnLike ArnNotLike
	stringequals StringMatches`)

var fuzzValues = []string{
	"system:serviceaccount:a:b", "system:serviceaccount:a:*", "system:serviceaccount:?:b", "*", "?*", "", "a", "A",
	"system:serviceaccount:b:a", "*:b", "a*b*", "true", "false", "TRUE", "1", "2", "1.0", "-3", "2024-01-02T03:04:05Z",
	"2025-01-02T03:04:05Z", "10.0.0.1", "10.0.0.0/8", "arn:aws:iam::1:role/a", "arn:aws:iam::*:role/*", "arn:*:x",
	"sts.amazonaws.com", "${" + fuzzHost + ":sub}", "${" + fuzzHost + ":SUB}*", "${aws:RequestTag/t, 'a'}", "${*}", "a${?}b", "${$}{x}",
	"${nothing:here}", "${broken", "system:serviceaccount:${aws:RequestTag/t}:b", "a?b", "a*b",
}

func (c *chooser) values() any {
	switch c.n(5) {
	case 0:
		return []any{pick(c, fuzzValues...), pick(c, fuzzValues...)}
	case 1:
		if c.n(8) == 0 {
			return []any{}
		}
		return pick[any](c, true, 7, false, "true")
	}
	return pick(c, fuzzValues...)
}

func (c *chooser) condition() any {
	block := map[string]any{}
	for range c.n(4) {
		operator := pick(c, "", "", "", "ForAllValues:", "ForAnyValue:") + pick(c, fuzzOperators...) + pick(c, "", "", "", "IfExists")
		keys := map[string]any{}
		for range 1 + c.n(2) {
			key := pick(c, fuzzHost, fuzzHost, strings.ToUpper(fuzzHost), "other.example.com") + ":" + pick(c, "sub", "aud", "SUB", "amr", "oaud", "email", "roles")
			if c.n(4) == 0 {
				key = pick(c, "aws:RequestTag/t", "aws:requesttag/T", "aws:TagKeys", "sts:ExternalId", "aws:SecureTransport")
			}
			keys[key] = c.values()
		}
		block[operator] = keys
		if c.n(32) == 31 {
			block[operator] = "text"
		}
	}
	return block
}

func (c *chooser) policy(providerARN string) []byte {
	var statements []any
	for range 1 + c.n(3) {
		s := map[string]any{
			"Effect": pick(c, "Allow", "Allow", "Allow", "Deny"),
			"Principal": pick[any](c, map[string]any{"Federated": providerARN}, map[string]any{"Federated": []any{"x.example.com", providerARN}},
				map[string]any{"AWS": "*"}, map[string]any{"Federated": strings.ToUpper(providerARN)},
				map[string]any{"Federated": providerARN, "Service": "pods.eks.amazonaws.com"}, "*"),
			"Action": pick[any](c, "sts:AssumeRoleWithWebIdentity", []any{"sts:AssumeRoleWithWebIdentity", "sts:TagSession"},
				"STS:assumerole*", "sts:AssumeRole", "sts:Assume?oleWithWebIdentity", "*"),
		}
		if c.n(2) == 0 {
			s["Condition"] = c.condition()
		}
		switch c.n(40) {
		case 37:
			delete(s, "Principal")
		case 38:
			s["Effect"] = "allow"
		case 39:
			s["Resource"] = "*"
		}
		statements = append(statements, s)
	}
	doc := map[string]any{"Version": "2012-10-17", "Statement": statements}
	switch c.n(12) {
	case 9:
		doc["Version"] = "2008-10-17"
	case 10:
		delete(doc, "Version")
	case 11:
		doc["Version"] = "2020-01-01"
	}
	if len(statements) == 1 && c.n(2) == 0 {
		doc["Statement"] = statements[0]
	}
	out, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return out
}

// claims returns a token's claims and the context that they make.
func (c *chooser) claims(providerARN string) (trust.Claims, naiveContext, []string) {
	ctx := naiveContext{provider: providerARN, keys: map[string][]string{"aws:securetransport": {"true"}}}
	claims := trust.Claims{}
	key := func(claim string) string { return strings.ToLower(fuzzHost) + ":" + claim }
	if c.n(8) > 0 {
		sub := pick(c, fuzzValues...)
		claims["sub"] = sub
		ctx.keys[key("sub")] = []string{sub}
	}
	switch aud := pick(c, "sts.amazonaws.com", "a", "", "*"); c.n(5) {
	case 0:
		claims["aud"] = aud
		ctx.keys[key("aud")] = []string{aud}
	case 1:
		claims["aud"] = []any{aud}
		ctx.keys[key("aud")] = []string{aud}
	case 2:
		claims["aud"], claims["azp"] = []string{aud, "x"}, "party"
		ctx.keys[key("aud")], ctx.keys[key("oaud")] = []string{"party"}, []string{aud, "x"}
	case 3:
		claims["aud"], claims["azp"] = aud, "party"
		ctx.keys[key("aud")], ctx.keys[key("oaud")] = []string{"party"}, []string{aud}
	}
	switch c.n(4) {
	case 1:
		claims["amr"] = []any{"a", "true"}
		ctx.keys[key("amr")] = []string{"a", "true"}
	case 2:
		claims["amr"] = []any{}
	}
	if c.n(3) == 0 {
		email := pick(c, fuzzValues...)
		claims["email"] = email
		ctx.keys[key("email")] = []string{email}
	}
	claims["roles"] = []any{"a", json.Number("1"), true, map[string]any{"x": "y"}}
	actions := []string{"sts:assumerolewithwebidentity"}
	if c.n(3) == 0 {
		tag := pick(c, fuzzValues...)
		claims["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": map[string]any{"T": []any{tag}}}
		ctx.keys["aws:requesttag/t"], ctx.keys["aws:tagkeys"] = []string{tag}, []string{"T"}
		ctx.refused = strings.ContainsAny(tag, "*?${},'") // STS takes no such tag
		actions = append(actions, "sts:tagsession")
	}
	return claims, ctx, actions
}

func FuzzEvaluateAgreesWithANaiveEvaluator(f *testing.F) {
	for i := range 64 {
		f.Add([]byte(strings.Repeat(fmt.Sprintf("%c%d", rune(i*7), i*31), 20)))
	}
	provider, err := trust.NewProvider("aws", "111122223333", "https://"+fuzzHost)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &chooser{data}
		doc := c.policy(provider.ARN())
		claims, ctx, actions := c.claims(provider.ARN())
		p, err := trust.Parse(doc)
		require.NoError(t, err, "%s", doc)

		want := true
		for _, action := range actions {
			want = want && !ctx.refused && naiveAllows(doc, ctx, action)
		}
		q := trust.WebIdentity(provider, claims)
		d := p.Evaluate(q)
		require.Equal(t, want, d.Allowed, "%s\n%v\n%s", doc, claims, d)
		require.Equal(t, want, p.Allows(q))

		compact := p.Compact()
		require.Equal(t, want, compact.Allows(q), "compact %s\n%s\n%v", doc, compact, claims)
		require.True(t, p.Equal(compact), "%s\n%s", doc, compact)
		require.LessOrEqual(t, compact.Size(), p.Size())
		require.Empty(t, p.Diff(compact))
		assert.NotPanics(t, func() { _, _ = p.Lint(), p.Validate() })
	})
}

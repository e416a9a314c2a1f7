package trust_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// chooseFrom draws random choices.
type chooseFrom struct{ *rand.Rand }

func (r chooseFrom) one(from ...string) string { return from[r.IntN(len(from))] }

// chain makes a random policy for role chaining and EKS Pod Identity.
func (r chooseFrom) chain() []byte {
	var statements []any
	for range 1 + r.IntN(3) {
		principal := map[string]any{"AWS": []any{r.one("arn:aws:iam::111122223333:root", "444455556666", "arn:aws:iam::111122223333:role/a",
			"arn:aws:iam::111122223333:role/team/b", "arn:aws:iam::111122223333:user/u", "*", "AROAAAAAAAAAAAAAAAAA1",
			"arn:aws:sts::111122223333:assumed-role/a/s")}}
		keys := []string{"sts:ExternalId", "aws:PrincipalArn", "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:PrincipalTag/T",
			"aws:PrincipalType", "sts:RoleSessionName", "aws:RequestTag/T", "sts:SourceIdentity", "aws:TagKeys", "aws:userid"}
		if r.IntN(3) == 0 {
			principal = map[string]any{"Service": "pods.eks.amazonaws.com"}
			keys = []string{"aws:SourceAccount", "aws:SourceArn", "aws:RequestTag/kubernetes-namespace", "aws:RequestTag/eks-cluster-name",
				"aws:RequestTag/kubernetes-service-account", "sts:ExternalId", "aws:RequestTag/eks-cluster-arn", "aws:TagKeys"}
		}
		block := map[string]map[string]any{}
		for range r.IntN(4) {
			operator := r.one("StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "ArnLike", "ArnNotLike", "StringEqualsIfExists", "Null",
				"ForAllValues:StringLike", "ForAnyValue:StringEquals")
			if block[operator] == nil {
				block[operator] = map[string]any{}
			}
			var values any = []any{r.one("a", "x", "111122223333", "*a", "arn:aws:iam::*:role/*", "AssumedRole", "T"),
				r.one("a*", "arn:aws:iam::111122223333:role/team/*", "arn:aws:eks:*:*:cluster/a", "arn:aws:iam::111122223333:role/a", "User", "AROA*2:s")}
			if operator == "Null" {
				values = r.one("true", "false")
			}
			block[operator][r.one(keys...)] = values
		}
		statements = append(statements, map[string]any{
			"Effect": r.one("Allow", "Allow", "Allow", "Deny"), "Principal": principal,
			"Action": []any{"sts:AssumeRole", r.one("sts:TagSession", "sts:SetSourceIdentity")}, "Condition": block,
		})
	}
	doc, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err)
	}
	return doc
}

// request is a random caller of such policies.
func (r chooseFrom) request() trust.Request {
	if r.IntN(3) == 0 {
		return trust.PodIdentity(trust.PodIdentitySession{
			AccountID: r.one("111122223333", "a", ""), ClusterARN: r.one("arn:aws:eks:eu-west-1:111122223333:cluster/a", "arn:aws:eks:x:1:cluster/b", "a"),
			ClusterName: r.one("a", "x", ""), Namespace: r.one("a", "x", "ab"), ServiceAccount: r.one("a", "x", "ab"),
			PodName: r.one("", "p"), DisableSessionTags: r.IntN(3) == 0,
		})
	}
	s := trust.AssumeRoleSession{
		PrincipalARN: r.one("arn:aws:sts::111122223333:assumed-role/a/s", "arn:aws:sts::111122223333:assumed-role/b/s",
			"arn:aws:iam::111122223333:user/u", "arn:aws:iam::444455556666:user/a", "arn:aws:sts::777788889999:assumed-role/c/s"),
		PrincipalID: r.one("", "AROAAAAAAAAAAAAAAAAA1:s", "AROAAAAAAAAAAAAAAAAA2:s"), OrgID: r.one("", "a", "o-x"),
		ExternalID: r.one("", "ab", "xx"), SessionName: r.one("", "aa", "xx"), SourceIdentity: r.one("", "", "ab", "xx"),
	}
	switch s.PrincipalARN {
	case "arn:aws:sts::111122223333:assumed-role/a/s":
		s.RoleARN = r.one("", "arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/team/a")
	case "arn:aws:sts::111122223333:assumed-role/b/s":
		s.RoleARN = r.one("", "arn:aws:iam::111122223333:role/b", "arn:aws:iam::111122223333:role/team/b")
	}
	if r.IntN(2) == 0 {
		s.PrincipalTags = map[string]string{"T": r.one("a", "x")}
	}
	if r.IntN(2) == 0 {
		s.SessionTags = map[string]string{r.one("T", "t", "u"): r.one("a", "x")}
	}
	return trust.AssumeRole(s)
}

func TestNoCallerContradictsAProof(t *testing.T) {
	t.Parallel()
	r := chooseFrom{rand.New(rand.NewPCG(7, 8))}
	outcomes := map[trust.Outcome]int{}
	for range draws(150) {
		docs := [2][]byte{r.chain(), r.chain()}
		p, outer := parse(t, string(docs[0])), parse(t, string(docs[1]))
		proof := p.Within(outer)
		checkProof(t, p, outer, proof)
		outcomes[proof.Outcome]++
		for range 100 {
			if q := r.request(); proof.Outcome == trust.Holds && p.Allows(q) {
				require.True(t, outer.Allows(q), "%s\n%s\n%s", p, outer, outer.Evaluate(q))
			}
		}
		assert.Equal(t, trust.Holds, p.Within(p).Outcome)
		assert.Equal(t, trust.Holds, p.Within(p.Compact()).Outcome, "%s\n%s\n%s", p, p.Compact(), p.Within(p.Compact()))
	}
	assert.Greater(t, outcomes[trust.Holds], draws(15))
	assert.Greater(t, outcomes[trust.Fails], draws(15))
}

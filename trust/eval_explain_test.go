package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/trust"
)

// What a person reads who asks why a pod does not get a role.
func TestADecisionIsExplainedInFull(t *testing.T) {
	t.Parallel()
	p, g := provider(t, blue), provider(t, green)
	st := func(effect string, of trust.Provider, action, conditions, more string) string {
		return `{` + more + `"Effect":"` + effect + `","Principal":{"Federated":"` + of.ARN() + `"},"Action":"` + action + `","Condition":` + strings.ReplaceAll(conditions, "HOST", p.HostPath()) + `}`
	}
	const web = "sts:AssumeRoleWithWebIdentity"
	for name, c := range map[string]struct{ body, want string }{
		"another case": {st("Allow", p, web, `{"StringEquals":{"HOST:sub":"SYSTEM:serviceaccount:a:b"}}`, ""), `denied: sub is system:serviceaccount:a:b, the policy wants SYSTEM:serviceaccount:a:b (they differ in case)
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    StringEquals: not met: sub is system:serviceaccount:a:b, the policy wants SYSTEM:serviceaccount:a:b (they differ in case)`},
		"a pattern in another case": {st("Allow", p, web, `{"StringLike":{"HOST:sub":"SYSTEM:serviceaccount:a:*"}}`, ""), `denied: sub is system:serviceaccount:a:b, the policy wants SYSTEM:serviceaccount:a:* (they differ in case)
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    StringLike: not met: sub is system:serviceaccount:a:b, the policy wants SYSTEM:serviceaccount:a:* (they differ in case)`},
		"white space": {st("Allow", p, web, `{"StringEquals":{"HOST:sub":" system:serviceaccount:a:b"}}`, ""), `denied: sub is system:serviceaccount:a:b, the policy wants " system:serviceaccount:a:b" (they differ in white space)
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    StringEquals: not met: sub is system:serviceaccount:a:b, the policy wants " system:serviceaccount:a:b" (they differ in white space)`},
		"a claim that STS does not expose": {st("Allow", p, web, `{"StringEquals":{"HOST:kubernetes.io/namespace":"a"}}`, ""), `denied: kubernetes.io/namespace is absent, the policy wants a (STS does not make this claim a condition key)
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    StringEquals: not met: kubernetes.io/namespace is absent, the policy wants a (STS does not make this claim a condition key)`},
		"a pattern for others": {st("Allow", p, web, `{"StringLike":{"HOST:sub":"system:serviceaccount:b:*"}}`, ""), `denied: sub is system:serviceaccount:a:b, the policy wants system:serviceaccount:b:*
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    StringLike: not met: sub is system:serviceaccount:a:b, the policy wants system:serviceaccount:b:*`},
		"no values": {st("Allow", p, web, `{"StringEquals":{"HOST:sub":[]}}`, ""), `denied: sub is system:serviceaccount:a:b, the policy wants nothing (the list of values is empty)
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    StringEquals: not met: sub is system:serviceaccount:a:b, the policy wants nothing (the list of values is empty)`},
		"a value that is excluded": {st("Allow", p, web, `{"StringNotEquals":{"HOST:sub":"system:serviceaccount:a:b"}}`, ""), `denied: sub is system:serviceaccount:a:b, the policy wants StringNotEquals system:serviceaccount:a:b
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    StringNotEquals: not met: sub is system:serviceaccount:a:b, the policy wants StringNotEquals system:serviceaccount:a:b`},
		"a key that is not known": {st("Allow", p, web, `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, ""), `denied: aws:SourceIp is not known, the policy wants IpAddress 10.0.0.0/8 (it is not known offline: add it with Request.With)
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    IpAddress: not met: aws:SourceIp is not known, the policy wants IpAddress 10.0.0.0/8 (it is not known offline: add it with Request.With)`},
		"another action": {st("Allow", p, "sts:AssumeRole", `{}`, ""), `denied: sts:AssumeRoleWithWebIdentity is asked for, the statement is for Action sts:AssumeRole
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    the statement is for Action sts:AssumeRole`},
		"the nearest of three statements": {st("Allow", g, web, `{}`, "") + "," + st("Allow", p, web, `{"StringEquals":{"HOST:sub":"x","HOST:aud":"y"}}`, "") + "," + st("Allow", p, web, `{"StringEquals":{"HOST:sub":"x"}}`, `"Sid":"Near",`), `denied: sub is system:serviceaccount:a:b, the policy wants x
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    the caller is BLUE, the policy wants GREEN
  /Statement/1: Allow sts:AssumeRoleWithWebIdentity: does not match
    StringEquals: not met: sub is system:serviceaccount:a:b, the policy wants x
    StringEquals: not met: aud is sts.amazonaws.com, the policy wants y
  /Statement/2 (Sid Near): Allow sts:AssumeRoleWithWebIdentity: does not match
    StringEquals: not met: sub is system:serviceaccount:a:b, the policy wants x`},
		"a Deny": {st("Allow", p, web, `{}`, "") + "," + st("Deny", p, web, `{"StringEquals":{"HOST:sub":"system:serviceaccount:a:b"}}`, ""), `denied: /Statement/1 denies it
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: matches
  /Statement/1: Deny sts:AssumeRoleWithWebIdentity: matches`},
		"a Deny that may match": {st("Allow", p, web, `{}`, "") + "," + st("Deny", p, web, `{"StringEquals":{"HOST:sub":"system:serviceaccount:a:b","aws:SourceVpc":"v"}}`, ""), `denied: /Statement/1 may deny it: aws:SourceVpc is not known, the policy wants v (it is not known offline: add it with Request.With)
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: matches
  /Statement/1: Deny sts:AssumeRoleWithWebIdentity: matches
    StringEquals: met: aws:SourceVpc is not known, the policy wants v (it is not known offline: add it with Request.With)`},
		"a Deny of somebody unknown": {st("Allow", p, web, `{}`, "") + `,{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"` + web + `"}`, `denied: /Statement/1 may deny it: the caller is BLUE, the policy wants *
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: matches
  /Statement/1: Deny sts:AssumeRoleWithWebIdentity: matches
    the caller is BLUE, the policy wants *`},
		"allowed beside a Deny": {st("Allow", p, web, `{}`, `"Sid":"Open",`) + "," + st("Deny", p, web, `{"StringEquals":{"HOST:sub":"z"}}`, ""), `allowed
  /Statement/0 (Sid Open): Allow sts:AssumeRoleWithWebIdentity: matches
  /Statement/1: Deny sts:AssumeRoleWithWebIdentity: does not match
    StringEquals: not met: sub is system:serviceaccount:a:b, the policy wants z`},
		"a statement that IAM does not store": {st("Allow", p, web, `{}`, `"Resource":"*",`), `denied: IAM does not store the policy: /Statement/0/Resource: Has prohibited field Resource
  /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
    it has an element that no trust policy may have: "Resource"`},
	} {
		d := parse(t, statement(c.body)).Evaluate(trust.WebIdentity(p, trust.Claims{"sub": "system:serviceaccount:a:b", "aud": "sts.amazonaws.com"}))
		assert.Equal(t, strings.NewReplacer("BLUE", p.ARN(), "GREEN", g.ARN()).Replace(c.want), d.String(), name)
	}
}

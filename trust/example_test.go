package trust_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/irsa-go/irsa/trust"
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func cluster() trust.Provider {
	return must(trust.NewProvider("aws", "111122223333", "https://oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3"))
}

func ExampleNew() {
	policy := must(trust.New(trust.Grant{
		Provider: cluster(),
		Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))},
	}))
	indented := must(json.MarshalIndent(policy, "", "  "))
	fmt.Println(string(indented))
	fmt.Println(policy.Size(), "characters count")
	// Output:
	// {
	//   "Version": "2012-10-17",
	//   "Statement": [
	//     {
	//       "Effect": "Allow",
	//       "Principal": {
	//         "Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3"
	//       },
	//       "Action": "sts:AssumeRoleWithWebIdentity",
	//       "Condition": {
	//         "StringEquals": {
	//           "oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3:aud": "sts.amazonaws.com",
	//           "oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3:sub": "system:serviceaccount:shop:cart"
	//         }
	//       }
	//     }
	//   ]
	// }
	// 392 characters count
}

func ExampleNewProvider() {
	p := must(trust.NewProvider("aws-cn", "111122223333", "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/A1B2C3"))
	fmt.Println(p.ARN())
	fmt.Println(p.ConditionKey("sub"))
	// Output:
	// arn:aws-cn:iam::111122223333:oidc-provider/oidc.eks.cn-north-1.amazonaws.com.cn/id/A1B2C3
	// oidc.eks.cn-north-1.amazonaws.com.cn/id/A1B2C3:sub
}

func ExampleParseProviderARN() {
	p := must(trust.ParseProviderARN("arn:aws:iam::111122223333:oidc-provider/oidc.example.com/blue"))
	fmt.Println(p.IssuerURL(), "in", p.AccountID())
	// Output: https://oidc.example.com/blue in 111122223333
}

func ExampleServiceAccount() {
	fmt.Println(trust.ServiceAccount("shop", "cart"))
	_, err := trust.ServiceAccount("shop", "*")
	fmt.Println(err)
	// Output:
	// system:serviceaccount:shop:cart <nil>
	// trust: subject "system:serviceaccount:shop:*": service account "*" is not a DNS subdomain: want 1 to 253 of a-z, 0-9, '-' and '.', each part beginning and ending with a letter or digit
}

func ExampleParseSubject() {
	fmt.Println(trust.ParseSubject("repo:octo-org/octo-repo:environment:prod"))
	// Output: repo:octo-org/octo-repo:environment:prod <nil>
}

func ExampleParsePattern() {
	p := must(trust.ParsePattern("system:serviceaccount:shop:*"))
	fmt.Println(p.Matches(must(trust.ServiceAccount("shop", "cart"))))
	_, err := trust.ParsePattern("*")
	fmt.Println(err)
	// Output:
	// true
	// trust: pattern "*": it has only wildcards: every token of the issuer would match
}

func ExampleNewPodIdentity() {
	policy := must(trust.NewPodIdentity(trust.PodIdentityGrant{
		ClusterARNs: []string{"arn:aws:eks:eu-west-1:111122223333:cluster/blue"},
		Subjects:    []trust.Subject{must(trust.ServiceAccount("shop", "cart"))},
	}))
	for _, name := range []string{"cart", "mail"} {
		fmt.Println(name, policy.Allows(trust.PodIdentity(trust.PodIdentitySession{
			ClusterARN: "arn:aws:eks:eu-west-1:111122223333:cluster/blue", Namespace: "shop", ServiceAccount: name,
		})))
	}
	// Output:
	// cart true
	// mail false
}

func ExampleNewChain() {
	policy := must(trust.NewChain(trust.ChainGrant{RoleARNs: []string{"arn:aws:iam::111122223333:role/source"}}))
	fmt.Println(policy.Allows(trust.AssumeRole(trust.AssumeRoleSession{
		PrincipalARN: "arn:aws:sts::111122223333:assumed-role/source/session",
		RoleARN:      "arn:aws:iam::111122223333:role/source",
	})))
	// Output: true
}

// A controller acts for the service account shop/cart, and says so in session tags.
func ExampleNewChain_tenant() {
	controller := "arn:aws:iam::111122223333:role/controller"
	policy := must(trust.NewChain(trust.ChainGrant{RoleARNs: []string{controller}, Subject: must(trust.ServiceAccount("shop", "cart"))}))
	fmt.Println(policy)
	for _, tags := range []map[string]string{
		{"kubernetes-namespace": "shop", "kubernetes-service-account": "cart"},
		{"kubernetes-namespace": "mail", "kubernetes-service-account": "cart"},
		nil,
	} {
		fmt.Println(policy.Allows(trust.AssumeRole(trust.AssumeRoleSession{
			PrincipalARN: "arn:aws:sts::111122223333:assumed-role/controller/session", RoleARN: controller, SessionTags: tags,
		})))
	}
	// Output:
	// {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/controller"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"shop","aws:RequestTag/kubernetes-service-account":"cart"}}}]}
	// true
	// false
	// false
}

// A role that moves from IRSA to EKS Pod Identity trusts both for a while.
func ExampleJoin() {
	irsa := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))}}))
	podIdentity := must(trust.NewPodIdentity(trust.PodIdentityGrant{AccountID: "111122223333"}))
	both := must(trust.Join(irsa, podIdentity))
	fmt.Println(both.Len(), "statements")
	// Output: 2 statements
}

// A role moves from IRSA to EKS Pod Identity: first it trusts both, then the new way alone.
func ExamplePolicy_WithPodIdentity() {
	cart := must(trust.ServiceAccount("shop", "cart"))
	irsa := trust.Grant{Provider: cluster(), Subjects: []trust.Subject{cart}}
	pods := trust.PodIdentityGrant{AccountID: "111122223333", Subjects: []trust.Subject{cart}}
	both := must(must(trust.New(irsa)).WithPodIdentity(pods))
	moved := must(both.WithoutGrant(irsa))
	fmt.Println(moved)
	// Output:
	// {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333","aws:RequestTag/kubernetes-namespace":"shop","aws:RequestTag/kubernetes-service-account":"cart"}}}]}
}

// And back again: what is left is what it was.
func ExamplePolicy_WithoutPodIdentity() {
	cart := must(trust.ServiceAccount("shop", "cart"))
	irsa := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{cart}}))
	pods := trust.PodIdentityGrant{Subjects: []trust.Subject{cart}}
	both := must(irsa.WithPodIdentity(pods))
	back := must(both.WithoutPodIdentity(pods))
	fmt.Println(back.Document() == irsa.Document())
	_, err := must(irsa.WithPodIdentity(trust.PodIdentityGrant{})).WithoutPodIdentity(pods)
	fmt.Println(err)
	// Output:
	// true
	// trust: WithoutPodIdentity: subject "system:serviceaccount:shop:cart" would stay admitted by a statement for more (/Statement/1)
}

func ExampleParse() {
	_, err := trust.Parse([]byte(`{
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Deny", "effect": "Allow"}]
}`))
	var syntax *trust.SyntaxError
	fmt.Println(errors.As(err, &syntax))
	fmt.Println(err)
	// Output:
	// true
	// trust: policy: line 3, column 36 at "/Statement/0/effect": names are case-sensitive: it must be written "Effect"
}

func ExamplePolicy_WithGrant() {
	policy := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))}}))
	wider := must(policy.WithGrant(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("post", "mail"))}}))
	for _, change := range policy.Diff(wider) {
		fmt.Println(change)
	}
	// Output: "system:serviceaccount:post:mail" of "oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3" is admitted now, for audience "sts.amazonaws.com"
}

func ExamplePolicy_WithoutGrant() {
	cart := must(trust.ServiceAccount("shop", "cart"))
	policy := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{cart},
		Patterns: []trust.Pattern{must(trust.ParsePattern("system:serviceaccount:shop:*"))}}))
	_, err := policy.WithoutGrant(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{cart}})
	fmt.Println(err)
	// Output: trust: WithoutGrant: subject "system:serviceaccount:shop:cart" would stay admitted by a pattern (/Statement/1)
}

func ExamplePolicy_WithoutProvider() {
	policy := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))}}))
	fmt.Println(must(policy.WithoutProvider(cluster())))
	// Output: {"Version":"2012-10-17","Statement":[]}
}

func ExamplePolicy_Retargeted() {
	next := must(trust.NewProvider("aws", "111122223333", "https://oidc.eks.eu-west-1.amazonaws.com/id/D4E5F6"))
	policy := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))}}))
	moved := must(policy.Retargeted(cluster(), next))
	fmt.Println(strings.Count(moved.Document(), "A1B2C3"), strings.Count(moved.Document(), "D4E5F6"))
	// Output: 0 3
}

func ExamplePolicy_Evaluate() {
	policy := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("cart", "shop"))}}))
	fmt.Println(policy.Evaluate(trust.WebIdentity(cluster(), trust.Claims{
		"sub": "system:serviceaccount:shop:cart",
		"aud": []any{"sts.amazonaws.com"},
	})))
	// Output:
	// denied: sub is system:serviceaccount:shop:cart, the policy wants system:serviceaccount:cart:shop (namespace and name swapped?)
	//   /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
	//     StringEquals: met: aud is sts.amazonaws.com, the policy wants sts.amazonaws.com
	//     StringEquals: not met: sub is system:serviceaccount:shop:cart, the policy wants system:serviceaccount:cart:shop (namespace and name swapped?)
}

func ExamplePolicy_Allows() {
	policy := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))}}))
	for _, sub := range []string{"system:serviceaccount:shop:cart", "system:serviceaccount:shop:mail"} {
		fmt.Println(policy.Allows(trust.WebIdentity(cluster(), trust.Claims{"sub": sub, "aud": "sts.amazonaws.com"})))
	}
	// Output:
	// true
	// false
}

func ExampleRequest_With() {
	policy := must(trust.Parse([]byte(`{"Version": "2012-10-17", "Statement": {
		"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole",
		"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}}`)))
	q := trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/u"})
	fmt.Println(policy.Allows(q), policy.Allows(q.With("aws:SourceIp", "10.1.2.3")))
	// Output: false true
}

func ExamplePolicy_Validate() {
	policy := must(trust.Parse([]byte(`{"Version": "2012-10-17", "Statement": {
		"Effect": "Allow", "Principal": {"Federated": "${oidc_provider_arn}"}, "Action": "sts:*"}}`)))
	fmt.Println(policy.Validate())
	// Output:
	// trust: policy:
	// 	/Statement/Principal/Federated: Federated principals must be valid domain names or SAML metadata ARNs
	// 	/Statement/Action: AssumeRole policy may only specify STS AssumeRole actions.
}

func ExamplePolicy_Lint() {
	policy := must(trust.Parse([]byte(`{"Version": "2012-10-17", "Statement": {
		"Effect": "Allow",
		"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/blue"},
		"Action": "sts:AssumeRoleWithWebIdentity",
		"Condition": {"StringEquals": {"oidc.example.com/blue:aud": "sts.amazonaws.com"}}}}`)))
	for _, finding := range policy.Lint() {
		fmt.Println(finding)
	}
	// Output: /Statement: error: missing-sub: nothing asks for the sub: every token of oidc.example.com/blue may have the role. Ask for oidc.example.com/blue:sub under StringEquals.
}

func ExamplePolicy_Who() {
	policy := must(trust.New(trust.Grant{Provider: cluster(), Patterns: []trust.Pattern{must(trust.ParsePattern("system:serviceaccount:shop:*"))}}))
	accounts := []trust.Subject{must(trust.ServiceAccount("shop", "cart")), must(trust.ServiceAccount("post", "mail"))}
	for _, admitted := range policy.Who(cluster(), accounts) {
		fmt.Println(admitted.Subject, "by", admitted.Path)
	}
	// Output: system:serviceaccount:shop:cart by /Statement/0
}

func ExamplePolicy_Diff() {
	blue := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))}}))
	none := must(blue.WithoutProvider(cluster()))
	for _, change := range blue.Diff(none) {
		fmt.Println(change.Kind, change.Subject)
	}
	// Output: subject-dropped system:serviceaccount:shop:cart
}

func ExamplePolicy_Equal() {
	a := must(trust.Parse([]byte(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}}`)))
	b := must(trust.Parse([]byte(`{"Statement": [{"Action": ["sts:AssumeRole"], "Principal": {"AWS": ["111122223333"]}, "Effect": "Allow"}]}`)))
	fmt.Println(a.Equal(b))
	// Output: true
}

func ExamplePolicy_CheckSize() {
	policy := must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))}}))
	err := policy.CheckSize(300)
	var size *trust.SizeError
	if errors.As(err, &size) {
		fmt.Println(size.Excess, "too many")
	}
	// Output: 92 too many
}

func ExamplePolicy_Compact() {
	one := trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))}}
	two := trust.Grant{Provider: cluster(), Patterns: []trust.Pattern{must(trust.ParsePattern("system:serviceaccount:shop:*"))}}
	policy := must(trust.New(one, two))
	fmt.Println(policy.Size(), "to", policy.Compact().Size())
	// Output: 758 to 402
}

// A pull request turns one namespace into a prefix, and the star crosses the colon.
func ExamplePolicy_Within() {
	grant := func(pattern string) *trust.Policy {
		return must(trust.New(trust.Grant{Provider: cluster(), Patterns: []trust.Pattern{must(trust.ParsePattern(pattern))}}))
	}
	before, after := grant("system:serviceaccount:team-a:*"), grant("system:serviceaccount:team-a*")
	fmt.Println(before.Within(after))
	fmt.Println(after.Within(before).Witness)
	// Output:
	// holds
	// a token of oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3 with sub system:serviceaccount:team-ax:x, aud sts.amazonaws.com
}

func ExamplePolicy_Reach() {
	policy := must(trust.New(
		trust.Grant{Provider: cluster(), Subjects: []trust.Subject{must(trust.ServiceAccount("shop", "cart"))}},
		trust.Grant{Provider: cluster(), Patterns: []trust.Pattern{must(trust.ParsePattern("system:serviceaccount:team-*:reader"))}},
	))
	for _, r := range policy.Reach() {
		fmt.Println(r)
	}
	// Output:
	// every service account named reader in a namespace that begins with team- of oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3, for audience sts.amazonaws.com
	// service account cart in namespace shop of oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3, for audience sts.amazonaws.com
}

func ExamplePolicy_Compare() {
	grant := func(names ...string) *trust.Policy {
		g := trust.Grant{Provider: cluster()}
		for _, name := range names {
			g.Subjects = append(g.Subjects, must(trust.ServiceAccount("shop", name)))
		}
		return must(trust.New(g))
	}
	c := grant("cart", "mail").Compare(grant("cart", "stock"))
	for _, r := range c.Admits {
		fmt.Println("new:", r)
	}
	for _, r := range c.Drops {
		fmt.Println("gone:", r)
	}
	// Output:
	// new: service account stock in namespace shop of oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3, for audience sts.amazonaws.com
	// gone: service account mail in namespace shop of oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3, for audience sts.amazonaws.com
}

func ExampleIndex() {
	checkout := must(trust.ServiceAccount("shop", "checkout"))
	reader := "arn:aws:iam::111122223333:role/reader"
	x := trust.NewIndex(map[string]*trust.Policy{
		reader:                                   must(trust.New(trust.Grant{Provider: cluster(), Subjects: []trust.Subject{checkout}})),
		"arn:aws:iam::111122223333:role/archive": must(trust.NewChain(trust.ChainGrant{RoleARNs: []string{reader}})),
	})
	for _, a := range x.Who(cluster(), checkout) {
		fmt.Println("checkout can become", a.Role)
		for _, way := range x.Through(a.Role) {
			fmt.Println("and through it", way[len(way)-1])
		}
	}
	// Output:
	// checkout can become arn:aws:iam::111122223333:role/reader
	// and through it arn:aws:iam::111122223333:role/archive
}

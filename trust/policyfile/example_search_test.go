package policyfile_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/policyfile"
)

// Who can have the roles of a folder, and whether a change keeps them: a Terraform plan, and a
// CloudFormation template.
func ExampleSearch_Policies() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{
		"plan.json": `{"format_version":"1.2","planned_values":{"root_module":{"resources":[{"address":"aws_iam_role.cart",
			"mode":"managed","type":"aws_iam_role","name":"cart","values":{"name":"cart","assume_role_policy":` +
			`"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/ci\"},\"Action\":\"sts:AssumeRole\"}]}"}}]}}}`,
		"template.yaml": `Resources:
  Mail:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
        - Effect: Allow
          Principal: {Federated: arn:aws:iam::111122223333:oidc-provider/oidc.cluster.example}
          Action: sts:AssumeRoleWithWebIdentity
          Condition:
            StringEquals: {"oidc.cluster.example:aud": sts.amazonaws.com, "oidc.cluster.example:sub": "system:serviceaccount:shop:mail"}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}

	roles := map[string]*trust.Policy{}
	var search policyfile.Search
	for found, err := range search.Policies(dir) {
		if err != nil {
			log.Fatal(err)
		}
		if found.Err != nil { // it cannot be judged
			log.Fatal(found.File, ": ", found.Name, ": ", found.Err)
		}
		roles[found.Name] = found.Policy
		fmt.Println(filepath.Base(found.File), found.Name, found.Policy.Reach(), found.Policy.Lint())
	}
	changed, err := trust.Join(roles["Mail"], roles["aws_iam_role.cart"])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(roles["Mail"].Within(changed))
	fmt.Println(roles["Mail"].Compare(changed))
	// Output:
	// plan.json aws_iam_role.cart [role arn:aws:iam::111122223333:role/ci] []
	// template.yaml Mail [service account mail in namespace shop of oidc.cluster.example, for audience sts.amazonaws.com] []
	// holds
	// + role arn:aws:iam::111122223333:role/ci; role arn:aws:iam::111122223333:role/ci
}

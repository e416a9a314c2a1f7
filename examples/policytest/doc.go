// Package policytest shows how a team tests its trust policies the way it tests its code: the
// documents lie in policies/NAMESPACE/, as Terraform or anything else applies them, and
// policy_test.go has a table of service accounts and who may become what. go test then says,
// without an AWS account and before anything is applied, who gets a role that should not, who
// does not that should, what IAM would refuse and what is dangerous. It also proves that no
// policy lets in anybody from outside its namespace, whatever tokens there may ever be, and
// prints one that it would let in when it cannot.
//
// To use it, copy policy_test.go and policies, put your policies in place of these, and write your own table.
package policytest

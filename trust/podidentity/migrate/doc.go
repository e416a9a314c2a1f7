// Package migrate takes the pods of a service account from IAM Roles for Service Accounts to EKS
// Pod Identity, and back, without a moment at which a pod cannot get credentials.
//
// [New] looks at a [State] and says which steps are left; it does no I/O. A program
// reads a State, runs [Plan.Next] and reads again, until the plan has no steps. It may stop after any step, for a
// second or for a year: until the last pod has changed, the role admits the account in both ways.
//
//   - the role's trust policy admits the account in the new way too
//   - the association is created, or the annotation is set
//   - pods are recreated; [mutate.Mutator.Diagnose] says of each whether it has the new way
//   - when every pod has it, the annotation or the association is taken away
//   - the trust policy no longer admits the account in the old way
//
// Each policy is proved, with [trust.Policy.Within], to admit nobody but whom the one before
// admits and this account in the new way.
//
// Something in the cluster decides which way a new pod gets. EKS's own webhook gives Pod Identity
// to every new pod of an account with an association: so the way there has no gap, and the way
// back needs a webhook or policy of your own that injects the role's variables before it, which
// SDKs prefer, or [Config].AllowGap.
package migrate

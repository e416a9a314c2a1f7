// Package trusttest is one AWS account in a box: IAM, STS and EKS Pod Identity over their real
// wire protocols, for tests and demonstrations on one machine.
//
// Any AWS SDK and the AWS CLI work against it by endpoint, unmodified: [Account.Env] is the
// environment for them, [Account.AWSConfig] a configuration for the Go SDK that stays inside
// the process and so works in a testing/synctest bubble.
//
// What a user of IAM roles for service accounts can get wrong goes wrong here as it does in
// AWS, with the same codes, HTTP statuses and texts: web identity tokens are verified with
// the keys that the live issuer serves over TLS, certificates are checked against the
// provider's thumbprints, the audience against its client ids, and the role's trust policy
// is evaluated by package trust. The credentials that STS hands out are remembered: every
// signature is verified, in a header or in a presigned URL, and an unknown, altered or expired
// session is refused. Session tags and source identities stay with a session, and go on with
// its chain. [Account.Verify] does the same for requests to any other service.
//
// Package oidc/oidctest is the cluster's issuer for it. The account learns of the issuer as AWS
// does, by an IAM OIDC provider (iamprovider.Ensure) and a role that trusts it (iamrole.Ensure): see
// the Example. For an issuer in memory, [Config].DialContext is that of the issuer.
//
// [Account.AddCluster] adds an EKS cluster: its associations are made with the EKS client, and
// [Account.AgentURL] answers its pods as the agent on a node does.
//
// # Where it departs from AWS
//
//   - An issuer on a loopback address may have a port. IAM's documentation allows none.
//   - The account's administrator is the only one who may call IAM. Permission policies are
//     stored, sized and served, but not evaluated: a session may call STS and nothing else.
//   - Managed policies do not exist as objects: every well-formed ARN of a policy of AWS or
//     of this account can be attached.
//   - A trust policy may name an OIDC provider that does not exist; roles of this account
//     must exist, as in AWS.
//   - The keys of an issuer are fetched for every token, so a rotation takes effect at once.
//   - Signatures are dated by the clock of the machine, or by [Config].Now: SDKs sign with
//     the former and cannot be given another.
//   - Where no public source for the text of a message is known, the code marks it "unproven".
//
// It listens on loopback only, its keys are random, and it holds everything in memory.
package trusttest

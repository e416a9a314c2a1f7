// Package token turns a Kubernetes service account token into AWS credentials and keeps them
// fresh through every failure.
//
// A [Provider] is an aws.CredentialsProvider. It reads the token from a [Source], such as the
// [File] that the kubelet projects into the pod, assumes the role at STS and holds the answer:
//
//	p, err := token.NewProvider(sts.NewFromConfig(cfg), roleARN, token.File(path), token.Config{})
//	cfg.Credentials = p
//
// [Resolve] reads a pod's environment and says where its credentials come from and why; it does
// not fall back to the node's role. [Keep] gives any other provider the same refresh: an EKS Pod
// Identity endpoint, for example. [Chain] assumes further roles from there, in other accounts
// too. [Pool] holds the credentials of many service accounts at once. [Explain] says what an
// error means and [Inspect] what a token says of itself.
//
// # Refresh
//
// Credentials are renewed when somebody asks for them inside the advisory window, long before
// they expire: one caller waits for the new ones, all others go on with those that are there.
// In the last minute everybody waits. When a refresh fails, the cached credentials are served,
// even expired ones, and nothing is asked for 5 to 10 minutes; a service that still accepts them
// keeps working through an outage of STS. Errors that asking again cannot heal, see [IsFinal],
// are returned at once. [Refresh] has the details.
//
// A cached answer costs no allocation, no lock and no look at the clock, and nothing runs in the
// background: a provider that nobody asks does nothing.
//
// # Secrecy
//
// A token never appears in an error or a hook of this package, not even where STS quotes it. The
// SDK's logging of request and response bodies, which would print the token and the credentials,
// is turned off for the calls of a Provider; the SDK's own web identity provider has it on.
package token

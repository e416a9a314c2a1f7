// Package oidc knows what AWS needs from a Kubernetes cluster's OpenID Connect issuer: who
// it is ([Issuer]), what it serves ([Document], [KeySet]), which certificates it shows
// ([ThumbprintReport]) and whose token it signed ([Verifier]).
//
// A cluster reachable over the network is asked through a [Client]. A cluster that has no
// issuer of its own yet gets one from [NewKeySet], [NewDocument] and [Publish], and
// [Client.Preflight] then looks at the result as AWS STS would.
//
// Nothing here talks to AWS; package iamprovider below this one does.
package oidc

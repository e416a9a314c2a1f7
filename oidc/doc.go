// Package oidc knows what AWS needs from a Kubernetes cluster's OpenID Connect issuer: who
// it is ([Issuer]), what it serves ([Document], [KeySet]), which certificates it shows
// ([ThumbprintReport]) and whose token it signed ([Verifier]).
//
// A cluster reachable over the network is asked through a [Client]. A cluster that has no
// issuer of its own yet gets one from [GenerateKey] or the keys that it has, [NewDocument] and
// [Publish]; [Client.Preflight] then looks at the result as AWS STS would, and a [Rotation]
// replaces the key without a token failing.
//
// Nothing here talks to AWS; package iamprovider below this one does.
package oidc

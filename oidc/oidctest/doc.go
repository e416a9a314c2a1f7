// Package oidctest runs an OpenID Connect issuer as a Kubernetes cluster has one, in the
// manner of net/http/httptest: for tests, and for programs that show something without a
// cluster.
//
// It serves what kube-apiserver serves over TLS, under a certificate authority of its own,
// mints the tokens that kube-apiserver mints, rotates its keys, and misbehaves on demand.
// Package trust/trusttest is an AWS account to go with it.
//
// Whoever holds the [Server] can mint a token for any account. Nothing real may trust it.
package oidctest

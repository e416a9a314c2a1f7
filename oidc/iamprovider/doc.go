// Package iamprovider makes the IAM OIDC provider of an issuer, and keeps it as it should be.
//
// [Plan] shows what [Ensure] would do; Ensure does it, with no write when nothing differs. The
// provider's ARN follows from partition, account and issuer, so nothing is ever listed to find
// it. Whatever is there already is adopted.
//
// # Additive by default
//
// A provider decides whose tokens an account believes. Ensure therefore adds client ids,
// thumbprints and tags, and removes none unless [Spec].Exact asks for it; every removal is a
// step of the plan. The reason is thumbprints: a program that computes one behind a connection
// which somebody intercepts would otherwise replace the issuer's CA by the interceptor's.
// What is added is added before anything is removed, so no token that is right both before
// and after is refused in between.
//
// # Interruption and races
//
// Each step leaves a provider that works, so a context that ends between two loses nothing:
// the next Ensure does the rest. A provider that appears while Ensure creates it is adopted.
// Client ids and tags are single edits in IAM. Thumbprints are one list that IAM replaces as a
// whole and without any condition, so Ensure reads again just before and, after
// [Config].Settle, once more, and repeats its edit when another writer has replaced it.
//
// # Permissions
//
// The documentation of each function names the IAM actions that its caller needs on the
// provider's ARN.
package iamprovider

//go:build !race

package token_test

// poolLoad is how many identities the tests of a failing STS have with their credentials cached.
const poolLoad = 1000

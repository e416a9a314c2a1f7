//go:build !race

package token_test

// poolLoad is how many identities the tests of a failing STS have.
const poolLoad = 1000

//go:build !race

package token_test

const (
	// poolLoad is how many identities the tests of a failing STS have.
	poolLoad = 1000
	racing   = false
)

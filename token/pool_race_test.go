//go:build race

package token_test

// The race detector makes an attempt ten times as dear.
const poolLoad = 200

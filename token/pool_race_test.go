//go:build race

package token_test

// poolLoad is smaller here: the race detector makes an attempt ten times as dear.
const poolLoad = 200

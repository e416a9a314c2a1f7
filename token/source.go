package token

import (
	"context"
	"errors"
)

// Source gives web identity tokens: signed JWTs whose audience the IAM OIDC provider admits.
//
// A [Provider] asks before every call to STS and uses the token once, so that a rotated token is
// used as soon as it is there. A Source is asked by one goroutine at a time per Provider; one
// that several Providers share must be safe for concurrent use. It should give up when ctx is
// done. An error is taken for temporary unless it is marked by [Final]; it must not hold a token.
type Source interface {
	Token(ctx context.Context) (string, error)
}

// SourceFunc is a function as a [Source]. It is as safe for concurrent use as the function is.
type SourceFunc func(ctx context.Context) (string, error)

// Token calls f; a nil f is an error.
func (f SourceFunc) Token(ctx context.Context) (string, error) {
	if f == nil {
		return "", errors.New("token: the SourceFunc is nil")
	}
	return f(ctx)
}

var _ Source = SourceFunc(nil)

// readSource spares a File's errors the prefix that the outermost error has already.
func readSource(ctx context.Context, src Source) (string, error) {
	if f, ok := src.(File); ok {
		return f.read(ctx)
	}
	return src.Token(ctx)
}

package otherclients

import (
	"context"

	"golang.org/x/oauth2/google/externalaccount"

	"github.com/irsa-go/irsa/token"
)

// GoogleSubject is a source of tokens for externalaccount.Config. The token is read again at each
// exchange, as a rotated one must be used.
type GoogleSubject struct{ token.Source }

var _ externalaccount.SubjectTokenSupplier = GoogleSubject{}

// SubjectToken returns a token from the source.
func (g GoogleSubject) SubjectToken(ctx context.Context, _ externalaccount.SupplierOptions) (string, error) {
	return g.Token(ctx)
}

package iamprovider

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/iamcall"
)

// Delete deletes the provider; it is not an error when it does not exist. From then on STS refuses all
// tokens of its issuer; credentials already given out live on until they expire. Roles that
// trust the provider are not touched.
// The caller needs iam:DeleteOpenIDConnectProvider.
func Delete(ctx context.Context, api Deleter, providerARN string) error {
	if _, _, err := arn.ParseIAM(providerARN, "oidc-provider"); err != nil {
		return fmt.Errorf("iamprovider: provider ARN %q: %w", providerARN, err)
	}
	if api == nil {
		return fmt.Errorf("iamprovider: %w", ErrNoClient)
	}
	_, err := api.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{
		OpenIDConnectProviderArn: aws.String(providerARN),
	})
	if err != nil && !iamcall.Is(err, iamcall.NoSuchEntity) {
		return fmt.Errorf("iamprovider: %s: delete provider: %w", providerARN, err)
	}
	return nil
}

package token

import (
	"context"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// withResponses puts the response to an error of the container credentials endpoint. The SDK looks
// there for x-amz-retry-after, but its own errors of this endpoint do not have it
// (endpointcreds/internal/client and aws/retry of aws-sdk-go-v2 v1.48.0).
func withResponses(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("irsa:responses", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok && err != nil {
			err = &smithyhttp.ResponseError{Response: answerAlone(response), Err: err}
		}
		return out, metadata, err
	}), middleware.Before)
}

package trusttest_test

import (
	"errors"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// assertRefusal checks everything that AWS says when it says no.
func assertRefusal(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var refused smithy.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, code, refused.ErrorCode())
	assert.Equal(t, message, refused.ErrorMessage())
	fault := smithy.FaultClient
	if status >= 500 {
		fault = smithy.FaultServer
	}
	if refused.ErrorFault() != smithy.FaultUnknown {
		assert.Equal(t, fault, refused.ErrorFault())
	}
	var response *awshttp.ResponseError
	require.True(t, errors.As(err, &response))
	assert.Equal(t, status, response.HTTPStatusCode())
	assert.NotEmpty(t, response.ServiceRequestID())
}

package token_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

func TestRejectedCredentialsAreInvalidated(t *testing.T) {
	t.Parallel()
	for answer, invalidated := range map[string]bool{
		"ExpiredToken": true, "ExpiredTokenException": true, "InvalidToken": true, "RequestExpired": true, "TokenRefreshRequired": true,
		"AccessDenied": false, "InvalidClientTokenId": false, "Throttling": false, "OptInRequired": false, "MethodNotAllowed": false,
		"InvalidToken: The provided token is malformed or otherwise invalid.": false, // new ones of its kind do not help
	} {
		t.Run(answer, in(func(t *testing.T) {
			code, message, _ := strings.Cut(answer, ": ")
			o := &origin{}
			p := keep(t, o, token.Refresh{})
			service := &fakeSTS{fault: first(1, stsFault{http.StatusForbidden, code, message})}
			cfg := service.config()
			cfg.Credentials, cfg.RetryMaxAttempts = p, 1
			cfg.APIOptions = append(cfg.APIOptions, token.InvalidateRejected(p))
			client := sts.NewFromConfig(cfg)
			ask := func() error {
				_, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(otherARN), RoleSessionName: aws.String("me")})
				return err
			}
			var api smithy.APIError
			require.ErrorAs(t, ask(), &api)
			require.NoError(t, ask())
			want := []string{"KEY1", "KEY1"}
			if invalidated {
				want[1] = "KEY2"
			}
			assert.Equal(t, want, service.signers)
		}))
	}
}

func TestARejectionThroughLoadDefaultConfigReachesTheProvider(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		service := &fakeSTS{fault: first(1, stsFault{http.StatusForbidden, "ExpiredToken", "no"})}
		cfg, err := config.LoadDefaultConfig(t.Context(), config.WithCredentialsProvider(p), config.WithRegion("eu-central-1"),
			config.WithRetryMaxAttempts(1),
			config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}))
		require.NoError(t, err)
		cfg.HTTPClient = service
		cache, ok := cfg.Credentials.(*aws.CredentialsCache)
		require.True(t, ok)
		cfg.APIOptions = append(cfg.APIOptions, token.InvalidateRejected(p, cache))
		client := sts.NewFromConfig(cfg)
		for range 2 {
			_, _ = client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(otherARN), RoleSessionName: aws.String("me")})
		}
		assert.Equal(t, []string{"KEY1", "KEY2"}, service.signers)
	})(t)
}

func TestALateRejectionOfOldCredentialsDoesNothing(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		service := &fakeSTS{fault: first(1, stsFault{http.StatusForbidden, "ExpiredToken", "no"}), delay: 20 * time.Second}
		cfg := service.config()
		cfg.Credentials, cfg.RetryMaxAttempts = p, 1
		cfg.APIOptions = append(cfg.APIOptions, token.InvalidateRejected(p))
		done := make(chan error)
		go func() {
			_, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(otherARN), RoleSessionName: aws.String("me")})
			done <- err
		}()
		time.Sleep(10 * time.Second)
		p.Invalidate("KEY1")
		_, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		require.ErrorContains(t, <-done, "api error ExpiredToken")
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "KEY2", creds.AccessKeyID)
		assert.Equal(t, 2, o.count())
	})(t)
}

func TestAnUnsignedRequestThatIsRejectedInvalidatesNothing(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		kept := keep(t, o, token.Refresh{})
		service := &fakeSTS{fault: first(1, stsFault{http.StatusBadRequest, "ExpiredTokenException", "Token expired"})}
		cfg := service.config()
		cfg.APIOptions = append(cfg.APIOptions, token.InvalidateRejected(kept), token.InvalidateRejected(nil, nil))
		p, err := token.NewProvider(sts.NewFromConfig(cfg), roleARN, rotating(), token.Config{})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		_, err = kept.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, o.count())
	})(t)
}

func TestARejectedPresignedRequestIsToo(t *testing.T) {
	in(func(t *testing.T) {
		for url, want := range map[string]int{
			"https://b.s3.amazonaws.com/o?X-Amz-Credential=KEY1%2F20000101%2Feu-central-1%2Fs3%2Faws4_request": 2,
			"https://b.s3.amazonaws.com/o": 1,
		} {
			o := &origin{}
			p := keep(t, o, token.Refresh{})
			stack := middleware.NewStack("test", smithyhttp.NewStackRequest)
			require.NoError(t, token.InvalidateRejected(p)(stack))
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			require.NoError(t, err)
			for _, r := range []any{&smithyhttp.Request{Request: request}, &smithyhttp.Request{}, nil, "?"} {
				_, _, err = stack.Deserialize.HandleMiddleware(t.Context(), r, middleware.HandlerFunc(
					func(context.Context, any) (any, middleware.Metadata, error) {
						return nil, middleware.Metadata{}, &smithy.GenericAPIError{Code: "ExpiredToken"}
					}))
				require.ErrorContains(t, err, "api error ExpiredToken")
			}
			_, err = p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, want, o.count(), url)
		}
	})(t)
}

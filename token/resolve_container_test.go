package token_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

func TestAnAuthorizationFileThatIsMissingIsLookedForAgainAfterSeconds(t *testing.T) {
	t.Parallel()
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"AccessKeyId":"ASIA1","SecretAccessKey":"s","Token":"t","Expiration":"2100-01-01T00:00:00Z"}`)
	}))
	defer agent.Close()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o600))
	res, err := token.Resolve(env{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file,
	}.lookup)
	require.NoError(t, err)
	attempts := make(chan token.Attempt, 2)
	p, err := res.Provider(nil, token.Config{Refresh: token.Refresh{OnAttempt: func(a token.Attempt) { attempts <- a }}})
	require.NoError(t, err)
	_, err = p.Retrieve(t.Context())
	require.NoError(t, err)
	require.NoError(t, (<-attempts).Err)

	require.NoError(t, os.Remove(file))
	p.Invalidate("ASIA1")
	_, err = p.Retrieve(t.Context())
	require.NoError(t, err, "they may still be good")
	failed := <-attempts
	require.ErrorIs(t, failed.Err, os.ErrNotExist)
	assert.LessOrEqual(t, time.Until(failed.Next), 5*time.Second)
	x, ok := token.Explain(failed.Err)
	require.True(t, ok)
	assert.Equal(t, token.CodeTokenFileMissing, x.Code)
	assert.Contains(t, strings.Join(x.Next, " "), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
}

func TestAnAuthorizationTokenThatIsNotAJWTIsNotQuotedEither(t *testing.T) {
	t.Parallel()
	const secret = "Basic c2VjcmV0OnNlY3JldDpzZWNyZXQ="
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "cannot use "+r.Header.Get("Authorization"), http.StatusBadRequest)
	}))
	defer agent.Close()
	res, err := token.Resolve(env{"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN": secret}.lookup)
	require.NoError(t, err)
	p, err := res.Provider(nil, token.Config{})
	require.NoError(t, err)
	_, err = p.Retrieve(t.Context())
	require.ErrorContains(t, err, "cannot use [token]")
	x, _ := token.Explain(err)
	assert.Equal(t, token.CodeEndpointRefused, x.Code)
	assert.NotContains(t, x.Said, secret)
}

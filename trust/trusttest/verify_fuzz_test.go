package trusttest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/trusttest"
)

// FuzzVerify: nobody is known by a request that was not signed with a secret of the account,
// whatever it says, and nothing panics.
func FuzzVerify(f *testing.F) {
	account, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(f, err)
	f.Cleanup(account.Close)
	keys, err := account.Credentials().Retrieve(f.Context())
	require.NoError(f, err)
	f.Add("GET", "/", "", "AWS4-HMAC-SHA256 Credential=ID/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=00", "20260101T000000Z", "")
	f.Add("POST", "/a%2fb", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ID%2F20260101%2Fr%2Fsts%2Faws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60", "", "", "UNSIGNED-PAYLOAD")
	f.Add("PUT", "//", "a;b&%zz", "AWS4-HMAC-SHA256 Credential=////aws4_request,SignedHeaders=;;host,Signature==", "", "STREAMING-")
	f.Fuzz(func(t *testing.T, method, path, query, authorization, date, hash string) {
		known := strings.NewReplacer("ID", keys.AccessKeyID)
		r := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawPath: path, RawQuery: known.Replace(query)}, Host: "bucket.example",
			Header: http.Header{"X-Amz-Date": {date}, "X-Amz-Content-Sha256": {hash}},
		}
		if authorization != "" {
			r.Header.Set("Authorization", known.Replace(authorization))
		}
		who, err := account.Verify(r)
		require.ErrorContains(t, err, "trusttest: verify: ")
		assert.Zero(t, who)
	})
}

package cloudnet_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/e2e/cloudnet"
)

func TestAClientThatKnowsOnlyTheHostMeetsTheBench(t *testing.T) {
	n, err := cloudnet.Start(t.TempDir(), cloudnet.IsSTS, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host)
	}))
	require.NoError(t, err)
	defer n.Stop()
	proxy, err := url.Parse(n.URL)
	require.NoError(t, err)
	pem, err := os.ReadFile(n.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()

	resp, err := client.Get("https://sts.eu-central-1.amazonaws.com/")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "sts.eu-central-1.amazonaws.com", string(body))
	assert.Equal(t, []string{"sts.eu-central-1.amazonaws.com"}, n.Hosts())

	_, err = client.Get("https://s3.eu-central-1.amazonaws.com/")
	assert.Error(t, err, "the proxy leads nowhere else")
}

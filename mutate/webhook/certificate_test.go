package webhook_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate/webhook"
)

// projected puts files where a pod finds them: DIR/NAME is a link to ..data/NAME, and ..data
// a link to a directory that is exchanged, as the kubelet does it.
func projected(t *testing.T, dir, version string, files map[string][]byte) {
	t.Helper()
	require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, version, name), content, 0o600))
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			require.ErrorIs(t, err, os.ErrExist)
		}
	}
	require.NoError(t, os.Symlink(version, filepath.Join(dir, "..tmp")))
	require.NoError(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
}

// keyPair makes a self-signed certificate of a serial number.
func keyPair(t *testing.T, serial int64) (files map[string][]byte, cert *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"webhook.test"}, IsCA: true, BasicConstraintsValid: true,
	}, &x509.Certificate{SerialNumber: big.NewInt(serial)}, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	return map[string][]byte{
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, cert
}

func TestACertificateIsReloadedWhileServing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, firstCert := keyPair(t, 1)
	second, secondCert := keyPair(t, 2)
	projected(t, dir, "..1", first)

	now := time.Now()
	var reloads []error
	c, err := webhook.NewCertificate(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), webhook.CertificateConfig{
		Every: time.Minute, Now: func() time.Time { return now },
		OnReload: func(err error) { reloads = append(reloads, err) },
	})
	require.NoError(t, err)
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.TLS = &tls.Config{GetCertificate: c.GetCertificate}
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(firstCert)
	roots.AddCert(secondCert)
	serial := func() int64 {
		// With a server name, the server asks GetCertificate rather than taking httptest's own.
		conn, err := tls.Dial("tcp", srv.Listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "webhook.test"})
		require.NoError(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	assert.EqualValues(t, 1, serial())

	projected(t, dir, "..2", second)
	assert.EqualValues(t, 1, serial(), "it is not time to look yet")
	now = now.Add(time.Minute)
	assert.EqualValues(t, 2, serial())

	projected(t, dir, "..3", map[string][]byte{"tls.crt": first["tls.crt"], "tls.key": second["tls.key"]})
	now = now.Add(time.Minute)
	assert.EqualValues(t, 2, serial(), "halves that do not fit are not served")
	now = now.Add(time.Minute)
	assert.EqualValues(t, 2, serial())
	require.NoError(t, os.Remove(filepath.Join(dir, "..data")))
	now = now.Add(time.Minute)
	assert.EqualValues(t, 2, serial(), "nor are files that are gone")

	require.Len(t, reloads, 3)
	assert.NoError(t, reloads[0])
	assert.ErrorContains(t, reloads[1], "private key does not match")
	assert.ErrorIs(t, reloads[2], os.ErrNotExist)
}

func TestACertificateMustBeThereAtTheStart(t *testing.T) {
	t.Parallel()
	_, err := webhook.NewCertificate("nowhere.crt", "nowhere.key", webhook.CertificateConfig{})
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = webhook.NewCertificate("x", "y", webhook.CertificateConfig{Every: -1})
	assert.ErrorContains(t, err, "Every is negative")
}

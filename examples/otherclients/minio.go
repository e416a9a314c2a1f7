package otherclients

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/irsa-go/irsa/token"
)

// MinIO is a Provider as minio-go's credentials.New takes it. minio-go asks once for each time that
// IsExpired says so, so that it is told to ask again when the Provider wants to be asked, well before
// the credentials expire.
type MinIO struct {
	provider *token.Provider
	askAgain atomic.Int64 // Unix seconds; 0: at once
}

var _ credentials.Provider = (*MinIO)(nil)

// NewMinIO returns the credentials of a Provider for minio-go.
func NewMinIO(p *token.Provider) *credentials.Credentials {
	return credentials.New(&MinIO{provider: p})
}

// RetrieveWithCredContext returns the credentials, in time for the request's context.
func (m *MinIO) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	ctx := context.Background()
	if cc != nil && cc.Context != nil {
		ctx = cc.Context
	}
	creds, err := m.provider.Retrieve(ctx)
	if err != nil {
		return credentials.Value{}, err
	}
	m.askAgain.Store(creds.Expires.Unix())
	return credentials.Value{
		AccessKeyID: creds.AccessKeyID, SecretAccessKey: creds.SecretAccessKey, SessionToken: creds.SessionToken,
		Expiration: creds.Expires, SignerType: credentials.SignatureV4,
	}, nil
}

// Retrieve is RetrieveWithCredContext for older callers.
func (m *MinIO) Retrieve() (credentials.Value, error) { return m.RetrieveWithCredContext(nil) }

// IsExpired says whether to ask again.
func (m *MinIO) IsExpired() bool { return time.Now().Unix() >= m.askAgain.Load() }

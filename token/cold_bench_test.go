package token_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// assumedAtOnce is an STS at no distance, for the client of the SDK.
type assumedAtOnce struct{ body string }

func (a assumedAtOnce) Do(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/xml"}},
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}, nil
}

// BenchmarkCold compares what comes before and after the way to STS and back: from nothing to
// credentials, with the same client and the same file.
func BenchmarkCold(b *testing.B) {
	file := token.File(filepath.Join(b.TempDir(), "token"))
	require.NoError(b, os.WriteFile(string(file), []byte(poolToken(poolKey(0))), 0o600))
	client := sts.NewFromConfig(aws.Config{Region: "eu-central-1", HTTPClient: assumedAtOnce{fmt.Sprintf(
		`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>`+
			`<AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY</SecretAccessKey>`+
			`<SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
		strings.Repeat("t", 1400), time.Now().Add(12*time.Hour).UTC().Format(time.RFC3339))}})
	roleARN := poolKey(0).RoleARN
	for _, way := range []struct {
		name string
		make func() (aws.CredentialsProvider, error)
	}{
		{"Provider", func() (aws.CredentialsProvider, error) {
			return token.NewProvider(client, roleARN, file, token.Config{})
		}},
		{"stscreds", func() (aws.CredentialsProvider, error) {
			return aws.NewCredentialsCache(stscreds.NewWebIdentityRoleProvider(client, roleARN, file)), nil
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				p, err := way.make()
				if err != nil {
					b.Fatal(err)
				}
				if creds, err := p.Retrieve(ctx); err != nil || creds.SessionToken == "" {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTenThousandIdentities compares the memory that stays in use for each of them, with the
// credentials that they hold.
func BenchmarkTenThousandIdentities(b *testing.B) {
	for _, kind := range []struct {
		name string
		make func(testing.TB, int) []aws.CredentialsProvider
	}{
		{"Pool", pooledProviders},
		{"stscreds", stscredsCaches},
	} {
		b.Run(kind.name, func(b *testing.B) {
			const identities = 10_000
			var used, runs int64
			for b.Loop() {
				before := liveHeap()
				providers := kind.make(b, identities)
				used += liveHeap() - before
				runs++
				runtime.KeepAlive(providers)
			}
			b.ReportMetric(float64(used)/float64(runs)/identities, "B/identity")
		})
	}
}

// stscredsCaches are the SDK's own, one for each identity.
func stscredsCaches(tb testing.TB, n int) []aws.CredentialsProvider {
	client := &sizedSTS{}
	providers := make([]aws.CredentialsProvider, n)
	for i := range providers {
		key := poolKey(i)
		providers[i] = aws.NewCredentialsCache(stscreds.NewWebIdentityRoleProvider(client, key.RoleARN, identityToken(key)))
		retrieved(tb, providers[i])
	}
	return providers
}

type identityToken token.Key

func (k identityToken) GetIdentityToken() ([]byte, error) {
	return []byte(poolToken(token.Key(k))), nil
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

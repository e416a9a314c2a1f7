package token_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

const (
	minioARN = "arn:minio:iam:::role/dummy-internal"
	cephARN  = "arn:aws:iam::tenant:role/path/S3Access"
)

func assumeOther(t *testing.T, cfg aws.Config) error {
	t.Helper()
	_, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(otherARN), RoleSessionName: aws.String("me")})
	return err
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	resolved := func(t *testing.T, more env) token.Resolution {
		file := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(file, []byte(podToken(1, time.Hour)), 0o600))
		r, err := token.Resolve(webIdentityEnv.and(env{"AWS_WEB_IDENTITY_TOKEN_FILE": file}).and(more).lookup)
		require.NoError(t, err)
		return r
	}
	t.Run("gives the pod's credentials, and refused ones are replaced", in(func(t *testing.T) {
		s := &fakeSTS{}
		before := s.config()
		before.Credentials, before.RetryMaxAttempts = aws.AnonymousCredentials{}, 1
		cfg, err := resolved(t, nil).Configure(before, token.Config{})
		require.NoError(t, err)
		assert.Equal(t, aws.AnonymousCredentials{}, before.Credentials, "it is a copy")
		assert.Empty(t, before.APIOptions)
		require.IsType(t, (*token.Provider)(nil), cfg.Credentials)
		assert.Zero(t, s.count(), "nothing is asked yet")

		require.NoError(t, assumeOther(t, cfg))
		s.setFault(first(3, stsFault{http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"}))
		require.ErrorContains(t, assumeOther(t, cfg), "api error ExpiredToken")
		require.NoError(t, assumeOther(t, cfg))
		assert.Equal(t, []string{"", "ASIA1", "ASIA1", "", "ASIA4"}, s.signers)
	}))
	t.Run("uses no other credentials for STS, and the environment's region where there is none", in(func(t *testing.T) {
		s := &fakeSTS{}
		before := s.config()
		before.Region = ""
		before.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			t.Error("they are not wanted")
			return aws.Credentials{}, nil
		})
		cfg, err := resolved(t, env{"AWS_REGION": "us-west-2"}).Configure(before, token.Config{SessionName: "mine"})
		require.NoError(t, err)
		assert.Equal(t, "us-west-2", cfg.Region)
		_, err = cfg.Credentials.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "mine", s.last().Get("RoleSessionName"))
	}))
	t.Run("can be done twice, and does not get in the way of a chain", in(func(t *testing.T) {
		s := &fakeSTS{}
		cfg, err := resolved(t, nil).Configure(s.config(), token.Config{})
		require.NoError(t, err)
		cfg, err = resolved(t, nil).Configure(cfg, token.Config{})
		require.NoError(t, err)
		p, err := token.Chain(cfg.Credentials, func(c aws.CredentialsProvider) stscreds.AssumeRoleAPIClient {
			cfg := cfg.Copy()
			cfg.Credentials = c
			return sts.NewFromConfig(cfg)
		}, token.Hop{RoleARN: otherARN})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
	}))
	t.Run("refuses what cannot work, and gives nothing", func(t *testing.T) {
		t.Parallel()
		r := resolved(t, nil)
		r.Region = ""
		cfg, err := r.Configure(aws.Config{}, token.Config{})
		require.ErrorIs(t, err, token.ErrNoRegion)
		assert.Zero(t, cfg)
		_, err = token.Resolution{}.Configure(aws.Config{Region: "eu-central-1"}, token.Config{})
		require.ErrorContains(t, err, "has no choice in it: make it with Resolve")
	})
	t.Run("needs no region for other choices", func(t *testing.T) {
		t.Parallel()
		r, err := token.Resolve(staticEnv.lookup)
		require.NoError(t, err)
		cfg, err := r.Configure(aws.Config{}, token.Config{})
		require.NoError(t, err)
		creds, err := cfg.Credentials.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "AKIA1", creds.AccessKeyID)
	})
}

// origins is a provider that says where it gets its credentials, as those of the SDK do.
type origins []aws.CredentialSource

func (o origins) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"}, nil
}

func (o origins) ProviderSources() []aws.CredentialSource { return o }

func TestConfigureTellsAPodFromALaptop(t *testing.T) {
	t.Parallel()
	node := origins{aws.CredentialSourceIMDS}
	viaNode := origins{aws.CredentialSourceProfileNamedProvider, aws.CredentialSourceIMDS, aws.CredentialSourceSTSAssumeRole}
	laptop := origins{aws.CredentialSourceProfileSSO}
	for name, tc := range map[string]struct {
		env    env
		loaded aws.CredentialsProvider
		want   error // nil: credentials
		own    bool  // they are the pod's
	}{
		"a pod by web identity":                            {webIdentityEnv, node, nil, true},
		"a pod with keys":                                  {staticEnv, node, nil, true},
		"a pod that has a profile too":                     {webIdentityEnv.and(env{"AWS_PROFILE": "dev"}), laptop, nil, true},
		"a pod that was not mutated":                       {env{}, node, token.ErrNoIdentity, false},
		"a laptop without a profile's name":                {env{}, laptop, token.ErrNoIdentity, false},
		"a laptop":                                         {env{"AWS_PROFILE": "dev"}, laptop, nil, false},
		"a profile that leads to the node":                 {env{"AWS_PROFILE": "dev"}, node, token.ErrNoIdentity, false},
		"the same behind the SDK's cache":                  {env{"AWS_PROFILE": "dev"}, aws.NewCredentialsCache(node), token.ErrNoIdentity, false},
		"a profile whose role the node may assume":         {env{"AWS_PROFILE": "dev"}, viaNode, nil, false},
		"half an identity, in spite of a profile":          {env{"AWS_PROFILE": "dev", "AWS_ROLE_ARN": roleARN}, laptop, token.ErrHalfIdentity, false},
		"half an identity":                                 {env{"AWS_ACCESS_KEY_ID": "AKIA1"}, laptop, token.ErrHalfIdentity, false},
		"a blank identity, which is not a laptop's either": {env{"AWS_PROFILE": "dev", "AWS_ROLE_ARN": " "}, laptop, token.ErrHalfIdentity, false},
	} {
		before := (&fakeSTS{}).config()
		before.Credentials = tc.loaded
		cfg, err := token.Configure(before, tc.env.lookup, token.Config{})
		require.ErrorIs(t, err, tc.want, name)
		switch {
		case tc.want != nil:
			assert.Zero(t, cfg, name)
		case tc.own:
			assert.IsType(t, (*token.Provider)(nil), cfg.Credentials, name)
			assert.Len(t, cfg.APIOptions, 1, name)
		default:
			assert.Equal(t, before, cfg, name)
		}
	}
	_, err := token.Configure(aws.Config{}, nil, token.Config{})
	require.ErrorContains(t, err, "lookup is nil")
}

func TestRolesOfOtherSystemsAreAcceptedWithAnEndpointOfTheirOwn(t *testing.T) {
	t.Parallel()
	src := token.SourceFunc(func(context.Context) (string, error) { return podToken(1, time.Hour), nil })
	for _, role := range []string{minioARN, cephARN, "arn:aws:iam:::role/S3Access", "arn:aws:iam::RGW11111111111111111:role/a"} {
		s := &fakeSTS{}
		cfg := s.config()
		_, err := token.NewProvider(sts.NewFromConfig(cfg), role, src, token.Config{})
		require.ErrorContains(t, err, "role ARN", "%s is none of AWS's", role)
		cfg.BaseEndpoint = aws.String("https://minio.example")
		p, err := token.NewProvider(sts.NewFromConfig(cfg), role, src, token.Config{})
		require.NoError(t, err, role)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, role, s.last().Get("RoleArn"))

		_, err = token.Chain(p, func(aws.CredentialsProvider) stscreds.AssumeRoleAPIClient { return sts.NewFromConfig(cfg) }, token.Hop{RoleARN: role})
		require.NoError(t, err, role)

		key := poolKey(1)
		key.RoleARN, key.Endpoint = role, "https://minio.example"
		pool, err := token.NewPool(token.RegionalClients(s.config()), token.PoolConfig{})
		require.NoError(t, err)
		_, err = pool.Provider(key, src)
		require.NoError(t, err)
		key.Endpoint = ""
		_, err = pool.Provider(key, src)
		require.ErrorContains(t, err, "role ARN")

		for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"} {
			_, err = token.Resolve(webIdentityEnv.and(env{"AWS_ROLE_ARN": role, name: "https://minio.example"}).lookup)
			require.NoError(t, err)
		}
	}
	cfg := (&fakeSTS{}).config()
	cfg.BaseEndpoint = aws.String("https://minio.example")
	for _, role := range []string{"", "reader", "arn:aws:iam:::user/somebody", "arn:aws:iam:::role/", "arn::iam:::role/reader-x", "arn:aws:iam::x y:role/reader", "arn:aws:sts::1:role/reader", "arn:aws:iam:eu:1:role/reader", "arn:aws:iam::1:role/reader\n", strings.Repeat("x", 3000)} {
		_, err := token.NewProvider(sts.NewFromConfig(cfg), role, src, token.Config{})
		require.ErrorContains(t, err, "role ARN", role)
	}
}

func TestRegionalClientsAreSharedByRegionAndEndpoint(t *testing.T) {
	t.Parallel()
	newClient := token.RegionalClients((&fakeSTS{}).config())
	client := func(key token.Key) *sts.Client {
		c, err := newClient(key)
		require.NoError(t, err)
		return c.(*sts.Client)
	}
	frankfurt, oregon := client(token.Key{Region: "eu-central-1"}), client(token.Key{Region: "us-west-2"})
	assert.Same(t, oregon, client(token.Key{Region: "us-west-2", RoleARN: roleARN, UID: "another"}))
	assert.NotSame(t, oregon, frankfurt)
	assert.Equal(t, "us-west-2", oregon.Options().Region)
	assert.Nil(t, oregon.Options().BaseEndpoint)
	assert.Equal(t, "eu-central-1", client(token.Key{}).Options().Region, "that of the configuration")
	own := client(token.Key{Region: "us-west-2", Endpoint: "https://sts.example"})
	assert.NotSame(t, oregon, own)
	assert.Equal(t, "https://sts.example", aws.ToString(own.Options().BaseEndpoint))
	for _, region := range []string{"evil.example/", "EU-CENTRAL-1", "-", "a.b", strings.Repeat("a", 64)} {
		c, err := newClient(token.Key{Region: region})
		require.ErrorContains(t, err, `region "`+region+`": want the name of one`)
		assert.Nil(t, c)
	}
	for i := range 1000 { // a tenant that makes regions up
		client(token.Key{Region: "region-" + strings.Repeat("a", i%50+1), Endpoint: "https://" + strings.Repeat("b", i/50+1)})
	}
}

// The pod's authorization token must not leave the node by way of a proxy. The environment's proxy is
// read once in the life of a process, so this takes another one.
func TestAContainersEndpointIsNotAskedThroughAProxy(t *testing.T) {
	if os.Getenv("IRSA_TEST_PROXY") != "" {
		r, err := token.Resolve(env{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "very-secret"}.lookup)
		require.NoError(t, err)
		p, err := r.Provider(nil, token.Config{Refresh: token.Refresh{Timeout: 300 * time.Millisecond}})
		require.NoError(t, err)
		_, _ = p.Retrieve(t.Context())
		// That the proxy would be used otherwise:
		response, err := http.Get("http://169.254.170.23/control")
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return
	}
	t.Parallel()
	var asked, control atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/control") {
			control.Add(1)
		} else {
			asked.Add(1)
		}
	}))
	defer proxy.Close()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAContainersEndpointIsNotAskedThroughAProxy$")
	command.Env = append(os.Environ(), "IRSA_TEST_PROXY=1", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.EqualValues(t, 1, control.Load())
	assert.Zero(t, asked.Load())
}

func TestWithCredentialsLeavesTheConfigAlone(t *testing.T) {
	t.Parallel()
	given := aws.Config{Region: "eu-central-1", APIOptions: make([]func(*middleware.Stack) error, 0, 4)}
	p, err := token.Keep(aws.AnonymousCredentials{}, token.Refresh{})
	require.NoError(t, err)
	one, two := token.WithCredentials(given, p), token.WithCredentials(given, nil)
	assert.Nil(t, given.Credentials)
	assert.Empty(t, given.APIOptions)
	assert.Same(t, p, one.Credentials)
	assert.Len(t, one.APIOptions, 1)
	assert.Nil(t, two.Credentials)
	assert.Equal(t, "eu-central-1", two.Region)
	assert.Nil(t, given.APIOptions[:1][0], "what is behind the caller's slice is the caller's")
}

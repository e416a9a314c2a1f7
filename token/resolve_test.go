package token_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// env is an environment as a map.
type env map[string]string

func (e env) lookup(name string) (string, bool) {
	value, ok := e[name]
	return value, ok
}

// and is e with more variables.
func (e env) and(more env) env {
	sum := maps.Clone(e)
	maps.Copy(sum, more)
	return sum
}

var (
	webIdentityEnv = env{"AWS_ROLE_ARN": roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token", "AWS_REGION": "eu-central-1"}
	podIdentityEnv = env{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI":     "http://169.254.170.23/v1/credentials",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/pod-identity-token",
	}
	staticEnv = env{"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "very-secret"}
)

func TestResolveChooses(t *testing.T) {
	t.Parallel()
	webIdentity := token.Resolution{Kind: token.WebIdentity, RoleARN: roleARN, TokenFile: "/var/run/token", Region: "eu-central-1"}
	podIdentity := token.Resolution{
		Kind: token.Container, Endpoint: "http://169.254.170.23/v1/credentials", AuthorizationFile: "/var/run/pod-identity-token",
	}
	for name, tc := range map[string]struct {
		env      env
		want     token.Resolution
		warnings []string
	}{
		"the web identity": {webIdentityEnv, webIdentity, nil},
		"the web identity, with a session name": {webIdentityEnv.and(env{"AWS_ROLE_SESSION_NAME": "me"}), func() token.Resolution {
			r := webIdentity
			r.SessionName = "me"
			return r
		}(), nil},
		"the older name of the region": {
			env{"AWS_ROLE_ARN": roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token", "AWS_DEFAULT_REGION": "eu-central-1"}, webIdentity, nil,
		},
		"the web identity before the container's endpoint": {webIdentityEnv.and(podIdentityEnv), webIdentity, []string{"web-identity-shadows-container"}},
		"the web identity when static keys are half there": {webIdentityEnv.and(env{"AWS_ACCESS_KEY_ID": "AKIA1"}), webIdentity, []string{"half-static-keys"}},
		"the web identity when static keys are empty": {
			webIdentityEnv.and(env{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}), webIdentity, nil,
		},
		"the web identity without a region, with a warning": {webIdentityEnv.and(env{"AWS_REGION": ""}), func() token.Resolution {
			r := webIdentity
			r.Region = ""
			return r
		}(), []string{"no-region"}},
		"the web identity with what is not read": {
			webIdentityEnv.and(env{"AWS_PROFILE": "dev", "AWS_STS_REGIONAL_ENDPOINTS": "legacy"}), webIdentity,
			[]string{"profile-not-read", "global-sts-not-used"},
		},
		"EKS Pod Identity": {podIdentityEnv, podIdentity, nil},
		"EKS Pod Identity with half a web identity beside it": {podIdentityEnv.and(env{"AWS_ROLE_ARN": roleARN}), podIdentity, []string{"half-web-identity"}},
		"ECS by a path, which comes before a URL": {
			podIdentityEnv.and(env{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"}),
			token.Resolution{Kind: token.Container, Endpoint: "http://169.254.170.2/v2/credentials/x", AuthorizationFile: "/var/run/pod-identity-token"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := token.Resolve(tc.env.lookup)
			require.NoError(t, err)
			assert.NotEmpty(t, got.Reason)
			assert.Equal(t, tc.warnings, codes(got.Warnings))
			got.Reason, got.Warnings = "", nil
			assert.Equal(t, tc.want, got)
		})
	}
}

func codes(warnings []token.Warning) []string {
	var list []string
	for _, w := range warnings {
		list = append(list, w.Code)
	}
	return list
}

func TestStaticKeysShadowTheWebIdentityAndAreNotPrinted(t *testing.T) {
	t.Parallel()
	r, err := token.Resolve(webIdentityEnv.and(podIdentityEnv).and(staticEnv).lookup)
	require.NoError(t, err)
	assert.Equal(t, token.StaticKeys, r.Kind)
	assert.Equal(t, "AKIA1", r.AccessKeyID)
	assert.Empty(t, r.RoleARN)
	assert.True(t, r.HasWarning("static-keys-shadow-web-identity"))
	assert.True(t, r.HasWarning("static-keys-shadow-container"))
	assert.Contains(t, r.String(), "static-keys-shadow-web-identity")
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s", r, r, r, r), "very-secret")

	p, err := r.Provider(nil, token.Config{})
	require.NoError(t, err)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", p, p, p), "very-secret")
	creds, err := p.Retrieve(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "very-secret", creds.SecretAccessKey)
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	full := func(uri string) env { return env{"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri} }
	for name, tc := range map[string]struct {
		env  env
		says string
		is   error
	}{
		"an empty environment: the node's role is not taken": {env{}, "on a laptop, set AWS_PROFILE", token.ErrNoIdentity},
		"a role without a token file":                        {env{"AWS_ROLE_ARN": roleARN}, "AWS_WEB_IDENTITY_TOKEN_FILE is not", token.ErrHalfIdentity},
		"a token file without a role":                        {env{"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}, "AWS_ROLE_ARN is not", token.ErrHalfIdentity},
		"a token file without a role, beside another source": {podIdentityEnv.and(env{"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}), "AWS_ROLE_ARN is not", token.ErrHalfIdentity},
		"a role that is no ARN":                              {webIdentityEnv.and(env{"AWS_ROLE_ARN": "reader"}), "AWS_ROLE_ARN", nil},
		"a session name that STS refuses":                    {webIdentityEnv.and(env{"AWS_ROLE_SESSION_NAME": "a b"}), "AWS_ROLE_SESSION_NAME", nil},
		"half of static keys alone":                          {env{"AWS_ACCESS_KEY_ID": "AKIA1"}, "AWS_SECRET_ACCESS_KEY is not", token.ErrHalfIdentity},
		"a half by its older name":                           {env{"AWS_ACCESS_KEY": "AKIA1"}, "AWS_SECRET_ACCESS_KEY is not", token.ErrHalfIdentity},
		"the other half of them":                             {env{"AWS_SECRET_ACCESS_KEY": "s"}, "AWS_ACCESS_KEY_ID is not", token.ErrHalfIdentity},
		"the other half's older name":                        {env{"AWS_SECRET_KEY": "s"}, "AWS_ACCESS_KEY_ID is not", token.ErrHalfIdentity},
		"a session token alone":                              {env{"AWS_SESSION_TOKEN": "s"}, "AWS_ACCESS_KEY_ID", token.ErrHalfIdentity},
		"a session name alone":                               {env{"AWS_ROLE_SESSION_NAME": "s"}, "AWS_ROLE_ARN", token.ErrHalfIdentity},
		"an authorization file alone":                        {env{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t"}, "AWS_CONTAINER_CREDENTIALS_FULL_URI is not", token.ErrHalfIdentity},
		"an authorization token alone":                       {env{"AWS_CONTAINER_AUTHORIZATION_TOKEN": "t"}, "AWS_CONTAINER_CREDENTIALS_FULL_URI is not", token.ErrHalfIdentity},
		"a half beside a profile":                            {env{"AWS_ROLE_ARN": roleARN, "AWS_PROFILE": "dev"}, "AWS_WEB_IDENTITY_TOKEN_FILE is not", token.ErrHalfIdentity},
		"empty variables":                                    {env{"AWS_ROLE_ARN": "", "AWS_ACCESS_KEY_ID": ""}, "was the pod mutated?", token.ErrNoIdentity},
		"a profile, as on a laptop":                          {env{"AWS_PROFILE": "dev", "AWS_REGION": "eu-central-1"}, `AWS_PROFILE is "dev"`, token.ErrNoIdentity},
		"a role of MinIO, without one":                       {webIdentityEnv.and(env{"AWS_ROLE_ARN": minioARN}), "AWS_ROLE_ARN", nil},
		"credentials over http from elsewhere":               {full("http://169.254.170.24/"), "169.254.170.24", nil},
		"the instance metadata service":                      {full("http://169.254.169.254/latest"), "plain http", nil},
		"a name over http":                                   {full("http://agent.example/"), "agent.example", nil},
		"a name that begins as a local address":              {full("http://127.0.0.1.example/"), "plain http", nil},
		"a local address as the user":                        {full("http://127.0.0.1@evil.example/"), "user", nil},
		"a zone":                                             {full("http://[fe80::1%25eth0]/"), "plain http", nil},
		"another scheme":                                     {full("ftp://127.0.0.1/"), "scheme", nil},
		"no scheme":                                          {full("127.0.0.1/creds"), "", nil},
		"no host":                                            {full("http:///creds"), "host", nil},
		"what is no URL":                                     {full("http://[::1"), "not a URL", nil},
		"a path that continues the host":                     {env{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ".evil.example/"}, "slash", nil},
		"a path that makes the host a user":                  {env{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "@evil.example/"}, "slash", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := token.Resolve(tc.env.lookup)
			require.ErrorContains(t, err, tc.says)
			assert.Zero(t, r)
			assert.Regexp(t, "^token: resolve: ", err.Error())
			for _, is := range []error{token.ErrNoIdentity, token.ErrHalfIdentity} {
				assert.Equal(t, tc.is == is, errors.Is(err, is), "%v", is)
			}
		})
	}
	_, err := token.Resolve(nil)
	require.ErrorContains(t, err, "os.LookupEnv")
}

func TestResolveAdmitsEndpointsOnTheNodeAndHTTPS(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{
		"http://169.254.170.2/x", "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials",
		"http://127.0.0.1:8080/x", "http://127.8.9.10/", "http://[::1]:80/", "http://localhost:1/", "http://[::ffff:127.0.0.1]/",
		"https://credentials.example/x",
	} {
		r, err := token.Resolve(env{"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}.lookup)
		require.NoError(t, err, uri)
		assert.Equal(t, uri, r.Endpoint)
	}
}

func TestAResolutionBuildsItsProvider(t *testing.T) {
	t.Parallel()
	t.Run("of a web identity", in(func(t *testing.T) {
		s := &fakeSTS{}
		file := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(file, []byte(podToken(1, 1e9*3600)), 0o600))
		r, err := token.Resolve(webIdentityEnv.and(env{"AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_ROLE_SESSION_NAME": "from-env"}).lookup)
		require.NoError(t, err)
		p, err := r.Provider(s.client(), token.Config{})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "from-env", s.last().Get("RoleSessionName"))
		assert.Equal(t, roleARN, s.last().Get("RoleArn"))
		_, err = r.Provider(nil, token.Config{})
		require.ErrorContains(t, err, "client")
	}))
	t.Run("of a container's endpoint", func(t *testing.T) {
		t.Parallel()
		var authorization []string
		agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			authorization = append(authorization, r.Header.Get("Authorization"))
			fmt.Fprint(w, `{"AccessKeyId":"ASIA1","SecretAccessKey":"s","Token":"t","AccountId":"111122223333","Expiration":"2100-01-01T00:00:00Z"}`)
		}))
		defer agent.Close()
		file := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(file, []byte("one"), 0o600))
		r, err := token.Resolve(env{
			"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL + "/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file,
			"AWS_CONTAINER_AUTHORIZATION_TOKEN": "not this one",
		}.lookup)
		require.NoError(t, err)
		p, err := r.Provider(nil, token.Config{})
		require.NoError(t, err)
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "ASIA1", creds.AccessKeyID)
		assert.Equal(t, "111122223333", creds.AccountID)
		require.NoError(t, os.WriteFile(file, []byte("two\n"), 0o600))
		p.Invalidate("ASIA1")
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"one", "two"}, authorization, "read again each time")
	})
	t.Run("of a container's endpoint, with a token that is in the environment", func(t *testing.T) {
		t.Parallel()
		var authorization string
		agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			authorization = r.Header.Get("Authorization")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"code":"AccessDeniedException","message":"no"}`)
		}))
		defer agent.Close()
		r, err := token.Resolve(env{
			"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "very-secret",
		}.lookup)
		require.NoError(t, err)
		assert.NotContains(t, fmt.Sprintf("%+v %#v", r, r), "very-secret")
		p, err := r.Provider(nil, token.Config{})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.ErrorContains(t, err, "AccessDeniedException")
		assert.Equal(t, "very-secret", authorization)
		assert.NotContains(t, err.Error(), "very-secret")
	})
	t.Run("of nothing", func(t *testing.T) {
		t.Parallel()
		_, err := token.Resolution{}.Provider(nil, token.Config{})
		require.ErrorContains(t, err, "has no choice in it: make it with Resolve")
		assert.Empty(t, token.Resolution{}.String())
		p, err := token.Resolution{Kind: token.StaticKeys}.Provider(nil, token.Config{})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.ErrorContains(t, err, "the static keys are not known")
	})
}

// FuzzResolveEndpoint: whatever the variable says, an endpoint that is admitted over http is local.
func FuzzResolveEndpoint(f *testing.F) {
	for _, uri := range []string{"http://127.0.0.1/", "http://169.254.170.23/v1", "http://[::1]/", "http://127.0.0.1@x/", "HTTP://x/", "http:\\\\x"} {
		f.Add(uri, false)
		f.Add(uri, true)
	}
	f.Fuzz(func(t *testing.T, uri string, relative bool) {
		name := "AWS_CONTAINER_CREDENTIALS_FULL_URI"
		if relative {
			name = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
		}
		r, err := token.Resolve(env{name: uri}.lookup)
		if err != nil {
			return
		}
		request, err := http.NewRequest(http.MethodGet, r.Endpoint, nil)
		require.NoError(t, err)
		if request.URL.Scheme == "https" {
			return
		}
		host := request.URL.Hostname()
		local := strings.EqualFold(host, "localhost") || strings.HasPrefix(host, "127.") || host == "::1" ||
			strings.HasPrefix(host, "169.254.170.2") || host == "fd00:ec2::23" || strings.Contains(host, ":")
		require.True(t, local, host)
	})
}

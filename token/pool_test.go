package token_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// poolSTS is an STS that counts, and fails when it is told to.
type poolSTS struct {
	calls atomic.Int64
	fail  atomic.Pointer[error]
	// enter is called at the start of each call, when set before use.
	enter func(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput)
}

func (s *poolSTS) failWith(err error) { s.fail.Store(&err) }

func (s *poolSTS) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, _ ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	n := s.calls.Add(1)
	if s.enter != nil {
		s.enter(ctx, in)
	}
	if err := s.fail.Load(); err != nil && *err != nil {
		return nil, *err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &sts.AssumeRoleWithWebIdentityOutput{Credentials: &types.Credentials{
		AccessKeyId:     aws.String(fmt.Sprintf("ASIA%016d", n)),
		SecretAccessKey: aws.String("secret"),
		SessionToken:    aws.String("session"),
		Expiration:      aws.Time(time.Now().Add(time.Hour)),
	}}, nil
}

func poolKey(n int) token.Key {
	return token.Key{
		Namespace: "payments", ServiceAccount: fmt.Sprintf("account-%d", n), UID: fmt.Sprintf("uid-%d", n),
		RoleARN: "arn:aws:iam::111122223333:role/payments",
	}
}

// poolToken is a token that a cluster would issue for the key's account.
func poolToken(key token.Key) string {
	iss, aud := key.Issuer, key.Audience
	if iss == "" {
		iss = "https://issuer.example"
	}
	if aud == "" {
		aud = "sts.amazonaws.com"
	}
	return claimsOnly(fmt.Sprintf(`{"iss":%q,"sub":"system:serviceaccount:%s:%s","aud":[%q],"iat":%d,"exp":%d,
		"kubernetes.io":{"namespace":%q,"serviceaccount":{"name":%q,"uid":%q}}}`,
		iss, key.Namespace, key.ServiceAccount, aud, time.Now().Unix(), time.Now().Add(time.Hour).Unix(),
		key.Namespace, key.ServiceAccount, key.UID))
}

func tokensOf(key token.Key) token.SourceFunc {
	return func(ctx context.Context) (string, error) { return poolToken(key), ctx.Err() }
}

func newPool(t testing.TB, client stscreds.AssumeRoleWithWebIdentityAPIClient, cfg token.PoolConfig) *token.Pool {
	pool, err := token.NewPool(func(token.Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error) { return client, nil }, cfg)
	require.NoError(t, err)
	return pool
}

func poolProvider(t testing.TB, pool *token.Pool, key token.Key) token.PoolProvider {
	p, err := pool.Provider(key, tokensOf(key))
	require.NoError(t, err)
	return p
}

func retrieved(t testing.TB, p aws.CredentialsProvider) string {
	creds, err := p.Retrieve(context.Background())
	require.NoError(t, err)
	return creds.AccessKeyID
}

var (
	errDenied  = &smithy.GenericAPIError{Code: "AccessDenied", Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
	errFaulty  = &smithy.GenericAPIError{Code: "InternalFailure", Message: "oops", Fault: smithy.FaultServer}
	errBusy    = &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}
	errMissing = errors.New("no such service account")
)

func TestPoolRefusesAKeyWith(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*token.Key)
		says   string
	}{
		"no UID":               {func(k *token.Key) { k.UID = "" }, "UID"},
		"a blank UID":          {func(k *token.Key) { k.UID = " " }, "UID"},
		"no namespace":         {func(k *token.Key) { k.Namespace = "" }, "namespace"},
		"no service account":   {func(k *token.Key) { k.ServiceAccount = "" }, "service account"},
		"an account of two":    {func(k *token.Key) { k.ServiceAccount = "a:b" }, "service account"},
		"no role":              {func(k *token.Key) { k.RoleARN = "" }, "role ARN"},
		"a user for a role":    {func(k *token.Key) { k.RoleARN = "arn:aws:iam::111122223333:user/u" }, "role ARN"},
		"an issuer over http":  {func(k *token.Key) { k.Issuer = "http://issuer.example" }, "issuer"},
		"a long session name":  {func(k *token.Key) { k.SessionName = strings.Repeat("x", 65) }, "SessionName"},
		"too short a duration": {func(k *token.Key) { k.Duration = time.Minute }, "Duration"},
		"too long a policy":    {func(k *token.Key) { k.Policy = strings.Repeat("x", 2049) }, "Policy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, err := token.NewPool(func(token.Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error) {
				t.Error("no client is made for a key that is refused")
				return nil, nil
			}, token.PoolConfig{})
			require.NoError(t, err)
			key := poolKey(1)
			tc.change(&key)
			p, err := pool.Provider(key, tokensOf(key))
			require.ErrorContains(t, err, tc.says)
			assert.Regexp(t, "^token: pool: ", err.Error())
			assert.Nil(t, p)
			assert.Zero(t, pool.Len())
		})
	}
}

func TestPoolNamesAllThatIsWrongAtOnce(t *testing.T) {
	t.Parallel()
	pool := newPool(t, &poolSTS{}, token.PoolConfig{})
	_, err := pool.Provider(token.Key{Duration: 1}, nil)
	for _, part := range []string{"UID", "namespace", "service account", "role ARN", "Duration", "source"} {
		assert.ErrorContains(t, err, part)
	}
	_, err = token.NewPool(nil, token.PoolConfig{MaxIdentities: -1, CallsPerSecond: -1, Refresh: token.Refresh{Timeout: -1}})
	for _, part := range []string{"newClient", "MaxIdentities", "CallsPerSecond", "Timeout"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestPoolThatNobodyBuiltGivesErrors(t *testing.T) {
	t.Parallel()
	for _, pool := range []*token.Pool{nil, {}} {
		_, err := pool.Provider(poolKey(1), tokensOf(poolKey(1)))
		require.ErrorContains(t, err, "it is nil or zero")
		pool.Evict(nil)
		assert.Zero(t, pool.Len())
	}
}

// A nil context is a mistake, but no reason to take the program down.
func TestPoolTakesANilContextForOneWithoutAnEnd(t *testing.T) {
	t.Parallel()
	var none context.Context
	client := &poolSTS{}
	p := poolProvider(t, newPool(t, client, token.PoolConfig{}), poolKey(1))
	_, err := p.Retrieve(none)
	require.NoError(t, err)
	client.failWith(errDenied)
	_, err = poolProvider(t, newPool(t, client, token.PoolConfig{}), poolKey(1)).Retrieve(none)
	require.ErrorIs(t, err, errDenied)
}

func TestPoolReturnsTheErrorOfNewClient(t *testing.T) {
	t.Parallel()
	broken := errors.New("no such region")
	clients := 0
	pool, err := token.NewPool(func(token.Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error) {
		if clients++; clients == 1 {
			return nil, broken
		}
		if clients == 2 {
			return nil, nil
		}
		return &poolSTS{}, nil
	}, token.PoolConfig{})
	require.NoError(t, err)
	_, err = pool.Provider(poolKey(1), tokensOf(poolKey(1)))
	require.ErrorIs(t, err, broken)
	_, err = pool.Provider(poolKey(1), tokensOf(poolKey(1)))
	require.ErrorContains(t, err, "client")
	retrieved(t, poolProvider(t, pool, poolKey(1)))
}

func TestPoolCallsNewClientWithoutALock(t *testing.T) {
	t.Parallel()
	var pool *token.Pool
	var seen []token.Key
	pool, err := token.NewPool(func(k token.Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error) {
		seen = append(seen, k)
		pool.Evict(nil)
		return &poolSTS{}, nil
	}, token.PoolConfig{})
	require.NoError(t, err)
	poolProvider(t, pool, poolKey(1))
	assert.Equal(t, []token.Key{poolKey(1)}, seen)
}

func TestKeysThatDifferInAnyFieldShareNothing(t *testing.T) {
	t.Parallel()
	client := &poolSTS{}
	pool := newPool(t, client, token.PoolConfig{})
	base := token.Key{
		Issuer: "https://issuer.example", Namespace: "payments", ServiceAccount: "api", UID: "uid-1",
		RoleARN: "arn:aws:iam::111122223333:role/r", Audience: "sts.amazonaws.com", Region: "eu-central-1",
		Endpoint: "https://sts.example", SessionName: "session", Policy: `{}`, ExternalID: "ext", Duration: time.Hour,
	}
	seen := map[string]string{retrieved(t, poolProvider(t, pool, base)): "base"}
	kind := reflect.TypeFor[token.Key]()
	for i := range kind.NumField() {
		key := base
		switch field := reflect.ValueOf(&key).Elem().Field(i); field.Kind() {
		case reflect.String:
			field.SetString(field.String() + "2")
		case reflect.Int64:
			field.SetInt(int64(30 * time.Minute))
		case reflect.Bool: // TransitiveTags, which only a tenant pool takes
			continue
		default:
			t.Fatalf("unknown kind of field %s", kind.Field(i).Name)
		}
		got := retrieved(t, poolProvider(t, pool, key))
		assert.Empty(t, seen[got], "a key with another %s", kind.Field(i).Name)
		seen[got] = kind.Field(i).Name
	}
	for _, field := range []string{"Issuer", "Audience", "Region", "Endpoint", "SessionName", "Policy", "ExternalID", "Duration"} {
		key := base
		reflect.ValueOf(&key).Elem().FieldByName(field).SetZero()
		got := retrieved(t, poolProvider(t, pool, key))
		assert.Empty(t, seen[got], "a key without %s", field)
		seen[got] = field
	}
	assert.EqualValues(t, len(seen), client.calls.Load())
	assert.Len(t, seen, pool.Len())
	assert.Equal(t, "base", seen[retrieved(t, poolProvider(t, pool, base))], "the same key shares")
}

func TestPoolPassesTheKeyOnToSTS(t *testing.T) {
	t.Parallel()
	var got *sts.AssumeRoleWithWebIdentityInput
	pool := newPool(t, &poolSTS{enter: func(_ context.Context, in *sts.AssumeRoleWithWebIdentityInput) { got = in }}, token.PoolConfig{})
	key := poolKey(1)
	key.SessionName, key.Policy, key.Duration = "session", `{"Version":"2012-10-17"}`, 2*time.Hour
	retrieved(t, poolProvider(t, pool, key))
	assert.Equal(t, key.RoleARN, *got.RoleArn)
	assert.Equal(t, "session", *got.RoleSessionName)
	assert.Equal(t, key.Policy, *got.Policy)
	assert.EqualValues(t, 7200, *got.DurationSeconds)
}

func TestPoolUsesNoTokenOfAnother(t *testing.T) {
	t.Parallel()
	key := poolKey(1)
	key.Issuer, key.Audience = "https://issuer.example", "sts.amazonaws.com"
	for name, tc := range map[string]struct {
		claim  string
		change func(*token.Key)
	}{
		"account made anew":   {"kubernetes.io/serviceaccount/uid", func(k *token.Key) { k.UID = "uid-of-the-new-one" }},
		"account without UID": {"kubernetes.io/serviceaccount/uid", func(k *token.Key) { k.UID = "" }},
		"account":             {"sub", func(k *token.Key) { k.ServiceAccount = "other" }},
		"namespace":           {"sub", func(k *token.Key) { k.Namespace = "other" }},
		"cluster":             {"iss", func(k *token.Key) { k.Issuer = "https://issuer.example/" }},
		"audience":            {"aud", func(k *token.Key) { k.Audience = "sts.amazonaws.com.evil.example" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := &poolSTS{}
			pool := newPool(t, client, token.PoolConfig{})
			other := key
			tc.change(&other)
			p, err := pool.Provider(key, tokensOf(other))
			require.NoError(t, err)
			creds, err := p.Retrieve(t.Context())
			assert.Equal(t, aws.Credentials{}, creds)
			var mismatch *token.IdentityError
			require.ErrorAs(t, err, &mismatch)
			assert.Equal(t, tc.claim, mismatch.Claim)
			assert.True(t, token.IsFinal(err))
			assert.Zero(t, client.calls.Load(), "the token must not leave")
			x, ok := token.Explain(err)
			require.True(t, ok)
			assert.Equal(t, "identity-mismatch", x.Code)
			assert.Equal(t, token.CauseToken, x.Cause)
			assert.Equal(t, key.RoleARN, x.RoleARN)
			assert.Equal(t, "system:serviceaccount:"+other.Namespace+":"+other.ServiceAccount, x.Token.Subject)
		})
	}
}

func TestPoolUsesNoTokenThatItCannotRead(t *testing.T) {
	t.Parallel()
	client := &poolSTS{}
	pool := newPool(t, client, token.PoolConfig{})
	for i, c := range []struct{ jwt, want string }{
		{"", "the token: it is empty"},
		{"opaque", "the token: it is not a JWT: it has 0 dots"},
		{"a.b.c", "the header: it is not base64url"},
		{claimsOnly(`{"sub":7}`), `the claims: "sub": want a string`},
	} {
		// An identity each: a failure is remembered.
		p, err := pool.Provider(poolKey(i), token.SourceFunc(func(context.Context) (string, error) { return c.jwt, nil }))
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.ErrorContains(t, err, c.want)
	}
	assert.Zero(t, client.calls.Load())
}

func TestPoolAsksTheSourceOfTheLastCaller(t *testing.T) {
	t.Parallel()
	pool := newPool(t, &poolSTS{}, token.PoolConfig{})
	old, err := pool.Provider(poolKey(1), token.SourceFunc(func(context.Context) (string, error) {
		return "", errors.New("a client that is closed")
	}))
	require.NoError(t, err)
	poolProvider(t, pool, poolKey(1))
	retrieved(t, old)
}

func TestPoolProviderInvalidates(t *testing.T) {
	t.Parallel()
	pool := newPool(t, &poolSTS{}, token.PoolConfig{})
	p := poolProvider(t, pool, poolKey(1))
	first := retrieved(t, p)
	p.Invalidate("another")
	assert.Equal(t, first, retrieved(t, p))
	p.Invalidate(first)
	assert.NotEqual(t, first, retrieved(t, p))
	assert.Equal(t, []aws.CredentialSource{aws.CredentialSourceSTSAssumeRoleWebID}, p.(aws.CredentialProviderSource).ProviderSources())
}

func TestPoolTellsItsHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		told := map[string]int{}
		count := func(what string, key token.Key) {
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, poolKey(1), key)
			told[what]++
		}
		client := &poolSTS{}
		pool := newPool(t, client, token.PoolConfig{
			OnHit:  func(k token.Key) { count("hit", k) },
			OnMiss: func(k token.Key) { count("miss", k) },
			OnAttempt: func(k token.Key, a token.Attempt) {
				if a.Err != nil {
					count("failure", k)
				} else {
					count("refresh", k)
				}
			},
			OnEvict: func(k token.Key) { count("evict", k) },
		})
		p := poolProvider(t, pool, poolKey(1))
		client.failWith(errMissing)
		_, err := p.Retrieve(t.Context()) // miss, failure
		require.ErrorIs(t, err, errMissing)
		_, err = p.Retrieve(t.Context()) // miss
		require.ErrorIs(t, err, errMissing)
		client.failWith(nil)
		time.Sleep(3 * time.Second)
		retrieved(t, p) // miss, refresh
		retrieved(t, p) // hit
		pool.Evict(nil)
		synctest.Wait()
		assert.Equal(t, map[string]int{"hit": 1, "miss": 3, "refresh": 1, "failure": 1, "evict": 1}, told)
	})
}

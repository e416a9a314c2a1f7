package tokenrequest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/tokenrequest"
)

// creatorFunc is an API server that is asked for nothing but tokens.
type creatorFunc func(ctx context.Context, name string, req *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error)

func (f creatorFunc) CreateToken(ctx context.Context, name string, req *authenticationv1.TokenRequest, _ metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	return f(ctx, name, req)
}

// granting answers as kube-apiserver does, which grants limit at most.
func granting(limit time.Duration, seen *authenticationv1.TokenRequest) creatorFunc {
	return func(_ context.Context, _ string, req *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		*seen = *req.DeepCopy()
		answer := req.DeepCopy()
		lifetime := min(time.Duration(*req.Spec.ExpirationSeconds)*time.Second, limit)
		answer.Status = authenticationv1.TokenRequestStatus{
			Token:               "header.claims.signature",
			ExpirationTimestamp: metav1.NewTime(time.Now().Add(lifetime)),
		}
		return answer, nil
	}
}

func TestTokenAsksForTheLeastByDefault(t *testing.T) {
	t.Parallel()
	var seen authenticationv1.TokenRequest
	src, err := tokenrequest.New(granting(time.Hour, &seen), "api", tokenrequest.Config{})
	require.NoError(t, err)
	jwt, err := src.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "header.claims.signature", jwt)
	assert.Equal(t, []string{"sts.amazonaws.com"}, seen.Spec.Audiences)
	assert.Equal(t, int64(600), *seen.Spec.ExpirationSeconds)
	assert.Nil(t, seen.Spec.BoundObjectRef)
}

func TestTokenAsksForWhatIsConfigured(t *testing.T) {
	t.Parallel()
	var seen authenticationv1.TokenRequest
	bound := &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: "p", UID: "u"}
	src, err := tokenrequest.New(granting(time.Hour, &seen), "api", tokenrequest.Config{
		Audience: "other", Expiration: time.Hour, BoundObject: bound,
	})
	require.NoError(t, err)
	bound.Name = "changed later"
	_, err = src.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"other"}, seen.Spec.Audiences)
	assert.Equal(t, int64(3600), *seen.Spec.ExpirationSeconds)
	assert.Equal(t, &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: "p", UID: "u"}, seen.Spec.BoundObjectRef)
}

func TestTokenReportsTheLifetimeReallyGranted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limit     time.Duration
		shortened bool
	}{
		"all of it":                     {48 * time.Hour, false},
		"what the server's maximum is":  {24 * time.Hour, true},
		"all but a moment of clock lag": {47*time.Hour + 59*time.Minute + 30*time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var issued tokenrequest.Issued
			src, err := tokenrequest.New(granting(tc.limit, new(authenticationv1.TokenRequest)), "api", tokenrequest.Config{
				Expiration: 48 * time.Hour, OnIssued: func(i tokenrequest.Issued) { issued = i },
			})
			require.NoError(t, err)
			_, err = src.Token(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 48*time.Hour, issued.Requested)
			assert.Equal(t, tc.shortened, issued.Shortened)
			assert.WithinDuration(t, time.Now().Add(tc.limit), issued.Expires, 20*time.Second)
		})
	}
}

func TestAnswersOfTheServerWithoutAToken(t *testing.T) {
	t.Parallel()
	accounts := schema.GroupResource{Resource: "serviceaccounts"}
	page := func(status int) error { // as client-go says of an answer that is not of the API server's form
		return apierrors.NewGenericServerResponse(status, "post", accounts, "api", "<html>", 0, true)
	}
	for name, tc := range map[string]struct {
		err   error
		final bool
		code  string
		cause token.Cause
	}{
		"401 may pass":     {apierrors.NewUnauthorized("who"), false, "tokenrequest-unauthorized", token.CauseToken},
		"403 may pass":     {apierrors.NewForbidden(accounts, "api", errors.New("no")), false, "tokenrequest-forbidden", token.CauseToken},
		"404 is final":     {apierrors.NewNotFound(accounts, "api"), true, "service-account-missing", token.CauseToken},
		"409 may pass":     {apierrors.NewConflict(accounts, "api", errors.New("uid")), false, "tokenrequest-refused", token.CauseConfiguration},
		"422 is final":     {apierrors.NewInvalid(schema.GroupKind{Kind: "TokenRequest"}, "api", nil), true, "tokenrequest-invalid", token.CauseConfiguration},
		"429 may pass":     {apierrors.NewTooManyRequests("slow down", 1), false, "tokenrequest-throttled", token.CauseThrottling},
		"500 may pass":     {apierrors.NewInternalError(errors.New("x")), false, "tokenrequest-server-fault", token.CauseTransient},
		"a page with 404":  {page(404), false, "answer-unreadable", token.CauseNetwork},
		"a page with 403":  {page(403), false, "answer-unreadable", token.CauseNetwork},
		"a page with 429":  {page(429), false, "tokenrequest-throttled", token.CauseThrottling},
		"a page with 503":  {page(503), false, "tokenrequest-server-fault", token.CauseTransient},
		"wrapped is known": {fmt.Errorf("client: %w", apierrors.NewNotFound(accounts, "api")), true, "service-account-missing", token.CauseToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := tokenrequest.New(creatorFunc(func(context.Context, string, *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				return nil, tc.err
			}), "api", tokenrequest.Config{})
			require.NoError(t, err)
			jwt, err := src.Token(t.Context())
			assert.Empty(t, jwt)
			require.ErrorIs(t, err, tc.err)
			assert.Equal(t, tc.final, token.IsFinal(err))
			var refused *tokenrequest.Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, "api", refused.ServiceAccount)
			x, ok := token.Explain(err)
			require.True(t, ok)
			assert.Equal(t, tc.code, x.Code)
			assert.Equal(t, tc.cause, x.Cause)
			assert.NotEmpty(t, x.Meaning)
			assert.NotEmpty(t, x.Next)
		})
	}
}

func TestNoAnswerIsNotFinal(t *testing.T) {
	t.Parallel()
	src, err := tokenrequest.New(creatorFunc(func(ctx context.Context, _ string, _ *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}), "api", tokenrequest.Config{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = src.Token(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, token.IsFinal(err))
}

func TestTokenRefusesAnAnswerThatIsOfNoUse(t *testing.T) {
	t.Parallel()
	status := func(s authenticationv1.TokenRequestStatus) *authenticationv1.TokenRequest {
		return &authenticationv1.TokenRequest{Status: s}
	}
	for name, c := range map[string]struct {
		answer *authenticationv1.TokenRequest
		want   string
	}{
		"none":                  {nil, "no status.token"},
		"without a token":       {status(authenticationv1.TokenRequestStatus{ExpirationTimestamp: metav1.NewTime(time.Now().Add(time.Hour))}), "no status.token"},
		"without an expiration": {status(authenticationv1.TokenRequestStatus{Token: "secret"}), "no status.expirationTimestamp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := tokenrequest.New(creatorFunc(func(context.Context, string, *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				return c.answer, nil
			}), "api", tokenrequest.Config{OnIssued: func(tokenrequest.Issued) { t.Error("nothing was issued") }})
			require.NoError(t, err)
			jwt, err := src.Token(t.Context())
			require.ErrorContains(t, err, c.want)
			assert.Empty(t, jwt)
			assert.False(t, token.IsFinal(err))
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestNewRefusesAllThatIsWrongAtOnce(t *testing.T) {
	t.Parallel()
	_, err := tokenrequest.New(nil, "Not A Name", tokenrequest.Config{
		Expiration:  time.Minute,
		BoundObject: &authenticationv1.BoundObjectReference{Kind: "Pod"},
	})
	for _, part := range []string{"tokenrequest: ", "creator", "Not A Name", "1m0s", `name ""`} {
		assert.ErrorContains(t, err, part)
	}
	for name, c := range map[string]struct {
		expiration time.Duration
		want       string
	}{
		"below the server's least":       {599 * time.Second, "want 10m0s or more"},
		"negative":                       {-time.Hour, "want 10m0s or more"},
		"not whole seconds":              {time.Hour + time.Millisecond, "want whole seconds"},
		"more than the server can count": {(1<<32 + 1) * time.Second, "at most 4294967296 seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := tokenrequest.New(creatorFunc(nil), "api", tokenrequest.Config{Expiration: c.expiration})
			require.ErrorContains(t, err, fmt.Sprintf("expiration %v: ", c.expiration))
			require.ErrorContains(t, err, c.want)
			assert.Nil(t, src)
		})
	}
}

func TestTheZeroSourceGivesAnError(t *testing.T) {
	t.Parallel()
	_, err := new(tokenrequest.Source).Token(t.Context())
	require.ErrorContains(t, err, "not made by New")
	_, err = (*tokenrequest.Source)(nil).Token(t.Context())
	require.ErrorContains(t, err, "not made by New")
}

func ExampleNew() {
	// With client-go: clientset.CoreV1().ServiceAccounts("payments").
	var serviceAccounts tokenrequest.Creator = granting(24*time.Hour, new(authenticationv1.TokenRequest))

	source, err := tokenrequest.New(serviceAccounts, "api", tokenrequest.Config{
		Expiration: 48 * time.Hour,
		OnIssued:   func(i tokenrequest.Issued) { fmt.Println("shortened:", i.Shortened) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	jwt, err := source.Token(context.Background())
	fmt.Println(jwt, err)
	// Output:
	// shortened: true
	// header.claims.signature <nil>
}

type nothing struct{}

func (*nothing) CreateToken(context.Context, string, *authenticationv1.TokenRequest, metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	panic("a nil creator was asked")
}

func TestANilPointerIsNotACreator(t *testing.T) {
	t.Parallel()
	_, err := tokenrequest.New((*nothing)(nil), "api", tokenrequest.Config{})
	assert.ErrorContains(t, err, "creator is nil")
}

// A node whose clock is fast is granted tokens that have expired, by its clock; STS knows better.
func TestATokenIsNotRefusedByTheClockOfThisMachine(t *testing.T) {
	t.Parallel()
	// {"alg":"RS256"} . {"iat":1000,"exp":1600} . signature
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjEwMDAsImV4cCI6MTYwMH0.c2ln"
	for name, tc := range map[string]struct {
		expiration time.Duration
		shortened  bool
	}{"all of it": {10 * time.Minute, false}, "less than asked for": {time.Hour, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var issued tokenrequest.Issued
			src, err := tokenrequest.New(creatorFunc(func(context.Context, string, *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
				return &authenticationv1.TokenRequest{Status: authenticationv1.TokenRequestStatus{
					Token: jwt, ExpirationTimestamp: metav1.NewTime(time.Unix(1600, 0)),
				}}, nil
			}), "api", tokenrequest.Config{Expiration: tc.expiration, OnIssued: func(i tokenrequest.Issued) { issued = i }})
			require.NoError(t, err)
			got, err := src.Token(t.Context())
			require.NoError(t, err)
			assert.Equal(t, jwt, got)
			assert.Equal(t, tc.shortened, issued.Shortened)
		})
	}
}

func TestAHookThatPanicsTakesNoTokenAway(t *testing.T) {
	t.Parallel()
	src, err := tokenrequest.New(creatorFunc(func(context.Context, string, *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		return &authenticationv1.TokenRequest{Status: authenticationv1.TokenRequestStatus{
			Token: "a.b.c", ExpirationTimestamp: metav1.NewTime(time.Now().Add(time.Hour)),
		}}, nil
	}), "api", tokenrequest.Config{OnIssued: func(tokenrequest.Issued) { panic("boom") }})
	require.NoError(t, err)
	jwt, err := src.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "a.b.c", jwt)
}

// object has the shape of controller-runtime's client.Object, and subResources that of its client.
type object interface {
	metav1.Object
	runtime.Object
}

type option interface{ ApplyToSubResourceCreate() }

type subResources struct {
	seen   []object
	answer func(*authenticationv1.TokenRequest) error
}

func (s *subResources) Create(_ context.Context, obj, sub object, _ ...option) error {
	s.seen = append(s.seen, obj)
	return s.answer(sub.(*authenticationv1.TokenRequest))
}

func TestSubResourceTakesTheClientOfControllerRuntime(t *testing.T) {
	t.Parallel()
	client := &subResources{answer: func(r *authenticationv1.TokenRequest) error {
		r.Status = authenticationv1.TokenRequestStatus{Token: "a.b.c", ExpirationTimestamp: metav1.NewTime(time.Now().Add(time.Hour))}
		return nil
	}}
	src, err := tokenrequest.New(tokenrequest.SubResource(client, "payments"), "api", tokenrequest.Config{})
	require.NoError(t, err)
	jwt, err := src.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "a.b.c", jwt)
	require.Len(t, client.seen, 1)
	assert.Equal(t, "payments/api", client.seen[0].GetNamespace()+"/"+client.seen[0].GetName())

	client.answer = func(*authenticationv1.TokenRequest) error {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccounts"}, "api")
	}
	_, err = src.Token(t.Context())
	x, ok := token.Explain(err)
	require.True(t, ok)
	assert.Equal(t, token.CodeServiceAccountMissing, x.Code)

	src, err = tokenrequest.New(tokenrequest.SubResource[object, option](nil, "payments"), "api", tokenrequest.Config{})
	require.NoError(t, err)
	_, err = src.Token(t.Context())
	require.ErrorContains(t, err, "nil")
	src, err = tokenrequest.New(tokenrequest.SubResource(strings{}, "payments"), "api", tokenrequest.Config{})
	require.NoError(t, err)
	_, err = src.Token(t.Context())
	require.ErrorContains(t, err, "string")
}

// strings creates something that is not an object of Kubernetes.
type strings struct{}

func (strings) Create(context.Context, string, string, ...int) error { return nil }

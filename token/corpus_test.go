package token_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// scenario is one of the cross-SDK scenarios of credential refresh.
type scenario struct {
	Documentation string
	Given         struct {
		CachedCredentials               string
		AccessKeyID                     string
		ConfiguredAdvisoryWindowSeconds int
		RefreshBackoffSeconds           int
	}
	Steps []struct {
		Type, Response, RejectedAccessKeyID string
		Seconds, LifetimeSeconds            int
		Expected                            struct {
			Result                       string
			SourceContacted, RateLimited bool
			AdvisoryWindowSeconds        int
		}
	}
}

var (
	errRecoverable    = errors.New("the source is away")
	errNonRecoverable = token.Final(errors.New("the source refuses"))
)

// scripted is a provider that answers as a scenario says.
type scripted struct {
	calls    int
	response string
	lifetime time.Duration
	keyID    string
}

func (s *scripted) Retrieve(context.Context) (aws.Credentials, error) {
	s.calls++
	expires := time.Now().Add(s.lifetime)
	switch s.response {
	case "freshCredentials":
	case "staleCredentials":
		expires = time.Now()
	case "nonRecoverableError":
		return aws.Credentials{}, errNonRecoverable
	default:
		return aws.Credentials{}, errRecoverable
	}
	return aws.Credentials{AccessKeyID: s.keyID, SecretAccessKey: "secret", CanExpire: true, Expires: expires}, nil
}

func TestRefreshScenariosOfTheAWSSDKs(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../shared/corpus/credential-refresh.json")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the scenarios are not there")
	}
	require.NoError(t, err)
	var scenarios []scenario
	require.NoError(t, json.Unmarshal(doc, &scenarios))
	require.Len(t, scenarios, 24)
	for i, s := range scenarios {
		t.Run(fmt.Sprintf("%02d %s", i, s.Documentation), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, ours(s)) })
		})
	}
}

// ours changes the one thing in which a Provider differs: where the SDKs raise an error that is final,
// credentials that are valid are served until the backoff is over.
func ours(s scenario) scenario {
	if s.Given.CachedCredentials != "advisory" && s.Given.CachedCredentials != "mandatory" {
		return s
	}
	refused := false
	for i := range s.Steps {
		expected := &s.Steps[i].Expected
		if refused {
			expected.SourceContacted, expected.RateLimited = false, true
		}
		if refused = refused || expected.Result == "nonRecoverableError"; refused {
			expected.Result = "cachedCredentials"
		}
	}
	return s
}

// play sets up the given cache by way of the source alone, then takes the steps.
func play(t *testing.T, s scenario) {
	var last token.Attempt
	refresh := token.Refresh{
		ServeExpired:   true,
		AdvisoryWindow: time.Duration(s.Given.ConfiguredAdvisoryWindowSeconds) * time.Second,
		OnAttempt:      func(a token.Attempt) { last = a },
	}
	if d := s.Given.RefreshBackoffSeconds; d != 0 {
		refresh.Backoff = func() time.Duration { return time.Duration(d) * time.Second }
	}
	src := &scripted{response: "freshCredentials", lifetime: time.Hour, keyID: "cached"}
	if s.Given.AccessKeyID != "" {
		src.keyID = s.Given.AccessKeyID
	}
	cachedID := src.keyID
	p, err := token.Keep(src, refresh)
	require.NoError(t, err)
	if age, ok := map[string]time.Duration{
		"valid": time.Minute, "advisory": 50 * time.Minute, "mandatory": 59*time.Minute + 30*time.Second, "expired": 61 * time.Minute,
	}[s.Given.CachedCredentials]; ok {
		_, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		time.Sleep(age)
	}

	for n, step := range s.Steps {
		switch step.Type {
		case "advanceTime":
			time.Sleep(time.Duration(step.Seconds) * time.Second)
			continue
		case "invalidate":
			p.Invalidate(step.RejectedAccessKeyID)
			continue
		}
		require.Equal(t, "getCredentials", step.Type)
		src.response, src.keyID, src.lifetime = step.Response, fmt.Sprintf("new-%d", n), time.Hour
		if step.LifetimeSeconds != 0 {
			src.lifetime = time.Duration(step.LifetimeSeconds) * time.Second
		}
		calls := src.calls
		creds, err := p.Retrieve(t.Context())
		synctest.Wait()
		assert.Equal(t, step.Expected.SourceContacted, src.calls > calls, "step %d: source contacted", n)
		if step.Expected.RateLimited {
			assert.Equal(t, calls, src.calls, "step %d: rate limited", n)
		}
		switch step.Expected.Result {
		case "cachedCredentials":
			require.NoError(t, err)
			assert.Equal(t, cachedID, creds.AccessKeyID)
			assert.True(t, creds.Expires.After(time.Now()), "a moment to ask again lies ahead")
		case "newCredentials":
			require.NoError(t, err)
			assert.Equal(t, src.keyID, creds.AccessKeyID)
			cachedID = src.keyID
		case "noCredentialsError":
			require.ErrorIs(t, err, errRecoverable)
			assert.Zero(t, creds)
		case "nonRecoverableError":
			require.ErrorIs(t, err, errNonRecoverable)
			assert.True(t, token.IsFinal(err))
			assert.Zero(t, creds)
		default:
			t.Fatalf("unknown result %q", step.Expected.Result)
		}
		if w := step.Expected.AdvisoryWindowSeconds; w != 0 {
			window := time.Duration(w) * time.Second
			assert.Equal(t, window, last.AdvisoryWindow)
			assert.WithinDuration(t, time.Now().Add(src.lifetime-window), creds.Expires, 0)
		}
	}
}

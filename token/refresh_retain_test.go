package token_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/tokenrequest"
)

// Credentials that are valid are served until they expire, whatever STS, the API server or the source
// answers meanwhile; only an account that is gone, and a token of another, take them away.
func TestNoAnswerTakesValidCredentialsAway(t *testing.T) {
	t.Parallel()
	faults := map[string]error{"the source, for good": token.Final(errors.New("no")), "the source, for now": errors.New("no")}
	for _, code := range []string{
		"AccessDenied", "InvalidIdentityToken", "IDPRejectedClaim", "ExpiredTokenException", "ValidationError", "MalformedPolicyDocument",
		"PackedPolicyTooLarge", "RegionDisabledException", "Throttling", "InternalFailure", "SomethingNew",
	} {
		faults["STS: "+code] = stsAnswer(400, code, "no")
	}
	for _, status := range []int{400, 401, 403, 422, 429, 500} {
		faults[fmt.Sprint("the API server: ", status)] = &tokenrequest.Error{Code: status, Err: errMissing}
	}
	for name, fault := range faults {
		for from, age := range map[string]time.Duration{"advisory": 45 * time.Minute, "mandatory": 59 * time.Minute} {
			t.Run(name+" from the "+from+" window", in(func(t *testing.T) {
				last := make(chan token.Attempt, 100)
				o := &origin{}
				p := keep(t, o, token.Refresh{OnAttempt: func(a token.Attempt) { last <- a }})
				<-last
				o.set(func(o *origin) { o.err = fault })
				time.Sleep(age)
				for left := time.Hour - age; left > 0; left -= 5 * time.Second {
					creds, err := p.Current(t.Context())
					require.NoError(t, err)
					require.Equal(t, "KEY1", creds.AccessKeyID)
					require.True(t, creds.Expires.After(time.Now()))
					time.Sleep(5 * time.Second)
				}
				a := <-last
				require.ErrorIs(t, a.Err, fault, "it is told")
				assert.True(t, a.Stale)
				assert.LessOrEqual(t, o.count(), 60, "and does not make a crowd")

				creds, err := p.Retrieve(t.Context())
				if token.IsFinal(fault) {
					require.ErrorIs(t, err, fault, "they are dead, and it is final")
					assert.Zero(t, creds)
				}
				o.set(func(o *origin) { o.err = nil })
				time.Sleep(10 * time.Minute)
				assert.NotEqual(t, "KEY1", retrieved(t, p))
				synctest.Wait()
			}))
		}
	}
}

// What a service has refused is not valid, whatever it says of itself.
func TestRejectedCredentialsDoNotHideAFinalError(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		refused := token.Final(errors.New("refused"))
		o.set(func(o *origin) { o.err = refused })
		p.Invalidate("KEY1")
		_, err := p.Retrieve(t.Context())
		require.ErrorIs(t, err, refused)
	})(t)
}

// Nothing that is cached is valid for another account, or for one that is gone.
func TestWhatTakesValidCredentialsAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{
		"the account is gone":            &tokenrequest.Error{Code: 404, Err: errMissing},
		"the token is another account's": &token.IdentityError{Claim: "sub"},
	} {
		t.Run(name, in(func(t *testing.T) {
			o := &origin{}
			p := keep(t, o, token.Refresh{})
			o.set(func(o *origin) { o.err = fault })
			time.Sleep(45 * time.Minute)
			_, err := p.Retrieve(t.Context())
			require.ErrorIs(t, err, fault)
			o.set(func(o *origin) { o.err = errMissing })
			time.Sleep(5 * time.Second)
			_, err = p.Retrieve(t.Context())
			require.ErrorIs(t, err, errMissing, "they are gone")
		}))
	}
}

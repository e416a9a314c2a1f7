package doctor_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/doctor"
)

// What AWS can do and the pod cannot is not broken.
func TestAStepThatSTSProvesIsNotBroken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*testing.T, *world)
		step   doctor.Name
		note   string
	}{
		"an issuer that the pod cannot reach": {func(_ *testing.T, w *world) {
			w.cfg.Issuers = &oidc.Client{} // which does not find issuer.example
		}, doctor.Issuer, "issuer-unreachable"},
		"a clock that is fast": {func(_ *testing.T, w *world) {
			w.cfg.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
			w.cfg.Issuers = w.issuer.Client()
		}, doctor.Token, "token-expired"},
		"a role that somebody reads in another account": {func(_ *testing.T, w *world) {
			w.cfg.ReadRole = func(context.Context, string) (doctor.Role, error) {
				return doctor.Role{ARN: "arn:aws:iam::444455556666:role/payments"}, nil
			}
		}, doctor.IAMRole, "role-arn-mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tc.change(t, w)
			report := w.run(t)
			_, broken := report.FirstBroken()
			require.False(t, broken, report.String())
			step, _ := report.Step(tc.step)
			assert.Equal(t, doctor.OK, step.Status)
			assert.Equal(t, "ok", step.Code)
			require.NotEmpty(t, step.Notes)
			assert.Contains(t, step.Notes[len(step.Notes)-1], tc.note)

			w.cfg.Assume = nil
			first, broken := w.run(t).FirstBroken()
			require.True(t, broken, "nothing proves it")
			assert.Equal(t, tc.step, first.Name)
		})
	}
}

func TestStaticKeysAreNotProven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clear(w.env)
	w.env["AWS_ACCESS_KEY_ID"], w.env["AWS_SECRET_ACCESS_KEY"] = "AKIA", "secret"
	w.cfg.Assume = func(context.Context, token.Resolution) error {
		t.Error("nobody is asked")
		return nil
	}
	step, _ := w.run(t).Step(doctor.STS)
	assert.Equal(t, doctor.Skipped, step.Status)
}

// MinIO and Ceph have roles and rules of their own.
func TestARoleThatIsNotOfAWSIsNotJudgedByItsRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["AWS_ROLE_ARN"], w.env["AWS_ENDPOINT_URL_STS"] = "arn:minio:iam:::role/dummy-internal", "https://minio.example"
	w.cfg.Assume = nil
	report := w.run(t)
	_, broken := report.FirstBroken()
	require.False(t, broken, report.String())
	for _, name := range []doctor.Name{doctor.Issuer, doctor.IAMProvider, doctor.IAMRole} {
		step, _ := report.Step(name)
		assert.Equal(t, "not-aws", step.Code, name)
	}
}

func TestHalfAnIdentityIsNotAMissingAnnotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	delete(w.env, "AWS_WEB_IDENTITY_TOKEN_FILE")
	first, broken := w.run(t).FirstBroken()
	require.True(t, broken)
	assert.Equal(t, token.CodeHalfIdentity, first.Code)
	require.ErrorIs(t, first.Err, token.ErrHalfIdentity)
	assert.Contains(t, first.Err.Error(), "AWS_WEB_IDENTITY_TOKEN_FILE")
	for _, next := range first.Next {
		assert.NotContains(t, next, "annotation")
	}
}

// agent is a world whose pod has an endpoint for its credentials, which answers so.
func agent(t *testing.T, status int, answer string) *world {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, answer, status) }))
	t.Cleanup(server.Close)
	w := newWorld(t)
	clear(w.env)
	w.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], w.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = server.URL, w.file
	return w
}

// What an agent gives, the provider serves: a wrong clock is noted, and is not a broken link.
func TestCredentialsThatLookDeadAreNoted(t *testing.T) {
	t.Parallel()
	for expires, notes := range map[string]string{"2020-01-01T00:00:00Z": "the clock of the node", "2120-01-01T00:00:00Z": ""} {
		w := agent(t, 200, `{"AccessKeyId":"ASIA1","SecretAccessKey":"s","Token":"t","Expiration":"`+expires+`"}`)
		report := w.run(t)
		_, broken := report.FirstBroken()
		assert.False(t, broken, report.String())
		step, _ := report.Step(doctor.STS)
		assert.Equal(t, doctor.OK, step.Status)
		assert.Contains(t, strings.Join(step.Notes, "; "), notes)
		assert.Equal(t, notes == "", len(step.Notes) == 0)
	}
}

func TestAdviceFitsTheSource(t *testing.T) {
	t.Parallel()
	t.Run("an agent that refuses", func(t *testing.T) {
		t.Parallel()
		first, _ := agent(t, 404, "[id]: (ResourceNotFoundException): No association found, fault: client").run(t).FirstBroken()
		assert.Equal(t, doctor.STS, first.Name)
		assert.Equal(t, token.CodeAssociationMissing, first.Code)
		assert.Contains(t, first.Next[0], "association")
	})
	t.Run("an agent without its token", func(t *testing.T) {
		t.Parallel()
		w := agent(t, 400, "Service account token cannot be empty")
		require.NoError(t, os.Remove(w.file))
		first, _ := w.run(t).FirstBroken()
		assert.Equal(t, doctor.TokenFile, first.Name)
		assert.Contains(t, first.Next[0], "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	})
}

func TestThePodItselfIsLookedAtWhenItIsThere(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wrong  []string
		err    error
		status doctor.Status
	}{
		"mutated":     {nil, nil, doctor.OK},
		"not mutated": {[]string{"container app: nothing was injected"}, nil, doctor.Broken},
		"not there":   {nil, errors.New("no such file"), doctor.Skipped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.cfg.Mutation = func(context.Context) ([]string, error) { return tc.wrong, tc.err }
			report := doctor.Run(t.Context(), w.lookup, w.cfg)
			require.Len(t, report.Steps, 9)
			assert.Equal(t, doctor.Mutation, report.Steps[0].Name)
			assert.Equal(t, tc.status, report.Steps[0].Status)
			assert.Equal(t, tc.wrong, report.Steps[0].Notes)
		})
	}
	w := newWorld(t)
	_, found := w.run(t).Step(doctor.Mutation)
	assert.False(t, found)
}

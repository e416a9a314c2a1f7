package mutate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/internal/profile"
	"github.com/irsa-go/irsa/mutate"
)

const stackitPath = "/var/run/secrets/stackit.cloud/serviceaccount"

// stackit is what STACKIT's pod identity webhook does, as data: it refuses pods that have a volume or
// a variable of its names, and leaves those alone that say so.
func stackit() profile.Profile {
	return profile.Profile{
		Cloud: "stackit", Name: "STACKIT", Clients: "STACKIT's SDKs",
		Leave:  "workload-identity.stackit.cloud/skip-pod-identity-webhook",
		Refuse: true,
		Vars: []profile.Var{
			{Name: "STACKIT_SERVICE_ACCOUNT_EMAIL", Use: profile.Identity},
			{Name: "STACKIT_FEDERATED_TOKEN_FILE", Use: profile.Identity, File: true, Value: stackitPath + "/token"},
			{Name: "STACKIT_IDP_TOKEN_ENDPOINT"},
			{Name: "STACKIT_IDP_TOKEN_EXPIRATION_SECONDS"},
		},
		Methods: []profile.Method{{
			Volume: profile.Volume{Name: "stackit-workload-identity"}, MountPath: stackitPath,
			Audience: "sts.accounts.stackit.cloud", File: "token",
		}},
		Expiration: profile.Expiration{Min: 600, Max: 1 << 32},
	}
}

var stackitReader = &profile.Grant{Seconds: 600, Values: map[string]string{
	"STACKIT_SERVICE_ACCOUNT_EMAIL": "reader@sa.stackit.cloud", "STACKIT_IDP_TOKEN_EXPIRATION_SECONDS": "900",
}}

func TestAnotherCloudIsAProfile(t *testing.T) {
	t.Parallel()
	engine := mutate.NewEngine(stackit())
	doc := []byte(`{"future":[1.50],"spec":{"containers":[{"name":"a","env":[{"name":"STACKIT_IDP_TOKEN_EXPIRATION_SECONDS","value":"7"}]}]}}`)
	r, err := engine.RawPod(doc, stackitReader)
	require.NoError(t, err)
	assert.True(t, r.Complete())
	patched := apply(t, doc, r)
	assert.JSONEq(t, `{"future":[1.50],"spec":{
		"volumes":[{"name":"stackit-workload-identity","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.accounts.stackit.cloud","expirationSeconds":600,"path":"token"}}]}}],
		"containers":[{"name":"a","env":[
			{"name":"STACKIT_IDP_TOKEN_EXPIRATION_SECONDS","value":"7"},
			{"name":"STACKIT_SERVICE_ACCOUNT_EMAIL","value":"reader@sa.stackit.cloud"},
			{"name":"STACKIT_FEDERATED_TOKEN_FILE","value":"/var/run/secrets/stackit.cloud/serviceaccount/token"}],
		"volumeMounts":[{"name":"stackit-workload-identity","readOnly":true,"mountPath":"/var/run/secrets/stackit.cloud/serviceaccount"}]}]}}`, string(patched))
	again, err := engine.RawPod(patched, stackitReader)
	require.NoError(t, err)
	assert.False(t, again.Changed())
	d, err := engine.Diagnose(patchlaws.Decode(t, patched), stackitReader)
	require.NoError(t, err)
	assert.True(t, d.OK())
	r, err = engine.RawPod(doc, nil)
	require.NoError(t, err)
	assert.Zero(t, r)
}

func TestAProfileMayRefuseWhatElseIsAConflict(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]string{
		"volume stackit-workload-identity is not one":        `"volumes":[{"name":"stackit-workload-identity","emptyDir":{}}],"containers":[{"name":"a"}]`,
		"sets STACKIT_SERVICE_ACCOUNT_EMAIL but not STACKIT": `"containers":[{"name":"a","env":[{"name":"STACKIT_SERVICE_ACCOUNT_EMAIL","value":"own@sa.stackit.cloud"}]}]`,
		"something else at " + stackitPath:                   `"containers":[{"name":"b"},{"name":"a","volumeMounts":[{"name":"v","mountPath":"/var/run/secrets/stackit.cloud/serviceaccount"}]}]`,
	} {
		r, err := mutate.NewEngine(stackit()).RawPod([]byte(`{"spec":{`+spec+`}}`), stackitReader)
		require.ErrorContains(t, err, `stackit: pod: container "a"`)
		require.ErrorContains(t, err, name)
		assert.Zero(t, r)
		answer := mutate.NewEngine(stackit()).Review(request([]byte(`{"spec":{`+spec+`}}`)), stackitReader, nil)
		assert.Equal(t, int32(403), answer.Response.Result.Code)

		lenient := stackit()
		lenient.Refuse = false
		r, err = mutate.NewEngine(lenient).RawPod([]byte(`{"spec":{`+spec+`}}`), stackitReader)
		require.NoError(t, err)
		assert.Len(t, r.Warnings, 1)
	}
}

func TestAProfileMayLeavePodsAlone(t *testing.T) {
	t.Parallel()
	const leave = `":{"workload-identity.stackit.cloud/skip-pod-identity-webhook":`
	for metadata, left := range map[string]bool{
		`"labels` + leave + `"true"}`: true, `"labels` + leave + `""}`: true, `"annotations` + leave + `"true"}`: true,
		`"annotations` + leave + `"false"}`: false, `"labels":{"":"true"}`: false, `"annotations":{"":"true"}`: false,
	} {
		r, err := mutate.NewEngine(stackit()).RawPod([]byte(`{"metadata":{`+metadata+`},"spec":{"containers":[{"name":"a"}]}}`), stackitReader)
		require.NoError(t, err)
		assert.Equal(t, left, !r.Changed(), metadata)
	}
}

func TestAPodThatKeepsItsOwnIdentityGetsNoToken(t *testing.T) {
	t.Parallel()
	const file = `{"name":"STACKIT_FEDERATED_TOKEN_FILE","value":"` + stackitPath + `/token"}`
	for name, c := range map[string]struct {
		env string
		own bool
	}{
		"other values":              {`{"name":"STACKIT_SERVICE_ACCOUNT_EMAIL","value":"own"},{"name":"STACKIT_FEDERATED_TOKEN_FILE","value":"/own"}`, true},
		"one from elsewhere, after": {`{"name":"STACKIT_SERVICE_ACCOUNT_EMAIL","value":"reader@sa.stackit.cloud"},{"name":"STACKIT_SERVICE_ACCOUNT_EMAIL","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},` + file, true},
		"the values of the grant":   {`{"name":"STACKIT_SERVICE_ACCOUNT_EMAIL","value":"reader@sa.stackit.cloud"},` + file, false},
	} {
		r, err := mutate.NewEngine(stackit()).RawPod([]byte(`{"spec":{"containers":[{"name":"a","env":[`+c.env+`]}]}}`), stackitReader)
		require.NoError(t, err)
		assert.Equal(t, mutate.ReasonPresent, r.Containers[0].Reason, name)
		assert.Equal(t, !c.own, strings.Contains(string(r.PatchJSON()), "volumeMounts"), name)
	}
}

func TestAVolumeMountedElsewhereTooIsNoMatter(t *testing.T) {
	t.Parallel()
	const elsewhere = `{"name":"NAME","mountPath":"/elsewhere"}`
	volume := `"volumes":[{"name":"NAME","projected":{"sources":[{"serviceAccountToken":{"audience":"AUDIENCE","expirationSeconds":600,"path":"token"}}]}}],`
	of := func(name, audience, mounts string) []byte {
		return []byte(strings.NewReplacer("NAME", name, "AUDIENCE", audience).Replace(`{"spec":{` + volume + `"containers":[{"name":"a","volumeMounts":[` + mounts + `]}]}}`))
	}
	r, err := mutate.NewEngine(stackit()).RawPod(of("stackit-workload-identity", "sts.accounts.stackit.cloud", elsewhere), stackitReader)
	require.NoError(t, err)
	assert.Empty(t, r.Warnings, "it is mounted at its path as well")
	assert.Contains(t, string(r.PatchJSON()), "/volumeMounts/-")
	id := mutate.Identity{RoleARN: role, TokenExpiration: 600e9}
	r, err = newMutator(t, mutate.Config{}).RawPod(of(mutate.VolumeName, mutate.DefaultAudience, `{"name":"NAME","mountPath":"`+mutate.DefaultMountPath+`"},`+elsewhere), id)
	require.NoError(t, err)
	assert.Empty(t, r.Warnings, "it is at its path already")
}

func TestWhatCannotBeReadIsRefusedByEveryEngine(t *testing.T) {
	t.Parallel()
	engine := mutate.NewEngine(stackit())
	_, err := engine.RawPod([]byte(`{"spec":{"containers":[`+strings.Repeat(`{},`, 1<<15)+`{}]}}`), stackitReader)
	var syntax *mutate.SyntaxError
	require.ErrorAs(t, err, &syntax)
	_, err = engine.RawPod(make([]byte, 10<<20), stackitReader)
	require.ErrorIs(t, err, mutate.ErrTooLarge)
	for _, c := range []struct {
		answer mutate.Reviewed
		want   string
	}{
		{engine.Review(nil, stackitReader, nil), "request: it is nil"},
		{(*mutate.Engine)(nil).Review(request([]byte(`{}`)), stackitReader, nil), "not made by New"},
		{engine.Review(request([]byte(`{}`)), nil, err), err.Error()},
		{engine.Review(request([]byte(`[]`)), nil, err), err.Error()},
	} {
		assert.False(t, c.answer.Response.Allowed)
		assert.ErrorContains(t, c.answer.Err, c.want)
	}
	other := request([]byte(`[]`))
	other.Operation = admissionv1.Delete
	assert.True(t, engine.Review(other, nil, err).Response.Allowed)
}

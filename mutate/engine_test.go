package mutate_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/profile"
	"github.com/irsa-go/irsa/mutate"
)

// stackit is what STACKIT's pod identity webhook does for one account, as data.
func stackit() profile.Profile {
	const path = "/var/run/secrets/stackit.cloud/serviceaccount"
	return profile.Profile{
		Cloud:     "stackit",
		Volume:    profile.Volume{Name: "stackit-workload-identity"},
		MountPath: path,
		Grant: profile.Grant{
			Audience: "sts.accounts.stackit.cloud", File: "token",
			Env: []profile.Env{
				{Name: "STACKIT_SERVICE_ACCOUNT_EMAIL", Value: "reader@sa.stackit.cloud", Needed: true},
				{Name: "STACKIT_FEDERATED_TOKEN_FILE", Value: path + "/token", Needed: true},
				{Name: "STACKIT_IDP_TOKEN_ENDPOINT", Value: ""},
				{Name: "STACKIT_IDP_TOKEN_EXPIRATION_SECONDS", Value: "600"},
			},
		},
		Expiration: profile.Expiration{Seconds: 600, Min: 600, Max: 1 << 32},
	}
}

func TestAnotherCloudIsAProfile(t *testing.T) {
	t.Parallel()
	var engine mutate.Engine
	doc := []byte(`{"future":[1.50],"spec":{"containers":[{"name":"a","env":[{"name":"STACKIT_SERVICE_ACCOUNT_EMAIL","value":"own@sa.stackit.cloud"}]}]}}`)
	r, err := engine.RawPod(doc, stackit())
	require.NoError(t, err)
	assert.True(t, r.Complete())
	patched := apply(t, doc, r)
	assert.JSONEq(t, `{"future":[1.50],"spec":{
		"volumes":[{"name":"stackit-workload-identity","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.accounts.stackit.cloud","expirationSeconds":600,"path":"token"}}]}}],
		"containers":[{"name":"a","env":[
			{"name":"STACKIT_SERVICE_ACCOUNT_EMAIL","value":"own@sa.stackit.cloud"},
			{"name":"STACKIT_FEDERATED_TOKEN_FILE","value":"/var/run/secrets/stackit.cloud/serviceaccount/token"},
			{"name":"STACKIT_IDP_TOKEN_EXPIRATION_SECONDS","value":"600"}],
		"volumeMounts":[{"name":"stackit-workload-identity","readOnly":true,"mountPath":"/var/run/secrets/stackit.cloud/serviceaccount"}]}]}}`, string(patched))
	again, err := engine.RawPod(patched, stackit())
	require.NoError(t, err)
	assert.False(t, again.Changed())

	r, err = engine.RawPod([]byte(`{"spec":{"volumes":[{"name":"stackit-workload-identity","emptyDir":{}}],"containers":[{"name":"a"}]}}`), stackit())
	require.NoError(t, err)
	assert.False(t, r.Changed())
	assert.Equal(t, mutate.Reason(mutate.CodeForeignVolume), r.Containers[0].Reason)
}

// asProfile is what mutate itself does for a role, as data.
func asProfile() profile.Profile {
	return profile.Profile{
		Cloud: "aws", Volume: profile.Volume{Name: mutate.VolumeName}, MountPath: mutate.DefaultMountPath,
		Grant: profile.Grant{
			Audience: mutate.DefaultAudience, File: mutate.TokenFileName,
			Env: []profile.Env{
				{Name: mutate.EnvRoleARN, Value: role, Identity: true},
				{Name: mutate.EnvTokenFile, Value: mutate.DefaultMountPath + "/" + mutate.TokenFileName, Identity: true},
			},
		},
		Expiration: profile.Expiration{Seconds: 86400, Key: "eks.amazonaws.com/token-expiration", Min: 600, Max: 1 << 32, RaiseToMin: true},
		Skip:       profile.Skip{Key: "eks.amazonaws.com/skip-containers", Separator: ","},
	}
}

func TestAProfileOfAWSDoesWhatTheMutatorDoes(t *testing.T) {
	t.Parallel()
	var engine mutate.Engine
	m := newMutator(t, mutate.Config{})
	for name, doc := range map[string]string{
		"a container":        `{"spec":{"containers":[{"name":"a"}]}}`,
		"init containers":    `{"spec":{"containers":[{"name":"a"}],"initContainers":[{"name":"b"}]}}`,
		"one of the pair":    `{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"}]},{"name":"b"}]}}`,
		"skipped":            `{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"a"}},"spec":{"containers":[{"name":"a"},{"name":"b"}]}}`,
		"raised":             `{"metadata":{"annotations":{"eks.amazonaws.com/token-expiration":"5"}},"spec":{"containers":[{"name":"a"}]}}`,
		"a foreign volume":   `{"spec":{"volumes":[{"name":"aws-iam-token","emptyDir":{}}],"containers":[{"name":"a"}]}}`,
		"a foreign mount":    `{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/var/run/secrets/eks.amazonaws.com/serviceaccount"}]}]}}`,
		"an alias":           `{"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/run/secrets/eks.amazonaws.com/serviceaccount"}]}]}}`,
		"nulls":              `{"metadata":null,"spec":{"volumes":null,"containers":[{"name":"a","env":null,"volumeMounts":null}]}}`,
		"another audience":   `{"spec":{"volumes":[{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"path":"token","audience":"x","expirationSeconds":86400}}]}}],"containers":[{"name":"a"}]}}`,
		"unknown containers": `{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"x"}},"spec":{"containers":[{"name":"a"}]}}`,
	} {
		want, err := m.RawPod([]byte(doc), mutate.Identity{RoleARN: role})
		require.NoError(t, err)
		got, err := engine.RawPod([]byte(doc), asProfile())
		require.NoError(t, err)
		assert.Equal(t, want.Containers, got.Containers, name)
		assert.Equal(t, want.Complete(), got.Complete(), name)
		assert.Equal(t, codes(want), codes(got), name)
		var a, b corev1.Pod
		require.NoError(t, json.Unmarshal(apply(t, []byte(doc), want), &a))
		require.NoError(t, json.Unmarshal(apply(t, []byte(doc), got), &b))
		assert.Equal(t, a, b, name)
	}
}

func codes(r mutate.Result) (codes []mutate.Code) {
	for _, w := range r.Warnings {
		codes = append(codes, w.Code)
	}
	return codes
}

func TestAPodThatKeepsItsOwnIdentityGetsNoToken(t *testing.T) {
	t.Parallel()
	var engine mutate.Engine
	doc := `{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own"}]}]}}`
	r, err := engine.RawPod([]byte(doc), asProfile())
	require.NoError(t, err)
	assert.False(t, r.Changed())
	assert.Equal(t, mutate.ReasonPresent, r.Containers[0].Reason)
	assert.True(t, r.Complete())
}

func TestMoreContainersThanCanBeAreRefused(t *testing.T) {
	t.Parallel()
	var engine mutate.Engine
	doc := []byte(`{"spec":{"containers":[`)
	for range 1 << 15 {
		doc = append(doc, `{},`...)
	}
	doc = append(doc, `{}]}}`...)
	_, err := engine.RawPod(doc, stackit())
	var syntax *mutate.SyntaxError
	require.ErrorAs(t, err, &syntax)
	_, err = engine.RawPod(make([]byte, 10<<20), stackit())
	require.ErrorIs(t, err, mutate.ErrTooLarge)
}

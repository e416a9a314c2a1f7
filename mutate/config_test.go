package mutate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
)

func TestNewNamesEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	m, err := mutate.New(mutate.Config{
		Region: "nowhere", Audience: "\x00", TokenExpiration: time.Minute, MountPath: "a/b", PodIdentityMountPath: "/a:b",
		AnnotationDomain: "a/b", BadAnnotations: 9, SessionName: 9, RoleAccountID: "1", RolePartition: "aws-x",
		Defaults: []mutate.Default{
			{Namespace: "A", ServiceAccount: "b"}, {Namespace: "a", ServiceAccount: "b", RoleARN: "x"}, {Namespace: "a", ServiceAccount: "b"},
		},
		PodIdentityAccounts: []mutate.Target{{}},
	})
	assert.Nil(t, m)
	for _, part := range []string{
		"Region", "Audience", "TokenExpiration", "MountPath", "PodIdentityMountPath", "AnnotationDomain", "BadAnnotations",
		"SessionName", "RoleAccountID", "RolePartition", "Defaults[0]", "Defaults[1]", "Defaults[2]", "PodIdentityAccounts[0]",
	} {
		assert.ErrorContains(t, err, "config: "+part+": ")
	}
	for _, path := range []string{"/", "/a/", "/a/../b", `/a\b`, "/a\n", "C:/x", "/var/$(X)", "/a$$b"} {
		_, err := mutate.New(mutate.Config{MountPath: path})
		assert.ErrorContains(t, err, fmt.Sprintf("MountPath: %q is not a mount path", path))
	}
	_, err = mutate.New(mutate.Config{MountPath: "/a$b/$"})
	assert.NoError(t, err, "Kubernetes leaves it as it is")
}

func TestAnAudienceIsPrintable(t *testing.T) {
	t.Parallel()
	for audience, ok := range map[string]bool{
		"sts.amazonaws.com": true, "https://é.example/漢 字": true,
		"\u202emoc.swanozama.sts": false, "a\u00a0b": false, "a\u2028b": false, "a\u200bb": false, "a\tb": false, "\xff": false,
	} {
		m := newMutator(t, mutate.Config{})
		_, ofConfig := mutate.New(mutate.Config{Audience: audience})
		_, ofAccount := m.Identity(account(map[string]string{"role-arn": role, "audience": audience}))
		_, ofIdentity := m.RawPod([]byte(`{}`), mutate.Identity{RoleARN: role, Audience: audience})
		for i, err := range []error{ofConfig, ofAccount, ofIdentity} {
			if ok {
				assert.NoError(t, err, audience)
			} else {
				assert.ErrorContains(t, err, [...]string{"config: Audience: ", "eks.amazonaws.com/audience", "identity: audience "}[i], audience)
			}
		}
	}
}

func TestResolvedWritesOutEveryDefault(t *testing.T) {
	t.Parallel()
	c, err := mutate.Config{RoleAccountID: "111122223333", Region: "cn-north-1"}.Resolved()
	require.NoError(t, err)
	assert.Equal(t, mutate.Config{
		Region: "cn-north-1", Audience: mutate.DefaultAudience, TokenExpiration: mutate.DefaultTokenExpiration,
		MountPath: mutate.DefaultMountPath, AnnotationDomain: mutate.DefaultAnnotationDomain,
		RoleAccountID: "111122223333", RolePartition: "aws-cn", PodIdentityMountPath: mutate.PodIdentityDefaultMountPath,
	}, c)
	_, err = mutate.Config{Region: "x"}.Resolved()
	assert.ErrorContains(t, err, `Region: "x"`)
}

package mutate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
)

// The ConfigMap of an EKS webhook, and what that webhook makes of it for the account team-a/reader.
func TestWholeDefaultsAreReadAsTheEKSWebhookReadsItsConfigMap(t *testing.T) {
	t.Parallel()
	const fallback = `"*/reader":{"RoleARN":"arn:aws:iam::111122223333:role/fallback","Audience":"fallback"}`
	const own, annotatedRole = "arn:aws:iam::111122223333:role/own", "arn:aws:iam::111122223333:role/annotated"
	regional := map[string]string{"sts-regional-endpoints": "true", "audience": "annotated", "token-expiration": "900"}
	for name, c := range map[string]struct {
		config      string
		cfg         mutate.Config
		annotations map[string]string
		want        mutate.Identity
	}{
		"an annotated account takes nothing from it": {
			config: `{"team-a/reader":{"RoleARN":"` + own + `","Audience":"own","UseRegionalSTS":true,"TokenExpiration":7200}}`, annotations: map[string]string{"role-arn": annotatedRole},
			want: mutate.Identity{RoleARN: annotatedRole},
		},
		"an entry is taken whole, without the other annotations": {
			config: `{"team-a/reader":{"RoleARN":"` + own + `"}}`, annotations: regional, cfg: mutate.Config{RegionalSTS: true},
			want: mutate.Identity{RoleARN: own},
		},
		"all of an entry": {
			config: `{"team-a/reader":{"RoleARN":"` + own + `","Audience":"own","UseRegionalSTS":true,"TokenExpiration":7200}}`,
			want:   mutate.Identity{RoleARN: own, Audience: "own", RegionalSTS: true, TokenExpiration: 2 * time.Hour},
		},
		"what an entry leaves open is the webhook's own": {
			config: `{"team-a/reader":{"RoleARN":"` + own + `"}}`, cfg: mutate.Config{Audience: "all", TokenExpiration: time.Hour},
			want: mutate.Identity{RoleARN: own, Audience: "all", TokenExpiration: time.Hour},
		},
		"an empty annotation is as none": {
			config: `{"team-a/reader":{"RoleARN":"` + own + `"}}`, annotations: map[string]string{"role-arn": ""},
			want: mutate.Identity{RoleARN: own},
		},
		"the account's own entry hides the fallback, whole": {
			config: `{"team-a/reader":{"RoleARN":"` + own + `"},` + fallback + `}`, want: mutate.Identity{RoleARN: own},
		},
		"also where it has no role": {config: `{"team-a/reader":{"Audience":"own"},` + fallback + `}`},
		"the fallback": {
			config: `{` + fallback + `}`, want: mutate.Identity{RoleARN: "arn:aws:iam::111122223333:role/fallback", Audience: "fallback"},
		},
		"another account": {config: `{"team-b/reader":{"RoleARN":"` + own + `"}}`, annotations: regional},
		"pod identity looks at annotations alone": {
			config: `{"team-a/reader":{"RoleARN":"` + own + `","TokenExpiration":7200}}`, annotations: map[string]string{"sts-regional-endpoints": "true"},
			cfg:  mutate.Config{PodIdentityAccounts: []mutate.Target{{Namespace: "team-a", ServiceAccount: "reader"}}},
			want: mutate.Identity{Method: mutate.PodIdentity, RegionalSTS: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defaults, err := mutate.ParseDefaults([]byte(c.config))
			require.NoError(t, err)
			c.cfg.Defaults, c.cfg.AllowNamespaceGlobs, c.cfg.WholeDefaults = defaults, true, true
			got, err := newMutator(t, c.cfg).Identity(account(c.annotations))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestNamesThatDifferOnlyInCaseAreRefused(t *testing.T) {
	t.Parallel()
	for _, config := range []string{
		`{"team-a/reader":{"RoleARN":"a","rolearn":"b"}}`,
		`{"team-a/reader":{"Audience":"a","AUDIENCE":"b"}}`,
		`{"team-a/reader":{"TokenExpiration":1,"Toſenexpiration":2}}`,
		`{"team-a/reader":{"TokenExpiration":1,"To` + "\u212a" + `enExpiration":2}}`,
		`{"team-a/reader":{},"Team-A/reader":{}}`,
	} {
		_, err := mutate.ParseDefaults([]byte(config))
		assert.Error(t, err, config)
	}
	_, err := mutate.ParsePodIdentityAccounts([]byte(`{"identities":[{"namespace":"a","Namespace":"b","serviceAccount":"c"}]}`))
	assert.ErrorContains(t, err, "twice")
	one, err := mutate.ParseDefaults([]byte(`{"team-a/reader":{"rolearn":"b"}}`))
	require.NoError(t, err)
	assert.Equal(t, "b", one[0].RoleARN, "in one spelling it is read as the EKS webhook reads it")
}

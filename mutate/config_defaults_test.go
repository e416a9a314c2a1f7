package mutate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	const twice = "twice, in two spellings"
	for config, want := range map[string]string{
		`{"team-a/reader":{"RoleARN":"a","rolearn":"b"}}`:   twice,
		`{"team-a/reader":{"Audience":"a","AUDIENCE":"b"}}`: twice,
		// The long s stands for an s, not for a k.
		`{"team-a/reader":{"TokenExpiration":1,"Toſenexpiration":2}}`:                `unknown field "Toſenexpiration"`,
		`{"team-a/reader":{"TokenExpiration":1,"To` + "\u212a" + `enExpiration":2}}`: twice,
		`{"team-a/reader":{},"Team-A/reader":{}}`:                                    twice,
	} {
		_, err := mutate.ParseDefaults([]byte(config))
		assert.ErrorContains(t, err, want, config)
	}
	_, err := mutate.ParsePodIdentityAccounts([]byte(`{"identities":[{"namespace":"a","Namespace":"b","serviceAccount":"c"}]}`))
	assert.ErrorContains(t, err, "twice")
	one, err := mutate.ParseDefaults([]byte(`{"team-a/reader":{"rolearn":"b"}}`))
	require.NoError(t, err)
	assert.Equal(t, "b", one[0].RoleARN, "in one spelling it is read as the EKS webhook reads it")
}

func TestDefaultsStandBelowAnnotationsTheMostSpecificFirst(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	arn := func(name string) string { return "arn:aws:iam::111122223333:role/" + name }
	m := newMutator(t, mutate.Config{AllowNamespaceGlobs: true, Audience: "config", Defaults: []mutate.Default{
		{Namespace: "*", ServiceAccount: "*", TokenExpiration: time.Hour, RegionalSTS: &yes},
		{Namespace: "*", ServiceAccount: "agent", RoleARN: arn("agent")},
		{Namespace: "team-*", ServiceAccount: "*", RoleARN: arn("any-team"), Audience: "team"},
		{Namespace: "team-a", ServiceAccount: "*", RegionalSTS: &no},
		{Namespace: "team-a", ServiceAccount: "reader", RoleARN: arn("reader")},
	}})
	for name, c := range map[string]struct {
		namespace, account string
		annotations        map[string]string
		want               mutate.Identity
	}{
		"the account's own":     {"team-a", "reader", nil, mutate.Identity{RoleARN: arn("reader"), Audience: "team", TokenExpiration: time.Hour}},
		"the glob's":            {"team-b", "x", nil, mutate.Identity{RoleARN: arn("any-team"), Audience: "team", TokenExpiration: time.Hour, RegionalSTS: true}},
		"the longer glob wins":  {"team-b", "agent", nil, mutate.Identity{RoleARN: arn("any-team"), Audience: "team", TokenExpiration: time.Hour, RegionalSTS: true}},
		"of all namespaces":     {"kube-system", "agent", nil, mutate.Identity{RoleARN: arn("agent"), Audience: "config", TokenExpiration: time.Hour, RegionalSTS: true}},
		"settings, no role":     {"kube-system", "x", nil, mutate.Identity{}},
		"annotations win":       {"team-a", "reader", map[string]string{"eks.amazonaws.com/role-arn": arn("mine"), "eks.amazonaws.com/audience": "mine", "eks.amazonaws.com/token-expiration": "600"}, mutate.Identity{RoleARN: arn("mine"), Audience: "mine", TokenExpiration: 10 * time.Minute}},
		"an empty one opts out": {"team-a", "reader", map[string]string{"eks.amazonaws.com/role-arn": ""}, mutate.Identity{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := m.Identity(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
				Namespace: c.namespace, Name: c.account, Annotations: c.annotations,
			}})
			require.NoError(t, err)
			assert.Equal(t, c.want, id)
		})
	}
}

func TestNamespaceGlobsMustBeAllowed(t *testing.T) {
	t.Parallel()
	defaults, err := mutate.ParseDefaults([]byte(`{
		"*/reader": {"RoleARN": "arn:aws:iam::111122223333:role/any"},
		"team-a/reader": {"RoleARN": "arn:aws:iam::111122223333:role/reader", "Audience": "x", "UseRegionalSTS": true, "TokenExpiration": 3600}
	}`))
	require.NoError(t, err)
	yes := true
	assert.Equal(t, []mutate.Default{
		{Namespace: "*", ServiceAccount: "reader", RoleARN: "arn:aws:iam::111122223333:role/any"},
		{Namespace: "team-a", ServiceAccount: "reader", RoleARN: role, Audience: "x", RegionalSTS: &yes, TokenExpiration: time.Hour},
	}, defaults)
	_, err = mutate.New(mutate.Config{Defaults: defaults})
	assert.ErrorContains(t, err, "AllowNamespaceGlobs")
	_, err = mutate.New(mutate.Config{Defaults: defaults, AllowNamespaceGlobs: true})
	assert.NoError(t, err)
}

func TestFilesOfTheWebhookAreReadStrictly(t *testing.T) {
	t.Parallel()
	for bad, want := range map[string]string{
		``: "the document is empty", `[]`: "cannot unmarshal array", `{"a":{}}`: `key "a", want "namespace/name"`,
		`{"a/b":{"Role":"x"}}`: `unknown field "Role"`, `{"a/b":{},"a/b":{}}`: `at "/a~1b": this name stands in the object twice`,
		`{"a/b":{"TokenExpiration":4294967297}}`: "4294967297 seconds, want at most 4294967296", `{} {}`: "something follows the document",
	} {
		defaults, err := mutate.ParseDefaults([]byte(bad))
		assert.ErrorContains(t, err, want, bad)
		assert.Nil(t, defaults)
	}
	targets, err := mutate.ParsePodIdentityAccounts([]byte(`{"identities":[{"namespace":"a","serviceAccount":"b"}]}`))
	require.NoError(t, err)
	assert.Equal(t, []mutate.Target{{Namespace: "a", ServiceAccount: "b"}}, targets)
	_, err = mutate.ParsePodIdentityAccounts([]byte(`{"identities":[{"name":"a"}]}`))
	assert.ErrorContains(t, err, `unknown field "name"`)
}

package admissionpolicy_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
)

var update = flag.Bool("update", false, "write the golden files")

func TestPoliciesAreAsRecorded(t *testing.T) {
	t.Parallel()
	full := mutate.Config{
		Region: "eu-central-1", RegionalSTS: true, RoleAccountID: "111122223333",
		SessionName: mutate.SessionNamePodName, DisableEC2Metadata: true, BadAnnotations: mutate.RefuseAllBad,
	}
	for name, cfg := range map[string]mutate.Config{"zero": {}, "eks": mutate.EKS("eu-central-1"), "full": full} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := admissionpolicy.New(cfg, admissionpolicy.Config{})
			require.NoError(t, err)
			roles, err := p.Roles(map[string]admissionpolicy.AllowedRoles{
				"team-a": {ARNs: []string{"arn:aws:iam::111122223333:role/a"}, Paths: []string{"arn:aws:iam::111122223333:role/team-a/"}},
				"team-b": {ARNs: []string{"arn:aws:iam::111122223333:role/b"}},
			})
			require.NoError(t, err)
			injection, required := p.Injection(), p.Required()
			assertGolden(t, name, []any{
				injection.Policy, injection.Binding, required.Policy, required.Binding, roles.Policy, roles.Binding,
			})
		})
	}
}

func assertGolden(t *testing.T, name string, value any) {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(value))
	file := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

func TestNewRefusesWhatAPolicyCannotDo(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]mutate.Config{
		"a bad region": {Region: "nowhere"},
		"defaults":     {Defaults: []mutate.Default{{Namespace: "a", ServiceAccount: "b", RoleARN: "arn:aws:iam::111122223333:role/a"}}},
		"endpoints":    {UseFIPSEndpoint: true},
		"pod identity": {PodIdentityAccounts: []mutate.Target{{Namespace: "a", ServiceAccount: "b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := admissionpolicy.New(cfg, admissionpolicy.Config{})
			assert.Error(t, err)
			assert.Nil(t, p)
		})
	}
	p, err := admissionpolicy.New(mutate.Config{}, admissionpolicy.Config{Name: "Not A Name"})
	assert.Error(t, err)
	assert.Nil(t, p)
}

func TestRolesRefusesWhatIsNoListOfRoles(t *testing.T) {
	t.Parallel()
	p, err := admissionpolicy.New(mutate.Config{}, admissionpolicy.Config{})
	require.NoError(t, err)
	for name, allowed := range map[string]map[string]admissionpolicy.AllowedRoles{
		"a namespace that cannot be":   {"Team A": {}},
		"a wildcard":                   {"a": {ARNs: []string{"arn:aws:iam::111122223333:role/*"}}},
		"a path without its slash":     {"a": {Paths: []string{"arn:aws:iam::111122223333:role/team"}}},
		"every role of the account":    {"a": {Paths: []string{"arn:aws:iam::111122223333:role/"}}},
		"a path that is no role's ARN": {"a": {Paths: []string{"arn:aws:iam::111122223333:"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := p.Roles(allowed)
			assert.Error(t, err)
			assert.Equal(t, admissionpolicy.Validation{}, v)
		})
	}
}

func TestEveryCallMakesNewValues(t *testing.T) {
	t.Parallel()
	p, err := admissionpolicy.New(mutate.Config{}, admissionpolicy.Config{})
	require.NoError(t, err)
	first := p.Injection()
	first.Policy.Spec.Variables[0].Expression = "changed"
	first.Policy.Spec.MatchConstraints.ObjectSelector.MatchExpressions[0].Key = "changed"
	assert.NotEqual(t, first, p.Injection())
	assert.Equal(t, p.Injection(), p.Injection())
}

func TestTheListOfFeaturesIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	admissionpolicy.Features()[0].Claimed = false
	assert.True(t, admissionpolicy.Features()[0].Claimed)
}

func TestPoliciesNotMadeByNewMakeNothing(t *testing.T) {
	t.Parallel()
	for _, p := range []*admissionpolicy.Policies{nil, {}} {
		assert.Equal(t, admissionpolicy.Injection{}, p.Injection())
		assert.Equal(t, admissionpolicy.Validation{}, p.Required())
		roles, err := p.Roles(nil)
		assert.Error(t, err)
		assert.Equal(t, admissionpolicy.Validation{}, roles)
	}
}

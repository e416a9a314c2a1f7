package admissionpolicy_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
)

var update = flag.Bool("update", false, "write the golden files")

func TestPoliciesAreAsRecorded(t *testing.T) {
	t.Parallel()
	full := mutate.Config{
		Region: "eu-central-1", RegionalSTS: true, RoleAccountID: "111122223333",
		SessionName: mutate.SessionNamePodName, DisableEC2Metadata: true, UseDualStackEndpoint: true, UseFIPSEndpoint: true,
		BadAnnotations: mutate.RefuseAllBad,
	}
	rule := mutate.EKS("eu-central-1")
	rule.RoleRule = mutate.RoleRule{AccountID: "111122223333", NamePrefix: "blue_"}
	for name, cfg := range map[string]mutate.Config{"zero": {}, "eks": mutate.EKS("eu-central-1"), "full": full, "rule": rule} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := admissionpolicy.New(cfg, admissionpolicy.Config{})
			require.NoError(t, err)
			roles, err := p.Roles(map[string]admissionpolicy.AllowedRoles{
				"team-a": {ARNs: []string{"arn:aws:iam::111122223333:role/a"}, Paths: []string{"arn:aws:iam::111122223333:role/team-a/"}},
				"team-b": {ARNs: []string{"arn:aws:iam::111122223333:role/b"}, Audiences: []string{"own-audience"}},
			})
			require.NoError(t, err)
			injection, required := p.Injection(), p.Required()
			objects := []any{
				injection.Policy, injection.Binding, required.Policy, required.Binding, roles.Policy, roles.Binding,
			}
			if !cfg.RoleRule.IsZero() {
				objects = staticObjects(t, p)
			}
			assertGolden(t, name, objects)
		})
	}
}

// staticObjects are those for the API server's disk.
func staticObjects(t *testing.T, p *admissionpolicy.Policies) []any {
	t.Helper()
	byRule, err := p.InjectionByRule()
	require.NoError(t, err)
	byRule, err = byRule.Static()
	require.NoError(t, err)
	guard, err := p.Guard("pod-identity-webhook")
	require.NoError(t, err)
	guard, err = guard.Static()
	require.NoError(t, err)
	return []any{byRule.Policy, byRule.Binding, guard.Policy, guard.Binding}
}

func TestOnlyWhatHasNoParametersIsStatic(t *testing.T) {
	t.Parallel()
	p, err := admissionpolicy.New(mutate.Config{}, admissionpolicy.Config{})
	require.NoError(t, err)
	static, err := p.Injection().Static()
	assert.ErrorContains(t, err, "parameters")
	assert.Zero(t, static)
	_, err = p.InjectionByRule()
	assert.ErrorContains(t, err, "RoleRule")
	_, err = admissionpolicy.Injection{}.Static()
	assert.ErrorContains(t, err, "the injection is empty")
	_, err = admissionpolicy.Validation{}.Static()
	assert.ErrorContains(t, err, "the validation is empty")
	_, err = p.Guard("Not A Name")
	assert.ErrorContains(t, err, `"Not A Name" is not a DNS subdomain`)

	required := p.Required()
	copied, err := required.Static()
	require.NoError(t, err)
	assert.Equal(t, "irsa-required.static.k8s.io", copied.Policy.Name)
	assert.Equal(t, copied.Policy.Name, copied.Binding.Spec.PolicyName)
	assert.Equal(t, "irsa-required", required.Policy.Name, "the original stays")
}

func TestPodsAskForTheRuleUnlessAllHaveIt(t *testing.T) {
	t.Parallel()
	cfg := mutate.Config{RoleRule: mutate.RoleRule{AccountID: "111122223333"}}
	for every, want := range map[bool]map[string]string{false: {"eks.amazonaws.com/role-by-rule": "true"}, true: nil} {
		cfg.RoleRuleForEveryPod = every
		p, err := admissionpolicy.New(cfg, admissionpolicy.Config{})
		require.NoError(t, err)
		byRule, err := p.InjectionByRule()
		require.NoError(t, err)
		assert.Equal(t, want, byRule.Policy.Spec.MatchConstraints.ObjectSelector.MatchLabels)
		assert.Nil(t, byRule.Policy.Spec.ParamKind)
		assert.Nil(t, byRule.Binding.Spec.ParamRef)

		byAnnotation, err := metav1.LabelSelectorAsSelector(p.Injection().Policy.Spec.MatchConstraints.ObjectSelector)
		require.NoError(t, err)
		assert.Equal(t, every, byAnnotation.Matches(labels.Set{"eks.amazonaws.com/role-by-rule": "true"}), "the annotations are not looked at")
		assert.True(t, byAnnotation.Matches(labels.Set{"eks.amazonaws.com/role-by-rule": "no"}))
	}
}

// Files are compared by the place that they lead to, and /run is /var/run there.
func TestRequiredKnowsItsMountPathByThePlaceThatItLeadsTo(t *testing.T) {
	t.Parallel()
	p, err := admissionpolicy.New(mutate.Config{MountPath: "/run/aws", PodIdentityMountPath: "/run"}, admissionpolicy.Config{})
	require.NoError(t, err)
	works := ""
	for _, v := range p.Required().Policy.Spec.Variables {
		if v.Name == "works" {
			works = v.Expression
		}
	}
	assert.Contains(t, works, `.startsWith('/var/run/aws/') || h.fileValue.startsWith('/var/run/')`)
	assert.NotContains(t, works, `'/run`)
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
	for field, cfg := range map[string]mutate.Config{
		"Region":              {Region: "nowhere"},
		"Defaults":            {Defaults: []mutate.Default{{Namespace: "a", ServiceAccount: "b", RoleARN: "arn:aws:iam::111122223333:role/a"}}},
		"PodIdentityAccounts": {PodIdentityAccounts: []mutate.Target{{Namespace: "a", ServiceAccount: "b"}}},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			p, err := admissionpolicy.New(cfg, admissionpolicy.Config{})
			assert.ErrorContains(t, err, "config: "+field+": ")
			assert.Nil(t, p)
		})
	}
	p, err := admissionpolicy.New(mutate.Config{}, admissionpolicy.Config{Name: "Not A Name"})
	assert.ErrorContains(t, err, `Name: "Not A Name" is not a DNS subdomain`)
	assert.Nil(t, p)
}

func TestRolesRefusesOtherDocuments(t *testing.T) {
	t.Parallel()
	p, err := admissionpolicy.New(mutate.Config{}, admissionpolicy.Config{})
	require.NoError(t, err)
	type allowed = map[string]admissionpolicy.AllowedRoles
	for name, c := range map[string]struct {
		allowed allowed
		want    string
	}{
		"a namespace that cannot be":      {allowed{"Team A": {}}, `namespace "Team A" is not a DNS label`},
		"a wildcard":                      {allowed{"a": {ARNs: []string{"arn:aws:iam::111122223333:role/*"}}}, `ARNs: "arn:aws:iam::111122223333:role/*": role name "*"`},
		"a path without its slash":        {allowed{"a": {Paths: []string{"arn:aws:iam::111122223333:role/team"}}}, `role/team": want an ARN that ends with "/"`},
		"every role of the account":       {allowed{"a": {Paths: []string{"arn:aws:iam::111122223333:role/"}}}, "it covers every role of the account"},
		"an empty audience":               {allowed{"a": {Audiences: []string{""}}}, `Audiences: ""`},
		"an audience of two lines":        {allowed{"a": {Audiences: []string{"a\nb"}}}, `Audiences: "a\nb"`},
		"a path that is not a role's ARN": {allowed{"a": {Paths: []string{"arn:aws:iam::111122223333:"}}}, `Paths: "arn:aws:iam::111122223333:"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := p.Roles(c.allowed)
			assert.ErrorContains(t, err, c.want)
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
	admissionpolicy.Features()[0].Webhook = false
	assert.True(t, admissionpolicy.Features()[0].Webhook)
}

func TestThePackagesDocumentHasTheListOfFeatures(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	says := map[bool]string{true: "yes", false: "no"}
	table := fmt.Sprintf("//\t%-24s %-8s %-7s %s\n", "feature", "webhook", "policy", "rule")
	for _, f := range admissionpolicy.Features() {
		table += fmt.Sprintf("//\t%-24s %-8s %-7s %s\n", f.Name, says[f.Webhook], says[f.Policy], says[f.Rule])
		assert.NotEmpty(t, f.Why, f.Name)
	}
	assert.Contains(t, string(document), table+"//\n")
}

func TestPoliciesNotMadeByNewMakeNothing(t *testing.T) {
	t.Parallel()
	for _, p := range []*admissionpolicy.Policies{nil, {}} {
		assert.Equal(t, admissionpolicy.Injection{}, p.Injection())
		assert.Equal(t, admissionpolicy.Validation{}, p.Required())
		roles, err := p.Roles(nil)
		assert.ErrorContains(t, err, "not made by New")
		assert.Equal(t, admissionpolicy.Validation{}, roles)
		_, err = p.InjectionByRule()
		assert.ErrorContains(t, err, "not made by New")
		_, err = p.Guard()
		assert.ErrorContains(t, err, "not made by New")
	}
}

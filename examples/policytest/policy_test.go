package policytest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// blue is the cluster that the policies are for.
const blue = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/B1D5A3CE2F5D4D6E8A7B9C0D1E2F3A4B"

// accounts are all service accounts that matter; whoever is not named in the table below for a
// role must not get it.
var accounts = []string{
	"shop:cart", "shop:mail", "shop:default",
	"reports:nightly-sales", "reports:nightly-stock", "reports:viewer",
	"cart:shop", "kube-system:aws-node", "nightly-reports:x",
}

// mayBecome is the table: which service accounts may become which role.
var mayBecome = map[string]struct{ byIRSA, byPodIdentity []string }{
	"shop/cart.json": {
		byIRSA: []string{"shop:cart"},
	},
	"reports/reports.json": {
		byIRSA:        []string{"reports:nightly-sales", "reports:nightly-stock"},
		byPodIdentity: []string{"reports:nightly-sales", "reports:nightly-stock", "reports:viewer"},
	},
}

func TestWhoMayBecomeWhat(t *testing.T) {
	t.Parallel()
	cluster, err := trust.ParseProviderARN(blue)
	require.NoError(t, err)
	for file, want := range mayBecome {
		policy := read(t, file)
		for _, account := range accounts {
			sub := "system:serviceaccount:" + account
			subject, err := trust.ParseSubject(sub)
			require.NoError(t, err)
			namespace, name, _ := subject.ServiceAccount()

			d := policy.Evaluate(trust.WebIdentity(cluster, trust.Claims{"sub": sub, "aud": []any{trust.DefaultAudience}}))
			assert.Equal(t, slices.Contains(want.byIRSA, account), d.Allowed, "%s, by IRSA as %s: %s", file, account, d)

			d = policy.Evaluate(trust.PodIdentity(trust.PodIdentitySession{Namespace: namespace, ServiceAccount: name}))
			assert.Equal(t, slices.Contains(want.byPodIdentity, account), d.Allowed, "%s, by Pod Identity as %s: %s", file, account, d)
		}
	}
}

func TestEveryPolicyIsInTheTable(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("policies/*/*.json")
	require.NoError(t, err)
	for _, file := range files {
		assert.Contains(t, mayBecome, filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file)))
	}
}

func TestIAMTakesEveryPolicyAndNoneIsDangerous(t *testing.T) {
	t.Parallel()
	for file := range mayBecome {
		policy := read(t, file)
		assert.NoError(t, policy.Validate(), file)
		for _, finding := range policy.Lint() {
			t.Errorf("%s: %v", file, finding)
		}
		assert.NoError(t, policy.CheckSize(trust.DefaultSizeQuota), file)
	}
}

// The table names accounts; this is about all that could ever exist: the policies in the folder of
// a namespace let in its own service accounts, by IRSA and by Pod Identity, and nobody else.
func TestNoPolicyReachesBeyondItsNamespace(t *testing.T) {
	t.Parallel()
	for file := range mayBecome {
		if err := within(read(t, file), filepath.Dir(file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestAPolicyThatReachesBeyondItsNamespaceIsToldWithAWitness(t *testing.T) {
	t.Parallel()
	cluster, err := trust.ParseProviderARN(blue)
	require.NoError(t, err)
	pattern, err := trust.ParsePattern("system:serviceaccount:shop*") // a colon is missing
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: cluster, Patterns: []trust.Pattern{pattern}})
	require.NoError(t, err)
	assert.EqualError(t, within(policy, "shop"), "a token of oidc.eks.eu-west-1.amazonaws.com/id/B1D5A3CE2F5D4D6E8A7B9C0D1E2F3A4B "+
		"with sub system:serviceaccount:shopx:x, aud sts.amazonaws.com can have the role")
}

// within proves that a policy stays in a namespace. What cannot be proved does not pass either.
func within(policy *trust.Policy, namespace string) error {
	cluster, err := trust.ParseProviderARN(blue)
	if err != nil {
		return err
	}
	accounts, err := trust.ParsePattern("system:serviceaccount:" + namespace + ":*")
	if err != nil {
		return err
	}
	byIRSA, err := trust.New(trust.Grant{Provider: cluster, Patterns: []trust.Pattern{accounts}})
	if err != nil {
		return err
	}
	byPodIdentity, err := trust.NewPodIdentity(trust.PodIdentityGrant{Namespaces: []string{namespace}})
	if err != nil {
		return err
	}
	all, err := trust.Join(byIRSA, byPodIdentity)
	if err != nil {
		return err
	}
	proof := policy.Within(all)
	switch proof.Outcome {
	case trust.Holds:
		return nil
	case trust.Fails:
		return fmt.Errorf("%s can have the role", proof.Witness)
	}
	return errors.New(proof.String())
}

func TestAnotherClusterGetsNothing(t *testing.T) {
	t.Parallel()
	green, err := trust.NewProvider("aws", "111122223333", "https://oidc.eks.eu-west-1.amazonaws.com/id/6E3E40E1B3F44C1BA9C8D7E6F5A4B3C2")
	require.NoError(t, err)
	for file := range mayBecome {
		for _, account := range accounts {
			q := trust.WebIdentity(green, trust.Claims{"sub": "system:serviceaccount:" + account, "aud": trust.DefaultAudience})
			assert.False(t, read(t, file).Allows(q), "%s as %s", file, account)
		}
	}
}

func read(t *testing.T, file string) *trust.Policy {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("policies", file))
	require.NoError(t, err)
	policy, err := trust.Parse(document)
	require.NoError(t, err, file)
	return policy
}

// Package credentials_test ends the chain where it matters: programs that others wrote, in the
// environment of a mutated pod of a real cluster, ask AWS who they are.
package credentials_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/e2e/real"
	"github.com/irsa-go/irsa/mutate"
)

func TestEveryClientBecomesTheRoleAndNobodyElsesPodDoes(t *testing.T) {
	b := newBench(t)
	mine, theirs := b.runPod(t, account, mutate.WebIdentity), b.runPod(t, neighbour, mutate.WebIdentity)
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			version, err := c.met()
			real.Need(t, err, errNotInstalled)
			real.Met(t, "%s %s", c.name, version)

			stdout, stderr, err := c.run(t, b, mine)
			require.NoError(t, err, stderr)
			assert.Regexp(t, `^arn:aws:sts::111122223333:assumed-role/checkout/[\w+=,.@-]{2,64}$`, stdout)

			stdout, stderr, err = c.run(t, b, theirs)
			require.Error(t, err, "the token of another service account")
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, "AccessDenied")
			assert.Contains(t, stderr, "Not authorized to perform sts:AssumeRoleWithWebIdentity")
		})
	}
	assert.Equal(t, []string{"sts." + region + ".amazonaws.com"}, b.network.Hosts(), "the environment alone led to the regional endpoint")
}

func TestEveryClientGetsItsAssociationsRoleFromTheNodesAgent(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.aws.Associate(clusterName, namespace, account, b.roleARN))
	mine, theirs := b.runPod(t, account, mutate.PodIdentity), b.runPod(t, neighbour, mutate.PodIdentity)
	for _, c := range clients() {
		if c.noAgent {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			version, err := c.met()
			real.Need(t, err, errNotInstalled)
			real.Met(t, "%s %s", c.name, version)

			before := b.aws.Calls("AssumeRoleForPodIdentity")
			stdout, stderr, err := c.run(t, b, mine)
			require.NoError(t, err, stderr)
			assert.Regexp(t, `^arn:aws:sts::111122223333:assumed-role/checkout/eks-blue-checkout-`, stdout)
			assert.Equal(t, 1, b.aws.Calls("AssumeRoleForPodIdentity")-before)

			stdout, _, err = c.run(t, b, theirs)
			require.Error(t, err, "an account without an association")
			assert.Empty(t, stdout)
			assert.Greater(t, b.aws.Calls("AssumeRoleForPodIdentity")-before, 1, "the agent was asked")
		})
	}
	assert.Zero(t, b.aws.Calls("AssumeRoleWithWebIdentity"))
}

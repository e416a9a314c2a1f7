// Package credentials_test ends the chain where it matters: programs that others wrote, in the
// environment of a mutated pod of a real cluster, ask AWS who they are.
package credentials_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/e2e/real"
)

func TestEveryClientBecomesTheRoleAndNobodyElsesPodDoes(t *testing.T) {
	b := newBench(t)
	mine, theirs := b.runPod(t, account), b.runPod(t, neighbour)
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

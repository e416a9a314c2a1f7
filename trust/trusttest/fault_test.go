package trusttest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestFaultsOnDemand(t *testing.T) {
	t.Parallel()
	tests := map[trusttest.Failure]struct {
		status        int
		code, message string
	}{
		trusttest.Throttling:            {400, "Throttling", "Rate exceeded"},
		trusttest.InternalFailure:       {500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure."},
		trusttest.ServiceUnavailable:    {503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."},
		trusttest.IDPCommunicationError: {400, "IDPCommunicationError", "An error occurred while communicating with the identity provider"},
		trusttest.RegionDisabled:        {403, "RegionDisabledException", "STS is not activated in this region for account"},
		trusttest.ConcurrentModification: {409, "ConcurrentModification",
			"The request was rejected because multiple requests to change this object were submitted simultaneously. Wait a few minutes and submit your request again."},
	}
	for failure, test := range tests {
		t.Run(test.code, func(t *testing.T) {
			t.Parallel()
			account, client := newIAM(t, trusttest.Config{})
			account.SetFault(trusttest.Fault{Failure: failure, Times: 2, Actions: []string{"ListRoles"}})
			list := func() error { _, err := client.ListRoles(t.Context(), nil); return err }

			createRole(t, client) // another action
			assertRefusal(t, list(), test.status, test.code, test.message)
			assertRefusal(t, list(), test.status, test.code, test.message)
			require.NoError(t, list(), "healthy after two")
			account.SetFault(trusttest.Fault{Failure: failure})
			assertRefusal(t, list(), test.status, test.code, test.message)
			account.SetFault(trusttest.Fault{})
			require.NoError(t, list())

			assert.Equal(t, 5, account.Calls("ListRoles"), "refused ones included")
			assert.Equal(t, 1, account.Calls("CreateRole"))
			assert.Equal(t, 0, account.Calls("GetRole"))
			assert.Equal(t, 6, account.Calls(""))
		})
	}
}

func TestLatencyEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		account, client := newIAM(t, trusttest.Config{})
		account.SetFault(trusttest.Fault{Latency: time.Minute})

		begin := time.Now()
		_, err := client.ListRoles(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, time.Minute, time.Since(begin))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		_, err = client.ListRoles(ctx, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begin))
	})
}

func TestNoGoroutineOutlivesClose(t *testing.T) {
	account, _ := newIAM(t, trusttest.Config{})
	cfg := account.AWSConfig()
	cfg.BaseEndpoint, cfg.HTTPClient = aws.String(account.URL()), nil
	account.SetFault(trusttest.Fault{Latency: time.Hour, Actions: []string{"ListRoles"}})
	client := iam.NewFromConfig(cfg)
	createRole(t, client)
	failed := make(chan error)
	go func() { _, err := client.ListRoles(t.Context(), nil); failed <- err }()
	for account.Calls("ListRoles") == 0 {
		runtime.Gosched()
	}

	account.Close()
	account.Close()

	require.ErrorIs(t, <-failed, io.EOF, "the call under way is cut off")
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	assert.NotContains(t, string(stacks), "trusttest.(*Account).ServeHTTP")
	assert.NotContains(t, string(stacks), "trusttest.(*loopback)")
}

func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	account, client := newIAM(t, trusttest.Config{})
	arn := createProvider(t, client)
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() {
			name := fmt.Sprintf("role-%d", i)
			for _, call := range []iamCall{
				creatingRole(func(in *iam.CreateRoleInput) { in.RoleName = &name }), tagging(name, "k", name),
				puttingPolicy(name, "p", permissions), attaching(name, readOnly), onProvider(arn)["get"],
				onProvider(arn)["add a client id"], onProvider(arn)["tag"], onProvider(arn)["list the tags"],
				func(ctx context.Context, c *iam.Client) error { _, err := c.ListRoles(ctx, nil); return err },
				deletingPolicy(name, "p"), detaching(name, readOnly), onRole(name)["delete"],
			} {
				account.SetFault(trusttest.Fault{})
				assert.NoError(t, call(t.Context(), client))
			}
		})
	}
	done.Wait()
	roles, err := client.ListRoles(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, roles.Roles)
	assert.Equal(t, []string{"sts.amazonaws.com", "x"}, getProvider(t, client, arn).ClientIDList)
}

func TestTheAWSCLIWorks(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "aws", "--version").Run(); err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	account, client := newIAM(t, trusttest.Config{})
	createRole(t, client)
	aws := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "aws", append(args, "--output", "text")...)
		cmd.Env = append(os.Environ(), account.Env()...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}

	assert.Equal(t, "arn:aws:iam::111122223333:role/app", aws("iam", "list-roles", "--query", "Roles[].Arn"))
	assert.Equal(t, "arn:aws:iam::111122223333:user/administrator", aws("sts", "get-caller-identity", "--query", "Arn"))
}

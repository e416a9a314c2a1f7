package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// setting is a cluster with a real issuer on loopback, an account, and a pod of payments/api.
type setting struct {
	process
	env     map[string]string
	account *trusttest.Account
	ca      string
	issuer  string
}

func newSetting(t *testing.T, subject string) *setting {
	t.Helper()
	issuer, err := oidctest.NewServer(oidctest.Config{})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	account, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	allow(t, account, issuer, subject)
	jwt, err := issuer.Token(oidctest.TokenRequest{Namespace: "payments", ServiceAccount: "api", Pod: "api-0"})
	require.NoError(t, err)
	chain := issuer.Chain()
	s := &setting{account: account, issuer: issuer.URL(), env: map[string]string{
		"AWS_ROLE_ARN":                "arn:aws:iam::111122223333:role/payments",
		"AWS_WEB_IDENTITY_TOKEN_FILE": write(t, "token", jwt+"\n"), "AWS_REGION": "eu-central-1",
	}}
	s.ca = write(t, "ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})))
	s.process = process{
		lookup: func(name string) (string, bool) { v, ok := s.env[name]; return v, ok },
		load: func(context.Context, ...func(*config.LoadOptions) error) (aws.Config, error) {
			cfg := account.AWSConfig()
			cfg.Region = s.env["AWS_REGION"]
			return cfg, nil
		},
	}
	return s
}

func (s *setting) do(t *testing.T, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = s.run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// allow makes the provider, and the role that trusts the subject.
func allow(t *testing.T, account *trusttest.Account, issuer *oidctest.Server, subject string) {
	t.Helper()
	client := iam.NewFromConfig(account.AWSConfig())
	report, err := oidc.ChainThumbprint(issuer.Chain())
	require.NoError(t, err)
	_, err = client.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuer.URL()), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: report.Thumbprints,
	})
	require.NoError(t, err)
	provider, err := trust.NewProvider("aws", account.AccountID(), issuer.URL())
	require.NoError(t, err)
	sub, err := trust.ParseSubject(subject)
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{sub}})
	require.NoError(t, err)
	_, err = client.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("payments"), AssumeRolePolicyDocument: aws.String(policy.Document()),
	})
	require.NoError(t, err)
}

const api, worker = "system:serviceaccount:payments:api", "system:serviceaccount:payments:worker"

func TestDoctorFindsTheFirstBrokenLink(t *testing.T) {
	t.Parallel()
	const notMutated = `{"metadata":{"name":"api-0","namespace":"payments"},"spec":{"serviceAccountName":"api","containers":[{"name":"app","image":"x"}]}}`
	for name, tc := range map[string]struct {
		trusts string
		args   []string
		code   int
		says   string
	}{
		"a healthy pod":                          {api, []string{"--iam"}, 0, "No broken link found."},
		"a role of another account":              {worker, []string{"--iam", "--no-sts"}, 1, "The first broken link is trust-policy: trust-policy-mismatch."},
		"without IAM the answer is that of STS":  {worker, nil, 1, "The first broken link is sts: trust-policy-mismatch."},
		"a pod that was not mutated":             {api, []string{"--iam", "--pod", write(t, "pod.json", notMutated)}, 1, "The first broken link is mutation: not-mutated."},
		"for programs, with the error as a text": {worker, []string{"-o", "json"}, 1, `"error": "token: `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t, tc.trusts)
			code, stdout, stderr := s.do(t, append([]string{"doctor", "--ca", s.ca}, tc.args...)...)
			assert.Equal(t, tc.code, code, stdout+stderr)
			assert.Contains(t, stdout, tc.says)
			assert.NotContains(t, stdout, "eyJ")
			assert.Empty(t, stderr)
			if tc.code == 0 {
				assert.NotContains(t, stdout, "skipped")
			}
		})
	}
}

// Whoever asks from a pod that was not mutated has no identity in the environment either.
func TestDoctorFindsThatAPodWasNotMutatedWithoutAnIdentityInTheEnvironment(t *testing.T) {
	t.Parallel()
	file := write(t, "pod.json", `{"spec":{"containers":[{"name":"app","image":"x"}]}}`)
	var stdout bytes.Buffer
	code := process{lookup: func(string) (string, bool) { return "", false }}.run(t.Context(), []string{"doctor", "--pod", file}, nil, &stdout, io.Discard)
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout.String(), "The first broken link is mutation: not-mutated.")
	assert.Contains(t, stdout.String(), "container app: ")
}

func TestDoctorRefusesAWrongCommandLine(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"unknown command":    {"pod"},
		"unknown flag":       {"--fix"},
		"it needs --iam":     {"--profile", "admin"},
		"more than 0":        {"--timeout", "0s"},
		"no such file":       {"--ca", "/does/not/exist"},
		"it is not a pod":    {"--pod", write(t, "pod.json", "[")},
		"no PEM certificate": {"--ca", write(t, "ca.pem", "x")},
	} {
		code, stdout, stderr := irsa(t, "", append([]string{"doctor"}, args...)...)
		assert.Equal(t, 2, code, says)
		assert.Empty(t, stdout, says)
		assert.Contains(t, stderr, says)
	}
}

func TestThePrintedCredentialsWork(t *testing.T) {
	t.Parallel()
	s := newSetting(t, api)
	code, stdout, stderr := s.do(t, "credential-process")
	require.Zero(t, code, stderr)
	var got struct {
		Version                                    int
		AccessKeyId, SecretAccessKey, SessionToken string
		Expiration                                 time.Time
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	assert.Equal(t, 1, got.Version)
	assert.WithinDuration(t, time.Now().Add(time.Hour), got.Expiration, time.Minute, "when they really expire")
	assert.Empty(t, stderr)

	cfg := s.account.AWSConfig()
	cfg.Region = "eu-central-1"
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: got.AccessKeyId, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken}, nil
	})
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, "arn:aws:sts::111122223333:assumed-role/payments/payments.api@api-0", *who.Arn)
}

func TestNothingIsPrintedWhenThereAreNoCredentials(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hurt func(*setting)
		says string
	}{
		"without an identity":  {func(s *setting) { clear(s.env) }, "node's role"},
		"without a token file": {func(s *setting) { os.Remove(s.env["AWS_WEB_IDENTITY_TOKEN_FILE"]) }, "token-file-missing"},
		"for another role":     {func(s *setting) { s.env["AWS_ROLE_ARN"] += "2" }, "trust-policy-mismatch"},
		"without a region":     {func(s *setting) { delete(s.env, "AWS_REGION") }, "region"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t, api)
			tc.hurt(s)
			code, stdout, stderr := s.do(t, "credential-process")
			assert.Equal(t, 2, code)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, tc.says)
			assert.NotContains(t, stderr, "eyJ")
		})
	}
	device, err := os.OpenFile("/dev/zero", os.O_WRONLY, 0) // as a terminal is one
	require.NoError(t, err)
	defer device.Close()
	var errs bytes.Buffer
	s := newSetting(t, api)
	assert.Equal(t, 2, s.run(t.Context(), []string{"credential-process"}, nil, device, &errs))
	assert.Contains(t, errs.String(), "terminal")
}

func TestWebhookManifestsAreCompleteAndInOrder(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := irsa(t, "", "webhook-manifests", "--cert-manager", "--required", "--failure-policy", "Fail", "--namespace-selector", "irsa=on")
	require.Zero(t, code, stderr)
	last := 0
	for _, want := range []string{
		"kind: ServiceAccount\n", "kind: ClusterRole\n", "kind: ClusterRoleBinding\n", "kind: Service\n", "kind: Issuer\n", "kind: Certificate\n",
		"kind: MutatingWebhookConfiguration\n", "failurePolicy: Fail\n", "irsa: \"on\"\n", "kind: MutatingWebhookConfiguration\n", "name: pod-identity-webhook-required\n",
	} {
		at := strings.Index(stdout[last:], want)
		require.GreaterOrEqual(t, at, 0, "%s\nin\n%s", want, stdout[last:])
		last += at + len(want)
	}
	code, stdout, stderr = irsa(t, "", "webhook-manifests", "--cert-manager", "--failure-policy", "Ignore", "--required", "--opt-in", "azure.workload.identity/use=true", "-o", "json")
	require.Zero(t, code, stderr)
	var list struct {
		Kind  string
		Items []struct {
			Kind     string
			Metadata struct{ Name string }
			Webhooks []struct {
				FailurePolicy  string
				ObjectSelector metav1.LabelSelector
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &list))
	assert.Equal(t, "List", list.Kind)
	optIn := list.Items[len(list.Items)-2]
	assert.Equal(t, "pod-identity-webhook-opt-in", optIn.Metadata.Name)
	assert.Equal(t, "Fail", optIn.Webhooks[0].FailurePolicy, "--failure-policy is for the others")
	assert.Contains(t, optIn.Webhooks[0].ObjectSelector.MatchExpressions, metav1.LabelSelectorRequirement{
		Key: azure.LabelUse, Operator: metav1.LabelSelectorOpIn, Values: []string{"true"},
	})
	for says, args := range map[string][]string{
		`--opt-in: it is "x", want LABEL=VALUE`: {"--cert-manager", "--opt-in", "x"},
		"--opt-in: webhook: manifest: ":         {"--cert-manager", "--opt-in", "a b=c"},
		"at least one of the flags":             {},
		"NAMESPACE/NAME":                        {"--cert-manager", "--service", "x"},
		"no PEM certificate":                    {"--ca-bundle", "main.go"},
		"FailurePolicy":                         {"--cert-manager", "--failure-policy", "Perhaps"},
		"--namespace-selector":                  {"--cert-manager", "--namespace-selector", "a in b"},
	} {
		code, stdout, stderr := irsa(t, "", append([]string{"webhook-manifests"}, args...)...)
		assert.Equal(t, 2, code, says)
		assert.Empty(t, stdout, says)
		assert.Contains(t, stderr, says)
	}
}

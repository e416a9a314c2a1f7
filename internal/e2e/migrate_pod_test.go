package e2e_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
)

// askingPod asks for credentials again and again, as its environment says.
type askingPod struct {
	account string
	pod     *corev1.Pod
	method  mutate.Method
	stop    func() // and waits
	asked   atomic.Int64
}

// start creates a pod of the account, mutated as the cluster's webhook does now, and lets it ask
// until it is stopped. It has got credentials when start returns.
func (b *moveBench) start(t *testing.T, account string) *askingPod {
	t.Helper()
	m, err := mutate.New(mutate.EKS("us-east-1"))
	require.NoError(t, err)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: movers, GenerateName: account + "-"},
		Spec: corev1.PodSpec{
			ServiceAccountName: account, AutomountServiceAccountToken: new(bool),
			Containers: []corev1.Container{{Name: "app", Image: "registry.example/app:1"}},
		},
	}
	raw, err := json.Marshal(pod)
	require.NoError(t, err)
	result, err := m.RawPod(raw, b.identity(t, m, account))
	require.NoError(t, err)
	require.True(t, result.Complete())
	raw, err = result.Apply(raw)
	require.NoError(t, err)
	pod = new(corev1.Pod)
	require.NoError(t, json.Unmarshal(raw, pod))
	pod, err = b.create(t.Context(), pod)
	require.NoError(t, err)

	p := &askingPod{account: account, pod: pod}
	retrieve := b.retriever(t, p)
	ask := func(ctx context.Context) {
		creds, err := retrieve(ctx)
		if ctx.Err() != nil {
			return
		}
		assert.NoError(t, err, "%s of %s by %s", pod.Name, account, p.method)
		assert.True(t, creds.HasKeys())
		p.asked.Add(1)
	}
	ask(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				ask(ctx)
			}
		}
	})
	p.stop = func() { cancel(); running.Wait() }
	t.Cleanup(p.stop)
	return p
}

// retriever asks for new credentials at each call, with what the mutated pod has: its variables,
// and the token of its volume, as the kubelet asks for it.
func (b *moveBench) retriever(t *testing.T, p *askingPod) func(context.Context) (aws.Credentials, error) {
	t.Helper()
	want := p.pod.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken
	answer, err := b.client.CoreV1().ServiceAccounts(movers).CreateToken(t.Context(), p.account, &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{want.Audience}, ExpirationSeconds: want.ExpirationSeconds,
		BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: p.pod.Name, UID: p.pod.UID},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	env := map[string]string{}
	for _, v := range p.pod.Spec.Containers[0].Env {
		env[v.Name] = v.Value
	}
	if env[mutate.EnvCredentialsURI] != "" {
		require.Equal(t, mutate.PodIdentityURI, env[mutate.EnvCredentialsURI])
		p.method = mutate.PodIdentity
		return endpointcreds.New(b.aws.AgentURL("blue"), func(o *endpointcreds.Options) { o.AuthorizationToken = answer.Status.Token }).Retrieve
	}
	require.True(t, strings.HasSuffix(env[mutate.EnvRoleARN], ":role/"+p.account))
	client := sts.NewFromConfig(b.aws.AWSConfig())
	return stscreds.NewWebIdentityRoleProvider(client, env[mutate.EnvRoleARN], identityToken(answer.Status.Token)).Retrieve
}

type identityToken string

func (s identityToken) GetIdentityToken() ([]byte, error) { return []byte(s), nil }

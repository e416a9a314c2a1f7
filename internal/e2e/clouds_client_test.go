package e2e_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/e2e/cloudnet"
	"github.com/irsa-go/irsa/internal/e2e/kubelet"
	"github.com/irsa-go/irsa/internal/e2e/real"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
	"github.com/irsa-go/irsa/oidc"
)

const (
	tenantID = "6d7e8f90-1111-4222-8333-944445555666"
	clientID = "3f2b8c1a-5d0e-4b7a-9c11-0a1b2c3d4e5f"
	provider = "projects/482910375566/locations/global/workloadIdentityPools/clusters/providers/prod-eu"
	email    = "reader@data-prod.iam.gserviceaccount.com"
)

// ofClouds are the annotations of an account in Azure and in Google Cloud.
var ofClouds = map[string]string{
	azure.AnnotationClientID: clientID, google.AnnotationProvider: provider, google.AnnotationEmail: email,
}

var asksForAzure = map[string]string{azure.LabelUse: azure.LabelUseValue}

// The clients, by the modules that they are made of.
const (
	azidentity = "github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	googleAuth = "cloud.google.com/go/auth"
	oauth2     = "golang.org/x/oauth2"
)

// clouds are Azure and Google Cloud beside a cluster, which trust one account of it: app.
type clouds struct {
	*testCluster
	azure   *azure.Mutator
	google  *google.Mutator
	network *cloudnet.Network
	program string            // cloudclient
	version map[string]string // of its modules
}

const cloudNamespace = "shop"

func newClouds(t *testing.T, c *testCluster) *clouds {
	t.Helper()
	b := &clouds{testCluster: c}
	var err error
	b.azure, err = azure.New(azure.Config{TenantID: tenantID})
	require.NoError(t, err)
	b.google, err = google.New(google.Config{})
	require.NoError(t, err)

	app := mutate.Target{Namespace: cloudNamespace, ServiceAccount: "app"}
	credential, err := b.azure.FederatedCredential(c.URL, app)
	require.NoError(t, err)
	id := google.Identity{Provider: provider, ServiceAccountEmail: email}
	settings, err := b.google.PoolProvider(c.URL, id)
	require.NoError(t, err)
	principal, err := id.Principal(app)
	require.NoError(t, err)

	c.discoverable(t)
	reader := &oidc.Client{RootCAs: c.CertPool}
	inAzure := &entra{client: reader, tenant: tenantID, credentials: map[string]azure.FederatedCredential{clientID: credential}}
	inGoogle := &googleCloud{client: reader, provider: provider, settings: settings, users: map[string][]string{email: {principal}}}
	hosts := append(slices.Clone(googleHosts), entraHost)
	b.network, err = cloudnet.Start(t.TempDir(), func(host string) bool { return slices.Contains(hosts, host) },
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host == entraHost {
				inAzure.ServeHTTP(w, r)
				return
			}
			inGoogle.ServeHTTP(w, r)
		}))
	require.NoError(t, err)
	t.Cleanup(b.network.Stop)

	b.program = filepath.Join(t.TempDir(), "cloudclient")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "cloudclient", "-o", b.program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // it runs where there is no other file
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	list, err := exec.Command("go", "list", "-C", "cloudclient", "-m", "-f", "{{.Path}} {{.Version}}", azidentity, googleAuth, oauth2).Output()
	require.NoError(t, err)
	b.version = map[string]string{}
	for line := range strings.Lines(string(list)) {
		module, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		b.version[module] = version
	}
	b.namespace(t, cloudNamespace, nil)
	return b
}

// running is a container as its program sees it.
type running struct {
	root string // its file system
	env  []string
}

// run creates the pod and does what the node does with its first container.
func (b *clouds) run(t *testing.T, pod *corev1.Pod) (*corev1.Pod, running) {
	t.Helper()
	pod, err := b.create(t.Context(), pod)
	require.NoError(t, err)
	container := pod.Spec.Containers[0]
	c := running{root: t.TempDir()}
	require.NoError(t, kubelet.Project(t.Context(), b.client, pod, container, c.root))
	for _, v := range container.Env {
		require.Nil(t, v.ValueFrom)
		c.env = append(c.env, v.Name+"="+v.Value)
	}
	for name, from := range map[string]string{"client": b.program, "ca.crt": b.network.CAFile} {
		content, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(c.root, name), content, 0o755))
	}
	return pod, c
}

// ask runs a client in the container: it has the container's environment and its files, and beside
// them only the way to the clouds.
func (b *clouds) ask(t *testing.T, c running, module string) (token string, err error) {
	t.Helper()
	real.Met(t, "%s %s", module, b.version[module])
	cmd := exec.CommandContext(t.Context(), "/client", module)
	cmd.Env = append([]string{"HTTPS_PROXY=" + b.network.URL, "SSL_CERT_FILE=/ca.crt", "HOME=/"}, c.env...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root}
	if os.Getuid() != 0 { // root in a user namespace may change the root, too
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// cloudPod is a pod without the volume for the cluster's own API.
func cloudPod(account string, labels map[string]string) *corev1.Pod {
	pod := racer(cloudNamespace, account, labels)
	pod.Spec.AutomountServiceAccountToken = new(bool)
	return pod
}

// cloudAccounts creates the accounts of the clients' test.
func (b *clouds) cloudAccounts(t *testing.T, more map[string]string) {
	t.Helper()
	all := maps.Clone(ofClouds)
	maps.Copy(all, more)
	b.account(t, cloudNamespace, "app", all)
	b.account(t, cloudNamespace, "neighbour", all)
	b.account(t, cloudNamespace, "direct", map[string]string{google.AnnotationProvider: provider})
	b.account(t, cloudNamespace, "nobody", nil)
}

// assertClients has unmodified clients read what pods were given, and the clouds judge their tokens.
func (b *clouds) assertClients(t *testing.T) {
	t.Helper()
	_, app := b.run(t, cloudPod("app", asksForAzure))
	for module, want := range map[string]string{azidentity: "entra:" + clientID, googleAuth: "google:" + email, oauth2: "google:" + email} {
		token, err := b.ask(t, app, module)
		require.NoError(t, err, module)
		require.Equal(t, want, token, module)
	}
	_, direct := b.run(t, cloudPod("direct", nil))
	for _, module := range []string{googleAuth, oauth2} {
		token, err := b.ask(t, direct, module)
		require.NoError(t, err, module)
		require.Equal(t, "principal://iam.googleapis.com/projects/482910375566/locations/global/workloadIdentityPools/clusters/subject/"+
			"system:serviceaccount:shop:direct", token, module)
	}

	_, neighbour := b.run(t, cloudPod("neighbour", asksForAzure))
	_, swapped := b.run(t, cloudPod("app", asksForAzure))
	swapTokens(t, swapped)
	_, nobody := b.run(t, cloudPod("nobody", nil))
	for name, refused := range map[string]struct {
		running
		azure, google string
	}{
		"a neighbour that names the same identities": {neighbour, "AADSTS700213", "getAccessToken"},
		"each cloud's token at the other":            {swapped, "AADSTS700212", "the audience does not match"},
		"an account without an identity":             {nobody, "no client ID specified", "could not find default credentials"},
	} {
		for module, want := range map[string]string{azidentity: refused.azure, googleAuth: refused.google, oauth2: refused.google} {
			token, err := b.ask(t, refused.running, module)
			require.ErrorContains(t, err, want, "%s: %s", name, module)
			require.Empty(t, token)
		}
	}
}

// The token's files as the clouds' documentation has them.
const (
	azureToken  = "/var/run/secrets/azure/wi/token/azure-identity-token"
	googleToken = "/var/run/secrets/sts.googleapis.com/serviceaccount/token"
)

// swapTokens gives each cloud's client the other's token, which has another audience.
func swapTokens(t *testing.T, c running) {
	t.Helper()
	ofAzure, err := os.ReadFile(c.root + azureToken)
	require.NoError(t, err)
	ofGoogle, err := os.ReadFile(c.root + googleToken)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.root+azureToken, ofGoogle, 0o600))
	require.NoError(t, os.WriteFile(c.root+googleToken, ofAzure, 0o600))
}

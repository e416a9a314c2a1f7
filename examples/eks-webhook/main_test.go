package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/readme"
	"github.com/irsa-go/irsa/mutate/webhook"
)

func TestMain(m *testing.M) { readme.Main(m, main) }

func TestOutsideOfAClusterItEndsAndSaysWhy(t *testing.T) {
	t.Parallel()
	readme.Shows(t, "README.md", "go run .", readme.Run(t, nil))
}

// recorded is a pod with what the EKS webhook made of it.
type recorded struct {
	Name, Region, MountPath   string
	RegionalSTS               bool
	TokenExpirationSeconds    int64
	ServiceAccountAnnotations map[string]string
	Pod, Want                 json.RawMessage
}

func corpus(t *testing.T, file string) (all []recorded) {
	t.Helper()
	f, err := os.Open("../../../shared/corpus/" + file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the corpus is not here")
	}
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c recorded
		require.NoError(t, json.Unmarshal(lines.Bytes(), &c))
		all = append(all, c)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, all)
	return all
}

// admit sends a pod through the webhook, over TLS, and returns it as it comes out.
func admit(t *testing.T, f flags, annotations map[string]string, pod []byte) []byte {
	t.Helper()
	handler, err := f.handler(webhook.AccountsFunc(func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations}}, nil
	}))
	require.NoError(t, err)
	server := httptest.NewTLSServer(handler)
	defer server.Close()
	review := fmt.Sprintf(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"default",
		"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},"object":%s}}`, pod)
	resp, err := server.Client().Post(server.URL+"/mutate", "application/json", bytes.NewReader([]byte(review)))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var answer struct {
		Response struct {
			Allowed bool
			Patch   string
		}
	}
	require.NoError(t, json.Unmarshal(body, &answer))
	require.True(t, answer.Response.Allowed, "%s", body)
	if answer.Response.Patch == "" {
		return pod
	}
	text, err := base64.StdEncoding.DecodeString(answer.Response.Patch)
	require.NoError(t, err)
	patch, err := jsonpatch.DecodePatch(text)
	require.NoError(t, err)
	out, err := patch.Apply(pod)
	require.NoError(t, err)
	return out
}

// normal is the pod as Kubernetes' types write it: they add empty members of their own.
func normal(t *testing.T, doc []byte) string {
	t.Helper()
	var pod corev1.Pod
	require.NoError(t, json.Unmarshal(doc, &pod))
	out, err := json.Marshal(&pod)
	require.NoError(t, err)
	return string(out)
}

func TestTheRecordedPodsOfWebIdentityPassThrough(t *testing.T) {
	t.Parallel()
	for _, c := range corpus(t, "mutation.jsonl") {
		f := flags{region: c.Region, mountPath: c.MountPath, expiration: 86400}
		assert.JSONEq(t, normal(t, c.Want), normal(t, admit(t, f, c.ServiceAccountAnnotations, c.Pod)), c.Name)
	}
}

func TestTheRecordedPodsOfPodIdentityPassThrough(t *testing.T) {
	t.Parallel()
	accounts := filepath.Join(t.TempDir(), "accounts.json")
	require.NoError(t, os.WriteFile(accounts, []byte(`{"identities":[{"namespace":"default","serviceAccount":"default"}]}`), 0o600))
	for _, c := range corpus(t, "mutation-pod-identity.jsonl") {
		f := flags{region: c.Region, mountPath: c.MountPath, regionalSTS: c.RegionalSTS, expiration: c.TokenExpirationSeconds, podIdentity: accounts}
		assert.JSONEq(t, normal(t, c.Want), normal(t, admit(t, f, nil, c.Pod)), c.Name)
	}
}

func TestTheConfigMapGivesRolesAndAnnotationsWinAsInTheOriginal(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(file, []byte(`{"default/default":{"RoleARN":"arn:aws:iam::111122223333:role/mapped","Audience":"mapped"}}`), 0o600))
	pod := []byte(`{"metadata":{"namespace":"default"},"spec":{"containers":[{"name":"app"}]}}`)
	assert.Contains(t, string(admit(t, flags{configMap: file}, nil, pod)), "role/mapped")
	own := string(admit(t, flags{configMap: file}, map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/own"}, pod))
	assert.Contains(t, own, "role/own")
	assert.NotContains(t, own, "mapped", "an entry is taken whole or not at all")
}

func TestMetricsCountVerdicts(t *testing.T) {
	t.Parallel()
	handler, err := flags{}.handler(webhook.AccountsFunc(func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/cart"},
		}}, nil
	}))
	require.NoError(t, err)
	const pod = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"shop",
		"kind":{"version":"v1","kind":"Pod"},"resource":{"version":"v1","resource":"pods"},"object":{"spec":{"containers":[{"name":"app"}]}}}}`
	for _, body := range []string{pod, pod, "{"} {
		r := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	readme.Shows(t, "README.md", "kubectl get --raw /api/v1/namespaces/irsa/services/https:pod-identity-webhook:443/proxy/metrics", w.Body.String())
	_, err = flags{region: "Frankfurt"}.handler(nil)
	assert.ErrorContains(t, err, `"Frankfurt"`)
}

func TestAReviewUnderWayIsAnsweredBeforeTheEnd(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan struct{}), make(chan error)
	ctx, stop := context.WithCancel(t.Context())
	slow := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-ctx.Done()
		time.Sleep(50 * time.Millisecond) // so that an end at once would be noticed
		_, _ = io.WriteString(w, "reviewed")
	}))
	slow.StartTLS()
	defer slow.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		ended <- serve(ctx, &http.Server{Handler: slow.Config.Handler, TLSConfig: slow.TLS}, listener)
	}()
	go func() {
		<-begun
		stop()
	}()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Get("https://" + listener.Addr().String())
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "reviewed", string(body))
	assert.NoError(t, <-ended)
}

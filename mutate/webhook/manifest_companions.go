package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// Companions are what the webhook's pods need in the cluster besides the Deployment that runs
// them and the configurations that make the API server call them. All are named after the
// Service, and those that live in a namespace are in the Service's.
type Companions struct {
	// ServiceAccount is the one that the webhook's pods run as.
	ServiceAccount *corev1.ServiceAccount
	// ClusterRole may read service accounts, for the cache and for the live GET of
	// [CachedAccounts], and nothing else.
	ClusterRole        *rbacv1.ClusterRole
	ClusterRoleBinding *rbacv1.ClusterRoleBinding
	// Service selects the pods with ManifestConfig.OwnLabel.
	Service *corev1.Service
	// Issuer and Certificate are cert-manager's (https://cert-manager.io/docs/reference/api-docs/):
	// a self-signed certificate for the Service's names, in the Secret NAME-tls. nil without
	// ManifestConfig.CertManager.
	Issuer, Certificate *unstructured.Unstructured
}

// Objects returns them all in the order to apply them in.
func (c Companions) Objects() []runtime.Object {
	if c.Service == nil {
		return nil
	}
	all := []runtime.Object{c.ServiceAccount, c.ClusterRole, c.ClusterRoleBinding, c.Service}
	if c.Certificate != nil {
		all = append(all, c.Issuer, c.Certificate)
	}
	return all
}

// Companions returns what goes with [Default], [OptIn] and [Required] of the same ManifestConfig, in
// new values that the caller may change. It is the same for every cloud.
func (c ManifestConfig) Companions() (Companions, error) {
	c.Path = orElse(c.Path, "/mutate")
	if err := c.check(); err != nil {
		return Companions{}, err
	}
	namespaced := metav1.ObjectMeta{Namespace: c.Service.Namespace, Name: c.Service.Name}
	global := metav1.ObjectMeta{Name: c.Service.Name}
	const rbac, core = "rbac.authorization.k8s.io", "v1"
	all := Companions{
		ServiceAccount: &corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: core, Kind: "ServiceAccount"}, ObjectMeta: namespaced},
		ClusterRole: &rbacv1.ClusterRole{
			TypeMeta: metav1.TypeMeta{APIVersion: rbac + "/v1", Kind: "ClusterRole"}, ObjectMeta: global,
			Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"serviceaccounts"}, Verbs: []string{"get", "list", "watch"}}},
		},
		ClusterRoleBinding: &rbacv1.ClusterRoleBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: rbac + "/v1", Kind: "ClusterRoleBinding"}, ObjectMeta: global,
			RoleRef:  rbacv1.RoleRef{APIGroup: rbac, Kind: "ClusterRole", Name: c.Service.Name},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: c.Service.Namespace, Name: c.Service.Name}},
		},
		Service: c.service(namespaced),
	}
	if c.CertManager {
		all.Issuer, all.Certificate = c.certManager("Issuer"), c.certManager("Certificate")
		all.Issuer.Object["spec"] = map[string]any{"selfSigned": map[string]any{}}
		host := c.Service.Name + "." + c.Service.Namespace + ".svc"
		all.Certificate.Object["spec"] = map[string]any{
			"secretName": c.Service.Name + "-tls",
			"dnsNames":   []any{host, host + ".cluster.local"},
			"issuerRef":  map[string]any{"group": "cert-manager.io", "kind": "Issuer", "name": c.Service.Name},
			"privateKey": map[string]any{"algorithm": "ECDSA", "size": int64(256), "rotationPolicy": "Always"},
		}
	}
	return all, nil
}

func (c ManifestConfig) service(meta metav1.ObjectMeta) *corev1.Service {
	key, value, _ := c.ownLabel()
	target := c.TargetPort
	if target == 0 {
		target = 8443
	}
	return &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: meta,
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{key: value},
			Ports:    []corev1.ServicePort{{Name: "https", Port: c.port(), TargetPort: intstr.FromInt32(target)}},
		},
	}
}

func (c ManifestConfig) certManager(kind string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "cert-manager.io/v1", "kind": kind,
		"metadata": map[string]any{"namespace": c.Service.Namespace, "name": c.Service.Name},
	}}
}

// annotations are the caller's and the one that cert-manager's injector looks for
// (https://cert-manager.io/docs/concepts/ca-injector/).
func (c ManifestConfig) annotations() map[string]string {
	if !c.CertManager {
		return maps.Clone(c.Annotations)
	}
	all := map[string]string{}
	maps.Copy(all, c.Annotations)
	all["cert-manager.io/inject-ca-from"] = c.Service.Namespace + "/" + c.Service.Name
	return all
}

// YAML writes objects as one stream for kubectl apply. The fields that the API server fills in,
// such as status, are left out.
func YAML(objects ...runtime.Object) ([]byte, error) {
	var out bytes.Buffer
	for i, object := range objects {
		document, err := yamlOf(object)
		if err != nil {
			return nil, fmt.Errorf("webhook: YAML: object %d: %w", i, err)
		}
		out.WriteString("---\n")
		out.Write(document)
	}
	return out.Bytes(), nil
}

func yamlOf(object runtime.Object) ([]byte, error) {
	document, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	if err := json.Unmarshal(document, &members); err != nil {
		return nil, err
	}
	delete(members, "status")
	if meta, ok := members["metadata"].(map[string]any); ok {
		delete(meta, "creationTimestamp")
	}
	return yaml.Marshal(members)
}

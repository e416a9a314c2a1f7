// Package kubelet does what a node does with the projected volumes of a pod that no node runs.
package kubelet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Project writes the files of the projected volumes that the container mounts, each under its mount
// path in the folder root: tokens as the API server gives them, bound to the pod, with the source's
// audience and lifetime; annotations through the downward API; ConfigMaps. All of a volume appears at
// once, through "..data". A source of another kind is an error.
func Project(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, container corev1.Container, root string) error {
	for _, mount := range container.VolumeMounts {
		for _, volume := range pod.Spec.Volumes {
			if volume.Name != mount.Name || volume.Projected == nil {
				continue
			}
			files := map[string]string{}
			for _, source := range volume.Projected.Sources {
				if err := read(ctx, client, pod, source, files); err != nil {
					return fmt.Errorf("volume %s of pod %s: %w", volume.Name, pod.Name, err)
				}
			}
			if err := swapIn(filepath.Join(root, mount.MountPath), files); err != nil {
				return err
			}
		}
	}
	return nil
}

// read adds the source's files.
func read(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, source corev1.VolumeProjection, files map[string]string) error {
	switch {
	case source.ServiceAccountToken != nil:
		want := source.ServiceAccountToken
		answer, err := client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, pod.Spec.ServiceAccountName, &authenticationv1.TokenRequest{
			Spec: authenticationv1.TokenRequestSpec{
				Audiences: []string{want.Audience}, ExpirationSeconds: want.ExpirationSeconds,
				BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
			},
		}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		files[want.Path] = answer.Status.Token
	case source.DownwardAPI != nil:
		for _, item := range source.DownwardAPI.Items {
			key, ok := strings.CutPrefix(item.FieldRef.FieldPath, "metadata.annotations['")
			if !ok {
				return fmt.Errorf("field %s is not an annotation", item.FieldRef.FieldPath)
			}
			files[item.Path] = pod.Annotations[strings.TrimSuffix(key, "']")]
		}
	case source.ConfigMap != nil:
		found, err := client.CoreV1().ConfigMaps(pod.Namespace).Get(ctx, source.ConfigMap.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, item := range source.ConfigMap.Items {
			files[item.Path] = found.Data[item.Key]
		}
	default:
		return fmt.Errorf("a source of a kind that is not done here: %v", source)
	}
	return nil
}

// swapIn makes the files appear in dir, all at once.
func swapIn(dir string, files map[string]string) error {
	payload := ".." + time.Now().UTC().Format("2006_01_02_15_04_05.000000000")
	for name, content := range files {
		file := filepath.Join(dir, payload, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return err
		}
	}
	if err := os.Symlink(payload, filepath.Join(dir, "..data_tmp")); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		return err
	}
	for name := range files {
		first, _, _ := strings.Cut(name, "/")
		if err := os.Symlink(filepath.Join("..data", first), filepath.Join(dir, first)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

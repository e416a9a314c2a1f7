package main

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// workloads is what a cluster runs.
type workloads struct {
	accounts []corev1.ServiceAccount
	pods     []corev1.Pod
}

// clusterReader gives what a cluster runs: a dump here, a clientset in an operator.
type clusterReader interface {
	Workloads() (workloads, error)
}

// clusterDump is the output of kubectl get serviceaccounts,pods -A.
type clusterDump struct{ source }

func (d clusterDump) Workloads() (workloads, error) {
	data, err := d.read()
	if err != nil {
		return workloads{}, err
	}
	fail := func(err error) (workloads, error) {
		return workloads{}, fmt.Errorf("%s %s: %w", d.flag, d.file, err)
	}
	var list struct {
		Kind  string
		Items []json.RawMessage
	}
	if err := yaml.Unmarshal(data, &list); err != nil {
		return fail(err)
	}
	if list.Kind != "List" {
		return fail(fmt.Errorf("kind is %q, want the List that kubectl get … -o json prints", list.Kind))
	}
	var w workloads
	for i, item := range list.Items {
		var kind metav1.TypeMeta
		err := json.Unmarshal(item, &kind)
		switch {
		case err != nil:
		case kind.Kind == "ServiceAccount":
			w.accounts, err = appendItem(w.accounts, item)
		case kind.Kind == "Pod":
			w.pods, err = appendItem(w.pods, item)
		}
		if err != nil {
			return fail(fmt.Errorf("items[%d], a %s: %w", i, kind.Kind, err))
		}
	}
	return w, nil
}

func appendItem[T any](list []T, item []byte) ([]T, error) {
	var v T
	err := json.Unmarshal(item, &v)
	return append(list, v), err
}

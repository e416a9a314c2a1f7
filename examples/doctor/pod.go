package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// mutation says which containers of the pod in the file lack the identity that the environment names.
func (p program) mutation(file string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) {
		document, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var pod corev1.Pod
		if err := json.Unmarshal(document, &pod); err != nil {
			return nil, fmt.Errorf("%s: it is not a pod in JSON", file)
		}
		region, _ := p.lookup("AWS_REGION")
		mutator, err := mutate.New(mutate.EKS(region))
		if err != nil {
			return nil, err
		}
		var id mutate.Identity
		id.RoleARN, _ = p.lookup("AWS_ROLE_ARN")
		diagnosis, err := mutator.Diagnose(&pod, id)
		if err != nil {
			return nil, err
		}
		var wrong []string
		for _, f := range diagnosis.Missed() {
			wrong = append(wrong, fmt.Sprintf("container %s: %s", f.Name, f.Message))
		}
		return wrong, nil
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// mutation is the command line of "irsa mutate".
type mutation struct {
	region      string
	roleARN     string
	podIdentity bool
	patch       bool

	mutator  *mutate.Mutator
	accounts map[mutate.Target]mutate.Identity // of the files
}

// newMutate changes pods, and whatever has a pod template, as admission would.
func newMutate() *cobra.Command {
	var m mutation
	cmd := &cobra.Command{
		Use:   "mutate FILE...",
		Short: "Pods and pod templates as they come out of admission",
		Long: "Prints pods, and Deployments, StatefulSets, DaemonSets, Jobs, CronJobs and Lists, as they come out of\n" +
			"admission. A pod's role is that of the ServiceAccount in the same files, or --role-arn. Comments and\n" +
			"order are kept; what is not a pod stays as it is. FILE is YAML or JSON; - is standard input.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return m.run(cmd, args) },
	}
	cmd.Flags().StringVar(&m.region, "region", "", "AWS `REGION` of the cluster, for AWS_REGION and regional STS; none are set without it")
	cmd.Flags().StringVar(&m.roleARN, "role-arn", "", "`ARN` of the role of accounts that the files do not have")
	cmd.Flags().BoolVar(&m.podIdentity, "pod-identity", false, "mutate for EKS Pod Identity, whatever the annotations say")
	cmd.Flags().BoolVar(&m.patch, "patch", false, "print the JSON patch of each object instead")
	return cmd
}

func (m mutation) run(cmd *cobra.Command, names []string) (err error) {
	cfg := mutate.Config{}
	if m.region != "" {
		cfg = mutate.EKS(m.region)
	}
	if m.mutator, err = mutate.New(cfg); err != nil {
		return err
	}
	m.accounts = map[mutate.Target]mutate.Identity{}
	var all []manifest
	for _, name := range names {
		text, err := readFile(cmd, name)
		if err != nil {
			return err
		}
		documents, err := readManifests(name, text)
		if err != nil {
			return err
		}
		all = append(all, documents...)
	}
	var workloads []*workload
	objects := 0
	for i := range all {
		if err := all[i].walk(func(object *yaml.Node) error {
			objects++
			found, err := m.inspect(object)
			if found != nil {
				found.in = &all[i]
				workloads = append(workloads, found)
			}
			return err
		}); err != nil {
			return fmt.Errorf("%s: %w", all[i].file, err)
		}
	}
	if objects == 0 {
		return fmt.Errorf("%s: it has no object", strings.Join(names, ", "))
	}
	return m.mutateAll(cmd, all, workloads)
}

// workload is an object that has a pod, or the template of pods.
type workload struct {
	in       *manifest
	node     *yaml.Node
	name     string // such as "Deployment shop/checkout"
	template mutate.Template
}

// inspect remembers the identity of a ServiceAccount and finds the template of a workload.
func (m mutation) inspect(object *yaml.Node) (*workload, error) {
	apiVersion, kind := text(object, "apiVersion"), text(object, "kind")
	name := fmt.Sprintf("%s %s/%s", kind, text(object, "metadata", "namespace"), text(object, "metadata", "name"))
	pointer, isWorkload := mutate.TemplatePointer(apiVersion, kind)
	if !isWorkload && kind != "ServiceAccount" {
		return nil, nil
	}
	if template := at(object, names(pointer)...); isWorkload && template != nil {
		expand(template)
	}
	raw, err := toJSON(object)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if isWorkload {
		template, err := mutate.ReadTemplate(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, located(object, "", err))
		}
		return &workload{node: object, name: name, template: template}, nil
	}
	var account corev1.ServiceAccount
	if err := json.Unmarshal(raw, &account); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	identity, err := m.mutator.Identity(&account)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	m.accounts[mutate.Target{Namespace: account.Namespace, ServiceAccount: account.Name}] = identity
	return nil, nil
}

func (m mutation) identity(p *workload) (id mutate.Identity, known bool) {
	if m.podIdentity {
		return mutate.Identity{Method: mutate.PodIdentity}, true
	}
	id, known = m.accounts[p.template.Target]
	if !known && m.roleARN != "" {
		return mutate.Identity{RoleARN: m.roleARN, RegionalSTS: m.region != ""}, true
	}
	return id, known
}

func (m mutation) mutateAll(cmd *cobra.Command, all []manifest, workloads []*workload) error {
	var failed []error
	var out bytes.Buffer
	found := false
	for _, p := range workloads {
		identity, known := m.identity(p)
		if !known {
			note(cmd.ErrOrStderr(), "%s: %s: its ServiceAccount %s is not in the files, so it stays as it is: give the file, or --role-arn", p.in.file, p.name, p.template.Target)
			found = true
			continue
		}
		result, err := m.mutator.RawPod(p.template.Pod, identity)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %s: %w", p.in.file, p.name, located(p.node, p.template.Pointer, err)))
			continue
		}
		result = result.Under(p.template.Pointer)
		for _, warning := range result.Warnings {
			note(cmd.ErrOrStderr(), "%s: %s: warning: %s", p.in.file, p.name, warning)
		}
		if m.patch {
			fmt.Fprintf(&out, "%s\n", result.PatchJSON())
			continue
		}
		for _, op := range result.Operations() {
			if err := add(p.node, op.Path, op.Value); err != nil {
				return fmt.Errorf("%s: %s: %w", p.in.file, p.name, err)
			}
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if !m.patch {
		if err := writeManifests(&out, all); err != nil {
			return err
		}
	}
	if _, err := out.WriteTo(cmd.OutOrStdout()); err != nil {
		return err
	}
	if found {
		return errFound
	}
	return nil
}

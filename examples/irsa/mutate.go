package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/manifest"
)

// mutation is the command line of "irsa mutate".
type mutation struct {
	region             string
	roleARN            string
	podIdentity, patch bool

	mutator  *mutate.Mutator
	files    []manifestFile
	accounts map[mutate.Target]mutate.Identity // of the files
}

type manifestFile struct {
	*manifest.File
	name string
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
	setFormats(cmd, "`FORMAT` of the objects: json or yaml (default: that of each file)", "text", "json", "yaml")
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
	if _, err := arn.ParseRole(m.roleARN); err != nil && m.roleARN != "" {
		return fmt.Errorf("--role-arn: %w", err)
	}
	m.accounts = map[mutate.Target]mutate.Identity{}
	objects := 0
	for _, name := range names {
		text, err := readFile(cmd, name)
		if err != nil {
			return err
		}
		file, err := manifest.Parse(text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.files = append(m.files, manifestFile{file, name})
		for _, o := range file.Objects() {
			objects++
			account := o.ServiceAccount()
			if account == nil {
				continue
			}
			if m.accounts[mutate.Target{Namespace: account.Namespace, ServiceAccount: account.Name}], err = m.mutator.Identity(account); err != nil {
				return fmt.Errorf("%s: %s: %w", name, o, err)
			}
		}
	}
	if objects == 0 {
		return fmt.Errorf("%s: it has no object", strings.Join(names, ", "))
	}
	return m.print(cmd)
}

func (m mutation) identity(target mutate.Target) (id mutate.Identity, known bool) {
	if m.podIdentity {
		return mutate.Identity{Method: mutate.PodIdentity}, true
	}
	id, known = m.accounts[target]
	if !known && m.roleARN != "" {
		return mutate.Identity{RoleARN: m.roleARN, RegionalSTS: m.region != ""}, true
	}
	return id, known
}

func (m mutation) print(cmd *cobra.Command) error {
	var failed []error
	var out bytes.Buffer
	var texts [][]byte
	found := false
	for _, file := range m.files {
		for _, o := range file.Objects() {
			target, hasPods := o.Target()
			if !hasPods {
				continue
			}
			identity, known := m.identity(target)
			if !known {
				note(cmd.ErrOrStderr(), "%s: %s: its ServiceAccount %s is not in the files, so it stays as it is: give the file, or --role-arn", file.name, o, target)
				found = true
				continue
			}
			result, err := o.Mutate(func(pod []byte) (mutate.Result, error) { return m.mutator.RawPod(pod, identity) })
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", file.name, err))
			}
			for _, warning := range result.Warnings {
				note(cmd.ErrOrStderr(), "%s: %s: warning: %s", file.name, o, warning)
			}
			if m.patch {
				fmt.Fprintf(&out, "%s\n", cmp.Or(string(result.PatchJSON()), "[]"))
			}
		}
		if m.patch {
			continue
		}
		text, err := map[string]func() ([]byte, error){"text": file.Bytes, "json": file.JSON, "yaml": file.YAML}[output(cmd)]()
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", file.name, err))
		}
		texts = append(texts, text)
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	out.Write(joined(texts, output(cmd) == "json"))
	_, err := out.WriteTo(cmd.OutOrStdout())
	return conclude(err, found)
}

// joined is what the files are together: JSON follows JSON, and where there is YAML "---" is between all.
func joined(texts [][]byte, isJSON bool) []byte {
	if isJSON || !slices.ContainsFunc(texts, func(text []byte) bool { return !json.Valid(text) }) {
		return bytes.Join(texts, nil)
	}
	return bytes.Join(texts, []byte("---\n"))
}

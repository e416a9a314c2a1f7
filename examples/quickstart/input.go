package main

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/mutate"
)

//go:embed testdata
var testdata embed.FS

// home is where the embedded files stand in the repository.
const home = "examples/quickstart/"

// input is what the walk is given. It is read and checked whole before anything is created.
type input struct {
	files          []string // where the objects came from, for the reader
	serviceAccount *corev1.ServiceAccount
	pod            *corev1.Pod
	podJSON        []byte
	identity       mutate.Identity
	role           arn.ARN
	policyFile     string
	policy         string
}

// roleName is the role's name without its path; rolePath has the slashes.
func (in *input) roleName() string {
	return in.role.Resource[strings.LastIndexByte(in.role.Resource, '/')+1:]
}

func (in *input) rolePath() string {
	return strings.TrimSuffix(strings.TrimPrefix(in.role.Resource, "role"), in.roleName())
}

func (in *input) subject() string {
	return in.serviceAccount.Namespace + "/" + in.serviceAccount.Name
}

// audiences is what the annotation asks for; nil, everywhere, stands for sts.amazonaws.com.
func (in *input) audiences() []string {
	if in.identity.Audience == "" {
		return nil
	}
	return []string{in.identity.Audience}
}

func readInput(files []string, policyFile string, mutator *mutate.Mutator) (*input, error) {
	open := os.ReadFile
	if len(files) == 0 {
		files = []string{home + "testdata/serviceaccount.yaml", home + "testdata/pod.yaml"}
		open = readEmbedded
	}
	in := &input{files: files}
	for _, name := range files {
		data, err := open(name)
		if err != nil {
			return nil, err
		}
		for _, document := range documents(data) {
			if err := in.add(name, document); err != nil {
				return nil, err
			}
		}
	}
	if err := in.check(mutator); err != nil {
		return nil, err
	}
	return in, in.readPolicy(policyFile)
}

func readEmbedded(name string) ([]byte, error) {
	return fs.ReadFile(testdata, strings.TrimPrefix(name, home))
}

var separator = regexp.MustCompile(`(?m)^---\s*$`)

// documents splits a YAML stream, leaving out what holds nothing.
func documents(stream []byte) [][]byte {
	var docs [][]byte
	for _, text := range separator.Split(string(stream), -1) {
		if raw, err := yaml.YAMLToJSON([]byte(text)); err != nil || string(raw) != "null" {
			docs = append(docs, []byte(text))
		}
	}
	return docs
}

// add takes one document of a file: a ServiceAccount or a Pod, each at most once.
func (in *input) add(file string, document []byte) error {
	raw, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var kind struct{ APIVersion, Kind string }
	if err := json.Unmarshal(raw, &kind); err != nil {
		return fmt.Errorf("%s: not a Kubernetes object: want a mapping with apiVersion and kind", file)
	}
	switch {
	case kind.APIVersion == "v1" && kind.Kind == "ServiceAccount" && in.serviceAccount == nil:
		in.serviceAccount = new(corev1.ServiceAccount)
		err = yaml.UnmarshalStrict(document, in.serviceAccount)
	case kind.APIVersion == "v1" && kind.Kind == "Pod" && in.pod == nil:
		in.pod, in.podJSON = new(corev1.Pod), raw
		err = yaml.UnmarshalStrict(document, in.pod)
	case kind.APIVersion == "v1" && (kind.Kind == "Pod" || kind.Kind == "ServiceAccount"):
		return fmt.Errorf("%s: kind: a second %s, want one", file, kind.Kind)
	default:
		return fmt.Errorf("%s: kind: it is %q of apiVersion %q, want a v1 Pod or ServiceAccount", file, kind.Kind, kind.APIVersion)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// check holds the objects against each other and reads the identity from the annotations.
func (in *input) check(mutator *mutate.Mutator) error {
	where := strings.Join(in.files, ", ")
	if in.pod == nil || in.serviceAccount == nil {
		return fmt.Errorf("%s: kind: want a Pod and a ServiceAccount, there is %s", where, in.found())
	}
	sa := in.serviceAccount
	switch {
	case in.pod.Spec.ServiceAccountName == "":
		return fmt.Errorf("%s: Pod %q: spec.serviceAccountName: it is empty, want %q", where, in.pod.Name, sa.Name)
	case in.pod.Spec.ServiceAccountName != sa.Name:
		return fmt.Errorf("%s: Pod %q: spec.serviceAccountName: it is %q, but the ServiceAccount is %q", where, in.pod.Name, in.pod.Spec.ServiceAccountName, sa.Name)
	case sa.Namespace == "":
		return fmt.Errorf("%s: ServiceAccount %q: metadata.namespace: it is empty", where, sa.Name)
	case in.pod.Namespace != sa.Namespace:
		return fmt.Errorf("%s: Pod %q: metadata.namespace: it is %q, but the ServiceAccount's is %q", where, in.pod.Name, in.pod.Namespace, sa.Namespace)
	}
	identity, err := mutator.Identity(sa)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if identity.IsZero() {
		return fmt.Errorf("%s: ServiceAccount %q: metadata.annotations[%q]: it is missing, want the ARN of a role", where, sa.Name, "eks.amazonaws.com/role-arn")
	}
	in.identity = identity
	in.role, err = arn.Parse(identity.RoleARN)
	return err
}

func (in *input) found() string {
	switch {
	case in.pod != nil:
		return "a Pod only"
	case in.serviceAccount != nil:
		return "a ServiceAccount only"
	}
	return "neither"
}

func (in *input) readPolicy(file string) error {
	data, err := os.ReadFile(file)
	if file == "" {
		file = home + "testdata/policy.json"
		data, err = readEmbedded(file)
	}
	if err != nil {
		return err
	}
	if !json.Valid(data) {
		return errors.New(file + ": the role's inline policy is not valid JSON")
	}
	in.policyFile, in.policy = file, string(data)
	return nil
}

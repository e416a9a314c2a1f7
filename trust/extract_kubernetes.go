package trust

import (
	"errors"
	"strings"
)

// kubernetesRoles are the API groups whose Role has a trust policy, with the places that may
// have it. Sources: the CRDs of ACK's iam-controller, of Upbound's provider-aws-iam (cluster
// scoped and namespaced) and of Crossplane's community provider-aws.
func kubernetesRoles(group string) [][]string {
	switch group {
	case "iam.services.k8s.aws":
		return [][]string{{"spec", "assumeRolePolicyDocument"}}
	case "iam.aws.upbound.io", "iam.aws.m.upbound.io":
		return [][]string{{"spec", "forProvider", "assumeRolePolicy"}, {"spec", "initProvider", "assumeRolePolicy"}}
	case "iam.aws.crossplane.io":
		return [][]string{{"spec", "forProvider", "assumeRolePolicyDocument"}}
	}
	return nil
}

// kubernetes reads one object, or those of a List; objects of other kinds have no trust policy.
func (x *extractor) kubernetes(root place) error {
	x.kubernetesObject(root, "", "")
	return nil
}

// kubernetesObject takes what the list says of its items where they do not say it themselves.
func (x *extractor) kubernetesObject(root place, kind, version string) {
	if text, ok := root.get("kind").text(); ok {
		kind = text
	}
	if text, ok := root.get("apiVersion").text(); ok {
		version = text
	}
	if of, ok := strings.CutSuffix(kind, "List"); ok {
		for item := range root.get("items").items() {
			x.kubernetesObject(item, of, version)
		}
		return
	}
	group, _, _ := strings.Cut(version, "/")
	paths := kubernetesRoles(group)
	if kind != "Role" || paths == nil {
		return
	}
	name, _ := root.get("metadata", "name").text()
	if namespace, ok := root.get("metadata", "namespace").text(); ok {
		name = namespace + "/" + name
	}
	found := false
	for _, path := range paths {
		if policy := root.get(path...); policy.exists() && policy.kind() != 'n' {
			x.add(name, policy)
			found = true
		}
	}
	if !found {
		x.fail(name, root, errors.New("the Role has no "+strings.Join(paths[0], ".")))
	}
}

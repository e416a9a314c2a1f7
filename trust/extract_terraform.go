package trust

import (
	"errors"
	"iter"
	"slices"
	"strconv"
)

// terraformRoles are the resource types that have a trust policy, with the attribute that has it
// (https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_role,
// https://registry.terraform.io/providers/hashicorp/awscc/latest/docs/resources/iam_role).
func terraformAttribute(resource place) (attribute string, ok bool) {
	if mode, _ := resource.get("mode").text(); mode != "managed" {
		return "", false
	}
	switch kind, _ := resource.get("type").text(); kind {
	case "aws_iam_role":
		return "assume_role_policy", true
	case "awscc_iam_role":
		return "assume_role_policy_document", true
	}
	return "", false
}

// terraformPlan reads what the roles will be after the plan is applied
// (https://developer.hashicorp.com/terraform/internals/json-format#plan-representation).
func (x *extractor) terraformPlan(root place) error {
	changes := root.get("resource_changes")
	if changes.kind() != '[' {
		x.terraformModule(root.get("planned_values", "root_module"))
	}
	x.terraformChanges(changes.items())
	for deferred := range root.get("deferred_changes").items() { // which a later plan makes
		x.terraformChanges(slices.Values([]place{deferred.get("resource_change")}))
	}
	return nil
}

func (x *extractor) terraformChanges(changes iter.Seq[place]) {
	for resource := range changes {
		attribute, ok := terraformAttribute(resource)
		after := resource.get("change", "after")
		if !ok || after.kind() == 'n' { // the role is going to be destroyed
			continue
		}
		address, _ := resource.get("address").text()
		if unknown := resource.get("change", "after_unknown", attribute); unknown.isTrue() {
			x.fail(address, unknown, &UnresolvedError{Path: unknown.pointer, Reason: "Terraform knows it after apply"})
			continue
		}
		x.terraformPolicy(address, resource, after.get(attribute), attribute)
	}
}

func (x *extractor) terraformPolicy(address string, resource, policy place, attribute string) {
	if k := policy.kind(); k == 0 || k == 'n' {
		x.fail(address, resource, errors.New("the resource has no "+attribute))
		return
	}
	x.add(address, policy)
}

// terraformState reads "terraform show -json" of a state, or a state file.
func (x *extractor) terraformState(root place) error {
	x.terraformModule(root.get("values", "root_module"))
	for resource := range root.get("resources").items() {
		x.terraformInstances(resource)
	}
	return nil
}

func (x *extractor) terraformModule(module place) {
	for resource := range module.get("resources").items() {
		if attribute, ok := terraformAttribute(resource); ok {
			address, _ := resource.get("address").text()
			x.terraformPolicy(address, resource, resource.get("values", attribute), attribute)
		}
	}
	for child := range module.get("child_modules").items() {
		x.terraformModule(child)
	}
}

// terraformInstances reads one resource of a state file, which holds no addresses.
func (x *extractor) terraformInstances(resource place) {
	attribute, ok := terraformAttribute(resource)
	if !ok {
		return
	}
	kind, _ := resource.get("type").text()
	name, _ := resource.get("name").text()
	address := kind + "." + name
	if module, ok := resource.get("module").text(); ok {
		address = module + "." + address
	}
	for instance := range resource.get("instances").items() {
		index := instance.get("index_key")
		at := address
		if text, ok := index.text(); ok {
			at += "[" + strconv.Quote(text) + "]"
		} else if index.kind() == '0' {
			at += "[" + string(index.bytes()) + "]"
		}
		x.terraformPolicy(at, instance, instance.get("attributes", attribute), attribute)
	}
}

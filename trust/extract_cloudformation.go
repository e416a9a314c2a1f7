package trust

import (
	"errors"
	"strings"
)

// cloudFormation reads the roles of a template
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html,
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html).
func (x *extractor) cloudFormation(root place) error {
	if v := root.get("Globals", "Function"); v.get("AssumeRolePolicyDocument").exists() || intrinsic(v, false) != nil {
		x.cloudFormationRole("Globals.Function", v)
	}
	for id, resource := range root.get("Resources").members() {
		if strings.HasPrefix(id, "Fn::") { // a loop or a macro, which makes resources
			x.fail(id, resource, &UnresolvedError{Path: resource.pointer, Reason: "CloudFormation fills in " + id})
			continue
		}
		kind, _ := resource.get("Type").text()
		if kind != "AWS::IAM::Role" && kind != "AWS::Serverless::Function" {
			continue
		}
		properties := resource.get("Properties")
		if !x.cloudFormationRole(id, properties) && kind == "AWS::IAM::Role" {
			x.fail(id, resource, errors.New("the resource has no AssumeRolePolicyDocument"))
		}
	}
	return nil
}

// cloudFormationRole says whether the properties have a policy, or may have.
func (x *extractor) cloudFormationRole(id string, properties place) bool {
	policy := properties.get("AssumeRolePolicyDocument")
	if unresolved := intrinsic(properties, false); unresolved != nil {
		x.fail(id, properties, unresolved)
	} else if unresolved := intrinsic(policy, true); unresolved != nil {
		x.fail(id, policy, unresolved)
	} else if policy.exists() {
		x.add(id, policy)
	} else {
		return false
	}
	return true
}

// intrinsic finds the first function of CloudFormation's own in a value: an object of one
// member, "Ref" or "Fn::…"
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html).
// With deep it looks into the value as well.
func intrinsic(v place, deep bool) *UnresolvedError {
	for name, value := range v.members() {
		if name == "Ref" || strings.HasPrefix(name, "Fn::") {
			return &UnresolvedError{Path: v.pointer, Reason: "CloudFormation fills in " + name}
		}
		if deep {
			if found := intrinsic(value, true); found != nil {
				return found
			}
		}
	}
	if deep {
		for item := range v.items() {
			if found := intrinsic(item, true); found != nil {
				return found
			}
		}
	}
	return nil
}

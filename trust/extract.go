package trust

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/printable"
	"github.com/irsa-go/irsa/internal/strictjson"
)

// extractLimits bound the document that Extract reads: 64 MiB, nested 128 deep.
func extractLimits() strictjson.Limits { return strictjson.Limits{Bytes: 64 << 20, Depth: 128} }

// Extracted is one trust policy that Extract has found in a document.
type Extracted struct {
	// Name is the role's, as the document calls it: a Terraform address, the logical id of a
	// CloudFormation resource, the name of a role, NAMESPACE/NAME of a Kubernetes object; "" for
	// a document that is the policy itself.
	Name string
	// ARN is the role's in the output of "aws iam"; "" where the document does not say it.
	ARN string
	// Path is the JSON pointer of the policy in the document; "" when it is the document itself.
	Path string
	// Line and Column say where the policy begins in the document; both count from 1, columns
	// in characters.
	Line, Column int
	// IsText says that the policy is a string in the document.
	IsText bool
	// Policy is nil when Err is not. Positions in its findings, and in a *SyntaxError, are those of
	// the whole document; with IsText they are those of the decoded string.
	Policy *Policy
	// Err says why the policy cannot be judged: a *SyntaxError, or an *UnresolvedError for one
	// that is complete only after a deployment.
	Err error
}

// UnresolvedError says that a part of a policy is not in the document, because it is filled in when
// the role is deployed. The part is not guessed.
type UnresolvedError struct {
	// Path is the JSON pointer of that part in the document.
	Path string
	// Reason says what fills it in: "CloudFormation fills in Fn::GetAtt".
	Reason string
}

// Error names the place and the reason on one line, safe to print.
func (e *UnresolvedError) Error() string {
	return printable.Text(e.Path + " is not known yet: " + e.Reason)
}

// ErrUnknownDocument is the error of Extract for JSON that is none of the documents it knows.
var ErrUnknownDocument = errors.New("it is not a trust policy, nor a document that holds roles: want a Terraform plan or state, " +
	"a CloudFormation template, output of aws iam, or a Kubernetes object, in JSON")

// Extract takes the trust policies of roles out of a JSON document, in its order:
//
//   - a trust policy itself, or a list of any of these documents;
//   - a Terraform or OpenTofu plan or state, from "terraform show -json" or as a state file;
//   - a CloudFormation template, AWS::IAM::Role and AWS::Serverless::Function;
//   - what "aws iam get-role", "list-roles" and "get-account-authorization-details" print,
//     percent-encoded documents included;
//   - a Kubernetes object, or a List of them, that is a Role of ACK or Crossplane.
//
// A role whose policy cannot be judged is in the result too, with its Err: a gate that looks at
// every Err and lints every Policy has looked at every role. A known document without roles
// gives none. Errors: JSON that is not well formed, more than 64 MiB, more than 128 levels, as a
// *SyntaxError; [ErrUnknownDocument]; a document that could be of two kinds; a list that AWS has cut off.
func Extract(document []byte) ([]Extracted, error) {
	x := &extractor{}
	err := strictjson.Check(document, extractLimits())
	if err != nil {
		err = syntaxError(err, messageInvalidJSON)
	} else {
		err = x.document(wholeDocument(document), true)
	}
	if err != nil && isOutputOfPlan(document) {
		err = fmt.Errorf("%w: %s", err, showPlan)
	}
	if err != nil {
		return nil, fmt.Errorf("trust: extract: %w", err)
	}
	return x.found, nil
}

// showPlan says how to get the plan in JSON, for the two other things that Terraform writes.
const showPlan = `what "terraform plan" itself writes is not the plan in JSON: "terraform show -json FILE" prints that`

// isOutputOfPlan says whether the document is a plan saved by "terraform plan -out", which is a
// ZIP archive, or the lines that "terraform plan -json" prints.
func isOutputOfPlan(document []byte) bool {
	return bytes.HasPrefix(document, []byte("PK\x03\x04")) || bytes.HasPrefix(document, []byte(`{"@level":`))
}

type extractor struct {
	found []Extracted
	lines lineCounter
	base  origin // of the element, in a document that is read as a stream
}

// at is where a value is in the whole document.
func (x *extractor) at(v place) (line, column int) {
	line, column = x.lines.at(v.doc, v.start)
	if x.base.line > 0 {
		line, column = x.base.shift(line, column)
	}
	return line, column
}

// documentKind is one way in which roles are written down.
type documentKind struct {
	name  string   // "a Terraform plan"
	any   []string // members of the root that tell the kind: one of them will do
	also  string   // a member that must be there too; "" for none
	roles func(x *extractor, root place) error
}

// documentKinds are tried in this order.
func documentKinds() []documentKind {
	return []documentKind{
		{"a policy", []string{"Statement"}, "", (*extractor).policy},
		{"a Terraform plan", []string{"resource_changes", "planned_values"}, "", (*extractor).terraformPlan},
		{"a Terraform state", []string{"terraform_version", "format_version"}, "", (*extractor).terraformState},
		{"a CloudFormation template", []string{"AWSTemplateFormatVersion", "Resources"}, "", (*extractor).cloudFormation},
		{"the output of an IAM command", []string{"Role", "Roles", "RoleDetailList", "UserDetailList", "GroupDetailList"}, "", (*extractor).iamOutput},
		{"a Kubernetes object", []string{"apiVersion"}, "kind", (*extractor).kubernetes},
	}
}

// kindOf tells a document by the names of its members. One that could be of two kinds is of
// neither: whoever reads it as the other would find roles that have not been looked at. A
// Terraform plan has what tells a state, and more.
func kindOf(names map[string]bool) (*documentKind, error) {
	var found *documentKind
	for _, k := range documentKinds() {
		switch {
		case k.also != "" && !names[k.also] || !slices.ContainsFunc(k.any, func(name string) bool { return names[name] }):
		case found == nil:
			found = &k
		case found.name != "a Terraform plan" || k.name != "a Terraform state":
			return nil, fmt.Errorf("it could be %s, or %s", found.name, k.name)
		}
	}
	if found == nil {
		return nil, ErrUnknownDocument
	}
	return found, nil
}

func (x *extractor) policy(root place) error {
	x.add("", root)
	return nil
}

// document reads an object of a known kind, or once a list of such.
func (x *extractor) document(root place, lists bool) error {
	if root.kind() == '[' && lists {
		for item := range root.items() {
			if err := x.document(item, false); err != nil {
				return err
			}
		}
		return nil
	}
	kind, err := kindOf(root.names())
	switch {
	case err != nil && root.pointer != "": // digits: the index in a list
		return fmt.Errorf("%s: %w", root.pointer, err)
	case err != nil:
		return err
	}
	return kind.roles(x, root)
}

// add reads the policy at v, which is an object or a string that holds one.
func (x *extractor) add(name string, v place) {
	e := Extracted{Name: name, Path: v.pointer}
	e.Line, e.Column = x.at(v)
	text, isText := v.text()
	e.IsText = isText
	switch {
	case isText && strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "%7b"):
		e.Policy, e.Err = ParseEncoded(strings.TrimSpace(text))
	case isText:
		e.Policy, e.Err = Parse([]byte(text))
	default:
		e.Policy, e.Err = parseAt(v.bytes(), e.Line, e.Column)
	}
	x.found = append(x.found, e)
}

// fail notes a role whose policy cannot be read.
func (x *extractor) fail(name string, v place, err error) {
	e := Extracted{Name: name, Path: v.pointer, Err: fmt.Errorf("trust: policy: %w", err)}
	e.Line, e.Column = x.at(v)
	x.found = append(x.found, e)
}

// iamOutput reads {"Role": …}, {"Roles": […]} and {"RoleDetailList": […]}.
func (x *extractor) iamOutput(root place) error {
	if err := checkPage(root.get("NextToken"), root.get("IsTruncated")); err != nil {
		return err
	}
	for name, v := range root.members() {
		if name == "Role" {
			x.iamRole(v)
		}
		if !isRoleList(name) {
			continue
		}
		for role := range v.items() {
			x.iamRole(role)
		}
	}
	return nil
}

func isRoleList(name string) bool { return name == "Roles" || name == "RoleDetailList" }

// checkPage refuses one page of several.
func checkPage(next, truncated place) error {
	if token, _ := next.text(); truncated.isTrue() || token != "" {
		return errors.New("the list goes on after this page: roles are missing from it")
	}
	return nil
}

func (x *extractor) iamRole(role place) {
	name, _ := role.get("RoleName").text()
	if document := role.get("AssumeRolePolicyDocument"); document.exists() {
		x.add(name, document)
	} else {
		x.fail(name, role, errors.New("the role has no AssumeRolePolicyDocument"))
	}
	x.found[len(x.found)-1].ARN, _ = role.get("Arn").text()
}

package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/yamltree"
	"github.com/irsa-go/irsa/mutate"
)

// Object is one Kubernetes object of a File.
type Object struct {
	node     *yaml.Node
	name     string
	account  *corev1.ServiceAccount
	template mutate.Template
}

func newObject(node *yaml.Node) (*Object, error) {
	apiVersion, kind := yamltree.Text(node, "apiVersion"), yamltree.Text(node, "kind")
	o := &Object{node: node, name: cmp.Or(kind, "an object without a kind")}
	if name := path.Join(yamltree.Text(node, "metadata", "namespace"), yamltree.Text(node, "metadata", "name")); name != "" {
		o.name += " " + name
	}
	if _, isWorkload := mutate.TemplatePointer(apiVersion, kind); isWorkload {
		return o, o.read()
	}
	if kind != "ServiceAccount" || apiVersion != "v1" && apiVersion != "" {
		return o, nil
	}
	raw, err := yamltree.JSON(node)
	if err == nil {
		err = json.Unmarshal(raw, &o.account)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return o, nil
}

// read finds the template as it is now.
func (o *Object) read() error {
	raw, err := yamltree.JSON(o.node)
	if err == nil {
		o.template, err = mutate.ReadTemplate(raw)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.name, o.located("", err))
	}
	return nil
}

// String names the object: "Deployment shop/checkout", or "Deployment checkout" without a namespace.
func (o *Object) String() string { return o.name }

// ServiceAccount is the object, or nil when it is of another kind.
func (o *Object) ServiceAccount() *corev1.ServiceAccount { return o.account }

// Target is the account of the object's pods, and false for an object without pods. The namespace
// is "" where the object does not say it.
func (o *Object) Target() (mutate.Target, bool) { return o.template.Target, !o.template.IsZero() }

// Mutate gives the object's pods an identity. rawPod is [mutate.Mutator.RawPod] with that identity,
// or the same of another cloud. Patch and warnings of the result are for the whole object. Once more
// it changes nothing.
//
// It fails for an object without pods, and where rawPod fails: then it says the line of the file.
func (o *Object) Mutate(rawPod func(pod []byte) (mutate.Result, error)) (mutate.Result, error) {
	switch {
	case rawPod == nil:
		return mutate.Result{}, errors.New("manifest: rawPod is nil")
	case o.template.IsZero():
		return mutate.Result{}, fmt.Errorf("manifest: %s: it has no pods", o.name)
	}
	result, err := rawPod(o.template.Pod)
	if err != nil {
		return mutate.Result{}, fmt.Errorf("manifest: %s: %w", o.name, o.located(o.template.Pointer, err))
	}
	result = result.Under(o.template.Pointer)
	for _, op := range result.Operations() {
		if err := o.add(op.Path, op.Value); err != nil {
			return mutate.Result{}, fmt.Errorf("manifest: %s: %w", o.name, err)
		}
	}
	if err := o.read(); err != nil {
		return mutate.Result{}, fmt.Errorf("manifest: %w", err)
	}
	return result, nil
}

// at is the value at a JSON pointer (RFC 6901).
func (o *Object) at(pointer string) *yaml.Node {
	return yamltree.At(o.node, slices.Collect(jsontext.Pointer(pointer).Tokens())...)
}

// located says where in the file a part of the object is wrong, in place of where in its JSON.
func (o *Object) located(pointer string, err error) error {
	var syntax *mutate.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	pointer += syntax.Pointer
	node := o.at(pointer)
	if node == nil {
		node = o.node
	}
	if pointer == "" {
		return fmt.Errorf("line %d: %s", node.Line, syntax.Reason)
	}
	return fmt.Errorf("line %d: %q: %s", node.Line, pointer, syntax.Reason)
}

// add carries out one "add" of a JSON patch (RFC 6902 §4.1), the only operation that a mutation has.
func (o *Object) add(pointer string, value any) error {
	place := jsontext.Pointer(pointer)
	node, name := o.at(string(place.Parent())), place.LastToken()
	if node == nil || node.Kind == yaml.ScalarNode {
		return fmt.Errorf("%q is not an object or a list in it", place.Parent())
	}
	var added yaml.Node
	if err := added.Encode(value); err != nil {
		return err
	}
	switch node.Kind {
	case yaml.SequenceNode:
		if len(node.Content) == 0 {
			node.Style &^= yaml.FlowStyle // [] grows to a list
		}
		i, err := strconv.Atoi(name)
		if err != nil || i > len(node.Content) {
			i = len(node.Content)
		}
		node.Content = slices.Insert(node.Content, i, &added)
	case yaml.MappingNode:
		if have := yamltree.At(node, name); have != nil {
			*have = added
			return nil
		}
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, &added)
	}
	return nil
}

// Command irsa-policies prints the objects with which Kubernetes itself gives pods their AWS identity,
// without a webhook, for kubectl apply or for the API server's disk:
//
//	irsa-policies -region eu-central-1 -required | kubectl apply -f -
//	irsa-policies -region eu-central-1 -by-rule 111122223333 -required -guard -static mutating > MUTATING/irsa.yaml
//
// It is a program of its own because the policies need newer types of Kubernetes than the rest of the
// library; irsa policies runs it. It exits with 2 when it cannot.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
	"github.com/irsa-go/irsa/mutate/webhook"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "irsa-policies:", err)
		os.Exit(2)
	}
}

// options is the command line.
type options struct {
	mutation mutate.Config
	cfg      admissionpolicy.Config
	roles    map[string]admissionpolicy.AllowedRoles
	required bool
	guard    bool
	static   string // which of the API server's folders
}

func run(args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	objects, err := o.objects()
	if err != nil {
		return err
	}
	text, err := webhook.YAML(objects...)
	if err == nil {
		_, err = stdout.Write(text)
	}
	return err
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("irsa-policies", flag.ContinueOnError)
	f.SetOutput(io.Discard) // an error is one line
	region := f.String("region", "", "AWS `REGION` of the cluster, for AWS_REGION and regional STS; none are set without it")
	f.StringVar(&o.cfg.Name, "name", "", "`NAME` of the objects (default: "+admissionpolicy.DefaultName+")")
	domain := f.String("annotation-domain", "", "`DOMAIN` of annotations and labels (default: eks.amazonaws.com)")
	rule := f.String("by-rule", "", "take the role from namespace and account, in the AWS account with this `ID`, in place of annotations")
	prefix := f.String("role-prefix", "", "what the names of roles by rule begin with")
	everyPod := f.Bool("every-pod", false, "give every pod its role by rule, with or without the label")
	f.BoolVar(&o.required, "required", false, "also refuse pods that say that they need an identity and get none")
	f.Func("allow", "also refuse roles that a namespace's list does not have: `NAMESPACE=ARN`, or a path, which ends with a slash; for each", o.allow)
	f.BoolVar(&o.guard, "guard", false, "also refuse to change these objects through the API; needs -static")
	f.StringVar(&o.static, "static", "", "for the API server's disk: what belongs into its `FOLDER` for mutating or validating policies")
	if err = f.Parse(args); errors.Is(err, flag.ErrHelp) {
		f.SetOutput(stderr)
		f.Usage()
	}
	if err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q: no arguments are wanted", f.Arg(0))
	case o.static != "" && o.static != "mutating" && o.static != "validating":
		return o, fmt.Errorf("-static: it is %q, want mutating or validating", o.static)
	case o.guard && o.static == "":
		return o, errors.New("-guard: it is for the API server's disk: give -static")
	case *rule == "" && (*prefix != "" || *everyPod):
		return o, errors.New("-role-prefix, -every-pod: they need -by-rule")
	}
	if *region != "" {
		o.mutation = mutate.EKS(*region)
	}
	o.mutation.AnnotationDomain = *domain
	if *rule != "" {
		o.mutation.RoleRule = mutate.RoleRule{AccountID: *rule, NamePrefix: *prefix}
		o.mutation.RoleRuleForEveryPod = *everyPod
	}
	return o, nil
}

func (o *options) allow(value string) error {
	namespace, arn, ok := strings.Cut(value, "=")
	if !ok {
		return errors.New("want NAMESPACE=ARN")
	}
	if o.roles == nil {
		o.roles = map[string]admissionpolicy.AllowedRoles{}
	}
	roles := o.roles[namespace]
	if strings.HasSuffix(arn, "/") {
		roles.Paths = append(roles.Paths, arn)
	} else {
		roles.ARNs = append(roles.ARNs, arn)
	}
	o.roles[namespace] = roles
	return nil
}

// objects are the policies, each with its binding.
func (o options) objects() (objects []runtime.Object, err error) {
	policies, err := admissionpolicy.New(o.mutation, o.cfg)
	if err != nil {
		return nil, err
	}
	if o.static != "validating" {
		injection := policies.Injection()
		if !o.mutation.RoleRule.IsZero() {
			injection, err = policies.InjectionByRule()
		}
		if err == nil && o.static != "" {
			injection, err = injection.Static()
		}
		if err != nil {
			return nil, err
		}
		objects = append(objects, injection.Policy, injection.Binding)
	}
	if o.static == "mutating" {
		return objects, nil
	}
	validations, err := o.validations(policies)
	for _, v := range validations {
		objects = append(objects, v.Policy, v.Binding)
	}
	if err == nil && len(objects) == 0 {
		err = errors.New("-static validating: it writes nothing: give -required, -allow or -guard")
	}
	return objects, err
}

func (o options) validations(policies *admissionpolicy.Policies) (all []admissionpolicy.Validation, err error) {
	if o.required {
		all = append(all, policies.Required())
	}
	if o.roles != nil {
		roles, err := policies.Roles(o.roles)
		if err != nil {
			return nil, err
		}
		all = append(all, roles)
	}
	if o.guard {
		guard, err := policies.Guard()
		if err != nil {
			return nil, err
		}
		all = append(all, guard)
	}
	for i := range all {
		if o.static != "" {
			if all[i], err = all[i].Static(); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

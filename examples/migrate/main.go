// Command migrate takes the service accounts of an EKS cluster from IRSA to EKS Pod Identity, or
// back. It prints what is left to do for each account, and with -apply does what can be done now:
// run it again after the pods that it names are made anew, until nothing is left.
//
// It never touches pods, and may be stopped at any time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/podidentity/migrate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "migrate:", err)
		os.Exit(1)
	}
}

// options is the command line.
type options struct {
	cluster, issuer, to, namespace, kubeconfig string
	apply, allowGap                            bool
}

var ways = map[string]mutate.Method{"pod-identity": mutate.PodIdentity, "irsa": mutate.WebIdentity}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.cluster, "cluster", "", "`ARN` of the EKS cluster")
	flags.StringVar(&o.issuer, "issuer", "", "`URL` of the cluster's OIDC issuer")
	flags.StringVar(&o.to, "to", "pod-identity", "the new `WAY`: pod-identity or irsa")
	flags.StringVar(&o.namespace, "namespace", "", "the `NAMESPACE` of the accounts (default: all)")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "`FILE` that leads to the cluster (default: as kubectl)")
	flags.BoolVar(&o.apply, "apply", false, "do what can be done now; without it nothing is written")
	flags.BoolVar(&o.allowGap, "allow-gap", false, "to IRSA: delete associations before pods are made anew; running pods get no new credentials until then")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	_, known := ways[o.to]
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("argument %q: want flags alone", flags.Arg(0))
	case o.cluster == "" || o.issuer == "":
		return o, errors.New("want -cluster and -issuer: aws eks describe-cluster --name NAME --query 'cluster.[arn,identity.oidc.issuer]'")
	case !known:
		return o, fmt.Errorf("-to %q: want pod-identity or irsa", o.to)
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	kubeconfig, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(kubeconfig)
	if err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	return move(ctx, o, world{client, iam.NewFromConfig(cfg), eks.NewFromConfig(cfg)}, stdout)
}

// move goes through the accounts; one that cannot move does not keep the others back.
func move(ctx context.Context, o options, w world, stdout io.Writer) error {
	at, err := arn.Parse(o.cluster)
	if err != nil {
		return fmt.Errorf("-cluster %q: %w", o.cluster, err)
	}
	provider, err := trust.NewProvider(at.Partition, at.AccountID, o.issuer)
	if err != nil {
		return fmt.Errorf("-issuer: %w", err)
	}
	m := mover{world: w, options: o, stdout: stdout, provider: provider, cfg: migrate.Config{Injection: mutate.EKS(at.Region), AllowGap: o.allowGap}}
	names, err := w.accounts(ctx, o.namespace)
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range names {
		if err := m.account(ctx, name); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	fmt.Fprintf(stdout, "\n%d arrived, %d on the way, %d keep IRSA, %d without a role, %d failed\n", m.arrived, m.onTheWay, m.stay, m.without, len(failed))
	return errors.Join(failed...)
}

type mover struct {
	world
	options
	stdout   io.Writer
	provider trust.Provider
	cfg      migrate.Config

	arrived, onTheWay, stay, without int
}

// account prints the plan of one account, and with -apply takes its steps until pods must be made
// anew or nothing is left.
func (m *mover) account(ctx context.Context, name accountName) error {
	for {
		state, err := m.state(ctx, m.cluster, m.provider, name, m.cfg)
		if errors.Is(err, migrate.ErrNoRole) {
			m.without++
			return nil
		}
		if err != nil {
			return err
		}
		plan, err := migrate.New(ways[m.to], state, m.cfg)
		if err != nil {
			return err
		}
		fmt.Fprintln(m.stdout, plan)
		next := plan.Next()
		switch {
		case plan.Stays != "":
			m.stay++
			return nil
		case len(next) == 0:
			m.arrived++
			return nil
		case !m.apply || next[0].Kind == migrate.Restart:
			m.onTheWay++
			return nil
		}
		for _, step := range next {
			if err := step.Run(ctx, migrate.Client{Roles: m.iam, Associations: m.eks, Accounts: m.world}); err != nil {
				return err
			}
			fmt.Fprintf(m.stdout, "  done: %s\n", step.Kind)
		}
	}
}

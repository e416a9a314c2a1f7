package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// benchIssuer is what the cluster on the bench calls itself. It is served in memory.
const benchIssuer = "https://oidc.cluster.example/self-managed"

// world is where the walk happens: a cluster's issuer and an AWS account, each real or a bench.
type world struct {
	issuer  oidc.Issuer
	client  *oidc.Client     // reaches the issuer from here
	cluster *oidctest.Server // nil: the issuer is real, and its tokens cannot be minted here
	box     *trusttest.Account
	cfg     aws.Config
}

func newWorld(ctx context.Context, o options, in *input) (*world, error) {
	w := &world{client: &oidc.Client{}}
	if err := w.findIssuer(o); err != nil {
		return nil, err
	}
	if err := w.findAccount(ctx, o, in); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) findIssuer(o options) error {
	if o.issuer != "" {
		return w.realIssuer(o)
	}
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: benchIssuer})
	if err != nil {
		return err
	}
	w.cluster, w.issuer, w.client = cluster, cluster.Issuer(), cluster.Client()
	return nil
}

func (w *world) realIssuer(o options) error {
	var err error
	if w.issuer, err = oidc.ParseIssuer(o.issuer); err != nil || o.ca == "" {
		return err
	}
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return err
	}
	w.client.RootCAs = x509.NewCertPool()
	if !w.client.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s: it holds no PEM certificate", o.ca)
	}
	return nil
}

func (w *world) findAccount(ctx context.Context, o options, in *input) error {
	var err error
	if o.aws {
		if w.cfg, err = config.LoadDefaultConfig(ctx); err != nil {
			return err
		}
		return w.checkAccount(ctx, in)
	}
	box := trusttest.Config{AccountID: in.role.AccountID, Partition: in.role.Partition}
	if w.cluster != nil {
		box.DialContext = w.cluster.DialContext
	} else if box.RootCAs, err = x509.SystemCertPool(); err != nil {
		return err
	}
	if w.box, err = trusttest.NewAccount(box); err != nil {
		return err
	}
	w.cfg = w.box.AWSConfig()
	return nil
}

// checkAccount refuses to work in another account than the one that the annotation names.
func (w *world) checkAccount(ctx context.Context, in *input) error {
	who, err := sts.NewFromConfig(w.cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return err
	}
	if account := aws.ToString(who.Account); account != in.role.AccountID {
		return fmt.Errorf("ServiceAccount %s names a role in account %s, but the AWS configuration is for account %s", in.subject(), in.role.AccountID, account)
	}
	return nil
}

func (w *world) iam() *iam.Client { return iam.NewFromConfig(w.cfg) }

// sts is a client as a pod has it: with a region, without credentials of its own.
func (w *world) sts() *sts.Client {
	cfg := w.cfg.Copy()
	cfg.Credentials = aws.AnonymousCredentials{}
	return sts.NewFromConfig(cfg)
}

func (w *world) close() {
	if w.box != nil {
		w.box.Close()
	}
	if w.cluster != nil {
		w.cluster.Close()
	}
}

package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

// exampleIssuer stands for a cluster's issuer.
func exampleIssuer() *oidctest.Server {
	srv, err := oidctest.NewServer(oidctest.Config{Issuer: "https://oidc.example.com/cluster", Algorithm: "ES256"})
	if err != nil {
		log.Fatal(err)
	}
	return srv
}

// exampleKeys are the public keys of an API server.
func exampleKeys() *oidc.KeySet {
	file, err := os.ReadFile("testdata/kube-apiserver-1.37.2/sa.pub")
	if err != nil {
		log.Fatal(err)
	}
	keys, err := oidc.KeySetFromPEM(file)
	if err != nil {
		log.Fatal(err)
	}
	return keys
}

func ExampleParseIssuer() {
	iss, err := oidc.ParseIssuer("https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF")
	if err != nil {
		log.Fatal(err)
	}
	cluster, ok := iss.EKS()
	fmt.Println(iss.HostPath())
	fmt.Println(cluster.Partition, cluster.Region, ok)
	fmt.Println(iss.CheckIAM())
	// Output:
	// oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
	// aws eu-west-1 true
	// <nil>
}

func ExampleClient_Discover() {
	srv := exampleIssuer()
	defer srv.Close()
	client := srv.Client() // &oidc.Client{} for a cluster with a public issuer
	doc, err := client.Discover(context.Background(), srv.Issuer())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(doc.JWKSURI, doc.SigningAlgorithms)
	// Output: https://oidc.example.com/cluster/openid/v1/jwks [ES256]
}

func ExampleClient_Keys() {
	srv := exampleIssuer()
	defer srv.Close()
	keys, err := srv.Client().Keys(context.Background(), srv.Issuer())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.Len(), keys.CheckSTS())
	// Output: 1 <nil>
}

func ExampleClient_Thumbprints() {
	srv := exampleIssuer()
	defer srv.Close()
	report, err := srv.Client().Thumbprints(context.Background(), srv.Issuer())
	if failed := (*oidc.ThumbprintError)(nil); errors.As(err, &failed) {
		fmt.Println(failed.Report) // what the servers sent, and what is wrong with it
		log.Fatal(err)
	}
	fmt.Println(len(report.Thumbprints), report.Need)
	for _, e := range report.Endpoints {
		fmt.Println(e.Host, e.Roles, len(e.Chain), "certificates")
	}
	// Output:
	// 1 needed: private CA (does not verify against this machine's roots)
	// oidc.example.com:443 [discovery jwks] 3 certificates
}

func ExampleChainThumbprint() {
	srv := exampleIssuer()
	defer srv.Close()
	report, err := oidc.ChainThumbprint(srv.Chain())
	if err != nil {
		log.Fatal(err)
	}
	drift := report.Drift([]string{"9E99A48A9960B14926BB7F3B02E22DA2B0AB7280"})
	fmt.Println(drift.Stale, len(drift.Missing))
	// Output: [9e99a48a9960b14926bb7f3b02e22da2b0ab7280] 1
}

func ExampleClient_Preflight() {
	srv := exampleIssuer()
	defer srv.Close()
	token, err := srv.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "cart"})
	if err != nil {
		log.Fatal(err)
	}
	report := srv.Client().Preflight(context.Background(), srv.Issuer(), oidc.PreflightConfig{Token: token})
	for _, c := range report.Checks {
		fmt.Println(c.Result, c.Code)
	}
	// Output:
	// passed iam-url
	// passed reachable
	// passed document
	// passed issuer-equal
	// passed keys-reachable
	// passed keys-valid
	// passed token-covered
	// passed speed
	// passed thumbprint
}

func ExampleNewVerifier() {
	srv := exampleIssuer()
	defer srv.Close()
	verifier, err := oidc.NewVerifier(srv.Issuer(), "sts.amazonaws.com", oidc.VerifierConfig{Client: srv.Client()})
	if err != nil {
		log.Fatal(err)
	}
	token, err := srv.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "cart", Pod: "cart-0"})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := verifier.Verify(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Namespace, claims.ServiceAccount.Name, claims.Pod.Name)
	token, err = srv.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "cart", Lifetime: -time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	_, err = verifier.Verify(context.Background(), token)
	fmt.Println(errors.Is(err, oidc.ErrExpired))
	// Output:
	// shop cart cart-0
	// true
}

func ExampleKeyID() {
	file, err := os.ReadFile("testdata/kube-apiserver-1.37.2/sa.pub")
	if err != nil {
		log.Fatal(err)
	}
	keys, err := oidc.PublicKeysFromPEM(file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(oidc.KeyID(keys[0]))
	// Output: _i1emsOayL8WJDa9ekAjDGzUIkdBO3lCO_-cR0wR5fw <nil>
}

func ExampleParseKeySet() {
	jwks, err := os.ReadFile("testdata/kube-apiserver-1.37.2/jwks.json")
	if err != nil {
		log.Fatal(err)
	}
	keys, err := oidc.ParseKeySet(jwks)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.Algorithms())
	// Output: [ES256 RS256]
}

func ExampleNewDocument() {
	iss, err := oidc.ParseIssuer("https://bucket.example.com")
	if err != nil {
		log.Fatal(err)
	}
	doc, err := oidc.NewDocument(iss, "", exampleKeys())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(doc.JWKSURI)
	// Output: https://bucket.example.com/openid/v1/jwks
}

func ExamplePublish() {
	dir, err := os.MkdirTemp("", "issuer")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	iss, err := oidc.ParseIssuer("https://bucket.example.com")
	if err != nil {
		log.Fatal(err)
	}
	keys := exampleKeys()
	doc, err := oidc.NewDocument(iss, "", keys)
	if err != nil {
		log.Fatal(err)
	}
	if err := oidc.Publish(context.Background(), oidc.Directory(dir), doc, keys, oidc.PublishConfig{}); err != nil {
		log.Fatal(err)
	}
	body, err := os.ReadFile(dir + "/.well-known/openid-configuration")
	fmt.Println(string(body[:40]), err)
	// Output: {"issuer":"https://bucket.example.com"," <nil>
}

func ExampleRotation() {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	r := oidc.Rotation{Old: "old", New: "new", MaxTokenLifetime: 12 * time.Hour}
	for {
		step, from := r.Next()
		if step == oidc.StepNone {
			break
		}
		if now.Before(from) {
			now = from // the program ends here, and is started again later
		}
		fmt.Println(now.Format(time.DateTime), step)
		var err error
		if r, err = r.Done(step, now); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 2026-01-02 12:00:00 accept
	// 2026-01-02 12:00:00 publish
	// 2026-01-02 13:00:00 sign
	// 2026-01-03 01:05:00 retire
}

func ExampleGenerateKey() {
	signer, file, err := oidc.GenerateKey("") // RSA of 2048 bits
	if err != nil {
		log.Fatal(err)
	}
	keys, err := oidc.NewKeySet(signer.Public())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.Algorithms(), strings.HasPrefix(string(file), "-----BEGIN PRIVATE KEY-----"))
	// Output: [RS256] true
}

// What an external signer has, the API server serves: kubectl get --raw /openid/v1/jwks.
func ExampleKeySet_Faults() {
	keys, err := oidc.ParseKeySet([]byte(`{"keys":[
		{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AAAA"},
		{"kty":"EC","crv":"P-256","kid":"b",
		 "x":"aWaZ_2qIq-bG0VFtcNIuWQw8qMd5rYMB_eKjVhcK6bo","y":"SFvW8BLqXh5cxn3ZwUqbCfbDq3nxrR2Nrmmqn-bs8Ag"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.CheckSTS())
	for _, fault := range keys.Faults() {
		fmt.Println(fault.Code, fault.KeyID)
	}
	// Output:
	// <nil>
	// key-kind a
}

func ExampleUnpublish() {
	dir, err := os.MkdirTemp("", "issuer")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, store := context.Background(), oidc.Directory(dir)
	iss, err := oidc.ParseIssuer("https://bucket.example.com/cluster")
	if err != nil {
		log.Fatal(err)
	}
	keys := exampleKeys()
	doc, err := oidc.NewDocument(iss, iss.String()+"/keys.json", keys)
	if err != nil {
		log.Fatal(err)
	}
	if err := oidc.Publish(ctx, store, doc, keys, oidc.PublishConfig{}); err != nil {
		log.Fatal(err)
	}
	served, _, err := oidc.Served(ctx, store, iss)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(served.JWKSURI)
	fmt.Println(oidc.Unpublish(ctx, store, iss))
	// Output:
	// https://bucket.example.com/cluster/keys.json
	// <nil>
}

func ExampleIssuer_Warnings() {
	iss, err := oidc.ParseIssuer("https://container.googleapis.com/v1/projects/shop/locations/europe-west1/clusters/prod")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(iss.GKE())
	for _, w := range iss.Warnings() {
		fmt.Println(w.Code)
	}
	// Output:
	// {shop europe-west1 prod} true
	// issuer-reusable
}

package oidctest_test

import (
	"context"
	"fmt"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

func ExampleNewServer() {
	srv, err := oidctest.NewServer(oidctest.Config{Issuer: "https://idp.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	token, err := srv.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "cart"})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := oidc.NewVerifier(srv.Issuer(), "sts.amazonaws.com", oidc.VerifierConfig{Client: srv.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := verifier.Verify(context.Background(), token)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims.Issuer, claims.Namespace, claims.ServiceAccount.Name)
	// Output: https://idp.example.com shop cart
}

func ExampleServer_SetFault() {
	srv, err := oidctest.NewServer(oidctest.Config{Issuer: "https://idp.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	srv.SetFault(oidctest.Fault{Status: 500})
	_, err = srv.Client().Discover(context.Background(), srv.Issuer())
	fmt.Println(err)
	// Output: oidc: issuer "https://idp.example.com": discovery: https://idp.example.com/.well-known/openid-configuration answered 500 Internal Server Error
}

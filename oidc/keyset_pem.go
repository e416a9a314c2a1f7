package oidc

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// KeySetFromPEM makes a set of the keys in PEM files, in order: see [PublicKeysFromPEM].
func KeySetFromPEM(files ...[]byte) (*KeySet, error) {
	var all []crypto.PublicKey
	for i, file := range files {
		keys, err := publicKeys(file)
		if err != nil {
			return nil, fmt.Errorf("oidc: PEM: file %d: %w", i+1, err)
		}
		all = append(all, keys...)
	}
	return NewKeySet(all...)
}

// PublicKeysFromPEM reads the public keys of a PEM file, whose blocks may be of every kind in
// which keys for kube-apiserver come: PUBLIC KEY (PKIX), RSA PUBLIC KEY (PKCS #1),
// CERTIFICATE, and the private PRIVATE KEY (PKCS #8), RSA PRIVATE KEY (PKCS #1) and EC PRIVATE
// KEY (SEC 1), of which only the public part is returned. A file without any block, with an
// encrypted one or one of another kind is an error, and so is a key that [KeyID] refuses.
func PublicKeysFromPEM(file []byte) ([]crypto.PublicKey, error) {
	keys, err := publicKeys(file)
	if err != nil {
		return nil, fmt.Errorf("oidc: PEM: %w", err)
	}
	return keys, nil
}

func publicKeys(file []byte) ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	rest, n := file, 1
	for ; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "EC PARAMETERS" { // openssl writes the curve's name before the key
			continue
		}
		key, err := publicKey(block)
		if err == nil {
			_, err = algorithmOf(key)
		}
		if err != nil {
			return nil, fmt.Errorf("block %d (%s): %w", n, block.Type, err)
		}
		keys = append(keys, key)
	}
	// pem.Decode passes over what it cannot read; half a file must not pass for a whole one.
	if bytes.Count(file, []byte("-----BEGIN ")) != n-1 {
		return nil, errors.New("a block is damaged")
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no key")
	}
	return keys, nil
}

// publicKey keeps the causes of failures back: they could tell something of a private key.
func publicKey(block *pem.Block) (crypto.PublicKey, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("it is encrypted, give the public key")
	}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = cert.PublicKey
		}
	default:
		return nil, errors.New("of this kind no key can be read; ssh-keygen writes a readable one with -m PKCS8")
	}
	if err != nil {
		return nil, errors.New("it is not what its label says")
	}
	if private, ok := key.(interface{ Public() crypto.PublicKey }); ok {
		return private.Public(), nil
	}
	return key, nil
}

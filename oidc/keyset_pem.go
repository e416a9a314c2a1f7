package oidc

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
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
// encrypted one or one of another kind is an error, which names the command that converts it
// where there is one, and so is a key that [KeyID] refuses.
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
	switch {
	case bytes.Count(file, []byte("-----BEGIN ")) != n-1:
		return nil, errors.New("a block is damaged")
	case len(keys) > 0:
		return keys, nil
	case bytes.Contains(file, []byte("---- BEGIN SSH2 PUBLIC KEY ----")):
		return nil, errors.New("it is an SSH2 public key: ssh-keygen -i -f FILE > key.pub; ssh-keygen -e -m PKCS8 -f key.pub")
	case bytes.HasPrefix(file, []byte("ssh-")), bytes.HasPrefix(file, []byte("ecdsa-sha2-")), bytes.HasPrefix(file, []byte("sk-")):
		return nil, errors.New("it is an OpenSSH public key: ssh-keygen -e -m PKCS8 -f FILE")
	}
	return nil, errors.New("it has no PEM block with a key")
}

// publicKey keeps the causes of failures back: they could tell something of a private key.
func publicKey(block *pem.Block) (crypto.PublicKey, error) {
	if block.Headers["DEK-Info"] != "" {
		return nil, errors.New("it is encrypted: openssl pkey -in FILE -pubout")
	}
	key, err := parseBlock(block)
	if other := (convertError("")); errors.As(err, &other) {
		return nil, other
	}
	if err != nil || key == nil {
		return nil, unreadable(block.Bytes)
	}
	if private, ok := key.(interface{ Public() crypto.PublicKey }); ok {
		return private.Public(), nil
	}
	return key, nil
}

// convertError is of a block that is not for us, with the command that converts it.
type convertError string

func (e convertError) Error() string { return string(e) }

func parseBlock(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	case "ENCRYPTED PRIVATE KEY":
		return nil, convertError("it is encrypted: openssl pkey -in FILE -pubout")
	case "OPENSSH PRIVATE KEY":
		return nil, convertError("it is a private key in OpenSSH's own form: ssh-keygen -e -m PKCS8 -f FILE gives the public key, ssh-keygen -p -m PKCS8 -f FILE rewrites it for kube-apiserver")
	case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
		return nil, convertError("it is a certificate request: openssl req -in FILE -noout -pubkey")
	}
	return nil, convertError("no key can be read from this kind of block")
}

// unreadable names the kinds of keys that openssl makes and no cluster can sign with, by their
// object identifiers in DER (RFC 4055 §1.2, SEC 2 §A.2).
func unreadable(der []byte) error {
	switch {
	case bytes.Contains(der, []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a}):
		return errors.New("it is an RSA-PSS key, with which no cluster signs; a new one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048")
	case bytes.Contains(der, []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}):
		return errors.New("it is a key on the curve secp256k1, with which no cluster signs; a new one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")
	}
	return errors.New("it is not what its label says")
}

// GenerateKey makes a private key for a cluster to sign tokens with, and the file to store it
// in: PKCS #8 in PEM, which kube-apiserver and kube-controller-manager read. The algorithm is
// "RS256" (RSA of 2048 bits, which "" is too), "ES256", "ES384" or "ES512". Write the file for
// its owner alone, and never over another key; [KeySet.With] takes the signer's Public.
func GenerateKey(algorithm string) (signer crypto.Signer, file []byte, err error) {
	curves := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}
	switch curve := curves[algorithm]; {
	case curve != nil:
		signer, err = ecdsa.GenerateKey(curve, rand.Reader)
	case algorithm == "" || algorithm == "RS256":
		signer, err = rsa.GenerateKey(rand.Reader, minRSABits)
	default:
		err = fmt.Errorf("algorithm %q, only RS256, ES256, ES384 and ES512 are possible", algorithm)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("oidc: generate key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, nil, fmt.Errorf("oidc: generate key: %w", err)
	}
	return signer, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

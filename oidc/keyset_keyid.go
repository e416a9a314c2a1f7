package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
)

// Sizes of RSA keys. The lower bound is that of RFC 7518 §3.3; the upper one keeps a
// hostile key set from costing seconds per signature.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// ErrKey is in the error of every key that a [KeySet] cannot hold.
var ErrKey = errors.New("unusable key")

// KeyID returns the key id that Kubernetes gives to a public key: the unpadded base64url of
// the SHA-256 of its PKIX encoding. It takes what a cluster can sign with: *rsa.PublicKey of
// 2048 to 8192 bits and *ecdsa.PublicKey on P-256, P-384 or P-521; a private key is refused.
func KeyID(pub crypto.PublicKey) (string, error) {
	if _, err := algorithmOf(pub); err != nil {
		return "", fmt.Errorf("oidc: key id: %w", err)
	}
	id, err := keyID(pub)
	if err != nil {
		return "", fmt.Errorf("oidc: key id: %w", err)
	}
	return id, nil
}

func keyID(pub crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("%w: it has no PKIX encoding", ErrKey)
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// algorithmOf checks a key and returns the one algorithm that kube-apiserver signs with it.
func algorithmOf(pub crypto.PublicKey) (string, error) {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if err := checkRSA(key); err != nil {
			return "", err
		}
		if bits := key.N.BitLen(); bits < minRSABits {
			return "", fmt.Errorf("%w: RSA of %d bits, %d to %d are allowed", ErrKey, bits, minRSABits, maxRSABits)
		}
		return "RS256", nil
	case *ecdsa.PublicKey:
		return curveAlgorithm(key)
	case *rsa.PrivateKey, *ecdsa.PrivateKey, crypto.Signer:
		return "", fmt.Errorf("%w: it is a private key, give its public part", ErrKey)
	case rsa.PublicKey, ecdsa.PublicKey:
		return "", fmt.Errorf("%w: type %T, give a pointer to it", ErrKey, pub)
	case nil:
		return "", fmt.Errorf("%w: it is nil", ErrKey)
	}
	return "", fmt.Errorf("%w: type %T, only RSA and ECDSA are allowed", ErrKey, pub)
}

// checkRSA leaves the lower bound of the size to the caller.
func checkRSA(key *rsa.PublicKey) error {
	switch {
	case key == nil || key.N == nil || key.N.Sign() <= 0:
		return fmt.Errorf("%w: RSA without a modulus", ErrKey)
	case key.N.BitLen() > maxRSABits:
		return fmt.Errorf("%w: RSA of %d bits, %d to %d are allowed", ErrKey, key.N.BitLen(), minRSABits, maxRSABits)
	case key.N.Bit(0) == 0:
		return fmt.Errorf("%w: RSA with an even modulus", ErrKey)
	case key.E < 3 || key.E%2 == 0 || int64(key.E) > 1<<31-1:
		return fmt.Errorf("%w: RSA exponent %d, odd ones from 3 to 2147483647 are allowed", ErrKey, key.E)
	}
	return nil
}

func curveAlgorithm(key *ecdsa.PublicKey) (string, error) {
	//lint:ignore SA1019 a key without coordinates makes every method of it panic
	//lint:ignore SA1019 a key without a point makes the checks below panic
	if key == nil || key.Curve == nil || key.X == nil || key.Y == nil {
		return "", fmt.Errorf("%w: ECDSA without a curve or a point", ErrKey)
	}
	alg := ""
	switch key.Curve {
	case elliptic.P256():
		alg = "ES256"
	case elliptic.P384():
		alg = "ES384"
	case elliptic.P521():
		alg = "ES512"
	default:
		return "", fmt.Errorf("%w: ECDSA on another curve than P-256, P-384 and P-521", ErrKey)
	}
	if _, err := key.ECDH(); err != nil { // also checks that the point is on the curve
		return "", fmt.Errorf("%w: ECDSA point that is not on its curve", ErrKey)
	}
	return alg, nil
}

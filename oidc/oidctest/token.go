package oidctest

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/internal/kubename"
)

// TokenRequest says whose token to mint. Namespace and ServiceAccount are required.
type TokenRequest struct {
	Namespace, ServiceAccount string
	// UID is the service account's. "": one that is the same for the same account always.
	UID string
	// Pod is the name of the pod that the token is bound to. "": none.
	Pod string
	// PodUID is that pod's. "": one that is the same for the same pod always.
	PodUID string
	// Node is the name of the pod's node. "": none is named. It needs a Pod.
	Node string
	// Audiences are the token's. nil: sts.amazonaws.com.
	Audiences []string
	// Lifetime is from the server's present to exp. 0: 1 h; negative: already expired.
	Lifetime time.Duration
}

// claims has the members in kube-apiserver's order, which is alphabetical.
type claims struct {
	Audience   []string   `json:"aud"`
	Expiry     int64      `json:"exp"`
	IssuedAt   int64      `json:"iat"`
	Issuer     string     `json:"iss"`
	ID         string     `json:"jti"`
	Kubernetes kubernetes `json:"kubernetes.io"`
	NotBefore  int64      `json:"nbf"`
	Subject    string     `json:"sub"`
}

type kubernetes struct {
	Namespace      string `json:"namespace"`
	Node           *ref   `json:"node,omitempty"`
	Pod            *ref   `json:"pod,omitempty"`
	ServiceAccount ref    `json:"serviceaccount"`
}

type ref struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// Token mints a token with the claims and the header that kube-apiserver gives to it. What
// kube-apiserver would refuse of names is an error; lifetimes are not bounded.
func (s *Server) Token(req TokenRequest) (string, error) {
	token, err := s.token(req)
	if err != nil {
		return "", fmt.Errorf("oidctest: token: %w", err)
	}
	return token, nil
}

func (s *Server) token(req TokenRequest) (string, error) {
	c, err := s.claims(req)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signer, kid, _ := s.keys.current()
	if s.currentFault().UnknownKeyID {
		kid = unknownKeyID()
	}
	j, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(s.keys.algorithm), Key: jose.JSONWebKey{Key: signer, KeyID: kid}}, nil)
	if err != nil {
		return "", err
	}
	jws, err := j.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

func (s *Server) claims(req TokenRequest) (claims, error) {
	if err := kubename.CheckNamespace(req.Namespace); err != nil {
		return claims{}, fmt.Errorf("namespace: %w", err)
	}
	if err := kubename.CheckServiceAccount(req.ServiceAccount); err != nil {
		return claims{}, fmt.Errorf("service account: %w", err)
	}
	if req.Node != "" && req.Pod == "" {
		return claims{}, fmt.Errorf("node %q is given without a pod", req.Node)
	}
	now := s.now()
	lifetime := cmp.Or(req.Lifetime, time.Hour)
	issued := now
	if lifetime < 0 { // it was good for an hour
		issued = now.Add(lifetime - time.Hour)
	}
	audiences := req.Audiences
	if audiences == nil {
		audiences = []string{audience.STS}
	}
	c := claims{
		Audience: audiences, Issuer: s.URL(), ID: randomUUID(),
		Expiry: now.Add(lifetime).Unix(), IssuedAt: issued.Unix(), NotBefore: issued.Unix(),
		Subject: kubename.Subject(req.Namespace, req.ServiceAccount),
		Kubernetes: kubernetes{
			Namespace:      req.Namespace,
			ServiceAccount: ref{req.ServiceAccount, orUUID(req.UID, "serviceaccounts", req.Namespace, req.ServiceAccount)},
		},
	}
	if req.Pod != "" {
		c.Kubernetes.Pod = &ref{req.Pod, orUUID(req.PodUID, "pods", req.Namespace, req.Pod)}
	}
	if req.Node != "" {
		c.Kubernetes.Node = &ref{req.Node, orUUID("", "nodes", "", req.Node)}
	}
	return c, nil
}

// orUUID makes up for a UID that the caller does not care about.
func orUUID(uid, resource, namespace, name string) string {
	if uid != "" {
		return uid
	}
	sum := sha256.Sum256([]byte(resource + "/" + namespace + "/" + name))
	return uuid(sum[:16])
}

func randomUUID() string {
	var b [16]byte
	rand.Read(b[:])
	return uuid(b[:])
}

// uuid prints version 4 (RFC 9562 §5.4), which is what Kubernetes has everywhere.
func uuid(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func unknownKeyID() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

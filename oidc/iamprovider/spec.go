package iamprovider

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/oidc"
)

// DefaultClientID is "sts.amazonaws.com", the audience of service account tokens for AWS in every
// partition.
const DefaultClientID = audience.STS

// Limits of one provider, and what IAM answers beyond them
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html;
// the messages on thumbprints were observed).
const (
	maxClientIDs         = 100
	maxClientIDLength    = 255
	maxThumbprints       = 5
	thumbprintLength     = 40
	tooManyClientIDs     = "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"
	tooManyThumbprints   = "Thumbprint list must contain fewer than 5 entries."
	emptyThumbprintsList = "Thumbprint list must contain at least one entry."
)

// Spec says what the provider should be. It is a plain value.
type Spec struct {
	// AccountID is the account, twelve digits. Required, as the provider's ARN has it.
	AccountID string
	// Partition is the AWS partition; "" is "aws".
	Partition string
	// Issuer is the issuer whose tokens AWS is to believe. Required.
	Issuer oidc.Issuer
	// ClientIDs are the audiences that tokens may have; nil is [DefaultClientID]. The API
	// server's own audience is refused: see [ErrAPIServerAudience].
	ClientIDs []string
	// NotCluster says that the issuer is not a Kubernetes cluster's, so that its own URL may be a
	// client id, as GitLab's guide for AWS asks for. It makes no difference for the issuers that
	// EKS, GKE and AKS give to clusters.
	NotCluster bool
	// Thumbprints are SHA-1 sums of CA certificates, 40 hexadecimal digits each, as
	// [oidc.Client.Thumbprints] finds them. nil lets IAM fetch one itself when it creates the
	// provider, and leaves those of an existing one alone, Exact or not. An empty list is an
	// error, as it is for IAM.
	Thumbprints []string
	// Tags are set on the provider.
	Tags map[string]string
	// Exact also removes client ids, thumbprints and tags that are not listed here. Tags of
	// AWS's own always stay.
	Exact bool
}

// Config says how patient Ensure is. The zero value is what most callers want.
type Config struct {
	// Patience is how long in all to retry what IAM refuses for the moment: a concurrent
	// modification, or a provider just created that it does not find yet. 0 is a minute; less
	// than 0 never waits.
	Patience time.Duration
	// Settle is how long after a change of thumbprints to read again, to find out whether
	// another writer has replaced it. 0 is half a second; less than 0 does not read again.
	Settle time.Duration
}

// ARN returns the ARN that the provider of an issuer has in an account. Errors: an unknown
// partition, an account id that is not twelve digits, an issuer that IAM refuses.
func ARN(partition, accountID string, iss oidc.Issuer) (string, error) {
	arn, err := providerARN(partition, accountID, iss)
	if err != nil {
		return "", fmt.Errorf("iamprovider: %w", err)
	}
	return arn, nil
}

func providerARN(partition, accountID string, iss oidc.Issuer) (string, error) {
	var found []error
	if err := arn.CheckPartition(partition); err != nil {
		found = append(found, err)
	}
	if err := arn.CheckAccountID(accountID); err != nil {
		found = append(found, err)
	}
	if err := iss.CheckIAM(); err != nil {
		found = append(found, err)
	}
	if len(found) > 0 {
		return "", errors.Join(found...)
	}
	return "arn:" + partition + ":iam::" + accountID + ":oidc-provider/" + iss.HostPath(), nil
}

// wanted is a Spec in the form in which IAM stores it.
type wanted struct {
	arn         string
	partition   string
	issuer      oidc.Issuer
	clientIDs   []string
	thumbprints []string // nil: not ours to say
	tags        map[string]string
	exact       bool
	cluster     string // the issuer when it is a cluster's, whose API server has it as an audience
}

func (s Spec) wanted() (wanted, error) {
	w := wanted{partition: s.Partition, issuer: s.Issuer, clientIDs: iamcall.Unique(s.ClientIDs), tags: s.Tags, exact: s.Exact}
	if w.partition == "" {
		w.partition = "aws"
	}
	if s.ClientIDs == nil {
		w.clientIDs = []string{DefaultClientID}
	}
	for _, t := range s.Thumbprints {
		w.thumbprints = append(w.thumbprints, strings.ToLower(t)) // as IAM keeps them
	}
	w.thumbprints = iamcall.Unique(w.thumbprints)
	var found []error
	var err error
	if w.arn, err = providerARN(w.partition, s.AccountID, s.Issuer); err != nil {
		found = append(found, err)
	}
	w.cluster = clusterIssuer(s)
	found = append(found, checkClientIDs(w.clientIDs, w.cluster)...)
	if s.Thumbprints != nil {
		found = append(found, checkThumbprints(w.thumbprints)...)
	}
	if err := iamcall.CheckTags(s.Tags); err != nil {
		found = append(found, err)
	}
	if len(found) > 0 {
		return wanted{}, errors.Join(found...)
	}
	return w, nil
}

// clusterIssuer is "" of an issuer that has no API server.
func clusterIssuer(s Spec) string {
	_, eks := s.Issuer.EKS()
	_, gke := s.Issuer.GKE()
	_, aks := s.Issuer.AKS()
	if s.NotCluster && !eks && !gke && !aks {
		return ""
	}
	return s.Issuer.String()
}

func checkClientIDs(ids []string, cluster string) []error {
	var found []error
	if len(ids) == 0 {
		found = append(found, errors.New("ClientIDs: the list is empty, so no token could ever be used; nil stands for "+DefaultClientID))
	}
	if len(ids) > maxClientIDs {
		found = append(found, &LimitError{Field: "ClientIDs", Count: len(ids), Message: tooManyClientIDs})
	}
	for _, id := range ids {
		if n := utf8.RuneCountInString(id); n == 0 || n > maxClientIDLength {
			found = append(found, fmt.Errorf("client id %q has %d characters, want 1 to %d", id, n, maxClientIDLength))
		}
		if audience.IsAPIServers(id, cluster) {
			found = append(found, fmt.Errorf("client id %q: %w", id, ErrAPIServerAudience))
		}
	}
	return found
}

func checkThumbprints(list []string) []error {
	if len(list) == 0 {
		return []error{&LimitError{Field: "Thumbprints", Message: emptyThumbprintsList}}
	}
	var found []error
	if len(list) > maxThumbprints {
		found = append(found, &LimitError{Field: "Thumbprints", Count: len(list), Message: tooManyThumbprints})
	}
	for _, t := range list {
		if len(t) != thumbprintLength || strings.Trim(t, "0123456789abcdef") != "" {
			found = append(found, fmt.Errorf("thumbprint %q is not %d hexadecimal digits", t, thumbprintLength))
		}
	}
	return found
}

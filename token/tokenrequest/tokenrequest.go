// Package tokenrequest asks the Kubernetes API for the token of a service account: what an
// operator needs that gets AWS credentials for service accounts other than its own.
//
// It uses the TokenRequest API
// (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/),
// with client-go or, through [SubResource], with controller-runtime:
//
//	source, err := tokenrequest.New(clientset.CoreV1().ServiceAccounts("payments"), "api", tokenrequest.Config{})
//	provider, err := token.NewProvider(stsClient, roleARN, source, token.Config{})
//
// For more than one account, or for one that may be deleted, use token.Pool in place of the
// Provider. Role and audience of an account that a webhook serves too are what
// mutate.Mutator.Identity reads from its annotations.
//
// The process needs the permission to create serviceaccounts/token. Grant it for single accounts by
// name: whoever has it for a whole cluster can become any of the cluster's accounts.
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRole
//	metadata:
//	  name: token-requester
//	rules:
//	- apiGroups: [""]
//	  resources: ["serviceaccounts/token"]
//	  resourceNames: ["api"] # bind it in the namespace with a RoleBinding
//	  verbs: ["create"]
//	- apiGroups: [""]
//	  resources: ["serviceaccounts"] # for the UID and the role annotation
//	  resourceNames: ["api"]
//	  verbs: ["get"]
//
// The API knows accounts by name only. token.Pool compares the account UID in the token with the
// one that was meant; with a Provider alone, an account that was deleted and created again is served
// like the old one.
//
// For tests, any Creator will do. Its answer needs a status.token, such as oidctest.Server.Token
// mints, and a status.expirationTimestamp.
//
// Tokens for EKS Pod Identity cannot be had in this way: EKS takes only a token for the audience
// pods.eks.amazonaws.com that is bound to a running pod of the account, so that only the kubelet of that
// pod can get one. An operator that acts for other accounts needs roles that trust the cluster's issuer.
package tokenrequest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/internal/kubeclaims"
	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/token"
)

// DefaultAudience is "sts.amazonaws.com", the audience of EKS's own IAM OIDC providers in every
// partition.
const DefaultAudience = audience.STS

// MinExpiration, 10 minutes, is the shortest lifetime that kube-apiserver grants, and the default:
// STS looks at a token once, and the source asks for a new one each time.
const MinExpiration = kubeclaims.MinLifetime

// Creator asks for a token. The ServiceAccounts(namespace) of client-go's CoreV1 is one.
type Creator interface {
	CreateToken(ctx context.Context, serviceAccountName string, tokenRequest *authenticationv1.TokenRequest, opts metav1.CreateOptions) (*authenticationv1.TokenRequest, error)
}

// Config says what to ask for. The zero value asks for the shortest token for STS, bound to
// nothing but the account.
type Config struct {
	// Audience is the token's audience. "": DefaultAudience.
	Audience string
	// Expiration is the lifetime to ask for, in whole seconds and at least MinExpiration.
	// 0: MinExpiration. The API server may grant less: see Issued.
	Expiration time.Duration
	// BoundObject ends the token's validity with the life of a pod, a node or a secret; STS does
	// not learn of that. Kind and Name are required, UID is wise. nil: none.
	BoundObject *authenticationv1.BoundObjectReference
	// OnIssued is called with each token's times, by the goroutine that asks, which it holds until it
	// returns. A panic in it is dropped. nil: nothing is called.
	OnIssued func(Issued)
}

// Issued is what the API server granted. It does not hold the token.
type Issued struct {
	// Requested is the lifetime that was asked for.
	Requested time.Duration
	// Expires is when the token ends, as the API server says.
	Expires time.Time
	// Shortened is whether the API server granted noticeably less than Requested, as it does,
	// with a mere warning, for more than its configured maximum (EKS: 24 hours).
	Shortened bool
}

// Source asks for a new token at each call. It is immutable and as safe for concurrent use as
// its Creator; client-go's is.
type Source struct {
	creator Creator
	account string
	cfg     Config
}

var _ token.Source = (*Source)(nil)

// New returns a source of tokens of the service account of that name, in the namespace that the
// creator stands for. All problems of the arguments are reported at once; nothing is asked yet.
func New(creator Creator, serviceAccount string, cfg Config) (*Source, error) {
	var problems []error
	if v := reflect.ValueOf(creator); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		problems = append(problems, errors.New("the creator is nil"))
	}
	if err := kubename.CheckServiceAccount(serviceAccount); err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, cfg.problems()...)
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("tokenrequest: service account %q: %w", serviceAccount, err)
	}
	cfg.BoundObject = cfg.BoundObject.DeepCopy()
	return &Source{creator: creator, account: serviceAccount, cfg: cfg}, nil
}

func (c Config) problems() []error {
	var problems []error
	e := c.expiration()
	switch {
	case e < MinExpiration || e > kubeclaims.MaxLifetime:
		problems = append(problems, fmt.Errorf("expiration %v: want %v or more, and at most %d seconds", e, MinExpiration, int64(kubeclaims.MaxLifetime/time.Second)))
	case e%time.Second != 0:
		problems = append(problems, fmt.Errorf("expiration %v: want whole seconds", e))
	}
	if b := c.BoundObject; b != nil && (b.Kind == "" || b.Name == "") {
		problems = append(problems, fmt.Errorf("bound object: kind %q, name %q: want both", b.Kind, b.Name))
	}
	return problems
}

func (c Config) audience() string { return cmp.Or(c.Audience, DefaultAudience) }

func (c Config) expiration() time.Duration { return cmp.Or(c.Expiration, MinExpiration) }

// Token asks for a new token. An answer of the API server that is not a token is an *[Error];
// token.Explain knows what it means: 404 is final, 401 and 403 are when they last.
func (s *Source) Token(ctx context.Context) (string, error) {
	if s == nil || s.creator == nil {
		return "", errors.New("tokenrequest: the source is not made by New")
	}
	asked := time.Now()
	answer, err := s.creator.CreateToken(ctx, s.account, s.request(), metav1.CreateOptions{})
	if err != nil {
		return "", s.refused(err)
	}
	jwt, issued, err := s.read(answer, asked)
	if err != nil {
		return "", fmt.Errorf("tokenrequest: service account %q: %w", s.account, err)
	}
	s.tell(issued)
	return jwt, nil
}

func (s *Source) tell(issued Issued) {
	defer func() { _ = recover() }() // the token is there all the same
	if s.cfg.OnIssued != nil {
		s.cfg.OnIssued(issued)
	}
}

func (s *Source) request() *authenticationv1.TokenRequest {
	seconds := int64(s.cfg.expiration() / time.Second)
	return &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences:         []string{s.cfg.audience()},
		ExpirationSeconds: &seconds,
		BoundObjectRef:    s.cfg.BoundObject.DeepCopy(),
	}}
}

// slack is what an API server's clock may be behind before a token counts as shortened.
const slack = time.Minute

// read takes the token from the answer. The spec of an answer repeats the request in part; only
// the status says what was granted.
func (s *Source) read(answer *authenticationv1.TokenRequest, asked time.Time) (string, Issued, error) {
	if answer == nil || answer.Status.Token == "" {
		return "", Issued{}, errors.New("the API server's answer has no status.token")
	}
	expires := answer.Status.ExpirationTimestamp.Time
	if expires.IsZero() {
		return "", Issued{}, errors.New("the API server's answer has no status.expirationTimestamp, so nothing says when the token ends")
	}
	// The lifetime by the API server's clock, where the token says so: the clock of this machine may be
	// wrong, and denies nothing.
	if u, err := token.Inspect(answer.Status.Token); err == nil && !u.IssuedAt.IsZero() {
		asked = u.IssuedAt
	}
	requested := s.cfg.expiration()
	return answer.Status.Token, Issued{
		Requested: requested,
		Expires:   expires,
		Shortened: expires.Sub(asked) < requested-slack,
	}, nil
}

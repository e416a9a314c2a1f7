package tokenrequest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/tokenrequest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// cluster answers token requests for the accounts of one namespace, signed by its issuer.
type cluster struct {
	issuer    *oidctest.Server
	namespace string
}

func (c cluster) CreateToken(_ context.Context, name string, req *authenticationv1.TokenRequest, _ metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	lifetime := time.Duration(*req.Spec.ExpirationSeconds) * time.Second
	jwt, err := c.issuer.Token(oidctest.TokenRequest{
		Namespace: c.namespace, ServiceAccount: name, UID: "uid-of-" + name, Audiences: req.Spec.Audiences, Lifetime: lifetime,
	})
	if err != nil {
		return nil, err
	}
	answer := req.DeepCopy()
	answer.Status.Token = jwt
	answer.Status.ExpirationTimestamp = metav1.NewTime(time.Now().Add(lifetime))
	return answer, nil
}

// trusting is an AWS account with a role that the account payments/api may assume.
func trusting(issuer *oidctest.Server) (*trusttest.Account, error) {
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: issuer.DialContext})
	if err != nil {
		return nil, err
	}
	report, err := oidc.ChainThumbprint(issuer.Chain())
	if err != nil {
		return nil, err
	}
	client := iam.NewFromConfig(account.AWSConfig())
	if _, err := client.CreateOpenIDConnectProvider(context.Background(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuer.URL()), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: report.Thumbprints,
	}); err != nil {
		return nil, err
	}
	provider, err := trust.NewProvider("aws", account.AccountID(), issuer.URL())
	if err != nil {
		return nil, err
	}
	subject, err := trust.ServiceAccount("payments", "api")
	if err != nil {
		return nil, err
	}
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	if err != nil {
		return nil, err
	}
	_, err = client.CreateRole(context.Background(), &iam.CreateRoleInput{
		RoleName: aws.String("payments-api"), AssumeRolePolicyDocument: aws.String(policy.Document()),
	})
	return account, err
}

// An operator acts for the service accounts of others. Its own role is never used.
func Example_operator() {
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: "https://issuer.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer issuer.Close()
	account, err := trusting(issuer)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer account.Close()
	cfg := account.AWSConfig() // config.LoadDefaultConfig
	cfg.Region = "eu-central-1"

	pool, err := token.NewPool(token.RegionalClients(cfg), token.PoolConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, uid := range []string{"uid-of-api", "uid-of-an-api-deleted-since"} {
		// clientset.CoreV1().ServiceAccounts("payments")
		source, err := tokenrequest.New(cluster{issuer, "payments"}, "api", tokenrequest.Config{})
		if err != nil {
			fmt.Println(err)
			return
		}
		provider, err := pool.Provider(token.Key{
			Issuer: issuer.URL(), Namespace: "payments", ServiceAccount: "api", UID: uid,
			RoleARN: "arn:aws:iam::111122223333:role/payments-api",
		}, source)
		if err != nil {
			fmt.Println(err)
			return
		}
		who, err := sts.NewFromConfig(token.WithCredentials(cfg, provider)).GetCallerIdentity(context.Background(), nil)
		if err == nil {
			fmt.Println(*who.Arn)
		} else if x, known := token.Explain(err); known {
			fmt.Println(x.Code)
		}
	}
	// Output:
	// arn:aws:sts::111122223333:assumed-role/payments-api/payments.api
	// identity-mismatch
}

package trusttest

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/trust"
)

// AgentURL is where the agent of EKS Pod Identity answers the pods of a cluster of
// [Account.AddCluster], for AWS_CONTAINER_CREDENTIALS_FULL_URI: a path of [Account.URL], since on
// this machine there is no link-local address as on a node of EKS. The caller's token is the
// Authorization header.
func (a *Account) AgentURL(clusterName string) string {
	return a.URL() + "/pod-identity-agent/" + clusterName + "/v1/credentials"
}

// podSessionDuration is how long credentials of EKS Pod Identity live
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html).
const podSessionDuration = 6 * time.Hour

// serveAgent answers as the agent on a node does: credentials as JSON, errors as plain text,
// "[REQUEST-ID]: (CODE): MESSAGE, fault: client" when EKS refused
// (https://github.com/aws/eks-pod-identity-agent/blob/984147edfc347935a2ae2b2597feff163881a8d2/pkg/errors/errors.go).
func (a *Account) serveAgent(w http.ResponseWriter, r *http.Request) {
	c := &rest{call: &call{ctx: r.Context(), requestID: newRequestID(), action: "AssumeRoleForPodIdentity"}, r: r}
	a.calls.add(c.action)
	token := r.Header.Get("Authorization")
	if reason := unreadable(token); reason != "" {
		http.Error(w, reason, http.StatusBadRequest)
		return
	}
	err := a.faults.strike(c.call)
	var got podSession
	if err == nil {
		got, err = a.podSession(c, token)
	}
	if err != nil {
		refused := refusalOf(err)
		fault := "client"
		if refused.status >= http.StatusInternalServerError {
			fault = "server"
		}
		http.Error(w, "["+c.requestID+"]: ("+exceptionCode(refused)+"): "+refused.message+", fault: "+fault, refused.status)
		return
	}
	writeJSON(w, c.requestID, http.StatusOK, map[string]string{
		"AccessKeyId": got.accessKeyID, "SecretAccessKey": got.secret, "Token": got.token,
		"AccountId": a.id, "Expiration": timestamp(got.expires),
	})
}

// unreadable says what the agent itself finds wrong with a token; "" for nothing
// (https://github.com/aws/eks-pod-identity-agent/blob/1cbbbf4069cc9c44de103561a940d0ac8e281915/internal/validation/request.go).
func unreadable(token string) string {
	switch {
	case token == "":
		return "Service account token cannot be empty"
	case strings.Count(token, ".") != 2:
		return "Service account token cannot be parsed: token is malformed: token contains an invalid number of segments"
	}
	return ""
}

// podSession is a session that EKS has opened for a pod.
type podSession struct {
	session
	association association
	claims      oidc.Claims
}

// podSession is what both the agent and EKS Auth do with a pod's token. Codes and statuses are those of
// https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html.
func (a *Account) podSession(c *rest, token string) (podSession, error) {
	a.mu.Lock()
	of, err := a.findCluster(c.r.PathValue("cluster"))
	a.mu.Unlock()
	if err != nil {
		return podSession{}, err
	}
	claims, err := of.Tokens.Verify(c.ctx, token)
	switch {
	case errors.Is(err, oidc.ErrExpired):
		return podSession{}, refuse(http.StatusBadRequest, "ExpiredToken", "The token included in the request is expired.") // unproven
	case err != nil:
		return podSession{}, refuse(http.StatusBadRequest, "InvalidToken", "The token included in the request is invalid.") // unproven
	case claims.Pod.Name == "":
		return podSession{}, refuse(http.StatusBadRequest, "InvalidToken", "The token included in the request is not bound to a pod.") // unproven
	}
	a.mu.Lock()
	have := of.of(claims.Namespace, claims.ServiceAccount.Name)
	if have == nil {
		a.mu.Unlock()
		return podSession{}, notFound("No association found for service account %s in namespace %s.", claims.ServiceAccount.Name, claims.Namespace) // unproven
	}
	found := *have
	a.mu.Unlock()
	s, err := a.assumeForPod(c, of, found, claims)
	return podSession{session: s, association: found, claims: claims}, err
}

// assumeForPod opens the session of the association's role, and of its target role by means of that.
func (a *Account) assumeForPod(c *rest, of *cluster, have association, claims oidc.Claims) (session, error) {
	// https://github.com/aws/eks-pod-identity-agent/issues
	denied := refuse(http.StatusBadRequest, "AccessDenied", "Unauthorized Exception! EKS does not have permissions to assume the associated role.")
	name := "eks-" + of.Name + "-" + claims.Pod.Name + "-" + c.requestID
	name = name[:min(len(name), 64)] // which STS takes
	who := trust.PodIdentitySession{
		AccountID: a.id, ClusterARN: of.arn, ClusterName: of.Name,
		Namespace: claims.Namespace, ServiceAccount: claims.ServiceAccount.Name,
		PodName: claims.Pod.Name, PodUID: claims.Pod.UID, DisableSessionTags: have.DisableSessionTags,
	}
	in := assumption{roleARN: have.RoleARN, sessionName: name, duration: podSessionDuration}
	first, err := a.admitPod(in, trust.PodIdentity(who).With("aws:ResourceAccount", a.id), denied)
	if err != nil || have.TargetRoleARN == "" {
		return first, err
	}
	if target, err := arn.ParseRole(have.TargetRoleARN); err != nil || target.AccountID != a.id {
		return session{}, denied // another account is not in this box
	}
	in.roleARN, in.duration = have.TargetRoleARN, time.Hour
	return a.admitPod(in, a.chained(first, in, have.ExternalID, carried{tags: first.taken.inherited(), transitive: first.taken.transitive}), denied)
}

func (a *Account) admitPod(in assumption, request trust.Request, denied error) (session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.admitting(in.roleARN, request)
	if r == nil {
		return session{}, denied
	}
	return a.newSession(r, in, request), nil
}

// assumeRoleForPodIdentity is what the agent calls
// (https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html).
func (a *Account) assumeRoleForPodIdentity(c *rest) (any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	got, err := a.podSession(c, in.Token)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"subject":                map[string]string{"namespace": got.claims.Namespace, "serviceAccount": got.claims.ServiceAccount.Name},
		"audience":               audience.PodIdentity,
		"podIdentityAssociation": map[string]string{"associationArn": got.association.ARN, "associationId": got.association.ID},
		"assumedRoleUser":        map[string]string{"arn": got.arn, "assumeRoleId": got.userID},
		"credentials": map[string]any{
			"accessKeyId": got.accessKeyID, "secretAccessKey": got.secret, "sessionToken": got.token, "expiration": got.expires.Unix(),
		},
	}, nil
}

package token

import "net/http"

// identityRows are processes that have no identity to ask with.
var identityRows = []row{
	{
		code: CodeHalfIdentity, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the environment has a part of an identity, but not all of it",
		next:    []string{"the variable that is missing: the pod's env, the webhook that injects it, and the container's own settings"},
		is:      []match{{err: is(ErrHalfIdentity)}},
	}, {
		code: CodeNoIdentity, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the process has no identity of its own: neither a web identity nor a credentials endpoint is set, and the node's role is missing or not used",
		next: []string{
			"that the pod was mutated: AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, or AWS_CONTAINER_CREDENTIALS_FULL_URI, are in its env",
			"the role-arn annotation of its service account, or its EKS Pod Identity association; the pod must have been created after it",
			"that the webhook was running then, and that no annotation leaves out this container",
			"on a laptop: AWS_PROFILE, and token.Configure, which leaves it to the SDK",
		},
		is: []match{{err: isWithoutIdentity}},
	}, {
		code: CodeIdentityMismatch, cause: CauseToken, retry: RetryNever, gone: true,
		meaning: "the source gave a token of another account than the one asked for, so it was not used",
		next: []string{
			"whether the service account was deleted and created again: then its key has an old UID",
			"that the source asks for the account, in the namespace and cluster, that the key names",
		},
	},
}

// agent recognizes an answer of a container's credentials endpoint by a part of its message.
func agent(says string) match { return match{from: fromContainer, says: says} }

// container recognizes one by its code: of EKS, as its agent passes it on, or of ECS.
func container(codes ...string) match { return match{from: fromContainer, codes: codes} }

// containerRows is what a container's credentials endpoint answers: the EKS Pod Identity agent in
// plain text (https://github.com/aws/eks-pod-identity-agent), ECS in JSON.
var containerRows = []row{
	{
		code: CodeAssociationMissing, cause: CauseRole, retry: RetryNever,
		meaning: "EKS has no Pod Identity association for the pod's service account, or not in this cluster",
		next: []string{
			"the association: cluster, namespace and service account must equal those of the pod",
			"whether it was made within the last seconds: then a retry helps",
		},
		is: []match{container("ResourceNotFound")},
	}, {
		code: CodeAssociationRefused, cause: CauseTrustPolicy, retry: RetryNever,
		meaning: "EKS may not assume the role of the Pod Identity association",
		next: []string{
			"the role's trust policy: it must allow sts:AssumeRole and sts:TagSession to the service pods.eks.amazonaws.com",
			"with a target role: its trust policy and the association's external id",
			"that the node's role may call eks-auth:AssumeRoleForPodIdentity",
		},
		is: []match{container("AccessDenied"), agent("Unauthorized Exception")},
	}, {
		code: CodeAgentTokenRefused, cause: CauseToken, retry: RetryNewToken, finalAfter: refusalLasts,
		meaning: "the credentials endpoint does not accept the pod's authorization token",
		next: []string{
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: a projected token for the audience pods.eks.amazonaws.com, bound to this pod",
			"that the token is read again each time and is not a copy",
			"the clock of the node",
		},
		is: []match{
			agent("Service account token"),
			container("ExpiredToken", "InvalidToken", "InvalidRequest", "InvalidParameter"),
			{from: fromContainer, when: hasStatus(http.StatusUnauthorized)},
		},
	}, {
		code: CodeAgentAddressRefused, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the credentials endpoint was called by an address that it does not serve",
		next:    []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI: its host must be 169.254.170.23 or [fd00:ec2::23], not a name or a proxy"},
		is:      []match{agent("invalid address")},
	}, {
		code: CodeAgentUnreachable, cause: CauseNetwork, retry: RetryBackoff,
		meaning: "the container's credentials endpoint does not answer",
		next: []string{
			"that the EKS Pod Identity agent runs on this node, as its daemon set says",
			"network policies, host firewalls and HTTP proxies between the pod and its link-local address",
			"the node's IP family: the agent listens on 169.254.170.23 and on fd00:ec2::23",
		},
		is: []match{{err: isUnreachableAgent}},
	},
}

// kubernetesRows is what the API server answers to a request for a token
// (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/).
// A kube-apiserver answers 401 for some seconds after its start, and 403 while its authorizer warms up
// (kubernetes/kubernetes#65785, #138689): only what lasts is meant.
var kubernetesRows = []row{
	{
		code: CodeTokenRequestUnauthorized, cause: CauseToken, retry: RetryBackoff, finalAfter: refusalLasts,
		meaning: "the API server does not know who asks for the token",
		next: []string{
			"whether the API server has just started: then it passes",
			"the credentials with which this process talks to the API server",
		},
		is: []match{{from: fromKubernetes, when: hasStatus(http.StatusUnauthorized)}},
	}, {
		code: CodeTokenRequestForbidden, cause: CauseToken, retry: RetryBackoff, finalAfter: refusalLasts,
		meaning: "this process may not create tokens of the service account",
		next: []string{
			"RBAC: the verb create on serviceaccounts/token, for this account's name and namespace",
			"whether the API server has just started: then it passes",
		},
		is: []match{{from: fromKubernetes, when: hasStatus(http.StatusForbidden)}},
	}, {
		code: CodeServiceAccountMissing, cause: CauseToken, retry: RetryNever, gone: true,
		meaning: "the service account does not exist, or the object to bind the token to does not",
		next:    []string{"whether the account was deleted, and the namespace of the client", "the bound object's name and UID"},
		is:      []match{{from: fromKubernetes, when: hasStatus(http.StatusNotFound)}},
	}, {
		code: CodeTokenRequestInvalid, cause: CauseConfiguration, retry: RetryNever,
		meaning: "the API server finds the request for the token invalid",
		next:    []string{"the audience, the expiration and the bound object that are asked for"},
		is: []match{
			{from: fromKubernetes, when: hasStatus(http.StatusBadRequest)},
			{from: fromKubernetes, when: hasStatus(http.StatusUnprocessableEntity)},
		},
	}, {
		code: CodeTokenRequestThrottled, cause: CauseThrottling, retry: RetryBackoff,
		meaning: "the API server refuses the request for now, since it gets too many",
		next:    []string{"the API server's priority and fairness settings for this process"},
		is:      []match{{from: fromKubernetes, when: hasStatus(http.StatusTooManyRequests)}},
	}, {
		code: CodeTokenRequestServerFault, cause: CauseTransient, retry: RetryBackoff,
		meaning: "the API server failed",
		next:    []string{"the health of the cluster's control plane, should it last"},
		is:      []match{{from: fromKubernetes, when: isServerStatus}},
	}, {
		code: CodeTokenRequestRefused, cause: CauseConfiguration, retry: RetryBackoff, finalAfter: refusalLasts,
		meaning: "the API server does not accept the request for the token",
		next:    []string{"what it said, and the bound object that is asked for"},
		is:      []match{{from: fromKubernetes, when: hasAnyStatus}},
	},
}

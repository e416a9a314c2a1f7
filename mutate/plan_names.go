package mutate

import (
	"time"

	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/internal/kubeclaims"
)

// The annotations, without their prefix; [Config.AnnotationKey] puts the two together.
const (
	AnnotationRoleARN         = "role-arn"
	AnnotationAudience        = "audience"
	AnnotationRegionalSTS     = "sts-regional-endpoints"
	AnnotationTokenExpiration = "token-expiration"
	AnnotationSkipContainers  = "skip-containers"

	AnnotationSessionName          = "session-name"
	AnnotationDisableEC2Metadata   = "disable-ec2-metadata"
	AnnotationUseDualStackEndpoint = "use-dualstack-endpoint"
	AnnotationUseFIPSEndpoint      = "use-fips-endpoint"
)

// The label that marks a pod with EKS Pod Identity. It is EKS's own, whatever the
// annotations' prefix is.
const (
	labelPodIdentity      = "eks.amazonaws.com/pod-identity"
	labelPodIdentityValue = "enabled"
)

// The label that keeps the webhook from a pod, and the one with which a pod asks to be
// refused rather than run without an identity, for webhooks and policies that obey it. Both
// stand after the annotations' prefix; [Config.AnnotationKey] joins them.
const (
	LabelSkipWebhook          = "skip-pod-identity-webhook"
	LabelRequireIdentity      = "require-identity"
	LabelRequireIdentityValue = "true"
)

// The environment variables, as the AWS SDKs read them
// (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
const (
	EnvRegionalSTS     = "AWS_STS_REGIONAL_ENDPOINTS"
	EnvDefaultRegion   = "AWS_DEFAULT_REGION"
	EnvRegion          = "AWS_REGION"
	EnvRoleARN         = "AWS_ROLE_ARN"
	EnvTokenFile       = "AWS_WEB_IDENTITY_TOKEN_FILE"
	EnvSessionName     = "AWS_ROLE_SESSION_NAME"
	EnvCredentialsURI  = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	EnvCredentialsAuth = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
	EnvEC2Metadata     = "AWS_EC2_METADATA_DISABLED"
	EnvDualStack       = "AWS_USE_DUALSTACK_ENDPOINT"
	EnvFIPS            = "AWS_USE_FIPS_ENDPOINT"
)

// What EKS uses, and what [Config] defaults to.
const (
	// DefaultAnnotationDomain is the prefix of annotations and labels, without its slash.
	DefaultAnnotationDomain = "eks.amazonaws.com"

	// DefaultAudience, "sts.amazonaws.com", DefaultMountPath, VolumeName and TokenFileName belong to WebIdentity.
	DefaultAudience  = audience.STS
	DefaultMountPath = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
	VolumeName       = "aws-iam-token"
	TokenFileName    = "token"

	// PodIdentityAudience, "pods.eks.amazonaws.com", and the following belong to PodIdentity.
	PodIdentityAudience         = audience.PodIdentity
	PodIdentityDefaultMountPath = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
	podIdentityVolumeName       = "eks-pod-identity-token"
	podIdentityTokenFileName    = "eks-pod-identity-token"
	// PodIdentityURI and PodIdentityURIv6 are where the agent answers on every node
	// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html).
	PodIdentityURI   = "http://169.254.170.23/v1/credentials"
	PodIdentityURIv6 = "http://[fd00:ec2::23]/v1/credentials"

	// DefaultTokenExpiration is a token's lifetime when nobody asks for another.
	DefaultTokenExpiration = 24 * time.Hour
	// MinTokenExpiration is what shorter wishes are raised to, the API server's own minimum: 10
	// minutes.
	MinTokenExpiration = kubeclaims.MinLifetime
	// MaxTokenExpiration is the API server's own maximum, 1<<32 seconds: what exceeds it
	// is refused. A cluster may shorten tokens further, EKS to 24 hours.
	MaxTokenExpiration = kubeclaims.MaxLifetime
)

// podIdentityMinSeconds is the lower end of the default expiration's jitter in PodIdentity
// mode; the upper end is DefaultTokenExpiration.
const podIdentityMinSeconds = 79200

package mutate

import "github.com/irsa-go/irsa/internal/printable"

// Code names a kind of warning. Codes are stable.
type Code string

// The warnings.
const (
	// CodePartialIdentity: the container sets one of the two identity variables itself.
	CodePartialIdentity Code = "partial-identity"
	// CodeEmptyIdentity: the container sets the identity variables to nothing, or to what may
	// turn out to be nothing: AWS SDKs take them as absent.
	CodeEmptyIdentity Code = "empty-identity"
	// CodeNoToken: the container's variables name a file where no token is mounted.
	CodeNoToken Code = "no-token"
	// CodeProxy: the container asks a proxy for the credentials of EKS Pod Identity, since
	// NO_PROXY does not have the agent's address.
	CodeProxy Code = "proxy"
	// CodeForeignVolume: another kind of volume has the name of ours.
	CodeForeignVolume Code = "foreign-volume"
	// CodeForeignMount: something else is mounted at our mount path.
	CodeForeignMount Code = "foreign-mount"
	// CodeVolumeDiffers: our volume is there with another audience or expiration.
	CodeVolumeDiffers Code = "volume-differs"
	// CodeMountedElsewhere: our volume is mounted, but not as the variables say.
	CodeMountedElsewhere Code = "mounted-elsewhere"
	// CodeEnvFrom: envFrom may hold variables that ours hide.
	CodeEnvFrom Code = "env-from"
	// CodeStaticCredentials: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is set, and SDKs prefer an
	// access key to any identity.
	CodeStaticCredentials Code = "static-credentials"
	// CodeShadowed: variables of WebIdentity are set, which SDKs prefer to PodIdentity.
	CodeShadowed Code = "shadowed"
	// CodeBadAnnotation: an annotation's value cannot be read; its default applies.
	CodeBadAnnotation Code = "bad-annotation"
	// CodeExpirationRaised: the token's expiration was below the minimum.
	CodeExpirationRaised Code = "expiration-raised"
	// CodeUnknownContainer: a name in skip-containers matches no container.
	CodeUnknownContainer Code = "unknown-container"
	// CodeLabelDiffers: the label of PodIdentity is there with another value.
	CodeLabelDiffers Code = "label-differs"
	// CodePartition: the role is in another partition than the region.
	CodePartition Code = "partition"
	// CodeNoVolume: an ephemeral container cannot have an identity, since its pod has no
	// volume with a token and volumes cannot be added to a running pod.
	CodeNoVolume Code = "no-volume"
	// CodeForeignAnnotation: the annotation that is to be added to the pod is there with another
	// value, or cannot be added to a running pod. Only other clouds add one.
	CodeForeignAnnotation Code = "foreign-annotation"
	// CodeUnsupported: an annotation asks for something that is not supported.
	CodeUnsupported Code = "unsupported"
)

// Warning tells the pod's author about something that does not do what it seems to do.
type Warning struct {
	// Code names the kind.
	Code Code
	// Path is a JSON pointer (RFC 6901) into the pod.
	Path string
	// Message says what was found and what that means, on one line.
	Message string
}

// String returns "PATH: MESSAGE".
func (w Warning) String() string {
	if w.Path == "" {
		return w.Message
	}
	return w.Path + ": " + w.Message
}

func badAnnotation(key, value, want string) Warning {
	return Warning{
		Code:    CodeBadAnnotation,
		Path:    annotationPath(key),
		Message: "annotation " + key + " is " + quoted(value) + ", want " + want,
	}
}

// quoted makes a name or value fit for a message.
func quoted(s string) string { return printable.Quoted(s) }

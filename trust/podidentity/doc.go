// Package podidentity reads, plans, makes and deletes the associations of EKS Pod Identity: which
// service account of a cluster gets which IAM role
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html).
//
// An association and the role's trust policy only work together, and EKS tells neither's mistakes
// before a pod asks for credentials. [Plan] and [Ensure] judge both when the [Spec] has the trust
// policies: see [Warning].
//
// A service account has one association at most in a cluster. EKS is eventually consistent: an
// association works some seconds after it was written, and a running pod gets its variables only
// when it is created anew.
package podidentity

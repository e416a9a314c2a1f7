// Package google turns a pod and a Google Cloud identity into a JSON patch, by workload identity
// federation: Google trusts the issuer of any cluster, and client libraries trade the pod's token.
//
// It reads the annotations of pfnet's gcp-workload-identity-federation-webhook and reaches the
// result of its direct mode with less: one projected volume has the token and the configuration
// for the client libraries, which the downward API takes from an annotation that the same patch
// adds to the pod. It needs no ConfigMap and no init container. The package is pure: it reads no
// file, no clock and no network. Pods on GKE need none of this: they ask the metadata server.
//
// # Annotations
//
// The prefix is cloud.google.com/.
//
//	annotation                  on                   default         effect
//	workload-identity-provider  ServiceAccount       none            projects/N/locations/L/workloadIdentityPools/P/providers/R; absent: the pod is left alone
//	service-account-email       ServiceAccount       none            the Google service account to impersonate; absent: direct resource access
//	audience                    ServiceAccount       the provider's  the token's audience
//	token-expiration            ServiceAccount, Pod  86400           the token's lifetime in seconds, raised to 3600; the Pod's wins
//	skip-containers             Pod                  none            containers to leave alone, separated by commas
//	injection-mode              ServiceAccount       none            gcloud or direct, which makes no difference: gcloud works as well
//	gcloud-run-as-user          ServiceAccount       none            no effect: no container is added
//
// A value that cannot be read is an error, on the account and on the pod.
//
// # The patch
//
// The patch only adds: no field of the pod is lost. The pod gets the annotation
// external-credentials-json, and each container a read-only mount and, where it does not set them:
//
//	GOOGLE_APPLICATION_CREDENTIALS          the configuration's file
//	CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE  the same, for gcloud, which does not read the former
//	CLOUDSDK_COMPUTE_REGION                 Config.ComputeRegion
//	CLOUDSDK_CORE_PROJECT                   Config.Project, or the project in the e-mail address
//	GOOGLE_CLOUD_PROJECT                    Config.Project
//	CLOUDSDK_CORE_UNIVERSE_DOMAIN           Config.UniverseDomain
//	GOOGLE_CLOUD_UNIVERSE_DOMAIN            the same
//
// A container that sets GOOGLE_APPLICATION_CREDENTIALS to a file of its own has an identity of its
// own and gets nothing. Where the volume's name, the mount path or the annotation is taken by
// something else, the container is a conflict: it gets nothing, and the Result's Warnings say why.
//
// In a cluster, package webhook serves it beside AWS, and admissionpolicy.Google does without a
// webhook.
//
// Whoever may change a pod's annotations may change where its containers send their token.
package google

// Package webhook serves package mutate to a Kubernetes API server: an [http.Handler] for
// any mux, the certificate that the server needs, and the configuration that makes the API
// server call it.
//
// A pod whose service account is annotated never gets in without what the annotations ask
// for: an account whose annotations cannot be honoured denies the pod, whatever else is
// configured. Only an account that cannot be looked up may, with [Config.InsecureFailOpen],
// let its pods through.
//
// The package logs nothing and counts nothing; [Config.OnReview] sees every answer.
package webhook

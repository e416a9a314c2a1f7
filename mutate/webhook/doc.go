// Package webhook serves package mutate to a Kubernetes API server: an [http.Handler] for
// any mux, the certificate that the server needs, and the objects that make the API server
// call it. The whole of a webhook, with client-go's client:
//
//	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
//	…
//	handler, err := webhook.New(mutator, webhook.Live(clientset.CoreV1().ServiceAccounts), webhook.Config{})
//	…
//	cert, err := webhook.NewCertificate("/tls/tls.crt", "/tls/tls.key", webhook.CertificateConfig{})
//	…
//	http.Handle("/mutate", handler)
//	server := http.Server{Addr: ":8443", ReadHeaderTimeout: 5 * time.Second, TLSConfig: &tls.Config{GetCertificate: cert.GetCertificate}}
//	err = server.ListenAndServeTLS("", "")
//
// A GET for each pod is the simplest lookup; [CachedAccounts] is that of a busy cluster. [Default],
// [OptIn] and [Required] make the API server call the handler, and [ManifestConfig.Companions] is
// what else it needs in the cluster.
//
// # Which pods get in without an identity
//
// A request that reaches the [Handler] is answered by the pod's account. Where the account has a
// role, the pod's containers get it, except those that package mutate leaves alone, with a
// warning. The pod is denied when the account's annotations cannot be honoured, whatever else is
// configured, and when the account cannot be looked up, unless [Config.InsecureFailOpen] lets it
// through. [CachedAccounts] keeps a cache that is behind from hiding a role. A pod that gets its
// role by mutate.Config.RoleRule needs no account to be looked up, unless there are Clouds.
//
// With [Config.Clouds], the account may give identities of Azure and Google Cloud too, in the same
// patch, and so may a program add what it wants: a label, for example.
//
// What becomes of a pod whose request does not reach it is up to the configuration in the cluster.
// One that is nested deeper than 10,000 levels, which only managedFields can be, never reaches a
// webhook: the API server itself cannot send it.
//
//	Default                                let in as it is, as on EKS
//	Default with FailurePolicy Fail        refused
//	OptIn, for pods with Azure's label     refused
//	Required, for pods that ask for it     refused
//
// With Required and [Config.RequireIdentity], a pod whose account has no identity is refused too.
//
// The package logs nothing and counts nothing; [Config.OnReview] sees every answer.
package webhook

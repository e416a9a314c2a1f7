package mutate

// Target names a service account.
type Target struct{ Namespace, ServiceAccount string }

// IsZero says that t names nobody.
func (t Target) IsZero() bool { return t == Target{} }

// String returns "namespace/name", and "" for the zero value.
func (t Target) String() string {
	if t.IsZero() {
		return ""
	}
	return t.Namespace + "/" + t.ServiceAccount
}

// Package objectsize knows how large a Kubernetes object and what is made of it can be. All of it
// follows from one limit, that of etcd.
package objectsize

// Stored is the most that etcd takes as one object, the default of its --max-request-bytes
// (https://etcd.io/docs/v3.6/dev-guide/limit/).
const Stored = 3 << 19

// JSON bounds an object as the API server writes it. It stores protobuf, and its encoder spells
// '<', '>' and '&' as six bytes each, such as \u003c (https://pkg.go.dev/encoding/json#HTMLEscape).
const JSON = 6 * Stored

// Review bounds an AdmissionReview: an object, the old object, and 1 MiB for what stands around them.
const Review = 2*JSON + 1<<20

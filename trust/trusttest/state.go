package trusttest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// state is everything that the account remembers.
type state struct {
	providers map[string]*provider // by ARN
	roles     map[string]*role     // by lower-case name: IAM's names are unique without case
	sessions  map[string]session   // by access key id; expired ones stay, to be told from unknown
	clusters  map[string]*cluster  // of EKS, by name
	created   map[string]int       // how often a role of that name was created
}

func newState() state {
	return state{
		providers: map[string]*provider{},
		roles:     map[string]*role{},
		sessions:  map[string]session{},
		clusters:  map[string]*cluster{},
		created:   map[string]int{},
	}
}

// provider is an OIDC provider.
type provider struct {
	arn         string
	url         string // without scheme and ":443", as IAM shows it
	clientIDs   []string
	thumbprints []string
	tags        tags
	created     time.Time
}

// role is an IAM role.
type role struct {
	arn, id, name, path string
	description         string
	trustPolicy         string // as it was sent
	boundary            string // ARN of the permissions boundary
	maxSession          time.Duration
	inline              map[string]string // documents by name
	attached            []string          // ARNs, in the order of attachment
	tags                tags
	created             time.Time
	lastUsed            time.Time
}

// tag is one label.
type tag struct {
	Key   string
	Value string
}

// tags are in the order of their first appearance; keys differ by more than case
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html).
type tags []tag

func (t tags) find(key string) int {
	return slices.IndexFunc(t, func(have tag) bool { return strings.EqualFold(have.Key, key) })
}

// with returns the tags with the others set.
func (t tags) with(others tags) tags {
	next := slices.Clone(t)
	for _, other := range others {
		if i := next.find(other.Key); i >= 0 {
			next[i] = other
		} else {
			next = append(next, other)
		}
	}
	return next
}

func (t tags) without(keys []string) tags {
	return slices.DeleteFunc(slices.Clone(t), func(have tag) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return strings.EqualFold(have.Key, key) })
	})
}

// sortedBy returns the values of a map in the order of a key of theirs.
func sortedBy[V any](m map[string]V, key func(V) string) []V {
	return slices.SortedFunc(maps.Values(m), func(a, b V) int { return cmp.Compare(key(a), key(b)) })
}

// findRole answers as IAM does for every operation on a role that is not there. Recorded from
// AWS: https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_roles.snapshot.json.
// The caller holds a.mu.
func (a *Account) findRole(name string) (*role, error) {
	r, ok := a.state.roles[strings.ToLower(name)]
	if !ok || r.name != name {
		return nil, noSuchEntity("The role with name %s cannot be found.", name)
	}
	return r, nil
}

// findProvider answers as IAM does for all operations but DeleteOpenIDConnectProvider, whose
// text differs; recorded from AWS for Get, unproven for the others:
// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_oidc.snapshot.json.
// The caller holds a.mu.
func (a *Account) findProvider(arn string) (*provider, error) {
	p, ok := a.state.providers[arn]
	if !ok {
		return nil, noSuchEntity("OpenIDConnect Provider not found for arn %s", arn)
	}
	return p, nil
}

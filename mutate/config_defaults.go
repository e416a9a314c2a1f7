package mutate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/glob"
	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/internal/objectsize"
	"github.com/irsa-go/irsa/internal/strictjson"
)

// Default gives settings to a service account, or to all of a namespace, where annotations
// give none. Each setting comes from the annotation, else from the first Default in this
// order that has it: the account by name in its namespace, every account of the namespace;
// then the same with namespace globs, the longest first; then [Config]. With
// Config.WholeDefaults they are not mixed.
type Default struct {
	// Namespace is a name, or with Config.AllowNamespaceGlobs a glob such as "team-*" or
	// "*". A '*' matches any run of characters. Required.
	Namespace string

	// ServiceAccount is a name, or "*" for every account of the namespace. Required.
	ServiceAccount string

	// RoleARN is as the annotation role-arn. "": this Default gives none.
	RoleARN string

	// Audience is as the annotation audience. "": this Default gives none.
	Audience string

	// RegionalSTS is as the annotation sts-regional-endpoints. nil: this Default does not say.
	RegionalSTS *bool

	// TokenExpiration is as Config.TokenExpiration. 0: this Default does not say.
	TokenExpiration time.Duration
}

func (d Default) isGlob() bool { return strings.Contains(d.Namespace, "*") }

// rank orders defaults from the most to the least specific.
func (d Default) rank() int {
	rank := 0
	if d.isGlob() {
		rank = 2 * (1 + 64 - min(64, len(d.Namespace)-strings.Count(d.Namespace, "*")))
	}
	if d.ServiceAccount == "*" {
		rank++
	}
	return rank
}

// rule is a Default made ready to be asked.
type rule struct {
	Default
	namespaces glob.Glob
}

// matches says whether the rule is about the account.
func (r rule) matches(t Target) bool {
	return (r.ServiceAccount == "*" || r.ServiceAccount == t.ServiceAccount) && r.namespaces.Match(t.Namespace)
}

// sortedRules copies the defaults, the most specific first.
func sortedRules(defaults []Default) []rule {
	rules := make([]rule, len(defaults))
	for i, d := range defaults {
		if d.RegionalSTS != nil { // the caller keeps its own variable
			regional := *d.RegionalSTS
			d.RegionalSTS = &regional
		}
		rules[i] = rule{d, glob.Compile(d.Namespace)}
	}
	slices.SortStableFunc(rules, func(a, b rule) int { return a.rank() - b.rank() })
	return rules
}

// checkDefaults reports everything wrong with c.Defaults.
func (c Config) checkDefaults() (errs []error) {
	seen := map[Target]int{}
	for i, d := range c.Defaults {
		fail := func(err error) {
			if err != nil {
				errs = append(errs, fmt.Errorf("config: Defaults[%d]: %w", i, err))
			}
		}
		switch {
		case !d.isGlob():
			fail(kubename.CheckNamespace(d.Namespace))
		case !c.AllowNamespaceGlobs:
			fail(fmt.Errorf("namespace %q is a glob, and AllowNamespaceGlobs is not set", d.Namespace))
		case kubename.CheckNamespace(strings.ReplaceAll("x"+d.Namespace+"x", "*", "x")) != nil:
			fail(fmt.Errorf("namespace %q is not a glob of namespaces", d.Namespace))
		}
		if d.ServiceAccount != "*" {
			fail(kubename.CheckServiceAccount(d.ServiceAccount))
		}
		if d.RoleARN != "" {
			_, err := c.role(d.RoleARN)
			fail(err)
		}
		fail(checkAudience(d.Audience))
		fail(checkExpirationDefault(d.TokenExpiration))
		t := Target{Namespace: d.Namespace, ServiceAccount: d.ServiceAccount}
		if first, twice := seen[t]; twice {
			fail(fmt.Errorf("%s/%s is already in Defaults[%d]", d.Namespace, d.ServiceAccount, first))
		}
		seen[t] = i
	}
	return errs
}

// ParseDefaults reads the EKS webhook's ConfigMap "pod-identity-webhook", the value of its
// key "config": a JSON object from "namespace/name" to RoleARN, Audience, UseRegionalSTS and
// TokenExpiration (seconds). To read it as that webhook does, set Config.WholeDefaults. A
// namespace "*" there is a glob, which [New] refuses unless Config.AllowNamespaceGlobs is set.
// Unknown members are errors, and so are two names that differ only in case, of which that
// webhook would take the last. The result is sorted.
func ParseDefaults(config []byte) ([]Default, error) {
	var entries map[string]struct {
		RoleARN         string
		Audience        string
		UseRegionalSTS  *bool
		TokenExpiration int64
	}
	if err := decodeStrict(config, &entries); err != nil {
		return nil, fmt.Errorf("mutate: defaults: %w", err)
	}
	defaults := make([]Default, 0, len(entries))
	for key, e := range entries {
		namespace, name, ok := strings.Cut(key, "/")
		if !ok {
			return nil, fmt.Errorf(`mutate: defaults: key %q, want "namespace/name"`, key)
		}
		seconds, err := expirationSeconds(e.TokenExpiration)
		if err != nil {
			return nil, fmt.Errorf("mutate: defaults: %q: TokenExpiration: %w", key, err)
		}
		if e.TokenExpiration == 0 { // absent: the webhook's own default
			seconds = 0
		}
		defaults = append(defaults, Default{
			Namespace: namespace, ServiceAccount: name,
			RoleARN: e.RoleARN, Audience: e.Audience, RegionalSTS: e.UseRegionalSTS,
			TokenExpiration: time.Duration(seconds) * time.Second,
		})
	}
	slices.SortFunc(defaults, func(a, b Default) int {
		return strings.Compare(a.Namespace+"/"+a.ServiceAccount, b.Namespace+"/"+b.ServiceAccount)
	})
	return defaults, nil
}

// ParsePodIdentityAccounts reads the EKS webhook's file of Pod Identity accounts:
// {"identities": [{"namespace": "…", "serviceAccount": "…"}]}. Unknown members are errors.
func ParsePodIdentityAccounts(file []byte) ([]Target, error) {
	var list struct {
		Identities []struct {
			Namespace      string `json:"namespace"`
			ServiceAccount string `json:"serviceAccount"`
		} `json:"identities"`
	}
	if err := decodeStrict(file, &list); err != nil {
		return nil, fmt.Errorf("mutate: pod identity accounts: %w", err)
	}
	targets := make([]Target, 0, len(list.Identities))
	for _, id := range list.Identities {
		targets = append(targets, Target(id))
	}
	return targets, nil
}

func decodeStrict(doc []byte, into any) error {
	if err := strictjson.Check(doc, strictjson.Limits{Bytes: objectsize.Stored, Depth: 8}); err != nil {
		return err
	}
	var document any
	if err := json.Unmarshal(doc, &document); err != nil {
		return err
	}
	if name, twice := nameTwice(document); twice {
		return fmt.Errorf("one object has the name %q twice, in two spellings", name)
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// nameTwice finds two names of one object that differ only in case, and are one name to
// [encoding/json].
func nameTwice(value any) (name string, twice bool) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if name, twice = nameTwice(item); twice {
				return name, true
			}
		}
	case map[string]any:
		seen := make(map[string]bool, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			folded := strings.ToLower(strings.ToUpper(name))
			if seen[folded] {
				return name, true
			}
			seen[folded] = true
			if name, twice := nameTwice(v[name]); twice {
				return name, true
			}
		}
	}
	return "", false
}

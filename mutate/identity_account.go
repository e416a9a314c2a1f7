package mutate

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/printable"
)

// ErrBadAnnotation is in the errors that an annotation's value causes, on the account or on
// the pod.
var ErrBadAnnotation = errors.New("bad annotation")

// Identity reads the identity that sa gives to its pods: from its annotations, and where
// these say nothing from [Config]. It is zero when sa has no role. Settings that nobody
// gave stay zero in it.
//
// An error names the account, the annotation, its value and what is allowed; it joins
// everything wrong with the account. Pods of such an account should be refused: they would
// run with the node's role.
func (m *Mutator) Identity(sa *corev1.ServiceAccount) (Identity, error) {
	id, _, err := m.account(sa)
	return id, err
}

// AccountWarnings returns what [Mutator.Identity] defaulted on sa under [WarnAllBad]; the
// paths are of the ServiceAccount. It is empty otherwise.
func (m *Mutator) AccountWarnings(sa *corev1.ServiceAccount) []Warning {
	_, warnings, _ := m.account(sa)
	return warnings
}

func (m *Mutator) account(sa *corev1.ServiceAccount) (Identity, []Warning, error) {
	switch {
	case m == nil || m.scanners == nil:
		return Identity{}, nil, fmt.Errorf("mutate: service account: %w", errNoMutator)
	case sa == nil:
		return Identity{}, nil, errors.New("mutate: service account: it is nil")
	}
	a := accountReader{m: m, annotations: sa.Annotations}
	id := a.read(Target{Namespace: sa.Namespace, ServiceAccount: sa.Name})
	if len(a.errs) > 0 {
		return Identity{}, nil, fmt.Errorf("mutate: service account %q: %w",
			sa.Namespace+"/"+sa.Name, errors.Join(a.errs...))
	}
	if id.IsZero() {
		return Identity{}, nil, nil
	}
	return id, a.warnings, nil
}

// accountReader collects what is wrong with one account.
type accountReader struct {
	m           *Mutator
	annotations map[string]string
	errs        []error
	warnings    []Warning
}

func (a *accountReader) read(t Target) Identity {
	if a.m.cfg.WholeDefaults && !a.m.accounts[t] && a.annotations[a.m.annotations.role] == "" {
		return a.m.wholeDefault(t)
	}
	id := a.m.cfg.identity()
	role := ""
	if !a.m.cfg.WholeDefaults {
		role = a.fromDefaults(t, &id)
	}
	if annotated, ok := a.annotations[a.m.annotations.role]; ok {
		role = annotated // an empty one takes the account out of the defaults
	}
	if a.m.accounts[t] {
		id.Method, id.Audience = PodIdentity, ""
	} else if role == "" {
		return Identity{} // without a role the other annotations are about nothing
	} else {
		id.RoleARN = a.role(role)
		a.audience(&id)
	}
	a.regional(&id)
	a.expiration(&id)
	a.choices(&id)
	return id
}

// wholeDefault is the identity of the first default that matches; zero where none does.
func (m *Mutator) wholeDefault(t Target) Identity {
	i := slices.IndexFunc(m.defaults, func(r rule) bool { return r.matches(t) })
	if i < 0 || m.defaults[i].RoleARN == "" {
		return Identity{}
	}
	d := m.defaults[i]
	role, _ := m.cfg.role(d.RoleARN) // New has checked it
	id := Identity{
		RoleARN: role, Audience: d.Audience, RegionalSTS: d.RegionalSTS != nil && *d.RegionalSTS,
		TokenExpiration: d.TokenExpiration,
	}
	if id.Audience == "" && m.cfg.Audience != DefaultAudience {
		id.Audience = m.cfg.Audience
	}
	if id.TokenExpiration == 0 && m.cfg.TokenExpiration != DefaultTokenExpiration {
		id.TokenExpiration = m.cfg.TokenExpiration
	}
	return id
}

// fromDefaults fills id from the defaults and returns the role they give.
func (a *accountReader) fromDefaults(t Target, id *Identity) (role string) {
	var audience, regional, expiration bool
	for _, d := range a.m.defaults {
		if !d.matches(t) {
			continue
		}
		if role == "" {
			role = d.RoleARN
		}
		if !audience && d.Audience != "" {
			id.Audience, audience = d.Audience, true
		}
		if !regional && d.RegionalSTS != nil {
			id.RegionalSTS, regional = *d.RegionalSTS, true
		}
		if !expiration && d.TokenExpiration != 0 {
			id.TokenExpiration, expiration = d.TokenExpiration, true
		}
	}
	return role
}

// bad records an annotation that cannot be read.
func (a *accountReader) bad(key, value, want string) {
	w := badAnnotation(key, value, want)
	if a.m.cfg.BadAnnotations == WarnAllBad {
		a.warnings = append(a.warnings, w)
		return
	}
	a.errs = append(a.errs, fmt.Errorf("%w: %s", ErrBadAnnotation, w.Message))
}

func (a *accountReader) role(value string) string {
	if last := a.m.last.Load(); last != nil && value != "" && last.RoleARN == value {
		return value
	}
	arn, err := a.m.cfg.role(value)
	if err != nil {
		a.errs = append(a.errs, fmt.Errorf("%w: annotation %s: %w", ErrBadAnnotation, a.m.annotations.role, err))
	}
	return arn
}

func (a *accountReader) audience(id *Identity) {
	value, ok := a.annotations[a.m.annotations.audience]
	switch {
	case !ok || value == "":
	case !printable.Is(value):
		a.bad(a.m.annotations.audience, value, "printable UTF-8")
	default:
		id.Audience = value
	}
}

func (a *accountReader) regional(id *Identity) {
	value, ok := a.annotations[a.m.annotations.regional]
	if !ok {
		return
	}
	regional, err := strconv.ParseBool(value)
	if err != nil {
		a.bad(a.m.annotations.regional, value, `"true" or "false"`)
		return
	}
	id.RegionalSTS = regional
}

func (a *accountReader) expiration(id *Identity) {
	value, ok := a.annotations[a.m.Expiration.Key]
	if !ok {
		return
	}
	seconds, err := parseExpiration(value)
	if err != nil {
		a.bad(a.m.Expiration.Key, value, wantExpiration)
		return
	}
	id.TokenExpiration = time.Duration(seconds) * time.Second
}

func (a *accountReader) choices(id *Identity) {
	var c choices
	for k, rule := range a.m.choices {
		key := rule.key
		if value, ok := a.annotations[key]; ok {
			var want string
			if c[k], want = choice(k).parse(value); want != "" {
				a.bad(key, value, want)
			}
		}
	}
	id.setChoices(c)
}

const wantExpiration = "whole seconds, 600 to 4294967296"

// parseExpiration reads an annotation's seconds, raised to the minimum.
func parseExpiration(value string) (int64, error) {
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, err
	}
	return expirationSeconds(seconds)
}

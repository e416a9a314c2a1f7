package mutate

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// Annotations returns the annotations that make a ServiceAccount give id to its pods:
// role-arn, and each setting that differs from what [Config] gives without it, or may differ by
// one of its Defaults. Other annotations of this package must be removed from the account. It
// fails for PodIdentity, which no annotation asks for.
func (m *Mutator) Annotations(id Identity) (map[string]string, error) {
	annotations, err := m.annotationsFor(id)
	if err != nil {
		return nil, fmt.Errorf("mutate: annotations: %w", err)
	}
	return annotations, nil
}

func (m *Mutator) annotationsFor(id Identity) (map[string]string, error) {
	if m == nil || m.scanners == nil {
		return nil, errNoMutator
	}
	if id.Method != WebIdentity {
		return nil, fmt.Errorf("method %v needs an association in EKS, not annotations", id.Method)
	}
	if _, err := id.check(); err != nil {
		return nil, err
	}
	annotations := map[string]string{m.annotations.role: id.RoleARN}
	every := len(m.defaults) > 0 && !m.cfg.WholeDefaults // which may be about the account
	if audience := orElse(id.Audience, m.cfg.Audience); every || audience != m.cfg.Audience {
		annotations[m.annotations.audience] = audience
	}
	if every || id.RegionalSTS != m.cfg.RegionalSTS {
		annotations[m.annotations.regional] = strconv.FormatBool(id.RegionalSTS)
	}
	if lifetime := cmp.Or(id.TokenExpiration, m.cfg.TokenExpiration); every || lifetime != m.cfg.TokenExpiration {
		seconds, err := expirationSeconds(int64(lifetime / time.Second))
		if err != nil {
			return nil, err
		}
		annotations[m.Expiration.Key] = strconv.FormatInt(seconds, 10)
	}
	given, without := id.choices(), m.cfg.choices()
	for k, rule := range m.choices {
		if given[k] != 0 && given[k] != without[k] {
			annotations[rule.key] = choice(k).format(given[k])
		}
	}
	return annotations, nil
}

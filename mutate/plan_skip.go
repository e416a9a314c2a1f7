package mutate

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// parseSkip reads the annotation that names containers: split at a separator, or without one a CSV
// record (RFC 4180). Names are trimmed and empty ones dropped.
func parseSkip(value, separator string) ([]string, error) {
	fields := strings.Split(value, orElse(separator, ","))
	if separator == "" && strings.ContainsAny(value, "\"\r\n") {
		r := csv.NewReader(strings.NewReader(value))
		r.TrimLeadingSpace = true
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if _, err := r.Read(); !errors.Is(err, io.EOF) {
			return nil, errors.New("more than one record")
		}
		fields = record
	}
	names := fields[:0]
	for _, f := range fields {
		if f = strings.TrimSpace(f); f != "" {
			names = append(names, f)
		}
	}
	return names, nil
}

// skip marks the containers of these names and warns of names that none has.
func (p *planner) skip(names []string) {
	if len(names) == 0 {
		return
	}
	found := make(map[string]bool, len(names))
	for _, name := range names {
		found[name] = false
	}
	v, key := p.judge.v, p.judge.Skip.Key
	for i := range v.containers {
		name := v.containers[i].name
		if _, p.gains[i].skip = found[name]; p.gains[i].skip {
			found[name] = true
		}
	}
	if v.debug { // the pod's other containers were not looked at
		return
	}
	for _, name := range names {
		if !found[name] {
			found[name] = true // once is enough
			p.warn(CodeUnknownContainer, annotationPath(key),
				"annotation "+key+" names "+quoted(name)+", and no container has that name")
		}
	}
}

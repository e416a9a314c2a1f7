package mutate

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/profile"
)

// grant is what one identity gives to a pod, encoded once.
type grant struct {
	method   int
	audience string
	seconds  int64
	mark     string
	choices  choices // unless the pod makes others
	warning  Warning // of the identity itself, if it has a Code
	adds     envSet  // the variables that have something to add
	needs    envSet  // those without which a container has no identity
	values   [maxVars]string
	entries  [maxVars][]byte // JSON
	windows  []byte          // of the File variable, in a pod for Windows
}

// newGrant encodes a profile's grant.
func (r *rules) newGrant(p profile.Grant) *grant {
	m := &r.methods[p.Method]
	g := &grant{method: p.Method, seconds: p.Seconds, audience: orElse(p.Audience, m.Audience), mark: orElse(p.Mark, m.Mark.Value)}
	for i, v := range r.Vars {
		value := orElse(p.Values[v.Name], v.Value)
		set := envVar(i).set()
		if value == "" && v.From == "" || !m.adds.has(set) {
			continue
		}
		g.adds |= set
		g.values[i], g.entries[i] = value, envJSON(v, value)
		if m.WindowsPath && m.file == set {
			g.windows = envJSON(v, `C:`+strings.ReplaceAll(value, "/", `\`))
		}
	}
	g.needs = m.needs & g.adds
	return g
}

// envJSON is an entry of env, such as {"name":"AWS_REGION","value":"eu-central-1"}.
func envJSON(v profile.Var, value string) []byte {
	if v.From != "" { // https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
		return []byte(`{"name":` + quoteJSON(v.Name) + `,"valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":` + quoteJSON(v.From) + `}}}`)
	}
	return []byte(`{"name":` + quoteJSON(v.Name) + `,"value":` + quoteJSON(value) + `}`)
}

func quoteJSON(s string) string {
	q, _ := jsontext.AppendQuote(nil, s) // what cannot be quoted was refused before
	return string(q)
}

package mutate

import (
	"bytes"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/irsa-go/irsa/internal/jsonscan"
	"github.com/irsa-go/irsa/internal/profile"
)

// engine reads pods, plans for them and judges them by the rules of one cloud. It is immutable.
type engine struct {
	rules
	scanners *sync.Pool // of *scanner
}

func newEngine(p profile.Profile) engine {
	return engine{rules: newRules(p), scanners: newScanners()}
}

func newScanners() *sync.Pool {
	return &sync.Pool{New: func() any { return &scanner{Scanner: jsonscan.New()} }}
}

// rules are a profile, made ready for reading and planning.
type rules struct {
	profile.Profile
	methods []method
	names   []knownName // of variables
	initial uint64      // what they begin with, a bit for each of 64 kinds of letters

	keys    []string // of the pod's annotations that are read, by their place in view.settings
	prefix  string   // of all the keys
	sources bool     // a volume has more than a token
	named   bool     // a volume's name follows from the pod's
	mark    int      // the place of the mark's; -1 without one
	label   string   // the mark's, where that is a label
	choices []choiceRule

	// ruleLabel is the label that asks for the role by rule, and asksByRule says that it counts.
	ruleLabel  string
	asksByRule bool

	ifAbsent, together, nodeOff, withIdentity envSet
	chosen                                    envSet // those that choices add
	proxy, noProxy                            envSet
	static                                    []envSet // each a credential
	sdks                                      envSet   // what clients themselves read
	doubts                                    envSet   // what may keep an identity from working

	// lax makes warnings of the pod's bad annotations; else they refuse it.
	lax bool
}

// The places of settings that all profiles have.
const (
	expirationSetting = iota
	skipSetting
	otherSettings // where the others begin
	maxSettings   = 6
)

// choiceRule is an annotation of the pod whose value is one of a few. parse reads it, and says what
// it may be; adds are the variables that then may be added.
type choiceRule struct {
	key   string
	parse func(value string) (said uint8, want string)
	adds  func(said uint8, v *view) envSet
}

// envVar is a variable's place in Profile.Vars.
type envVar uint8

// envSet is a set of them.
type envSet uint16

const maxVars = 16

func (v envVar) set() envSet           { return 1 << v }
func (s envSet) has(all envSet) bool   { return s&all == all }
func (s envSet) hasAny(of envSet) bool { return s&of != 0 }

// holds is has for a set that may have nothing in it.
func (s envSet) holds(all envSet) bool { return all != 0 && s&all == all }

// first is the only variable of a set that has one.
func (s envSet) first() envVar { return envVar(bits.TrailingZeros16(uint16(s))) }

// knownName is a name of a variable that matters, or of two that are added as one may be.
type knownName struct {
	name string
	set  envSet
}

func newRules(p profile.Profile) rules {
	r := rules{Profile: p, mark: -1, keys: []string{p.Expiration.Key, p.Skip.Key}}
	for i, v := range p.Vars {
		r.see(envVar(i).set(), v)
	}
	if p.Choose != "" {
		r.keys = append(r.keys, p.Choose)
	}
	for i, m := range p.Methods {
		r.methods = append(r.methods, r.newMethod(i, m))
		r.named, r.sources = r.named || m.Volume.ByPodName, r.sources || len(m.Sources) > 0
		switch {
		case m.Mark.Label:
			r.label = m.Mark.Key
		case m.Mark.Key != "" && r.mark < 0:
			r.mark = len(r.keys)
			r.keys = append(r.keys, m.Mark.Key)
		}
	}
	if r.keys = append(r.keys, p.Unsupported...); p.Leave != "" {
		r.keys = append(r.keys, p.Leave)
	}
	r.setPrefix()
	r.doubts = r.proxy
	for _, credential := range r.static {
		r.doubts |= credential
	}
	for _, m := range r.methods {
		r.doubts |= m.needs
	}
	return r
}

// choose adds the rules' choices, about these variables.
func (r *rules) choose(about envSet, choices []choiceRule) {
	r.chosen, r.choices = about, choices
	for _, c := range choices {
		r.keys = append(r.keys, c.key)
	}
	r.setPrefix()
}

// setPrefix finds what all keys begin with.
func (r *rules) setPrefix() {
	r.prefix = ""
	for _, key := range r.keys {
		switch {
		case key == "":
		case r.prefix == "":
			r.prefix = key
		default:
			for !strings.HasPrefix(key, r.prefix) {
				r.prefix = r.prefix[:len(r.prefix)-1]
			}
		}
	}
}

// setting is the place of an annotation; -1 of one that does not matter.
func (r *rules) setting(key []byte) int {
	if r.prefix == "" || len(key) < len(r.prefix) || string(key[:len(r.prefix)]) != r.prefix {
		return -1
	}
	for i, known := range r.keys {
		if string(key) == known {
			return i
		}
	}
	return -1
}

// see notes a variable.
func (r *rules) see(set envSet, v profile.Var) {
	for _, name := range append([]string{v.Name}, v.Also...) {
		if i := slices.IndexFunc(r.names, func(k knownName) bool { return k.name == name }); i >= 0 {
			r.names[i].set |= set
			continue
		}
		r.names = append(r.names, knownName{name, set})
		r.initial |= 1 << (name[0] % 64)
	}
	switch v.Use {
	case profile.IfAbsent:
		r.ifAbsent |= set
	case profile.Together:
		r.together |= set
	case profile.NodeOff:
		r.nodeOff |= set
	case profile.WithIdentity:
		r.withIdentity |= set
	case profile.Static:
		for len(r.static) <= v.Credential {
			r.static = append(r.static, 0)
		}
		r.static[v.Credential] |= set
	case profile.Proxy:
		r.proxy |= set
	case profile.NoProxy:
		r.noProxy |= set
	}
	if v.Use != profile.Proxy && v.Use != profile.NoProxy {
		r.sdks |= set
	}
}

// lookup returns the set of the variable with this name; empty for any that does not matter.
func (r *rules) lookup(name []byte) envSet {
	if len(name) == 0 || r.initial&(1<<(name[0]%64)) == 0 {
		return 0 // as nearly all
	}
	return r.find(name)
}

func (r *rules) find(name []byte) envSet {
	for i := range r.names {
		if string(name) == r.names[i].name {
			return r.names[i].set
		}
	}
	return 0
}

// withPrefix returns those variables whose names begin with prefix: what an envFrom with that
// prefix may hold.
func (r *rules) withPrefix(prefix string) (s envSet) {
	for i, v := range r.Vars {
		if strings.HasPrefix(v.Name, prefix) {
			s |= envVar(i).set()
		}
	}
	return s & r.sdks
}

// isVolume says whether a volume of this name matters.
func (r *rules) isVolume(name []byte) bool {
	for i := range r.methods {
		v := &r.methods[i].Volume
		if string(name) == v.Name || v.ByPodName && strings.HasPrefix(string(name), v.Name) {
			return true
		}
	}
	return false
}

// near says whether something mounted at a path may have to do with a method's mount path. Every
// spelling of that has its longest segment in it, or is one of Windows.
func (r *rules) near(p []byte) bool {
	for i := range r.methods {
		if bytes.Contains(p, r.methods[i].segment) {
			return true
		}
	}
	return bytes.IndexByte(p, '\\') >= 0 || bytes.IndexByte(p, ':') >= 0
}

// list names variables in a message.
func (r *rules) list(s envSet) string {
	var names []string
	for i, v := range r.Vars {
		if s.has(envVar(i).set()) {
			names = append(names, v.Name)
		}
	}
	return strings.Join(names, " and ")
}

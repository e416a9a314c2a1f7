package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/language"
)

// Outcome is the answer of a proof. The values are stable.
type Outcome string

// The outcomes.
const (
	// Holds: outer allows every request that the policy allows.
	Holds Outcome = "holds"
	// Fails: the policy allows a request that outer does not. The proof has it as its Witness.
	Fails Outcome = "fails"
	// Undecided: neither could be shown.
	Undecided Outcome = "undecided"
)

// String returns the outcome's name.
func (o Outcome) String() string { return string(o) }

// Proof is what Within found. It shares nothing with the policies.
type Proof struct {
	// Outcome is the answer.
	Outcome Outcome `json:"outcome"`
	// Witness is a request that the policy allows and outer does not; nil unless it Fails.
	Witness *Witness `json:"witness,omitempty"`
	// Obstacles say what stood in the way, and where; empty unless it is Undecided.
	Obstacles []Finding `json:"obstacles,omitempty"`
}

// String is the answer in a sentence, and the obstacles a line each.
func (p Proof) String() string {
	text := string(p.Outcome)
	if p.Witness != nil {
		text += ": " + p.Witness.String() + " is admitted and outer does not admit it"
	}
	for _, o := range p.Obstacles {
		text += "\n  " + o.String()
	}
	return text
}

// CodeUndecided is the code of a proof's obstacles.
const CodeUndecided Code = "undecided"

// effort is what one proof may cost, in steps of patterns that are looked at.
const effort = 1 << 20

// Within asks whether outer allows all that the policy allows: over every request that could be
// made, not over a list. It Holds only when no request is allowed by the policy and not by outer,
// in every reading of what IAM does not document; it Fails with the simplest such request that was
// found, judged by Allows. Where a condition depends on something that is not known or not
// understood, or the search takes too long, it is Undecided and says why.
//
// Its time and memory are bounded, whatever the documents.
func (p *Policy) Within(outer *Policy) Proof {
	if p == outer || p.Len() == 0 {
		return Proof{Outcome: Holds}
	}
	pr := newProver(p, outer)
	complete := pr.eachScene(func(sc scene) bool { return pr.witness == nil && pr.prove(sc) })
	if !complete {
		pr.addObstacle(0, "", "the policies are too intricate: the search was given up", "Name fewer principals and session tags")
	}
	switch {
	case pr.witness != nil:
		return Proof{Outcome: Fails, Witness: pr.witness}
	case len(pr.obstacles[0])+len(pr.obstacles[1]) > 0 && p.Document() != outer.Document():
		p.origin.locate(pr.obstacles[0])
		if outer != nil {
			outer.origin.locate(pr.obstacles[1])
		}
		return Proof{Outcome: Undecided, Obstacles: slices.Concat(pr.obstacles[0], pr.obstacles[1])}
	}
	return Proof{Outcome: Holds}
}

// prover compares two policies scene by scene.
type prover struct {
	policies  [2][]statement // of the inner and the outer one
	refused   *flaw          // why IAM does not store the inner one
	tags      []string       // the session tags that they name
	tagKeys   bool           // aws:TagKeys matter
	asked     session        // what the inner policy may allow beside the role
	budget    language.Budget
	spare     language.Budget // for a witness, when the budget is spent
	obstacles [2][]Finding    // in the document of the inner policy and of outer
	witness   *Witness
	// allow says of a request what the two policies do.
	allow func(Request) (inner, outer bool)
}

func newProver(inner, outer *Policy) *prover {
	pr := &prover{refused: inner.refused, budget: language.Budget{Left: effort}, spare: language.Budget{Left: effort / 4}}
	pr.allow = func(q Request) (bool, bool) { return inner.Allows(q), outer.Allows(q) }
	pr.policies[0] = inner.statements
	if outer != nil && outer.refused == nil { // a policy that IAM does not store allows nothing
		pr.policies[1] = outer.statements
	}
	for side, statements := range pr.policies {
		for _, s := range statements {
			if side == 0 && s.effect == Allow {
				pr.asked.tags = pr.asked.tags || s.actions.match(actionTagSession) != no
				pr.asked.identity = pr.asked.identity || s.actions.match(actionSetSourceIdentity) != no
			}
			for _, c := range s.conditions {
				if name, ok := strings.CutPrefix(c.lookup, keyTag); ok && !slices.Contains(pr.tags, name) {
					pr.tags = append(pr.tags, name)
				}
				pr.tagKeys = pr.tagKeys || c.lookup == keyTagKeys
			}
		}
	}
	return pr
}

// prove compares the policies in one scene. It keeps a witness, or obstacles, or nothing when
// outer allows there what the inner policy does. It returns true, so that the next scene follows.
func (pr *prover) prove(sc scene) bool {
	q := pr.newQuestion(sc)
	if !q.isOpen() {
		return true
	}
	complete := q.divide(false, &pr.budget)
	var doubt []*choice
	open := complete && q.search(q.readings(), &pr.budget, func(chosen []*choice) bool {
		doubt = slices.Clone(chosen)
		return true
	})
	complete = complete && pr.budget.Left >= 0
	if !open && complete {
		return true
	}
	if sc.open || pr.refused != nil {
		pr.obstacle(q, doubt, complete)
		return true
	}
	q.divide(true, &pr.spare)
	tries, budget := 0, language.Budget{Left: effort / 8}
	q.search(q.certainties(), &budget, func(chosen []*choice) bool {
		tries++
		pr.witness = q.witness(chosen, pr.allow)
		return pr.witness != nil || tries == maxTries
	})
	if pr.witness == nil {
		pr.obstacle(q, doubt, complete)
	}
	return true
}

// maxTries bounds how many candidates for a witness are looked at: what one scene leaves out of
// account, such as how two keys depend on each other, shows there.
const maxTries = 64

func (pr *prover) obstacle(q *question, doubt []*choice, complete bool) {
	add := func(path, message, fix string) { pr.addObstacle(0, path, message, fix) }
	explained := !complete || pr.refused != nil
	if pr.refused != nil {
		add(pr.refused.Path, "IAM does not store the policy: "+pr.refused.Message, "See what Validate says")
	}
	if !complete {
		add("", "the policies are too intricate: the search was given up", "Use fewer patterns")
	}
	for i, c := range doubt {
		for _, column := range c.assumed {
			whose := "the policy"
			if column.side == 1 {
				whose = "outer"
			}
			explained = true
			pr.addObstacle(column.side, column.path, "of "+whose+": "+column.what, "Write it so that it can be judged offline")
		}
		if name := q.variables[i].name; c.atom.open && name != "" {
			explained = true
			add("", "a request may leave open what "+quote(name)+" is, or have it malformed", "Ask for the same in both policies")
		}
	}
	if !explained && q.scene.open {
		explained = true
		add("", "a request may leave open of which role, or of which unique id, its caller is", "Name the same principals in both policies")
	}
	if !explained {
		add("", "outer may not allow everything for "+quote(q.scene.base.caller.arn)+", but no request was found that shows it", "Compare them by hand")
	}
}

func (pr *prover) addObstacle(side int, path, message, fix string) {
	f := Finding{Code: CodeUndecided, Severity: SeverityWarning, Path: path, Message: message, Fix: fix}
	if !slices.Contains(pr.obstacles[side], f) {
		pr.obstacles[side] = append(pr.obstacles[side], f)
	}
}

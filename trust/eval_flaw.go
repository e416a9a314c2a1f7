package trust

import (
	"slices"
	"strconv"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// flaw is one thing for which IAM would refuse the policy. Each is found once, when the policy
// is compiled: Validate lists them, and a policy with one of them allows nothing.
type flaw struct {
	InvalidError
	// breaks says in a person's words why the statement cannot be judged; "" when it can be.
	breaks string
	// held says that IAM may hold such a policy from before, though it would not store it again.
	held bool
}

// compiler makes a document ready for evaluation and never fails: what it cannot read becomes a
// flaw.
type compiler struct {
	variables bool // the version has policy variables
	sids      map[string]bool
	flaws     []flaw
}

// refuse records what IAM refuses.
func (c *compiler) refuse(path, message, breaks string) {
	c.flaws = append(c.flaws, flaw{InvalidError: InvalidError{Path: path, Message: message}, breaks: breaks})
}

// doubt records what no source says that IAM refuses.
func (c *compiler) doubt(path, message, breaks string) {
	c.flaws = append(c.flaws, flaw{InvalidError: InvalidError{Path: path, Message: message, Unproven: true}, breaks: breaks})
}

// breaks returns the first reason, among the flaws from an index on, why a statement cannot be
// judged.
func (c *compiler) breaks(from int) string {
	for _, f := range c.flaws[from:] {
		if f.breaks != "" {
			return f.breaks
		}
	}
	return ""
}

// refusal is the flaw for which IAM cannot hold the policy: it allows nothing then.
func refusal(flaws []flaw) *flaw {
	i := slices.IndexFunc(flaws, func(f flaw) bool { return !f.Unproven && !f.held })
	if i < 0 {
		return nil
	}
	return &flaws[i]
}

// itemPath is the pointer of the value itself, or of its item when it is an array.
func itemPath(path string, v *jsontree.Value, i int) string {
	if v.Kind() != '[' {
		return path
	}
	return path + "/" + strconv.Itoa(i)
}

package trust_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// lawHosts are the issuers of random policies; the first is the one that is edited.
var lawHosts = []string{"p.example.com", "Q.example.com/Id", "r.example.com"}

var lawSubs = []string{"x", "y", "z", "a:1", "a:*", "a:?", "b:*", "*:1", "X", "", "?", "a*"}

func lawProviders(t testing.TB) (all []trust.Provider) {
	t.Helper()
	for _, host := range lawHosts {
		all = append(all, provider(t, "https://"+host))
	}
	return all
}

// lawPolicy makes statements of all that edits can meet: several principals, several conditions
// on one key, every set operator, Deny, keys in any case.
func (c *chooser) lawPolicy(providers []trust.Provider) []byte {
	var statements []any
	for range 1 + c.n(3) {
		var federated []any
		for _, p := range providers {
			if c.n(2) == 0 {
				federated = append(federated, p.ARN())
			}
		}
		principal := map[string]any{}
		if len(federated) > 0 {
			principal["Federated"] = federated
		}
		if c.n(4) == 0 || len(federated) == 0 {
			principal[pick(c, "AWS", "Service")] = pick(c, "111122223333", "ec2.amazonaws.com")
		}
		block := map[string]any{}
		for range c.n(4) {
			operator := pick(c, "", "", "", "ForAllValues:", "ForAnyValue:") + pick(c, "StringEquals", "StringEquals", "StringLike", "StringLike",
				"StringEqualsIgnoreCase", "StringNotEquals", "StringNotLike") + pick(c, "", "", "", "IfExists")
			var keys map[string]any
			host := pick(c, lawHosts[0], lawHosts[0], strings.ToUpper(lawHosts[0]), lawHosts[1], lawHosts[2])
			claim := pick(c, ":sub", ":sub", ":aud", ":SUB", ":email", ":amr", "")
			switch claim {
			case ":amr":
				operator = pick(c, "ForAllValues:", "ForAnyValue:") + pick(c, "StringEquals", "StringLike")
			case "": // not of the token
				host, operator = "aws:SourceVpc", "StringLike"
			}
			if keys, _ = block[operator].(map[string]any); keys == nil {
				keys = map[string]any{}
			}
			var values []any
			for range 1 + c.n(3) {
				if strings.EqualFold(claim, ":sub") {
					values = append(values, pick(c, lawSubs...))
				} else {
					values = append(values, pick(c, "A", "B", "A*", "a"))
				}
			}
			keys[host+claim] = values
			block[operator] = keys
		}
		if c.n(8) == 0 {
			block["Null"] = map[string]any{lawHosts[0] + ":sub": pick(c, "true", "false")}
		}
		s := map[string]any{"Effect": pick(c, "Allow", "Allow", "Allow", "Deny"), "Principal": principal,
			"Action": []any{"sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"}}
		if len(block) > 0 {
			s["Condition"] = block
		}
		statements = append(statements, s)
	}
	doc, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err)
	}
	return doc
}

// lawToken is a token of the grid; a nil claim is one that it does not have.
type lawToken struct {
	provider trust.Provider
	sub, aud *string
	email    string
	amr      []string
	vpc      string
}

func lawTokens(providers []trust.Provider) (all []lawToken) {
	values := func(texts ...string) []*string {
		out := []*string{nil}
		for i := range texts {
			out = append(out, &texts[i])
		}
		return out
	}
	for _, p := range providers {
		for _, sub := range values("x", "y", "z", "X", "a:1", "a:2", "a:12", "b:1", "b:", "a:*", "", "w", "a", "1") {
			for _, aud := range values("A", "B", "a", "AB", "") {
				four := []lawToken{{p, sub, aud, "", nil, "A"}, {p, sub, aud, "A", []string{"A"}, "B"},
					{p, sub, aud, "", []string{"A", "B"}, "z"}, {p, sub, aud, "B", []string{"B", "z"}, "AB"}}
				n := len(all) / 2
				all = append(all, four[n%4], four[(n+2)%4])
			}
		}
	}
	return all
}

// allowed asks the naive evaluator.
func (tok lawToken) allowed(policy naivePolicy, p trust.Provider) bool {
	ctx := naiveContext{provider: p.ARN(), keys: map[string][]string{}}
	prefix := strings.ToLower(p.HostPath())
	if tok.sub != nil {
		ctx.keys[prefix+":sub"] = []string{*tok.sub}
	}
	if tok.aud != nil {
		ctx.keys[prefix+":aud"] = []string{*tok.aud}
	}
	if tok.email != "" {
		ctx.keys[prefix+":email"] = []string{tok.email}
	}
	if tok.amr != nil {
		ctx.keys[prefix+":amr"] = tok.amr
	}
	ctx.keys["aws:sourcevpc"] = []string{tok.vpc}
	return policy.allows(ctx, "sts:assumerolewithwebidentity")
}

func (tok lawToken) isOf(g trust.Grant) bool {
	if tok.provider != g.Provider || tok.sub == nil {
		return false
	}
	for _, s := range g.Subjects {
		if s.String() == *tok.sub {
			return true
		}
	}
	for _, p := range g.Patterns {
		if naiveLike(p.String(), *tok.sub) {
			return true
		}
	}
	return false
}

func (tok lawToken) isFor(g trust.Grant) bool {
	for _, aud := range g.Audiences {
		if tok.aud != nil && *tok.aud == aud {
			return true
		}
	}
	return false
}

func (c *chooser) lawGrant(t testing.TB, p trust.Provider) trust.Grant {
	t.Helper()
	g := trust.Grant{Provider: p, Audiences: []string{pick(c, "A", "A", "B")}}
	if c.n(6) == 0 {
		g.Audiences = []string{"A", "B"}
	}
	for range 1 + c.n(2) {
		text := pick(c, "x", "y", "z", "a:1", "a:*", "a:?", "b:*", "a*", "*:1")
		if strings.ContainsAny(text, "*?") {
			g.Patterns = append(g.Patterns, pattern(t, text))
		} else {
			s, err := trust.ParseSubject(text)
			require.NoError(t, err)
			g.Subjects = append(g.Subjects, s)
		}
	}
	return g
}

func FuzzAnAcceptedEditOpensAndTakesNothingElse(f *testing.F) {
	for i := range 30 {
		seed := make([]byte, 120)
		for j := range seed {
			seed[j] = byte((i*7919 + j*j*31 + i*j*17 + (i+3)*(j+5)*(j+11)) >> 2)
		}
		f.Add(seed)
	}
	providers := lawProviders(f)
	tokens := lawTokens(providers)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &chooser{data}
		edit := c.n(4)
		g := c.lawGrant(t, providers[0])
		doc := c.lawPolicy(providers)
		policy, err := trust.Parse(doc)
		require.NoError(t, err)
		var out *trust.Policy
		switch edit {
		case 0:
			out, err = policy.WithGrant(g)
		case 1:
			out, err = policy.WithoutGrant(g)
		case 2:
			out, err = policy.WithoutProvider(providers[0])
		case 3:
			out, err = policy.Retargeted(providers[0], providers[2])
		}
		if err != nil {
			var refused *trust.EditError
			require.ErrorAs(t, err, &refused)
			require.Nil(t, out)
			return
		}
		switch edit { // the proof, which knows nothing of the edits, may not say otherwise
		case 0:
			require.NotEqual(t, trust.Fails, policy.Within(out).Outcome, "%s\n%s", doc, out)
		case 1, 2:
			require.NotEqual(t, trust.Fails, out.Within(policy).Outcome, "%s\n%s", doc, out)
		}
		before, after := naiveParse(doc), naiveParse([]byte(out.Document()))
		for _, tok := range tokens {
			was, is := tok.allowed(before, tok.provider), tok.allowed(after, tok.provider)
			want := was
			switch {
			case edit == 0 && tok.isOf(g) && tok.isFor(g):
				want = was || is // some of a pattern's may be denied
			case edit == 1 && tok.isOf(g) && tok.isFor(g):
				want = false
			case edit == 1 && tok.isOf(g) && !is:
				want = false // a statement that asks for no audience loses the subject
			case edit >= 2 && tok.provider == providers[0]:
				want = false
			case edit == 3 && tok.provider == providers[2]:
				want = was || tok.allowed(before, providers[0])
			}
			if want != is {
				claims := [2]string{"absent", "absent"}
				for i, v := range []*string{tok.sub, tok.aud} {
					if v != nil {
						claims[i] = *v
					}
				}
				t.Fatalf("edit %d of %v:\n%s\n%s\n%s %q email %q amr %q from %q: was %t, is %t", edit, g, doc, out, tok.provider, claims, tok.email, tok.amr, tok.vpc, was, is)
			}
		}
	})
}

func TestEditsThatWouldOpenOrTakeMoreAreRefusedOrExact(t *testing.T) {
	t.Parallel()
	providers := lawProviders(t)
	p, q, r := providers[0], providers[1], providers[2]
	web := func(principal, conditions string) string {
		return strings.NewReplacer("PROV", p.ARN(), "QROV", q.ARN(), "RROV", r.ARN(), "KEY", p.HostPath(), "QKEY", q.HostPath(), "RKEY", r.HostPath()).Replace(
			`{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + conditions + `}`)
	}
	subject := func(text string) trust.Subject {
		s, err := trust.ParseSubject(text)
		require.NoError(t, err)
		return s
	}
	x := trust.Grant{Provider: p, Subjects: []trust.Subject{subject("x")}, Audiences: []string{"A"}}
	xz := trust.Grant{Provider: p, Subjects: []trust.Subject{subject("x"), subject("z")}, Audiences: []string{"A"}}
	teams := trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, "team-*:x")}, Audiences: []string{"A"}}
	const alone, several = `{"Federated":"PROV"}`, `{"Federated":["PROV","QROV"]}`
	two := `"StringEquals":{"KEY:aud":["A","B"],"KEY:sub":["x","y"]}`
	without := func(g trust.Grant) func(*trust.Policy) (*trust.Policy, error) {
		return func(policy *trust.Policy) (*trust.Policy, error) { return policy.WithoutGrant(g) }
	}
	for name, c := range map[string]struct {
		body string
		edit func(*trust.Policy) (*trust.Policy, error)
		path string // of the refusal; "" when the edit is done
	}{
		"audiences by list and by pattern":           {web(alone, `{`+two+`,"StringLike":{"KEY:aud":"A*"}}`), without(x), ""},
		"audiences by list and any of them":          {web(alone, `{`+two+`,"ForAnyValue:StringLike":{"KEY:aud":"A*"}}`), without(x), ""},
		"audiences by list and in any case":          {web(alone, `{`+two+`,"StringEqualsIgnoreCase":{"KEY:aud":"a"}}`), without(x), ""},
		"a sub in any case":                          {web(alone, `{"StringEqualsIgnoreCase":{"KEY:sub":["x","y"]}}`), without(x), "/Statement/0"},
		"audiences by list and if they exist":        {web(alone, `{`+two+`,"StringLikeIfExists":{"KEY:aud":"A*"}}`), without(x), ""},
		"subs in two lists, audiences by list":       {web(several, `{`+two+`,"StringEqualsIfExists":{"KEY:sub":"z"}}`), without(xz), ""},
		"all values, of several providers":           {web(several, `{"ForAllValues:StringEquals":{"KEY:sub":"x"}}`), without(x), "/Statement/0"},
		"all values, beside an AWS principal":        {web(`{"Federated":"PROV","AWS":"111122223333"}`, `{"ForAllValues:StringEquals":{"KEY:sub":"x"}}`), without(x), "/Statement/0"},
		"all values, beside a service":               {web(`{"Federated":"PROV","Service":"ec2.amazonaws.com"}`, `{"ForAllValues:StringEquals":{"KEY:sub":"x"}}`), without(x), "/Statement/0"},
		"two providers that become one":              {web(`{"Federated":["PROV","RROV"]}`, `{"StringEqualsIfExists":{"KEY:sub":"x"},"StringLikeIfExists":{"RKEY:sub":"b:*"}}`), func(policy *trust.Policy) (*trust.Policy, error) { return policy.Retargeted(p, r) }, "/Statement/0"},
		"another claim of two that become one":       {web(`{"Federated":["PROV","RROV"]}`, `{"StringEqualsIfExists":{"KEY:email":"a"},"StringLikeIfExists":{"RKEY:email":"b"}}`), func(policy *trust.Policy) (*trust.Policy, error) { return policy.Retargeted(p, r) }, "/Statement/0"},
		"all values of another claim":                {web(`{"Federated":["PROV","RROV"]}`, `{"ForAllValues:StringEquals":{"KEY:email":"a"}}`), func(policy *trust.Policy) (*trust.Policy, error) { return policy.Retargeted(p, r) }, "/Statement/0"},
		"several values of two that become one":      {web(`{"Federated":["PROV","RROV"]}`, `{"ForAllValues:StringEquals":{"KEY:amr":"a"},"ForAllValues:StringLike":{"RKEY:amr":"b"}}`), func(policy *trust.Policy) (*trust.Policy, error) { return policy.Retargeted(p, r) }, "/Statement/0"},
		"several values, of the other if it has any": {web(alone, `{"ForAnyValue:StringLikeIfExists":{"RKEY:amr":"b"}}`), func(policy *trust.Policy) (*trust.Policy, error) { return policy.Retargeted(p, r) }, "/Statement/0"},
		"two Denies on what is not of the token": {web(`{"Federated":["PROV","RROV"]}`, `{}`) + `,` + strings.Replace(web(alone, `{"StringEquals":{"aws:SourceVpc":"a"}}`)+`,`+
			web(`{"Federated":"RROV"}`, `{"StringEquals":{"aws:SourceVpc":"b"}}`), "Allow", "Deny", 2), func(policy *trust.Policy) (*trust.Policy, error) { return policy.Retargeted(p, r) }, "/Statement/2"},
		"a Deny that leaves one of a pattern":       {web(alone, `{}`) + `,` + strings.Replace(web(alone, `{"StringNotLike":{"KEY:sub":"*-b:x"}}`), "Allow", "Deny", 1), without(teams), "/Statement/0"},
		"a Deny that becomes the other's":           {web(alone, `{"StringEquals":{"KEY:sub":"x"}}`) + `,` + web(`{"Federated":"RROV"}`, `{}`) + `,` + strings.Replace(web(alone, `{"StringEquals":{"KEY:sub":"y"}}`), "Allow", "Deny", 1), func(policy *trust.Policy) (*trust.Policy, error) { return policy.Retargeted(p, r) }, "/Statement/2"},
		"the statement stands third":                {web(alone, `{"StringEquals":{"KEY:sub":"x"}}`) + `,{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},` + web(alone, `{"StringEquals":{"KEY:aud":"A"}}`), without(x), "/Statement/2"},
		"a key of another issuer beside":            {web(alone, `{"StringEquals":{"KEY:sub":"x"}}`) + `,` + web(alone, `{"StringEquals":{"QKEY:sub":"x"}}`), without(x), ""},
		"no subs at all beside":                     {web(alone, `{"StringEquals":{"KEY:sub":"x"}}`) + `,` + web(alone, `{"StringEquals":{"KEY:sub":[]}}`), without(x), ""},
		"a narrower pattern":                        {web(alone, `{"StringLike":{"KEY:sub":["team-*:x","team-a*:x"]}}`), without(teams), "/Statement/0"},
		"a pattern that overlaps":                   {web(alone, `{"StringLike":{"KEY:sub":["team-*:x","*-a:*"]}}`), without(teams), "/Statement/0"},
		"a literal that the pattern covers":         {web(alone, `{"StringLike":{"KEY:sub":["team-*:x","team-a:x"]}}`), without(teams), "/Statement/0"},
		"patterns of which one token fits only all": {web(alone, `{"StringLike":{"KEY:sub":"*-b*"},"StringLikeIfExists":{"KEY:sub":"*c:*"}}`), without(teams), "/Statement/0"},
		"a pattern apart":                           {web(alone, `{"StringLike":{"KEY:sub":["team-*:x","team-*:y"]}}`), without(teams), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := parse(t, statement(c.body))
			out, err := c.edit(policy)
			if c.path != "" {
				var refused *trust.EditError
				require.ErrorAs(t, err, &refused, "%s", out)
				assert.Equal(t, c.path, refused.Path, err)
				return
			}
			require.NoError(t, err)
			before, after := naiveParse([]byte(policy.Document())), naiveParse([]byte(out.Document()))
			for _, tok := range lawTokens(providers) {
				was, is := tok.allowed(before, tok.provider), tok.allowed(after, tok.provider)
				if tok.isOf(x) && tok.isFor(x) || tok.isOf(xz) && tok.isFor(xz) || tok.isOf(x) && !strings.Contains(c.body, ":aud") {
					assert.False(t, is, out.Document())
				} else {
					assert.Equal(t, was, is, out.Document())
				}
			}
		})
	}
}

// Whatever a policy of the corpus names can be given, moved and taken away; the few exceptions
// admit others by the same words.
func TestTheOrdinaryEditsWorkOnTheCorpus(t *testing.T) {
	t.Parallel()
	dir, rows := corpus(t)
	refusals := map[string][]string{}
	for _, row := range rows {
		document, err := os.ReadFile(filepath.Join(dir, row[0]))
		require.NoError(t, err)
		policy, err := trust.Parse(document)
		if err != nil {
			continue
		}
		note := func(edit string, err error) {
			if err != nil {
				var refused *trust.EditError
				require.ErrorAs(t, err, &refused)
				refusals[row[0]] = append(refusals[row[0]], edit)
			}
		}
		for _, p := range policy.Providers() {
			g := grant(p, account(t, "nobody", "knows"))
			with, err := policy.WithGrant(g)
			require.NoError(t, err, row[0])
			back, err := with.WithoutGrant(g)
			note("WithoutGrant of a stranger", err)
			if err == nil {
				assert.True(t, back.Equal(policy), row[0])
			}
			moved, err := policy.Retargeted(p, provider(t, "https://new.example.com"))
			note("Retargeted", err)
			if err == nil {
				assert.NotContains(t, moved.Document(), p.ARN())
			}
			_, err = policy.WithoutProvider(p)
			note("WithoutProvider", err)
			_, err = policy.WithoutGrant(namedBy(t, policy, p))
			note("WithoutGrant", err)
		}
	}
	anybody := []string{"WithoutGrant of a stranger", "WithoutGrant"} // nothing exact to take away
	vacuous := []string{"WithoutGrant"}                               // tokens without a sub are admitted by the same words
	assert.Equal(t, map[string][]string{
		"aws_gitlab_missing.json": anybody, "aws_gitlab_star.json": anybody,
		"aws_github_question_star_accepted.json": anybody,
		// Tokens of another issuer have no job_workflow_ref.
		"aws_github_job_workflow_ref_accepted.json": {"WithoutGrant of a stranger", "Retargeted", "WithoutGrant"},
		"aws_github_invalid_sub_valid_job.json":     {"Retargeted"},
		"aws_gitlab_forallvalues_accepted.json":     vacuous, "aws_gitlab_ifexists.json": vacuous,
		"issue_configure_creds_318_forallvalues_sub_only.json": vacuous,
		"gist_auth0_trailing_slash.json":                       {"WithoutGrant"}, "issue_pulumi_4629_oaud.json": {"WithoutGrant"}, // they ask for the audience alone
	}, refusals)
}

// namedBy is a grant of every sub that the policy names of the provider, for every audience.
func namedBy(t *testing.T, policy *trust.Policy, p trust.Provider) trust.Grant {
	t.Helper()
	g := trust.Grant{Provider: p}
	var doc struct{ Statement any }
	require.NoError(t, json.Unmarshal([]byte(policy.Document()), &doc))
	statements, ok := doc.Statement.([]any)
	if !ok {
		statements = []any{doc.Statement}
	}
	for _, s := range statements {
		block, _ := s.(map[string]any)["Condition"].(map[string]any)
		for _, keys := range block {
			for key, v := range keys.(map[string]any) {
				values, _ := naiveList(v)
				for _, value := range values {
					switch {
					case strings.EqualFold(key, p.ConditionKey("aud")) && !strings.ContainsAny(value, "*?$"):
						g.Audiences = append(g.Audiences, value)
					case !strings.EqualFold(key, p.ConditionKey("sub")): // another key, or no exact audience
					case strings.ContainsAny(value, "*?"):
						if wild, err := trust.ParsePattern(value); err == nil { // "*" is none
							g.Patterns = append(g.Patterns, wild)
						}
					default:
						if sub, err := trust.ParseSubject(value); err == nil { // a template is none
							g.Subjects = append(g.Subjects, sub)
						}
					}
				}
			}
		}
	}
	if len(g.Subjects)+len(g.Patterns) == 0 {
		g.Subjects = []trust.Subject{account(t, "nobody", "knows")}
	}
	return g
}

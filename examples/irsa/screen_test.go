package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestColoursAreForTerminals(t *testing.T) {
	t.Parallel()
	const red = "\x1b[31m"
	for name, c := range map[string]struct {
		terminal bool
		env      map[string]string
		format   string
		coloured bool
	}{
		"a terminal":                {true, map[string]string{"TERM": "xterm"}, "text", true},
		"a pipe":                    {false, map[string]string{"TERM": "xterm"}, "text", false},
		"a terminal with NO_COLOR":  {true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, "text", false},
		"NO_COLOR that is empty":    {true, map[string]string{"TERM": "xterm", "NO_COLOR": ""}, "text", true},
		"a terminal that has none":  {true, map[string]string{"TERM": "dumb"}, "text", false},
		"for programs":              {true, map[string]string{"TERM": "xterm"}, "json", false},
		"a terminal without a name": {true, nil, "text", false},
	} {
		p := process{
			lookup:   func(name string) (string, bool) { v, ok := c.env[name]; return v, ok },
			terminal: func(io.Writer) bool { return c.terminal },
		}
		var out, errs bytes.Buffer
		code := p.run(t.Context(), []string{"lint", "testdata/everybody.json", "-o", c.format}, nil, &out, &errs)
		assert.Equal(t, 1, code, name)
		assert.Equal(t, c.coloured, strings.Contains(out.String(), ": "+red+"error"), "%s: %q", name, out.String())
		assert.Equal(t, c.coloured, strings.Contains(out.String(), "\x1b"), name)
		assert.Empty(t, errs.String(), name)
	}
}

func TestVerdictsHaveTheirColours(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ok       token":      "\x1b[32mok\x1b[0m       token",
		"x:1:2: warning: y":   "x:1:2: \x1b[33mwarning\x1b[0m: y",
		"a\ndenied: sub is z": "a\n\x1b[31mdenied\x1b[0m: sub is z",
		"okapis: oks failed":  "okapis: oks failed",
	} {
		assert.Equal(t, want, coloured(text))
	}
}

// Names of clusters and accounts come from others: none of them moves the cursor or rings the bell.
func TestTerminalsAreNotObeyed(t *testing.T) {
	t.Parallel()
	roles := write(t, "roles.json", `{"RoleDetailList":[{"Arn":"arn:\u001b[2J","AssumeRolePolicyDocument":{"Statement":[]}}]}`)
	cluster := write(t, "cluster.json", `{"items":[{"kind":"ServiceAccount","metadata":{"namespace":"a","name":"c"}},{"kind":"Pod","metadata":{"namespace":"a","name":"b\u001b]0;x\u0007\u202e"},"spec":{"containers":[{"name":"c\r"}]}}]}`)
	code, stdout, _ := irsa(t, "", "audit", "--provider", eksProvider, "--cluster", cluster, "--roles", roles)
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout, `a/b\x1b]0;x\a\u202e: as service account default, containers c\r`)
	assert.NotRegexp(t, `[\x00-\x09\x0b-\x1f\x{202e}]`, stdout)

	pod := write(t, "pod.yaml", "kind: Pod\nmetadata: {name: \"\\e[2J\"}\nspec: {containers: []}\n")
	_, _, stderr := irsa(t, "", "mutate", pod)
	assert.Contains(t, stderr, `\x1b[2J`)
	assert.NotContains(t, stderr, "\x1b")
}

// slow is a reader that takes two seconds.
type slow struct{ io.Reader }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return s.Reader.Read(p)
}

func TestProgressIsForTerminalsAndLongWork(t *testing.T) {
	t.Parallel()
	for _, terminal := range []bool{true, false} {
		for _, command := range []string{
			"audit --cluster testdata/cluster.yaml --roles - --provider " + eksProvider, "lint --severity error -", "validate -", "who -",
		} {
			synctest.Test(t, func(t *testing.T) {
				p := process{
					lookup:   func(string) (string, bool) { return "", false },
					terminal: func(io.Writer) bool { return terminal },
				}
				text, err := os.ReadFile("testdata/roles.json")
				require.NoError(t, err)
				for _, in := range []io.Reader{bytes.NewReader(text), slow{bytes.NewReader(text)}} {
					var out, errs bytes.Buffer
					p.run(t.Context(), strings.Fields(command), in, &out, &errs)
					last := errs.String()[strings.LastIndex(strings.TrimSuffix(errs.String(), "\r"), "\r")+1:]
					assert.Empty(t, strings.TrimSpace(last), "nothing is left of it")
					_, isSlow := in.(slow)
					assert.Equal(t, terminal && isSlow, strings.HasPrefix(errs.String(), fmt.Sprintf("\r%d bytes of -", len(text))), "%s: %q", command, errs.String())
				}
			})
		}
	}
}

// Package readme is for tests that hold a page against what its programs print.
package readme

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var fence = regexp.MustCompile("(?ms)^```\\w*\n(.*?)^```$")

// commands returns what a page shows each command to print, by its line, which may stand on the page
// more than once. A command is a line in a fence that begins with "$ "; what it prints goes on to the
// next one, or to the fence's end.
func commands(t testing.TB, page string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string][]string{}
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		for i, part := range strings.Split("\n"+block[1], "\n$ ") {
			if i == 0 {
				continue // what stands before a command
			}
			line, printed, _ := strings.Cut(strings.TrimSuffix(part, "\n"), "\n")
			shown[line] = append(shown[line], printed)
		}
	}
	return shown
}

// Shows fails the test unless the page shows the command, and that it prints this. On the page "…"
// stands for anything within a line, and a line that is "…" alone for any lines.
func Shows(t testing.TB, page, command, printed string) {
	t.Helper()
	for _, shown := range commands(t, page)[command] {
		want := strings.ReplaceAll(regexp.QuoteMeta("\n"+shown+"\n"), "\n…\n", "\n(?s:.*\n)?")
		want = strings.ReplaceAll(want, "…", "[^\n]*")
		if regexp.MustCompile(`\A` + want + `\z`).MatchString("\n" + strings.TrimSuffix(printed, "\n") + "\n") {
			return
		}
	}
	t.Errorf("%s does not show this:\n$ %s\n%s", page, command, printed)
}

const asProgram = "IRSA_README_PROGRAM"

// Main is the TestMain of a program that Run runs.
func Main(m *testing.M, program func()) {
	if os.Getenv(asProgram) == "" {
		os.Exit(m.Run())
	}
	program()
}

// Run runs the program as a process of its own, with no environment but this and an empty home. It
// returns what go run prints of it.
func Run(t testing.TB, env []string, args ...string) string {
	t.Helper()
	command := exec.Command(os.Args[0], args...)
	command.Env = append(env, asProgram+"=1", "HOME="+t.TempDir())
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s%v\n", output, err)
	}
	return string(output)
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// outcome is what became of a mutant.
type outcome string

const (
	noticed  outcome = "noticed"
	tooSlow  outcome = "too slow"
	broken   outcome = "does not compile"
	survived outcome = "survives"
)

// tester runs tests.
type tester struct {
	packages, run, skip string
	first               string // tests that are likely to notice
	timeout             time.Duration
	quick               bool
}

// place returns the packages whose tests run for a file, and the directory that they are named from.
func (t tester) place(file string) (packages []string, dir string) {
	if t.packages != "" {
		return strings.Fields(t.packages), "" // where the program was started
	}
	return []string{"."}, filepath.Dir(file)
}

// grace is how long building and linking may take beside the tests.
const grace = 3 * time.Minute

// judge runs the tests of the file's package under an overlay and returns what go test printed.
func (t tester) judge(ctx context.Context, file, overlay string) (outcome, string) {
	if t.first != "" {
		if became, text := t.only(t.first).judge(ctx, file, overlay); became != survived {
			return became, text
		}
	}
	return t.judgeAll(ctx, file, overlay)
}

// only runs fewer tests.
func (t tester) only(run string) tester {
	t.first, t.run = "", run
	return t
}

func (t tester) judgeAll(ctx context.Context, file, overlay string) (outcome, string) {
	args := []string{"test", "-overlay=" + overlay, "-vet=off", "-count=1", "-failfast", "-timeout=" + t.timeout.String()}
	if t.run != "" {
		args = append(args, "-run="+t.run)
	}
	if t.skip != "" {
		args = append(args, "-skip="+t.skip)
	}
	packages, dir := t.place(file)
	args = append(args, packages...)
	ctx, cancel := context.WithTimeout(ctx, t.timeout+grace)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	text := string(output)
	switch {
	case err == nil:
		return survived, text
	case strings.Contains(text, "[build failed]"), strings.Contains(text, "[setup failed]"):
		return broken, text
	case ctx.Err() != nil, strings.Contains(text, "panic: test timed out"):
		return tooSlow, text
	}
	return noticed, text
}

// overlay is a directory for the files of -overlay
// (https://pkg.go.dev/cmd/go#hdr-Compile_packages_and_dependencies).
type overlay struct{ dir string }

func newOverlay() (overlay, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return overlay{}, err
	}
	o := overlay{dir}
	return o, os.WriteFile(o.none(), []byte("{}"), 0o600)
}

func (o overlay) remove() { _ = os.RemoveAll(o.dir) }

// none is an overlay that changes nothing.
func (o overlay) none() string { return filepath.Join(o.dir, "none.json") }

// with is an overlay that has the mutant in place of its file; the one before is gone.
func (o overlay) with(m mutant) (string, error) {
	source, path := filepath.Join(o.dir, "mutant.go"), filepath.Join(o.dir, "overlay.json")
	if err := os.WriteFile(source, m.mutated(), 0o600); err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {m.file: source}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, replace, 0o600); err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	return path, nil
}

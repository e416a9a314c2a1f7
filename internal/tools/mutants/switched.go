package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Most mutants are built together: the file reads an environment variable to know which one it
// is, so that many runs of the tests need one build.
const environment = "MUTANT"

// switchSource is a file beside the mutated one.
const switchSource = "package %s\n\nimport \"os\"\n\nvar activeMutant = os.Getenv(\"" + environment + "\")\n"

// place is what some mutants replace: an expression that is true or false, or a statement.
type place struct {
	start, end  int
	isStatement bool
	mutants     []int // by index
	inner       []*place
}

// together returns the source with all of the file's mutants that can be switched, and which those
// are.
func together(mutants []mutant) (source []byte, switched []int) {
	var places []*place
	byRange := map[[2]int]*place{}
	for i, m := range mutants {
		if m.node == (span{}) {
			continue
		}
		switched = append(switched, i)
		key := [2]int{m.node.start, m.node.end}
		if byRange[key] == nil {
			byRange[key] = &place{start: m.node.start, end: m.node.end, isStatement: m.isStatement}
			places = append(places, byRange[key])
		}
		byRange[key].mutants = append(byRange[key].mutants, i)
	}
	if len(switched) == 0 {
		return nil, nil
	}
	slices.SortFunc(places, func(a, b *place) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	root := &place{end: len(mutants[0].source)}
	open := []*place{root}
	for _, p := range places {
		for open[len(open)-1].end < p.end {
			open = open[:len(open)-1]
		}
		parent := open[len(open)-1]
		parent.inner = append(parent.inner, p)
		open = append(open, p)
	}
	var b strings.Builder
	root.write(&b, mutants)
	return []byte(b.String()), switched
}

// write prints the place with a switch for each of its mutants.
func (p *place) write(b *strings.Builder, mutants []mutant) {
	if p.isStatement {
		fmt.Fprintf(b, "if activeMutant != %q { ", strconv.Itoa(p.mutants[0]))
	} else if len(p.mutants) > 0 {
		b.WriteString("func() bool { switch activeMutant { ")
		for _, i := range p.mutants {
			fmt.Fprintf(b, "case %q: return %s; ", strconv.Itoa(i), mutants[i].nodeText())
		}
		b.WriteString("}; return ")
	}
	at := p.start
	for _, inner := range p.inner {
		b.Write(mutants[0].source[at:inner.start])
		inner.write(b, mutants)
		at = inner.end
	}
	b.Write(mutants[0].source[at:p.end])
	if p.isStatement {
		b.WriteString(" }")
	} else if len(p.mutants) > 0 {
		b.WriteString(" }()")
	}
}

// switchboard is the test binaries of a file whose mutants are switched.
type switchboard struct {
	dir      string
	binaries map[string]string // by the directory of the package
}

// build makes the test binaries. An error means that the mutants must be built one by one.
func (t tester) build(ctx context.Context, mutants []mutant) (switchboard, []int, error) {
	source, switched := together(mutants)
	if len(switched) == 0 {
		return switchboard{}, nil, nil
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return switchboard{}, nil, err
	}
	s := switchboard{dir: dir, binaries: map[string]string{}}
	file := mutants[0].file
	beside := filepath.Join(filepath.Dir(file), "zz_active_mutant.go")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {
		file: filepath.Join(dir, "file.go"), beside: filepath.Join(dir, "switch.go"),
	}})
	err = errors.Join(err,
		os.WriteFile(filepath.Join(dir, "file.go"), source, 0o600),
		os.WriteFile(filepath.Join(dir, "switch.go"), fmt.Appendf(nil, switchSource, mutants[0].pkg), 0o600),
		os.WriteFile(filepath.Join(dir, "overlay.json"), replace, 0o600))
	if err != nil {
		return s, nil, err
	}
	packages, from := t.place(file)
	list := exec.CommandContext(ctx, "go", append([]string{"list", "-f", "{{.Dir}}"}, packages...)...)
	list.Dir = from
	dirs, err := list.Output()
	if err != nil {
		return s, nil, err
	}
	for i, pkg := range strings.Fields(string(dirs)) {
		binary := filepath.Join(dir, strconv.Itoa(i)+".test")
		build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay="+filepath.Join(dir, "overlay.json"), "-o", binary, ".")
		build.Dir = pkg
		if output, err := build.CombinedOutput(); err != nil {
			return s, nil, fmt.Errorf("%w: %s", err, output)
		}
		if _, err := os.Stat(binary); err == nil { // a package may have no tests
			s.binaries[pkg] = binary
		}
	}
	return s, switched, nil
}

func (s switchboard) remove() {
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// judge runs the tests as one of the mutants.
func (s switchboard) judge(ctx context.Context, t tester, index int) outcome {
	if t.first != "" {
		if became := s.judge(ctx, t.only(t.first), index); became != survived {
			return became
		}
	}
	for pkg, binary := range s.binaries {
		args := []string{"-test.failfast", "-test.timeout=" + t.timeout.String(), "-test.run=" + t.run, "-test.skip=" + t.skip}
		ctx, cancel := context.WithTimeout(ctx, t.timeout+10*time.Second)
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.Dir, cmd.Env = pkg, append(os.Environ(), environment+"="+strconv.Itoa(index))
		output, err := cmd.CombinedOutput()
		late := ctx.Err() != nil
		cancel()
		switch {
		case err == nil:
		case late, strings.Contains(string(output), "panic: test timed out"):
			return tooSlow
		default:
			return noticed
		}
	}
	return survived
}

package main

import (
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"
)

// printer writes the walk for a person to read.
type printer struct {
	w    io.Writer
	step int
}

// heading begins the next numbered step.
func (p *printer) heading(title string) {
	if p.step > 0 {
		fmt.Fprintln(p.w)
	}
	p.step++
	fmt.Fprintf(p.w, "%d. %s\n", p.step, title)
}

// fact prints one named value.
func (p *printer) fact(name, format string, args ...any) {
	fmt.Fprintf(p.w, "   %-12s %s\n", name, fmt.Sprintf(format, args...))
}

// block prints several lines below a name.
func (p *printer) block(name, text string) {
	fmt.Fprintf(p.w, "   %s\n", name)
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(p.w, "     %s\n", line)
	}
}

// yaml prints a JSON document as YAML.
func (p *printer) yaml(name string, document []byte) error {
	text, err := yaml.JSONToYAML(document)
	if err != nil {
		return err
	}
	p.block(name, string(text))
	return nil
}

package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/internal/printable"
)

// screen is a terminal: somebody reads it while it is written.
type screen struct {
	io.Writer
	colours bool
}

// stream is w, as a screen if it is one. NO_COLOR is https://no-color.org.
func (p process) stream(w io.Writer) io.Writer {
	if p.terminal == nil {
		p.terminal = isTerminal
	}
	if !p.terminal(w) {
		return w
	}
	plain, _ := p.lookup("NO_COLOR")
	kind, _ := p.lookup("TERM")
	return screen{w, plain == "" && kind != "" && kind != "dumb"}
}

// isTerminal says whether w is a character device other than the null device.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	null, _ := os.Stat(os.DevNull)
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && !os.SameFile(info, null)
}

// plain is text that no terminal obeys: names come from clusters and accounts of others.
func plain(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		lines[i] = printable.Text(lines[i])
	}
	return strings.Join(lines, "\n") + "\n"
}

// note writes for people, to standard error.
func note(w io.Writer, format string, args ...any) {
	fmt.Fprint(w, plain(fmt.Sprintf(format, args...)))
}

var (
	verdict = regexp.MustCompile(`(?m)(^|: )[a-z]+\b`)
	colours = map[string]string{
		"ok": "32", "passed": "32", "allowed": "32", "holds": "32", "warning": "33", "undecided": "33",
		"error": "31", "broken": "31", "failed": "31", "fails": "31", "denied": "31",
	}
)

// coloured has the verdicts in green, yellow and red.
func coloured(text string) string {
	return verdict.ReplaceAllStringFunc(text, func(found string) string {
		word := strings.TrimPrefix(found, ": ")
		if colours[word] == "" {
			return found
		}
		return found[:len(found)-len(word)] + "\x1b[" + colours[word] + "m" + word + "\x1b[0m"
	})
}

// progress counts what is read, for who waits at a terminal. The result ends the count.
func progress(cmd *cobra.Command, what string) (counted func(n int), end func()) {
	w, ok := cmd.ErrOrStderr().(screen)
	total, shown, next := 0, "", time.Now().Add(time.Second/2)
	counted = func(n int) {
		if total += n; ok && time.Now().After(next) {
			shown = fmt.Sprintf("%d %s", total, printable.Text(what))
			fmt.Fprint(w, "\r"+shown)
			next = time.Now().Add(time.Second / 5)
		}
	}
	return counted, func() {
		if shown != "" {
			fmt.Fprintf(w, "\r%*s\r", len(shown), "")
		}
	}
}

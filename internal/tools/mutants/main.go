// Mutants asks what the tests would not notice. It changes one thing at a time in the given Go
// files, such as a comparison, a constant or a statement, runs the tests of their packages, and
// prints the changes after which all tests still pass. No file of the tree is touched: the tests
// run with go's -overlay.
//
// From the root of a module:
//
//	go -C internal/tools build -o /tmp/mutants ./mutants
//	nice /tmp/mutants trust/eval_operator.go
//
// It exits with 1 when a mutant survives.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"
)

// errSurvivors says that the tests have gaps.
var errSurvivors = errors.New("mutants survive")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout); {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errSurvivors):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	functions := flags.String("func", "", "change only functions whose name matches this `regexp`")
	test := tester{}
	flags.StringVar(&test.packages, "tests", "", "run the tests of these `packages`, separated by spaces (default: each file's own)")
	flags.StringVar(&test.run, "run", "", "run only tests that match this `regexp`, as go test does")
	flags.StringVar(&test.skip, "skip", "", "skip tests that match this `regexp`, as go test does")
	flags.DurationVar(&test.timeout, "timeout", time.Minute, "how long the tests of one mutant may take; longer counts as noticed")
	list := flags.Bool("list", false, "print the mutants and run nothing")
	verbose := flags.Bool("v", false, "print every mutant with what became of it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("no files given")
	}
	only, err := regexp.Compile(*functions)
	if err != nil {
		return fmt.Errorf("-func: %w", err)
	}
	var mutants []mutant
	for _, name := range flags.Args() {
		found, err := mutantsOf(name, only)
		if err != nil {
			return err
		}
		mutants = append(mutants, found...)
	}
	if *list {
		for _, m := range mutants {
			fmt.Fprintln(out, m)
		}
		return nil
	}
	return judge(ctx, test, mutants, *verbose, out)
}

// judge runs the tests for each mutant and reports those that survive.
func judge(ctx context.Context, test tester, mutants []mutant, verbose bool, out io.Writer) error {
	clean, err := newOverlay()
	if err != nil {
		return err
	}
	defer clean.remove()
	for _, file := range filesOf(mutants) {
		if became, output := test.judge(ctx, file, clean.none()); became != survived {
			return fmt.Errorf("the tests fail before anything is changed: %s\n%s", file, output)
		}
	}
	count := map[outcome]int{}
	for _, m := range mutants {
		path, err := clean.with(m)
		if err != nil {
			return err
		}
		became, _ := test.judge(ctx, m.file, path)
		if err := ctx.Err(); err != nil {
			return err
		}
		count[became]++
		if verbose || became == survived {
			fmt.Fprintf(out, "%s: %s\n", m, became)
		}
	}
	fmt.Fprintf(out, "%d mutants: %d noticed, %d too slow, %d that do not compile, %d survive\n",
		len(mutants), count[noticed], count[tooSlow], count[broken], count[survived])
	if count[survived] > 0 {
		return errSurvivors
	}
	return nil
}

// filesOf returns the files of the mutants, each once.
func filesOf(mutants []mutant) []string {
	var files []string
	for _, m := range mutants {
		if len(files) == 0 || files[len(files)-1] != m.file {
			files = append(files, m.file)
		}
	}
	return files
}

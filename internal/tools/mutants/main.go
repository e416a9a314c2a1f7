// Mutants asks what the tests would not notice. It changes one thing at a time in the given Go
// files, such as a comparison, a constant or a statement, runs the tests of their packages, and
// prints the changes after which all tests still pass. No file of the tree is touched: go's
// -overlay puts others in their place. Most changes are built together, see -quick.
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
	"slices"
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
	flags.StringVar(&test.first, "first", "", "run the tests that match this `regexp` before the others, for speed")
	flags.StringVar(&test.skip, "skip", "", "skip tests that match this `regexp`, as go test does")
	flags.DurationVar(&test.timeout, "timeout", time.Minute, "how long the tests of one mutant may take; longer counts as noticed")
	flags.BoolVar(&test.quick, "quick", false, "only the changes that are built together: few numbers, no cases of a switch")
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
	count, total := map[outcome]int{}, 0
	for len(mutants) > 0 {
		n := slices.IndexFunc(mutants, func(m mutant) bool { return m.file != mutants[0].file })
		if n < 0 {
			n = len(mutants)
		}
		err := judgeFile(ctx, test, mutants[:n], func(m mutant, became outcome) {
			total++
			count[became]++
			if verbose || became == survived {
				fmt.Fprintf(out, "%s: %s\n", m, became)
			}
		})
		if err != nil {
			return err
		}
		mutants = mutants[n:]
	}
	fmt.Fprintf(out, "%d mutants: %d noticed, %d too slow, %d that do not compile, %d survive\n",
		total, count[noticed], count[tooSlow], count[broken], count[survived])
	if count[survived] > 0 {
		return errSurvivors
	}
	return nil
}

// judgeFile reports what became of each mutant of one file.
func judgeFile(ctx context.Context, test tester, mutants []mutant, report func(mutant, outcome)) error {
	alone, err := newOverlay()
	if err != nil {
		return err
	}
	defer alone.remove()
	if became, output := test.judge(ctx, mutants[0].file, alone.none()); became != survived {
		return fmt.Errorf("the tests fail before anything is changed: %s\n%s", mutants[0].file, output)
	}
	board, switched, err := test.build(ctx, mutants)
	defer board.remove()
	if err != nil {
		fmt.Fprintf(os.Stderr, "mutants: %s: the changes are built one by one: %v\n", mutants[0].shown, err)
	}
	for i, m := range mutants {
		var became outcome
		switch {
		case slices.Contains(switched, i):
			became = board.judge(ctx, test, i)
		case test.quick:
			continue
		default:
			path, err := alone.with(m)
			if err != nil {
				return err
			}
			became, _ = test.judge(ctx, m.file, path)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		report(m, became)
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// format is the value of --output. What it cannot be is refused before anything is done.
type format struct {
	name    string
	allowed []string
}

func (f *format) String() string { return f.name }
func (f *format) Type() string   { return "string" }

// Set is for the command line.
func (f *format) Set(name string) error {
	if !slices.Contains(f.allowed, name) {
		return fmt.Errorf("want one of %s", strings.Join(f.allowed, ", "))
	}
	f.name = name
	return nil
}

// setFormats gives a subcommand formats of its own; the first one is what it prints by itself.
func setFormats(cmd *cobra.Command, usage string, allowed ...string) {
	cmd.Flags().VarP(&format{allowed[0], allowed}, "output", "o", usage)
	completes(cmd, "output", allowed...)
}

// completes says what the shell can complete a flag's value to.
func completes(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

// output is the format that was asked for.
func output(cmd *cobra.Command) string { return cmd.Flag("output").Value.String() }

// words are a text that is the report.
type words string

func (w words) String() string { return string(w) }

// show prints a report in the format that was asked for. Reports marshal to JSON for programs; those
// that have a String have that for people.
func show(cmd *cobra.Command, report any) error { return print(cmd, output(cmd), report) }

// conclude ends a command that has shown a report, with errFound when it is bad news.
func conclude(err error, found bool) error {
	if err == nil && found {
		return errFound
	}
	return err
}

func print(cmd *cobra.Command, format string, report any) error {
	var text []byte
	var err error
	switch forPeople, ok := report.(fmt.Stringer); {
	case format == "yaml":
		text, err = yaml.Marshal(report)
	case format == "json" || !ok:
		text, err = json.MarshalIndent(report, "", "  ")
		text = append(text, '\n')
	case forPeople.String() != "": // else nothing is to be said
		lines := plain(forPeople.String())
		if s, ok := cmd.OutOrStdout().(screen); ok && s.colours {
			lines = coloured(lines)
		}
		text = []byte(lines)
	}
	if err == nil {
		_, err = cmd.OutOrStdout().Write(text)
	}
	return err
}

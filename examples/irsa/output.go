package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// show prints a report in the format that was asked for. Reports have a String for people and
// marshal to JSON for programs.
func show(cmd *cobra.Command, report fmt.Stringer) error {
	format, err := cmd.Flags().GetString("output")
	if err != nil {
		return err
	}
	return print(cmd.OutOrStdout(), format, report)
}

func print(w io.Writer, format string, report fmt.Stringer) error {
	var text []byte
	var err error
	switch format {
	case "text":
		text = []byte(strings.TrimRight(report.String(), "\n") + "\n")
	case "json":
		text, err = json.MarshalIndent(report, "", "  ")
		text = append(text, '\n')
	case "yaml":
		text, err = yaml.Marshal(report)
	default:
		return fmt.Errorf("--output: it is %q, want text, json or yaml", format)
	}
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

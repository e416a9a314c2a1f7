// Command gate fails a build for trust policies that are dangerous or that IAM refuses, in Terraform
// plans (terraform show -json), CloudFormation templates and whatever else trust.Extract reads.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/irsa-go/irsa/trust"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

// run returns 1 when it has found something, and 2 when it could not look.
func run(files []string, out io.Writer) (code int) {
	for _, file := range files {
		document, err := os.ReadFile(file)
		if err != nil {
			fmt.Fprintln(out, err)
			return 2
		}
		roles, err := trust.Extract(document)
		if err != nil {
			fmt.Fprintf(out, "%s: %v\n", file, err)
			return 2
		}
		for _, role := range roles {
			at := fmt.Sprintf("%s:%d:%d: %s", file, role.Line, role.Column, role.Name)
			if role.Err != nil { // nobody knows whom it admits
				fmt.Fprintf(out, "%s: %v\n", at, role.Err)
				code = 1
				continue
			}
			for _, finding := range role.Policy.Lint() {
				if finding.Severity >= trust.SeverityWarning {
					fmt.Fprintf(out, "%s: %v\n", at, finding)
					code = 1
				}
			}
		}
	}
	return code
}

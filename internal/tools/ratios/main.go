// Command ratios reads what "go test -bench -count=N" prints and writes the project's table of
// figures: times as the median of the runs, and ratios of two benchmarks of the same run, with the
// least and the greatest.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
)

// row is a line of the table: a benchmark, and the one that it is held against, if any.
type row struct{ what, ours, against, theirs string }

func rows() []row {
	var all []row
	for _, size := range []struct{ bytes, name string }{{"600", "0.6 KB"}, {"3000", "3 KB"}, {"60000", "60 KB"}} {
		all = append(all,
			row{"whole admission, " + size.name, "Admission/" + size.bytes + "/handler", "a typed webhook", "Admission/" + size.bytes + "/a-typed-webhook"},
			row{"whole admission, " + size.name, "Admission/" + size.bytes + "/handler", "a webhook that uses CreatePatch", "Admission/" + size.bytes + "/b-create-patch-webhook"},
			row{"RawPod, " + size.name, "Raw/" + size.bytes + "/RawPod", "a typed round trip", "Raw/" + size.bytes + "/a-typed-round-trip"},
			row{"RawPod, " + size.name, "Raw/" + size.bytes + "/RawPod", "a pass of json.Valid", "Raw/" + size.bytes + "/c-json-valid"},
		)
	}
	return append(all,
		row{"cached credentials", "CachedRetrieve/Provider/one", "aws.CredentialsCache", "CachedRetrieve/CredentialsCache/one"},
		row{"cached credentials, many goroutines", "CachedRetrieve/Provider/many", "aws.CredentialsCache", "CachedRetrieve/CredentialsCache/many"},
		row{"the clock alone", "CachedRetrieve/Clock/one", "", ""},
		row{"cached credentials, beyond the clock", "CachedRetrieve/Provider/beyond", "aws.CredentialsCache", "CachedRetrieve/CredentialsCache/beyond"},
		row{"a token verified", "VerifyRS256/Verifier", "go-jose alone", "VerifyRS256/go-jose"},
		row{"a thumbprint", "Thumbprints/Thumbprints", "a bare dial and fetch", "Thumbprints/bare"},
		row{"a verdict", "Allows/one", "", ""},
		row{"Lint at the quota", "LintAtTheQuota", "", ""},
		row{"Parse at the quota", "ParseAtTheQuota", "", ""},
		row{"a proof, a typical pair", "Within/typical/holds", "", ""},
		row{"a proof, a pair at the quota", "Within/quota/holds", "", ""},
	)
}

func main() {
	if err := report(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op`)

// report fails when a benchmark of the table is missing: a table with holes is not the table.
func report(in io.Reader, out io.Writer) error {
	runs := map[string][]float64{}
	scanner := bufio.NewScanner(in)
	for scanner.Scan() {
		if m := line.FindStringSubmatch(scanner.Text()); m != nil {
			ns, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				return err
			}
			runs[m[1]] = append(runs[m[1]], ns)
		}
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	for _, who := range []string{"Provider", "CredentialsCache"} {
		runs["CachedRetrieve/"+who+"/beyond"] = less(runs["CachedRetrieve/"+who+"/one"], runs["CachedRetrieve/Clock/one"])
	}
	fmt.Fprintln(out, "| what | takes | times faster than | by (least to greatest) |\n|---|---|---|---|")
	for _, r := range rows() {
		ours, theirs := runs[r.ours], runs[r.theirs]
		if len(ours) == 0 || r.theirs != "" && len(theirs) != len(ours) {
			return fmt.Errorf("%s: there are %d runs of %s and %d of %s", r.what, len(ours), r.ours, len(theirs), r.theirs)
		}
		by := ""
		if r.theirs != "" {
			ratios := make([]float64, len(ours))
			for i := range ours {
				ratios[i] = theirs[i] / ours[i]
			}
			slices.Sort(ratios)
			by = fmt.Sprintf("%.1f (%.1f to %.1f)", median(ratios), ratios[0], ratios[len(ratios)-1])
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", r.what, duration(median(ours)), r.against, by)
	}
	return nil
}

// less takes from each run what its part takes alone; a run of which nothing is left is none.
func less(runs, parts []float64) []float64 {
	var left []float64
	for i := range min(len(runs), len(parts)) {
		if runs[i] > parts[i] {
			left = append(left, runs[i]-parts[i])
		}
	}
	return left
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// duration prints nanoseconds with three digits.
func duration(ns float64) string {
	unit := "ns"
	for _, larger := range []string{"µs", "ms", "s"} {
		if ns < 999.5 {
			break
		}
		ns, unit = ns/1000, larger
	}
	return fmt.Sprintf("%.3g %s", ns, unit)
}

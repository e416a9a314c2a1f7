// Command ratios reads what "go test -bench -count=N" prints and writes the project's table of
// figures: times and sizes as the median of the runs, and ratios of two benchmarks of the same run, with the
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
	"strings"
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
		row{"cold credentials, without the way to STS", "Cold/Provider", "aws.CredentialsCache with stscreds", "Cold/stscreds"},
		row{"memory of an identity, of 10,000 in a Pool", "TenThousandIdentities/Pool B/identity", "aws.CredentialsCache with stscreds", "TenThousandIdentities/stscreds B/identity"},
		row{"a token verified", "VerifyRS256/Verifier", "go-jose alone", "VerifyRS256/go-jose"},
		row{"a thumbprint", "Thumbprints/Thumbprints", "a bare dial and fetch", "Thumbprints/bare"},
		row{"a verdict", "Allows/one", "", ""},
		row{"Lint at the quota", "LintAtTheQuota", "", ""},
		row{"Parse at the quota", "ParseAtTheQuota", "", ""},
		row{"an audit of 10,000 roles and 50,000 accounts", "Index/10000", "", ""},
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

var (
	line  = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)`)
	value = regexp.MustCompile(`([0-9.]+) (ns/op|B/identity)`)
)

// report fails when a benchmark of the table is missing: a table with holes is not the table.
func report(in io.Reader, out io.Writer) error {
	runs := map[string][]float64{}
	scanner := bufio.NewScanner(in)
	for scanner.Scan() {
		m := line.FindStringSubmatch(scanner.Text())
		if m == nil {
			continue
		}
		for _, v := range value.FindAllStringSubmatch(m[2], -1) {
			n, err := strconv.ParseFloat(v[1], 64)
			if err != nil {
				return err
			}
			name := strings.TrimSuffix(m[1]+" "+v[2], " ns/op")
			runs[name] = append(runs[name], n)
		}
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	beyondTheClock(runs)
	fmt.Fprintln(out, "| what | takes | times less than | by (least to greatest) |\n|---|---|---|---|")
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
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", r.what, amount(r.ours, median(ours)), r.against, by)
	}
	return nil
}

// beyondTheClock adds what cached credentials take without the reading of the clock. A run in which
// nothing is left of the one or the other was disturbed: it does not count for either.
func beyondTheClock(runs map[string][]float64) {
	const ours, theirs = "CachedRetrieve/Provider/", "CachedRetrieve/CredentialsCache/"
	clock := runs["CachedRetrieve/Clock/one"]
	var left, leftOfTheirs []float64
	for i := range min(len(clock), len(runs[ours+"one"]), len(runs[theirs+"one"])) {
		a, b := runs[ours+"one"][i]-clock[i], runs[theirs+"one"][i]-clock[i]
		if a > 0 && b > 0 {
			left, leftOfTheirs = append(left, a), append(leftOfTheirs, b)
		}
	}
	runs[ours+"beyond"], runs[theirs+"beyond"] = left, leftOfTheirs
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// amount prints nanoseconds, or the bytes of a benchmark named by that metric, with three digits.
func amount(name string, n float64) string {
	unit, larger := "ns", []string{"µs", "ms", "s"}
	if strings.HasSuffix(name, " B/identity") {
		unit, larger = "B", []string{"kB", "MB", "GB"}
	}
	for _, next := range larger {
		if n < 999.5 {
			break
		}
		n, unit = n/1000, next
	}
	return fmt.Sprintf("%.3g %s", n, unit)
}

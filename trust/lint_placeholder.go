package trust

import (
	"regexp"
	"strings"

	"github.com/irsa-go/irsa/internal/partition"
)

var (
	bracedShape = regexp.MustCompile(`\{[^{}]*\}|<[^<>]+>|\$\(|\$[A-Za-z_]|%[A-Z_]+%`)
	// uuidShape: Bitbucket writes the ids of repositories and steps so
	// (https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/).
	uuidShape = regexp.MustCompile(`^\{[0-9A-Fa-f*?-]{8,}\}$`)
	// wordShape: capitals as documentation has them where a value belongs.
	wordShape = regexp.MustCompile(`(^|[^A-Za-z0-9_])((MY_|YOUR_)?(AWS_|EKS_)?(ACCOUNT|REGION|CLUSTER|OIDC|PROVIDER|ISSUER|NAMESPACE|SERVICE_ACCOUNT|ROLE)(_[A-Z]+)*)($|[^A-Za-z0-9_])`)
)

func (l *linter) placeholder(found, path string) {
	l.add(CodePlaceholder, path, quote(found)+" looks like a placeholder that nothing filled in", "Put the value in its place")
}

// findPlaceholder finds what a template should have filled in, "" for nothing.
// Variables of IAM's own are not for principals, so there "${" is always one.
func findPlaceholder(value string) string {
	if strings.ContainsAny(value, "{<$%") {
		for _, found := range bracedShape.FindAllString(value, -1) {
			if !uuidShape.MatchString(found) {
				return found
			}
		}
	}
	if hasCapitals(value) {
		if m := wordShape.FindStringSubmatch(value); m != nil {
			return m[2]
		}
	}
	if region, ok := eksRegion(issuerOf(value)); ok {
		if _, ok := partition.ByRegion(region); !ok {
			return region
		}
	}
	return ""
}

// hasCapitals says whether four capitals stand together: as many as the shortest word has.
func hasCapitals(s string) bool {
	run := 0
	for i := 0; i < len(s); i++ {
		if s[i] < 'A' || s[i] > 'Z' {
			run = 0
		} else if run++; run == 4 {
			return true
		}
	}
	return false
}

package google

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/internal/printable"
)

// Config is what one cluster wants of the mutation. The zero value reads pfnet's annotations and
// has no defaults of the cluster's own.
type Config struct {
	// Audience is the default of the annotation audience. "": the provider's own,
	// https://iam.googleapis.com/PROVIDER, which every provider accepts unless it lists others.
	// pfnet's webhook has sts.googleapis.com.
	Audience string

	// DefaultMode is the mode of the volume's files. 0: Kubernetes' own, 0644, so that containers
	// that do not run as root can read them. pfnet's webhook has 0440, which needs an fsGroup.
	DefaultMode int32

	// Project is the value of CLOUDSDK_CORE_PROJECT and GOOGLE_CLOUD_PROJECT. "": the former is
	// the project in the service account's e-mail address, if it has one, and the latter is
	// not added.
	Project string

	// ComputeRegion is the value of CLOUDSDK_COMPUTE_REGION. "": it is not added.
	ComputeRegion string

	// UniverseDomain is the domain of the services of a cloud that is run apart from Google's own,
	// such as a sovereign one: tokens are traded there, and client libraries and gcloud are told.
	// "": googleapis.com.
	UniverseDomain string
}

func (c Config) check() error {
	var errs []error
	fail := func(field string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("config: %s: %w", field, err))
		}
	}
	fail("Audience", checkAudience(c.Audience))
	if c.DefaultMode < 0 || c.DefaultMode > 0o777 {
		fail("DefaultMode", fmt.Errorf("%#o is not a file mode up to 0777", c.DefaultMode))
	}
	fail("Project", checkWord(c.Project, ":"))
	fail("ComputeRegion", checkWord(c.ComputeRegion, ""))
	if c.UniverseDomain != "" && kubename.CheckServiceAccount(c.UniverseDomain) != nil { // a DNS subdomain too
		fail("UniverseDomain", fmt.Errorf("%s is not a domain", printable.Quoted(c.UniverseDomain)))
	}
	return errors.Join(errs...)
}

// checkAudience admits printable text; "" stands for the default.
func checkAudience(s string) error {
	if !printable.Is(s) {
		return errors.New("want " + wantAudience)
	}
	return nil
}

const wantAudience = "printable UTF-8"

// checkWord admits letters, digits, '.', '_', '-' and more, and "".
func checkWord(s, more string) error {
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') && !strings.ContainsRune("._-"+more, r)
	}
	if len(s) > 253 || strings.ContainsFunc(s, odd) {
		return fmt.Errorf("%s has a character that cannot be in it, or more than 253", printable.Quoted(s))
	}
	return nil
}

const wantProvider = "projects/NUMBER/locations/LOCATION/workloadIdentityPools/POOL/providers/PROVIDER"

// The patterns of a provider's full name and of a service account's e-mail address or "". What
// they admit becomes part of URLs and of JSON as it is.
const (
	providerPattern = `^projects/` + segment + `/locations/` + segment + `/workloadIdentityPools/` + segment + `/providers/` + segment + `$`
	segment         = `[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,252}`
	emailPattern    = `^([A-Za-z0-9._-]{1,253}@[A-Za-z0-9._-]{1,253})?$`
)

// The patterns of annotations that make no difference.
const (
	modePattern, wantMode = `^(?i:gcloud|direct)?$`, `"gcloud" or "direct"`
	userPattern, wantUser = `^[+-]?[0-9]{1,18}$`, "a user id"
)

var (
	providerRegexp, emailRegexp = regexp.MustCompile(providerPattern), regexp.MustCompile(emailPattern)
	modeRegexp, userRegexp      = regexp.MustCompile(modePattern), regexp.MustCompile(userPattern)
)

func checkProvider(s string) error {
	if !providerRegexp.MatchString(s) {
		return errors.New("want " + wantProvider)
	}
	return nil
}

const wantEmail = "an e-mail address such as reader@my-project.iam.gserviceaccount.com"

func checkEmail(s string) error {
	if !emailRegexp.MatchString(s) {
		return errors.New("want " + wantEmail)
	}
	return nil
}

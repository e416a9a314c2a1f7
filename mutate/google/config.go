package google

import (
	"errors"
	"fmt"
	"strings"

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
	return errors.Join(errs...)
}

// checkAudience admits printable text; "" stands for the default.
func checkAudience(s string) error {
	if !printable.Is(s) {
		return errors.New("want printable UTF-8")
	}
	return nil
}

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

// checkProvider admits the full name of a workload identity pool provider.
func checkProvider(s string) error {
	parts, want := strings.Split(s, "/"), strings.Split(wantProvider, "/")
	ok := len(parts) == len(want)
	for i := 0; ok && i < len(parts); i++ {
		if i%2 == 0 {
			ok = parts[i] == want[i]
		} else {
			ok = parts[i] != "" && checkWord(parts[i], ":") == nil && strings.Trim(parts[i], ".") != ""
		}
	}
	if !ok {
		return errors.New("want " + wantProvider)
	}
	return nil
}

// checkEmail admits the e-mail address of a service account, which becomes part of a URL.
func checkEmail(s string) error {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || checkWord(local, "") != nil || checkWord(domain, "") != nil {
		return errors.New("want an e-mail address such as reader@my-project.iam.gserviceaccount.com")
	}
	return nil
}

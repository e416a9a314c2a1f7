package azure

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/internal/literal"
	"github.com/irsa-go/irsa/internal/printable"
)

// Config is what one cluster wants of the mutation. TenantID is required.
type Config struct {
	// TenantID is the Entra tenant of accounts without the annotation tenant-id, its id or one of
	// its domain names.
	TenantID string

	// Cloud is the Azure cloud whose Entra gives the tokens. Zero: PublicCloud.
	Cloud Cloud

	// Audience is the token's audience, as the federated credentials have it.
	// "": api://AzureADTokenExchange. Sovereign clouds may want another one.
	Audience string

	// Layout says where the token is mounted. Zero: LayoutV1_6.
	Layout Layout

	// IdentityBinding is what pods get that ask for an identity binding of AKS. The zero value:
	// they are warned and get what others get.
	IdentityBinding IdentityBinding
}

// Cloud is one of the Azure clouds.
type Cloud uint8

// The clouds.
const (
	PublicCloud Cloud = iota
	ChinaCloud
	USGovernmentCloud
	GermanCloud
)

// authorityHost returns the URL of the cloud's Entra, the value of AZURE_AUTHORITY_HOST; "" for
// an unknown cloud.
func (c Cloud) authorityHost() string {
	switch c {
	case PublicCloud:
		return "https://login.microsoftonline.com/"
	case ChinaCloud:
		return "https://login.chinacloudapi.cn/"
	case USGovernmentCloud:
		return "https://login.microsoftonline.us/"
	case GermanCloud:
		return "https://login.microsoftonline.de/"
	}
	return ""
}

// String returns the cloud's name as AZURE_ENVIRONMENT has it, such as "AzurePublicCloud".
func (c Cloud) String() string {
	names := [...]string{"AzurePublicCloud", "AzureChinaCloud", "AzureUSGovernmentCloud", "AzureGermanCloud"}
	if int(c) < len(names) {
		return names[c]
	}
	return "Cloud(" + strconv.Itoa(int(c)) + ")"
}

// Layout says how volume, mount and token file are named.
type Layout uint8

const (
	// LayoutV1_6 is that of azure-workload-identity 1.6: the volume's name follows from the
	// pod's, and the token is at /var/run/secrets/azure/wi/token/azure-identity-token.
	LayoutV1_6 Layout = iota
	// LayoutV1_5 is that of versions up to 1.5: the volume is azure-identity-token, and the token
	// is at /var/run/secrets/azure/tokens/azure-identity-token.
	LayoutV1_5
)

// IdentityBinding is the token endpoint in the cluster that AKS offers, for pods with the
// annotation azure.workload.identity/use-identity-binding. At most one of CAData, CAConfigMap and
// TrustBundleSigner may be given; without any, clients trust what their container's system trusts.
type IdentityBinding struct {
	// TokenProxy is the endpoint's URL, AZURE_KUBERNETES_TOKEN_PROXY. Required, unless everything
	// is zero.
	TokenProxy string
	// SNIName is AZURE_KUBERNETES_SNI_NAME. "": it is left out.
	SNIName string
	// Audience is that of the token. "": api://AKSIdentityBinding. It must differ from
	// Config.Audience.
	Audience string

	// CAData is AZURE_KUBERNETES_CA_DATA. AZURE_KUBERNETES_CA_FILE stands beside it, as in
	// azure-workload-identity 1.6.0, and Microsoft's clients refuse both together: prefer a
	// CAConfigMap.
	CAData string
	// CAConfigMap is a ConfigMap in the pod's namespace whose key ca.crt is mounted.
	CAConfigMap string
	// TrustBundleSigner is the signer of the ClusterTrustBundles that are mounted.
	TrustBundleSigner string
	// TrustBundleLabels choose among the signer's bundles. nil: all.
	TrustBundleLabels map[string]string
}

func (b IdentityBinding) isZero() bool {
	return b.TokenProxy == "" && b.SNIName == "" && b.Audience == "" && b.CAData == "" &&
		b.CAConfigMap == "" && b.TrustBundleSigner == "" && len(b.TrustBundleLabels) == 0
}

const (
	defaultAudience        = "api://AzureADTokenExchange"
	defaultBindingAudience = "api://AKSIdentityBinding"
)

func (c Config) audience() string { return cmp.Or(c.Audience, defaultAudience) }

func (b IdentityBinding) audience() string { return cmp.Or(b.Audience, defaultBindingAudience) }

// check reports everything wrong with c, joined.
func (c Config) check() error {
	var errs []error
	fail := func(field string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("config: %s: %w", field, err))
		}
	}
	if c.TenantID == "" {
		fail("TenantID", errors.New("it is required"))
	} else {
		fail("TenantID", checkID(c.TenantID))
	}
	if c.Cloud.authorityHost() == "" {
		fail("Cloud", fmt.Errorf("%d is unknown", c.Cloud))
	}
	if c.Layout > LayoutV1_5 {
		fail("Layout", fmt.Errorf("%d is unknown", c.Layout))
	}
	fail("Audience", checkText(c.Audience))
	if !c.IdentityBinding.isZero() {
		fail("IdentityBinding", c.IdentityBinding.check(c))
	}
	return errors.Join(errs...)
}

func (b IdentityBinding) check(c Config) error {
	var errs []error
	if !strings.HasPrefix(b.TokenProxy, "https://") {
		errs = append(errs, errors.New("TokenProxy must be a URL that begins with https://"))
	}
	for field, text := range map[string]string{
		"TokenProxy": b.TokenProxy, "SNIName": b.SNIName, "Audience": b.Audience, "CAData": b.CAData,
		"TrustBundleSigner": b.TrustBundleSigner,
	} {
		if err := checkText(text); err != nil {
			errs = append(errs, fmt.Errorf("%s %w", field, err))
		}
	}
	if b.CAConfigMap != "" && kubename.CheckServiceAccount(b.CAConfigMap) != nil {
		errs = append(errs, fmt.Errorf("CAConfigMap %q is not a name of a ConfigMap", b.CAConfigMap))
	}
	given := 0
	for _, ca := range []string{b.CAData, b.CAConfigMap, b.TrustBundleSigner} {
		if ca != "" {
			given++
		}
	}
	if given > 1 {
		errs = append(errs, errors.New("at most one of CAData, CAConfigMap and TrustBundleSigner may be given"))
	}
	if len(b.TrustBundleLabels) > 0 && b.TrustBundleSigner == "" {
		errs = append(errs, errors.New("TrustBundleLabels need a TrustBundleSigner"))
	}
	if c.Layout == LayoutV1_5 {
		errs = append(errs, errors.New("LayoutV1_5 does not have identity bindings"))
	}
	if b.audience() == c.audience() {
		errs = append(errs, errors.New("its Audience must differ from Config.Audience"))
	}
	return errors.Join(errs...)
}

// checkText admits printable text that Kubernetes leaves as it is in the value of a variable.
func checkText(s string) error {
	if !printable.Is(s) || !literal.Is(s) {
		return fmt.Errorf("%q must be printable UTF-8 without $( and $$", s)
	}
	return nil
}

// idPattern is that of ids and domain names, and of "".
const idPattern = `^[A-Za-z0-9._-]{0,253}$`

var idRegexp = regexp.MustCompile(idPattern)

const wantID = "letters, digits, '-', '.' and '_', at most 253"

func checkID(s string) error {
	if !idRegexp.MatchString(s) {
		return errors.New("want " + wantID)
	}
	return nil
}

package google

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
)

// externalAccount is what client libraries read from GOOGLE_APPLICATION_CREDENTIALS
// (https://google.aip.dev/auth/4117).
type externalAccount struct {
	Universe         string `json:"universe_domain,omitempty"`
	Type             string `json:"type"`
	Audience         string `json:"audience"`
	SubjectTokenType string `json:"subject_token_type"`
	TokenURL         string `json:"token_url"`
	TokenInfoURL     string `json:"token_info_url,omitempty"`
	ImpersonationURL string `json:"service_account_impersonation_url,omitempty"`
	CredentialSource struct {
		File   string `json:"file"`
		Format struct {
			Type string `json:"type"`
		} `json:"format"`
	} `json:"credential_source"`
}

// credentials is the configuration, on one line. Where the services are in another domain, the
// provider's name is the same: it is a name, not an address.
func (m *Mutator) credentials(v values) (string, error) {
	domain := cmp.Or(m.cfg.UniverseDomain, "googleapis.com")
	c := externalAccount{
		Universe: m.cfg.UniverseDomain,
		Type:     "external_account", Audience: "//iam.googleapis.com/" + v.provider,
		SubjectTokenType: "urn:ietf:params:oauth:token-type:jwt", TokenURL: "https://sts." + domain + "/v1/token",
	}
	if v.email == "" {
		c.TokenInfoURL = "https://sts." + domain + "/v1/introspect"
	} else {
		c.ImpersonationURL = "https://iamcredentials." + domain + "/v1/projects/-/serviceAccounts/" + v.email + ":generateAccessToken"
	}
	c.CredentialSource.File, c.CredentialSource.Format.Type = mountPath+"/"+tokenFile, "text"
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// project is the one that the e-mail address of a user-managed service account names; "" for
// others. In the address of a domain-scoped project it is written in another way than by its id.
func (id Identity) project() string {
	_, domain, _ := strings.Cut(id.ServiceAccountEmail, "@")
	project, ok := strings.CutSuffix(domain, ".iam.gserviceaccount.com")
	if !ok || strings.Contains(project, ".") {
		return ""
	}
	return project
}

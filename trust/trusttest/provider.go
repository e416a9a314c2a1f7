package trusttest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/oidc"
)

// The quotas of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html.
const (
	maxProviders   = 100
	maxClientIDs   = 100
	maxThumbprints = 5
)

func arnLimits() limits      { return limits{required: true, min: 20, max: 2048} }
func clientIDLimits() limits { return limits{min: 1, max: 255} }

// createProvider is CreateOpenIDConnectProvider. Without thumbprints it fetches one from the
// issuer, as IAM does
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html).
func (a *Account) createProvider(c *call) (any, error) {
	clientIDs := c.form.list("ClientIDList", 0, clientIDLimits(), false)
	thumbprints := c.form.list("ThumbprintList", 0, limits{min: 40, max: 40}, false)
	url := c.form.text("Url", limits{required: true, min: 1, max: 255})
	labels := c.form.tags()
	if err := c.form.err(); err != nil {
		return nil, err
	}
	if err := labels.checkUnique(); err != nil {
		return nil, err
	}
	iss, err := oidc.ParseIssuer(url)
	if err == nil {
		err = iss.CheckIAM()
	}
	if err != nil {
		// Recorded from AWS:
		// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_oidc.snapshot.json
		return nil, validationError("Invalid Open ID Connect Provider URL")
	}
	p := &provider{
		arn:       a.arn("iam", "oidc-provider/"+iss.HostPath()),
		url:       iss.HostPath(),
		clientIDs: unique(clientIDs),
		tags:      labels,
	}
	if p.thumbprints, err = checkThumbprints(thumbprints); err != nil {
		return nil, err
	}
	if len(p.clientIDs) > maxClientIDs {
		return nil, tooManyClientIDs()
	}
	a.mu.Lock()
	err = a.checkRoomFor(p, url)
	a.mu.Unlock()
	if err == nil && len(p.thumbprints) == 0 {
		p.thumbprints, err = a.fetchThumbprint(c, iss)
	}
	if err != nil {
		return nil, err
	}
	return a.addProvider(p, url)
}

// addProvider looks again: another call may have been faster while an issuer was asked.
func (a *Account) addProvider(p *provider, url string) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.checkRoomFor(p, url); err != nil {
		return nil, err
	}
	p.created = a.now()
	a.state.providers[p.arn] = p
	result := struct {
		OpenIDConnectProviderArn string
		Tags                     *members[tag] `xml:",omitempty"` // absent without tags, same source as checkRoomFor
	}{OpenIDConnectProviderArn: p.arn}
	if len(p.tags) > 0 {
		result.Tags = list(p.tags)
	}
	return result, nil
}

// checkRoomFor refuses a second provider of the issuer and one too many. The first text is recorded from AWS:
// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_oidc.snapshot.json.
// The caller holds a.mu.
func (a *Account) checkRoomFor(p *provider, url string) error {
	if _, taken := a.state.providers[p.arn]; taken {
		return alreadyExists("Provider with url %s already exists.", url)
	}
	if len(a.state.providers) >= maxProviders {
		// Seen in the field with terraform-provider-aws.
		return limitExceeded("Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", maxProviders)
	}
	return nil
}

// tooManyClientIDs is recorded from AWS, same source as checkRoomFor.
func tooManyClientIDs() error {
	return limitExceeded("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", maxClientIDs)
}

// checkThumbprints lower-cases and keeps duplicates, as IAM is observed to do. The text for
// other characters than hexadecimal digits is unproven.
func checkThumbprints(given []string) ([]string, error) {
	if len(given) > maxThumbprints {
		return nil, invalidInput("Thumbprint list must contain fewer than 5 entries.")
	}
	var kept []string
	for _, thumbprint := range given {
		lower := strings.ToLower(thumbprint)
		if strings.Trim(lower, "0123456789abcdef") != "" {
			return nil, invalidInput("Thumbprint must be a hexadecimal string.")
		}
		kept = append(kept, lower)
	}
	return kept, nil
}

func unique(items []string) []string {
	var kept []string
	for _, item := range items {
		if !slices.Contains(kept, item) {
			kept = append(kept, item)
		}
	}
	return kept
}

// providerOperation reads the ARN and whatever read reads, and does the rest under the lock.
func (a *Account) providerOperation(c *call, do func(*provider) (any, error)) (any, error) {
	arn := c.form.text("OpenIDConnectProviderArn", arnLimits())
	if err := c.form.err(); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":oidc-provider/") {
		// The form of the text is recorded for policy ARNs; unproven for providers.
		return nil, validationError("ARN %s is not valid.", arn)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p, err := a.findProvider(arn)
	if err != nil {
		return nil, err
	}
	return do(p)
}

func (a *Account) getProvider(c *call) (any, error) {
	return a.providerOperation(c, func(p *provider) (any, error) {
		return struct {
			Url            string
			ClientIDList   *members[string]
			ThumbprintList *members[string]
			CreateDate     string
			Tags           *members[tag]
		}{p.url, list(p.clientIDs), list(p.thumbprints), timestamp(p.created), list(p.tags)}, nil
	})
}

func (a *Account) listProviders(*call) (any, error) {
	type entry struct{ Arn string }
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []entry
	for _, p := range sortedBy(a.state.providers, func(p *provider) string { return p.arn }) {
		all = append(all, entry{p.arn})
	}
	return struct{ OpenIDConnectProviderList *members[entry] }{list(all)}, nil
}

// deleteProvider is not idempotent, whatever its documentation says. Recorded from AWS:
// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_oidc.snapshot.json.
func (a *Account) deleteProvider(c *call) (any, error) {
	result, err := a.providerOperation(c, func(p *provider) (any, error) {
		delete(a.state.providers, p.arn)
		return nil, nil
	})
	if refused, ok := err.(*refusal); ok && refused.code == "NoSuchEntity" {
		return nil, noSuchEntity("OpenId connect Provider %s cannot be found.", c.form.values.Get("OpenIDConnectProviderArn"))
	}
	return result, err
}

func (a *Account) addClientID(c *call) (any, error) {
	id := c.form.text("ClientID", limits{required: true, min: 1, max: 255})
	return a.providerOperation(c, func(p *provider) (any, error) {
		if slices.Contains(p.clientIDs, id) {
			return nil, nil // idempotent
		}
		if len(p.clientIDs) >= maxClientIDs {
			return nil, tooManyClientIDs()
		}
		p.clientIDs = append(p.clientIDs, id)
		return nil, nil
	})
}

func (a *Account) removeClientID(c *call) (any, error) {
	id := c.form.text("ClientID", limits{required: true, min: 1, max: 255})
	return a.providerOperation(c, func(p *provider) (any, error) {
		p.clientIDs = slices.DeleteFunc(slices.Clone(p.clientIDs), func(have string) bool { return have == id })
		return nil, nil // idempotent
	})
}

// updateThumbprint replaces the whole list; the texts are observed of IAM.
func (a *Account) updateThumbprint(c *call) (any, error) {
	given := c.form.list("ThumbprintList", 0, limits{min: 40, max: 40}, false)
	return a.providerOperation(c, func(p *provider) (any, error) {
		if len(given) == 0 {
			return nil, invalidInput("Thumbprint list must contain at least one entry.")
		}
		thumbprints, err := checkThumbprints(given)
		if err != nil {
			return nil, err
		}
		p.thumbprints = thumbprints
		return nil, nil
	})
}

func (a *Account) tagProvider(c *call) (any, error) {
	labels := c.form.tags()
	return a.providerOperation(c, func(p *provider) (any, error) {
		next, err := p.tags.merge(labels)
		if err != nil {
			return nil, err
		}
		p.tags = next
		return nil, nil
	})
}

func (a *Account) untagProvider(c *call) (any, error) {
	keys := c.form.tagKeys()
	return a.providerOperation(c, func(p *provider) (any, error) {
		p.tags = p.tags.without(keys)
		return nil, nil
	})
}

type tagPage struct {
	Tags *members[tag]
	pageMark
}

// pageOfTags is "sorted by tag key"
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoleTags.html).
func pageOfTags(t tags, at paging) (any, error) {
	sorted := slices.SortedFunc(slices.Values(t), func(a, b tag) int { return strings.Compare(a.Key, b.Key) })
	page, mark, err := cut(sorted, at)
	if err != nil {
		return nil, err
	}
	return tagPage{list(page), mark}, nil
}

func (a *Account) listProviderTags(c *call) (any, error) {
	at := c.form.paging()
	return a.providerOperation(c, func(p *provider) (any, error) { return pageOfTags(p.tags, at) })
}

// fetchThumbprint asks the live issuer. The text is the documented meaning of the code.
func (a *Account) fetchThumbprint(c *call, iss oidc.Issuer) ([]string, error) {
	thumbprint, err := a.issuerThumbprint(c.ctx, iss)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "OpenIdIdpCommunicationError",
			"The request failed because IAM cannot connect to the OpenID Connect identity provider URL.")
	}
	return []string{thumbprint}, nil
}

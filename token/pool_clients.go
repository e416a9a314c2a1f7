package token

import (
	"fmt"
	"regexp"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// maxClients bounds the clients that RegionalClients holds; AWS has some 40 regions.
const maxClients = 128

// regionForm is what may stand in the name of a host.
var regionForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// RegionalClients returns the function that [NewPool] asks for: an STS client for the Region and the
// Endpoint of a key, and those of cfg where the key has none. Keys share clients, which are made from
// cfg when they are first needed and need no credentials. It is safe for concurrent use.
func RegionalClients(cfg aws.Config) func(Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error) {
	cfg = cfg.Copy()
	cfg.Credentials = aws.AnonymousCredentials{}
	type place struct{ region, endpoint string }
	var mu sync.Mutex
	clients := map[place]*sts.Client{}
	return func(key Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error) {
		if key.Region != "" && !regionForm.MatchString(key.Region) {
			return nil, fmt.Errorf("region %q: want the name of one, such as eu-central-1", key.Region)
		}
		at := place{key.Region, key.Endpoint}
		mu.Lock()
		client := clients[at]
		mu.Unlock()
		if client != nil {
			return client, nil
		}
		client = sts.NewFromConfig(cfg, func(o *sts.Options) { // without the lock: it calls functions of cfg's
			if at.region != "" {
				o.Region = at.region
			}
			if at.endpoint != "" {
				o.BaseEndpoint = &at.endpoint
			}
		})
		mu.Lock()
		defer mu.Unlock()
		if others := clients[at]; others != nil {
			return others, nil
		}
		if len(clients) >= maxClients {
			clear(clients) // those in use stay with their identities
		}
		clients[at] = client
		return client, nil
	}
}

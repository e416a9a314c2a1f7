package trust_test

import (
	"encoding/json"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/trust"
)

func ExampleRequest_Session() {
	p, err := trust.NewProvider("aws", "111122223333", "https://issuer.example")
	if err != nil {
		log.Fatal(err)
	}
	var claims trust.Claims
	decoder := json.NewDecoder(strings.NewReader(`{"sub":"me","aud":"sts.amazonaws.com",
		"https://aws.amazon.com/tags":{"principal_tags":{"Team":["shop"]},"transitive_tag_keys":["Team"]},
		"https://aws.amazon.com/source_identity":"alice"}`))
	decoder.UseNumber()
	if err := decoder.Decode(&claims); err != nil {
		log.Fatal(err)
	}
	session := trust.WebIdentity(p, claims).Session()
	fmt.Println(session.Tags, session.TransitiveTagKeys, session.SourceIdentity)
	// Output:
	// map[Team:shop] [Team] alice
}

func TestARequestWithoutTagsHasNoSession(t *testing.T) {
	t.Parallel()
	assert.Zero(t, trust.Request{}.Session())
	assert.Zero(t, token(provider(t, blue), account(t, "shop", "cart")).Session())
	given := trust.AssumeRoleSession{
		PrincipalARN: "arn:aws:iam::111122223333:user/a", SessionTags: map[string]string{"A": "1", "b": "2"},
		TransitiveTagKeys: []string{"b"}, SourceIdentity: "alice",
	}
	assert.Equal(t, trust.Session{Tags: given.SessionTags, TransitiveTagKeys: []string{"b"}, SourceIdentity: "alice"},
		trust.AssumeRole(given).Session())
}

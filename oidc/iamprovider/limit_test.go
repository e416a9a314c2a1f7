package iamprovider_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func numbered(prefix string, n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%s%03d", prefix, i))
	}
	return list
}

func tagged(keys []string) map[string]string {
	tags := map[string]string{}
	for _, key := range keys {
		tags[key] = ""
	}
	return tags
}

func TestExactConvergesAtTheLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		haveIDs, wantIDs, keptIDs, haveTags, wantTags int
		fewest                                        int // client ids at any time
	}{
		"all replaced":             {100, 100, 0, 50, 50, 99},
		"one replaced":             {100, 100, 99, 50, 50, 99},
		"room for some":            {98, 5, 0, 48, 5, 5},
		"no room for the last one": {99, 2, 0, 50, 1, 2},
		"all kept":                 {100, 100, 100, 50, 0, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBox(t, trusttest.Config{})
				s := spec(t)
				s.ClientIDs, s.Tags = numbered("old", c.haveIDs), tagged(numbered("old", c.haveTags))
				b.ensure(t, s)
				b.wire.Writes()
				fewest, most := 1000, 0
				b.wire.After = func(string) {
					out, err := iam.NewFromConfig(b.AWSConfig()).GetOpenIDConnectProvider(t.Context(),
						&iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerARN)})
					if assert.NoError(t, err) {
						fewest, most = min(fewest, len(out.ClientIDList)), max(most, len(out.ClientIDList))
					}
				}
				s.ClientIDs = append(numbered("old", c.keptIDs), numbered("new", c.wantIDs-c.keptIDs)...)
				s.Tags, s.Exact = tagged(numbered("new", c.wantTags)), true
				b.ensure(t, s)
				b.wire.After = nil
				have := b.stored(t)
				assert.ElementsMatch(t, s.ClientIDs, have.ClientIDList)
				assert.Len(t, have.Tags, c.wantTags)
				assert.Equal(t, c.fewest, fewest, "never fewer than it must be")
				assert.LessOrEqual(t, most, 100)
				ids, tags := b.Calls("RemoveClientIDFromOpenIDConnectProvider")+b.Calls("AddClientIDToOpenIDConnectProvider"), b.Calls("UntagOpenIDConnectProvider")
				assert.Equal(t, c.haveIDs-c.keptIDs+c.wantIDs-c.keptIDs, ids, "no write more than it takes")
				assert.LessOrEqual(t, tags, 1)
				plan, err := iamprovider.Plan(t.Context(), b, s)
				require.NoError(t, err)
				assert.True(t, plan.Empty(), plan.String())
			})
		})
	}
}

func TestWithoutExactWhatDoesNotFitIsToldBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*iamprovider.Spec){
		"ClientIDs":   func(s *iamprovider.Spec) { s.ClientIDs = []string{"one-more"} },
		"Thumbprints": func(s *iamprovider.Spec) { s.Thumbprints = []string{strings.Repeat("9", 39) + "a"} },
		"Tags":        func(s *iamprovider.Spec) { s.Tags = map[string]string{"one-more": ""} },
	} {
		b := newBox(t, trusttest.Config{})
		full := spec(t)
		full.ClientIDs, full.Tags, full.Thumbprints = numbered("id", 100), tagged(numbered("tag", 50)), nil
		for i := range 5 {
			full.Thumbprints = append(full.Thumbprints, strings.Repeat(fmt.Sprint(i), 39)+"a")
		}
		b.ensure(t, full)
		b.wire.Writes()
		s := full
		change(&s)
		_, err := iamprovider.Ensure(t.Context(), b, s, iamprovider.Config{})
		var limit *iamprovider.LimitError
		require.ErrorAs(t, err, &limit, field)
		assert.Equal(t, field, limit.Field)
		assert.Contains(t, []int{101, 51, 6}, limit.Count)
		assert.NotEmpty(t, limit.Message)
		assert.Empty(t, b.wire.Writes())
	}
}

func TestAThumbprintThatIsAPlaceholderIsReported(t *testing.T) {
	t.Parallel()
	zeros, effs := strings.Repeat("0", 40), strings.Repeat("F", 40)
	b := newBox(t, trusttest.Config{})
	s := spec(t)
	s.Thumbprints = []string{zeros, effs, thumbA}
	codes := func(s iamprovider.Spec) []string {
		plan, err := iamprovider.Plan(t.Context(), b, s)
		require.NoError(t, err)
		var found []string
		for _, w := range plan.Warnings {
			if w.Code == iamprovider.CodePlaceholderThumbprint {
				found = append(found, w.Message[:len(`no certificate has the thumbprint "00`)])
			}
		}
		return found
	}
	want := []string{`no certificate has the thumbprint "00`, `no certificate has the thumbprint "ff`}
	assert.Equal(t, want, codes(s), "in the spec, before there is a provider")
	b.ensure(t, s)
	assert.Equal(t, want, codes(s), "each once")
	s.Thumbprints = nil
	assert.Equal(t, want, codes(s), "of an existing provider, also when its thumbprints are nobody's to say")
	r := b.ensure(t, spec(t))
	assert.NotEmpty(t, r.Warnings)
}

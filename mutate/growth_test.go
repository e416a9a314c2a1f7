package mutate_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
	"github.com/irsa-go/irsa/mutate"
)

// each writes n elements of a JSON array, with their numbers for "#".
func each(n int, element string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(element, "#", strconv.Itoa(i)) + ",")
	}
	return "[" + strings.TrimSuffix(b.String(), ",") + "]"
}

// Whoever may create pods could else keep a webhook busy for minutes with one of them.
func TestAPodOfManyPartsTakesOnePass(t *testing.T) {
	t.Parallel()
	const own = `{"name":"c#","env":[{"name":"AWS_ROLE_ARN","value":"` + role + `"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/#"}],"volumeMounts":[{"name":"own","mountPath":"/own"}]}`
	m := newMutator(t, mutate.EKS("eu-central-1"))
	for name, pod := range map[string]func(n int) string{
		"containers and volumes": func(n int) string {
			return `{"spec":{"containers":` + each(n, own) + `,"volumes":` + each(n, `{"name":"v#","emptyDir":{}}`) + `}}`
		},
		"containers and tokens": func(n int) string {
			return `{"spec":{"containers":` + each(n, own) + `,"volumes":[{"name":"own","projected":{"sources":` + each(8*n, `{"serviceAccountToken":{"path":"#"}}`) + `}}]}}`
		},
		"containers and names of them": func(n int) string {
			return `{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"` + strings.Repeat("aaaa,", 20*n) + `"}},"spec":{"containers":` + each(n, `{"name":"bbbb"}`) + `}}`
		},
		"variables of two kinds": func(n int) string {
			env := strings.TrimSuffix(each(40*n, `{"name":"NO_PROXY","value":"#"}`), "]") + "," + strings.TrimPrefix(each(40*n, `{"name":"AWS_REGION","value":"#"}`), "[")
			return `{"spec":{"containers":[{"name":"a","env":` + env + `}]}}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.NoError(t, growth.Linear(500, func(n int) func() {
				reading, err := m.Read(request([]byte(pod(n))))
				require.NoError(t, err)
				return func() {
					reading, err = m.Read(reading.Request())
					require.NoError(t, err)
					for _, arn := range []string{role, ""} {
						assert.True(t, reading.Review(account(map[string]string{"role-arn": arn})).Response.Allowed)
					}
				}
			}))
		})
	}
}

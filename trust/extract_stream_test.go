package trust_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
	"github.com/irsa-go/irsa/trust"
)

func ExampleExtractFrom() {
	dump := strings.NewReader(`{
  "UserDetailList": [],
  "RoleDetailList": [{
    "RoleName": "cart", "Arn": "arn:aws:iam::111122223333:role/cart", "AssumeRolePolicyDocument": {
      "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    }
  }]
}`)
	for role, err := range trust.ExtractFrom(dump) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if role.Err != nil {
			fmt.Println(role.ARN, role.Err)
			continue
		}
		for _, finding := range role.Policy.Lint() {
			fmt.Printf("%s: line %d: %s\n", role.ARN, finding.Line, finding.Code)
		}
	}
	// Output:
	// arn:aws:iam::111122223333:role/cart: line 5: principal-star
}

// collect is Extract by way of ExtractFrom.
func collect(r io.Reader) (all []trust.Extracted, err error) {
	for e, err := range trust.ExtractFrom(r) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// sameAsExtract holds the law: a stream has the policies of its document, at the same places.
func sameAsExtract(t *testing.T, doc []byte) {
	t.Helper()
	want, wantErr := trust.Extract(doc)
	for _, r := range []io.Reader{bytes.NewReader(doc), iotest.OneByteReader(bytes.NewReader(doc))} {
		got, err := collect(r)
		require.Equal(t, wantErr == nil, err == nil, "%q: %v, and as a stream %v", doc, wantErr, err)
		require.Len(t, got, len(want), "%q", doc)
		for i, w := range want {
			g := got[i]
			assert.Equal(t, []any{w.Name, w.ARN, w.Path, w.Line, w.Column, w.Policy.Lint(), w.Policy.Document()},
				[]any{g.Name, g.ARN, g.Path, g.Line, g.Column, g.Policy.Lint(), g.Policy.Document()}, "%q", doc)
			assert.Equal(t, fmt.Sprint(w.Err), fmt.Sprint(g.Err), "%q", doc)
		}
	}
}

func TestAStreamHasThePoliciesOfItsDocument(t *testing.T) {
	t.Parallel()
	star := `{"Statement":[{"Effect":"Allow",` + "\n\n" + `"Principal":"*","Action":"sts:AssumeRole"}]}`
	role := func(name, policy string) string {
		return `{"RoleName":"` + name + `","Arn":"arn:` + name + `",` + "\n" + `"AssumeRolePolicyDocument":` + policy + `}`
	}
	roles := `[` + role("a", star) + ",\n " + role("é", quoted(star)) + `, ` + role("c", `"%7B%22Statement%22%3A%5B%5D%7D"`) + `,{"RoleName":"none"},7,` + role("bad", `{"Statement":8}`) + `]`
	for _, doc := range []string{
		``, ` `, `{`, `{}`, `7`, `null`, `"x"`, `[`, `[]`, `[7]`, `{"a":1}`, star, `[` + star + `,` + "\n" + star + `]`, `[[]]`, `[` + star + `,{"a":1}]`,
		`{"Roles":` + roles + `}`, ` {"UserDetailList":[{"a":[` + "\n" + `1]}],"GroupDetailList":[],` + "\n" + `"RoleDetailList":` + roles + `,"Policies":[{}],"IsTruncated":false}` + "\n",
		`{"Role":` + role("a", star) + `}`, `{"Role":` + role("a", star) + `,"Roles":` + roles + `}`, `{"Roles":` + roles + `,"Role":` + role("a", star) + `}`,
		`{"UserDetailList":[]}`, `{"UserDetailList":[],"Role":[]}`, `{"Roles":{}}`, `{"Roles":null}`, `{"UserDetailList":1,"Roles":` + roles + `}`,
		`{"Roles":` + roles + `,"NextToken":"x"}`, `{"NextToken":"x","Roles":` + roles + `}`, `{"Roles":` + roles + `,"NextToken":null}`, `{"Roles":[],"IsTruncated":true}`,
		`{"Roles":` + roles + `,"Statement":[]}`, `{"Statement":[],"Roles":` + roles + `}`, `{"UserDetailList":[],"Resources":{}}`,
		`{"Roles":` + roles + `}x`, `{"Roles":` + roles + `,"Roles":[]}`, `{"Roles":[` + role("a", star), `{"Roles":[{"a":1,"a":2}]}`, "{\"Roles\":[\"\xff\"]}",
		`{"Roles":` + strings.Repeat("[", 127) + strings.Repeat("]", 127) + `}`, `{"Roles":` + strings.Repeat("[", 128) + strings.Repeat("]", 128) + `}`,
		`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":` + star + `}}}}`,
		"PK\x03\x04", `{"@level":"info"}` + "\n" + `{"@level":"info"}`,
	} {
		sameAsExtract(t, []byte(doc))
	}
}

// After a document that is not known the others of a list are read too; the error comes last.
func TestAListIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	var paths []string
	var last error
	for e, err := range trust.ExtractFrom(strings.NewReader(`[{"a":1},` + plainTrust + `,7,` + plainTrust + `]`)) {
		if last = err; err == nil {
			paths = append(paths, e.Path)
		}
	}
	assert.Equal(t, []string{"/1", "/3"}, paths)
	require.ErrorIs(t, last, trust.ErrUnknownDocument)
	assert.ErrorContains(t, last, "/0: ")
}

func FuzzAStreamHasThePoliciesOfItsDocument(f *testing.F) {
	f.Add([]byte(`{"UserDetailList":[],"RoleDetailList":[{"RoleName":"r","AssumeRolePolicyDocument":` + plainTrust + `}],"IsTruncated":false}`))
	f.Add([]byte(`[` + plainTrust + `,{"Role":{"RoleName":"r","AssumeRolePolicyDocument":"%7B%22Statement%22%3A%5B%5D%7D"}}]`))
	f.Fuzz(func(t *testing.T, doc []byte) { sameAsExtract(t, doc) })
}

func TestAStreamSaysWhereItsJSONIsWrong(t *testing.T) {
	t.Parallel()
	_, err := collect(strings.NewReader("{\"Roles\": [{},\n{},\n {\"a\" 1}]}"))
	var syntax *trust.SyntaxError
	require.ErrorAs(t, err, &syntax)
	assert.Equal(t, []any{3, 7, "/Roles/2/a"}, []any{syntax.Line, syntax.Column, syntax.Pointer})
}

// It measures memory, so that nothing else may run meanwhile.
func TestADumpOfAnySizeTakesTheMemoryOfItsLargestRole(t *testing.T) {
	const roles = 5_000
	n, last := 0, trust.Extracted{}
	dump := growth.Large("{\"UserDetailList\":[{}],\n\"RoleDetailList\":[\n", roles, func(i int) string {
		return fmt.Sprintf(`{"RoleName":"r%d","Arn":"arn:%d","RolePolicyList":["%s"],"AssumeRolePolicyDocument":%s},`+"\n", i, i, strings.Repeat("x", 4000), plainTrust)
	}, "{\"RoleName\":\"last\",\"AssumeRolePolicyDocument\":\n{\"Statement\":[{\"Effect\":\"Allow\",\n  \"Principal\":\"*\",\"Action\":\"sts:AssumeRole\"}]}}],\"Policies\":[]}")
	for e, err := range trust.ExtractFrom(dump) {
		require.NoError(t, err)
		require.NoError(t, e.Err)
		n, last = n+1, e
	}
	assert.Equal(t, roles+1, n)
	assert.Equal(t, []any{"last", roles + 4, 1}, []any{last.Name, last.Line, last.Column})
	assert.Equal(t, []int{roles + 5, 3}, []int{last.Policy.Lint()[0].Line, last.Policy.Lint()[0].Column})
	grew, looks := dump.Grew()
	assert.Greater(t, looks, 5)
	assert.Less(t, grew, int64(8<<20))
}

func TestAStreamCanBeLeft(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{`[` + plainTrust + `,` + plainTrust + `]`, `{"Roles":[{},{}]}`, plainTrust, `{"Role":{},"Roles":[{}]}`} {
		for _, err := range trust.ExtractFrom(strings.NewReader(doc)) {
			require.NoError(t, err)
			break
		}
	}
}

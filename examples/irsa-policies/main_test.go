package main

import (
	"bytes"
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/irsa-go/irsa/internal/readme"
)

func TestMain(m *testing.M) { readme.Main(m, main) }

func TestThePageShowsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	var kinds strings.Builder
	lines := strings.SplitAfter(readme.Run(t, nil, "-required"), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "kind: ") {
			kinds.WriteString(strings.Join(lines[i:i+3], "") + "--\n")
		}
	}
	readme.Shows(t, "README.md", "go run . -required | grep -A2 ^kind", strings.TrimSuffix(kinds.String(), "--\n"))
	readme.Shows(t, "README.md", "go run . -static mutating", readme.Run(t, nil, "-static", "mutating"))
}

func irsaPolicies(args string) (stdout string, err error) {
	var out bytes.Buffer
	err = run(strings.Fields(args), &out, &out)
	return out.String(), err
}

// objects decodes what is printed as an API server does: a field that it does not know is an error.
func objects(t *testing.T, text string) (names []string) {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, admissionregistrationv1.AddToScheme(scheme))
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	for document := range strings.SplitSeq(strings.TrimPrefix(text, "---\n"), "\n---\n") {
		object, kind, err := decoder.Decode([]byte(document), nil, nil)
		require.NoError(t, err, document)
		name := object.(interface{ GetName() string }).GetName()
		names = append(names, kind.Kind+" "+name)
	}
	return names
}

func TestWhatIsPrintedIsReadBackAsPolicies(t *testing.T) {
	t.Parallel()
	const (
		mutating, mutatingBinding     = "MutatingAdmissionPolicy ", "MutatingAdmissionPolicyBinding "
		validating, validatingBinding = "ValidatingAdmissionPolicy ", "ValidatingAdmissionPolicyBinding "
		arn                           = "arn:aws:iam::111122223333:role/"
	)
	for args, want := range map[string][]string{
		"":                  {mutating + "irsa", mutatingBinding + "irsa"},
		"-name x -required": {mutating + "x", mutatingBinding + "x", validating + "x-required", validatingBinding + "x-required"},
		"-allow a=" + arn + "b -allow a=" + arn + "team/ -allow b=" + arn + "c": {
			mutating + "irsa", mutatingBinding + "irsa", validating + "irsa-roles", validatingBinding + "irsa-roles",
		},
		"-by-rule 111122223333": {mutating + "irsa-rule", mutatingBinding + "irsa-rule"},
		"-by-rule 111122223333 -required -guard -static mutating": {
			mutating + "irsa-rule.static.k8s.io", mutatingBinding + "irsa-rule.static.k8s.io",
		},
		"-required -guard -static validating": {
			validating + "irsa-required.static.k8s.io", validatingBinding + "irsa-required.static.k8s.io",
			validating + "irsa-guard.static.k8s.io", validatingBinding + "irsa-guard.static.k8s.io",
		},
	} {
		text, err := irsaPolicies(args)
		require.NoError(t, err, args)
		assert.Equal(t, want, objects(t, text), args)
	}
	text, err := irsaPolicies("-region eu-central-1 -annotation-domain aws.example.com -by-rule 111122223333 -role-prefix blue_ -every-pod -allow a=" + arn + "team/")
	require.NoError(t, err)
	for _, want := range []string{"eu-central-1", "aws.example.com/", "blue_", arn + "team/"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "role-by-rule: \"true\"", "every pod")
}

func TestWrongFlagsAreOneLineAndNothingIsPrinted(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"x":                                      `"x": no arguments are wanted`,
		"-nonsense":                              "-nonsense",
		"-static both":                           "want mutating or validating",
		"-guard":                                 "give -static",
		"-every-pod":                             "need -by-rule",
		"-allow a":                               "want NAMESPACE=ARN",
		"-allow a=b":                             "role",
		"-by-rule 1":                             "1",
		"-region Frankfurt":                      "Frankfurt",
		"-name A!":                               "DNS subdomain",
		"-static mutating":                       "parameters",
		"-static validating":                     "give -required, -allow or -guard",
		"-by-rule 111122223333 -role-prefix a/b": "NamePrefix",
	} {
		text, err := irsaPolicies(args)
		require.ErrorContains(t, err, says, args)
		assert.NotContains(t, err.Error(), "\n", args)
		assert.Empty(t, text, args)
	}
	text, err := irsaPolicies("-help")
	require.ErrorIs(t, err, flag.ErrHelp)
	assert.Contains(t, text, "-required")
}

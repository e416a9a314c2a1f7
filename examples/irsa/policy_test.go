package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/policyfile"
)

const issuer = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"

// wide admits every service account of a cluster, for whatever audience.
const wide = `{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/` + issuer + `"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringLike": {"` + issuer + `:sub": "system:serviceaccount:*:*"}}
  }]
}`

const narrow = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/` + issuer +
	`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + issuer + `:aud":"sts.amazonaws.com","` + issuer + `:sub":"system:serviceaccount:shop:checkout"}}}]}`

func TestLintPlacesFindingsInJSONAndYAML(t *testing.T) {
	t.Parallel()
	var document any
	require.NoError(t, json.Unmarshal([]byte(wide), &document))
	template := "Resources:\n  # the reader\n  Reader:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n" +
		indent("Version: '2012-10-17'\nStatement:\n- Effect: Allow\n  Principal:\n    Federated: arn:aws:iam::111122223333:oidc-provider/"+issuer+
			"\n  Action: sts:AssumeRoleWithWebIdentity\n  Condition:\n    StringLike:\n      "+issuer+":sub: system:serviceaccount:*:*\n", 8)
	for name, c := range map[string]struct{ text, want string }{
		"policy.json":   {wide, ":7:34: error: whole-cluster: system:serviceaccount:*:* is every service account"},
		"template.yaml": {template, ":15:15: error: whole-cluster: Reader: system:serviceaccount:*:* is"},
		"string.yaml":   {"a: 1\nRole:\n  RoleName: reader\n  AssumeRolePolicyDocument: '" + strings.ReplaceAll(wide, "\n", " ") + "'\n", ":4:30: error: whole-cluster: reader: "},
	} {
		path := write(t, name, c.text)
		code, stdout, stderr := irsa(t, "", "lint", path)
		assert.Equal(t, 1, code, stderr)
		assert.Contains(t, stdout, path+c.want, name)
	}
	code, stdout, stderr := irsa(t, narrow, "lint", "-")
	assert.Zero(t, code, stderr)
	assert.Equal(t, "1 files, 1 trust policies, 0 findings\n", stdout)
}

func indent(text string, n int) string {
	return strings.ReplaceAll(strings.Repeat(" ", n)+strings.TrimRight(text, "\n"), "\n", "\n"+strings.Repeat(" ", n)) + "\n"
}

func TestLintCountsWhatItIsToldToCount(t *testing.T) {
	t.Parallel()
	code, stdout, _ := irsa(t, wide, "lint", "--ignore", "whole-cluster,missing-aud", "-")
	assert.Zero(t, code, stdout)
	code, stdout, _ = irsa(t, wide, "lint", "--ignore", "whole-cluster", "--severity", "error", "-")
	assert.Zero(t, code, stdout)
	assert.Contains(t, stdout, "warning: missing-aud", "shown, and not counted")
	code, _, stderr := irsa(t, wide, "lint", "--ignore", "hole-cluster", "-")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, `unknown code "hole-cluster"`)
	code, _, stderr = irsa(t, wide, "lint", "--severity", "grave", "-")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "want info, warning or error")
}

func TestNothingThatWasNotLookedAtIsClean(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"another document": `{"a": 1}`,
		"nothing":          ``,
		"broken JSON":      narrow[:100],
		"no role":          `{"Resources": {}}`,
	} {
		code, _, stderr := irsa(t, text, "lint", "-")
		assert.Equal(t, 2, code, "%s: %s", name, stderr)
	}
	code, stdout, _ := irsa(t, `{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Fn::Sub":"x"}}}}}`, "lint", "-")
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout, "cannot be judged")

	folder := t.TempDir()
	for name, text := range map[string]string{"a.json": narrow, "values.yaml": "replicas: 3\n", "broken.json": "{", "chart.yaml": "{{- if .Values.role }}\na: b\n{{- end }}\n", "readme.md": "x"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	code, stdout, stderr := irsa(t, "", "lint", folder)
	assert.Equal(t, 1, code, stderr)
	assert.Contains(t, stdout, "broken.json:1:2: error: not-a-policy")
	assert.Contains(t, stdout, "values.yaml: no trust policy\n")
	assert.Contains(t, stdout, "chart.yaml: no trust policy: ")
	assert.Contains(t, stdout, "4 files, 2 trust policies, 1 findings\n")
}

func TestFormatsForMachines(t *testing.T) {
	t.Parallel()
	path := write(t, "a,b.json", wide)
	code, stdout, _ := irsa(t, "", "lint", "-o", "github", path)
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout, "::error file="+strings.ReplaceAll(path, ",", "%2C")+",line=7,col=34,title=whole-cluster::")

	_, stdout, _ = irsa(t, "", "lint", "-o", "sarif", path)
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Locations []struct {
					PhysicalLocation struct{ Region struct{ StartLine int } }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &log))
	require.Len(t, log.Runs, 1)
	require.Len(t, log.Runs[0].Results, 2)
	for _, r := range log.Runs[0].Results {
		assert.Equal(t, r.RuleID, log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID)
		assert.NotZero(t, r.Locations[0].PhysicalLocation.Region.StartLine)
	}
	_, stdout, _ = irsa(t, "", "lint", "-o", "json", path)
	var report policyfile.Report
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	assert.Len(t, report.Findings, 2)
	code, _, stderr := irsa(t, "", "lint", "-o", "xml", path)
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "want one of text, json, yaml, sarif, github")
}

func TestValidateSpeaksIAMsWords(t *testing.T) {
	t.Parallel()
	code, stdout, _ := irsa(t, strings.Replace(wide, "sts:AssumeRoleWithWebIdentity", "s3:GetObject", 1), "validate", "-")
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout, "-:1:1: error: refused: AssumeRole policy may only specify STS AssumeRole actions.\n")
	code, stdout, _ = irsa(t, wide, "validate", "-")
	assert.Zero(t, code, stdout)
}

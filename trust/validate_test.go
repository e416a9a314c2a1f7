package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

const good = `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"a.b:sub":"x"}}}`

func TestValidateSaysWhatIAMWouldSay(t *testing.T) {
	t.Parallel()
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			panic(old)
		}
		return statement(strings.Replace(good, old, new, 1))
	}
	const (
		syntax    = "Syntax errors in policy."
		federated = "Federated principals must be valid domain names or SAML metadata ARNs"
		action    = "AssumeRole policy may only specify STS AssumeRole actions."
		colon     = "Condition can contain only one colon."
		sid       = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
	)
	for name, c := range map[string]struct{ doc, path, message string }{
		"nothing wrong":                {statement(good), "", ""},
		"no version":                   {`{"Statement":[` + good + `]}`, "", ""},
		"the older version":            {strings.Replace(statement(good), "2012-10-17", "2008-10-17", 1), "", ""},
		"another version":              {strings.Replace(statement(good), "2012-10-17", "2012-10-18", 1), "/Version", "Policy document must be version 2012-10-17 or greater."},
		"a version that is a number":   {strings.Replace(statement(good), `"2012-10-17"`, "2012", 1), "/Version", syntax},
		"an unknown element":           {`{"Comment":"x","Statement":` + good + `}`, "/Comment", syntax},
		"an Id that is a number":       {`{"Id":5,"Statement":` + good + `}`, "/Id", syntax},
		"no statement":                 {`{"Version":"2012-10-17"}`, "", syntax},
		"statements as a text":         {`{"Statement":"x"}`, "/Statement", syntax},
		"a statement as a text":        {`{"Statement":[` + good + `,"x"]}`, "/Statement/1", syntax},
		"no effect":                    {change(`"Effect":"Allow",`, ``), "/Statement/0", syntax},
		"an effect in lower case":      {change(`"Allow"`, `"allow"`), "/Statement/0/Effect", syntax},
		"an unknown member":            {change(`{"Effect"`, `{"Comment":"x","Effect"`), "/Statement/0/Comment", syntax},
		"no principal":                 {change(`"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"},`, ``), "/Statement/0", "Missing required field Principal"},
		"NotPrincipal":                 {change(`"Principal"`, `"NotPrincipal"`), "/Statement/0/NotPrincipal", "AssumeRole policy must not contain NotPrincipal field."},
		"a resource":                   {change(`{"Effect"`, `{"Resource":"*","Effect"`), "/Statement/0/Resource", "Has prohibited field Resource"},
		"a NotResource":                {change(`{"Effect"`, `{"NotResource":"*","Effect"`), "/Statement/0/NotResource", "Has prohibited field Resource"},
		"an unknown principal":         {change(`"Federated"`, `"User"`), "/Statement/0/Principal/User", syntax},
		"an empty principal":           {change(`{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"}`, `{}`), "/Statement/0/Principal", syntax},
		"a principal list of nothing":  {change(`"arn:aws:iam::111122223333:oidc-provider/a.b"`, `[]`), "/Statement/0/Principal/Federated", syntax},
		"a principal that is a number": {change(`{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"}`, `5`), "/Statement/0/Principal", syntax},
		"a principal list of numbers":  {change(`"arn:aws:iam::111122223333:oidc-provider/a.b"`, `[5]`), "/Statement/0/Principal/Federated", syntax},
		"an empty ARN":                 {change(`"arn:aws:iam::111122223333:oidc-provider/a.b"`, `""`), "/Statement/0/Principal/Federated", federated},
		"an ARN not expanded":          {change(`arn:aws:iam::111122223333:oidc-provider/a.b`, `${module.oidc.arn}`), "/Statement/0/Principal/Federated", federated},
		"an ARN without a name":        {change(`oidc-provider/a.b`, `oidc-provider/`), "/Statement/0/Principal/Federated", federated},
		"an ARN of a role":             {change(`oidc-provider/a.b`, `role/a`), "/Statement/0/Principal/Federated", federated},
		"an ARN in a list":             {change(`"arn:aws:iam::111122223333:oidc-provider/a.b"`, `["a.b","arn:aws:iam::1:x"]`), "/Statement/0/Principal/Federated/1", federated},
		"a deleted role":               {change(`"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"`, `"AWS":"AROAEXAMPLEEXAMPLE123"`), "/Statement/0/Principal/AWS", "Invalid principal in policy"},
		"a role by wildcard":           {change(`"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"`, `"AWS":["arn:aws:iam::111122223333:role/*"]`), "/Statement/0/Principal/AWS/0", "Invalid principal in policy"},
		"another service's action":     {change(`"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity","s3:GetObject"]`), "/Statement/0/Action/1", action},
		"all of STS":                   {change(`"sts:AssumeRoleWithWebIdentity"`, `"sts:*"`), "/Statement/0/Action", action},
		"an action in another case":    {change(`"sts:AssumeRoleWithWebIdentity"`, `"sts:assumerolewithwebidentity"`), "/Statement/0/Action", action},
		"no action":                    {change(`"Action":"sts:AssumeRoleWithWebIdentity",`, ``), "/Statement/0", syntax},
		"an action list of nothing":    {change(`"sts:AssumeRoleWithWebIdentity"`, `[]`), "/Statement/0/Action", syntax},
		"an Id":                        {`{"Version":"2012-10-17","Id":"x","Statement":` + good + `}`, "", ""},
		"an action as a number":        {change(`"sts:AssumeRoleWithWebIdentity"`, `5`), "/Statement/0/Action", syntax},
		"a Sid with spaces":            {change(`{"Effect"`, `{"Sid":"a b","Effect"`), "/Statement/0/Sid", sid},
		"a Sid as a number":            {change(`{"Effect"`, `{"Sid":5,"Effect"`), "/Statement/0/Sid", syntax},
		"a Sid twice":                  {statement(`{"Sid":"A",` + good[1:] + `,{"Sid":"A",` + good[1:]), "/Statement/1/Sid", "The Statement Ids in the policy are not unique"},
		"an operator on bytes":         {change(`StringEquals`, `BinaryEquals`), "", ""},
		"no values, as IAM stores":     {change(`"x"`, `[]`), "", ""},
		"an empty Sid twice":           {statement(`{"Sid":"",` + good[1:] + `,{"Sid":"",` + good[1:]), "", ""},
		"everybody":                    {change(`{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"}`, `"*"`), "/Statement/0/Principal", `AssumeRolepolicy contained an invalid principal: "STAR":"*".`},
		"every account":                {change(`{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"},"Action":"sts:AssumeRoleWithWebIdentity"`, `{"AWS":"*"},"Action":"sts:AssumeRole"`), "", ""},
		"a key with a scheme":          {change(`a.b:sub`, `https://a.b:sub`), "/Statement/0/Condition/StringEquals/https:~1~1a.b:sub", colon},
		"a key that is an ARN":         {change(`a.b:sub`, `arn:aws:iam::111122223333:oidc-provider/a.b:sub`), "/Statement/0/Condition/StringEquals/arn:aws:iam::111122223333:oidc-provider~1a.b:sub", colon},
		"a key with a port":            {change(`a.b:sub`, `a.b:8443:sub`), "/Statement/0/Condition/StringEquals/a.b:8443:sub", colon},
		"a test bench's port":          {change(`a.b:sub`, `127.0.0.1:8443/x:sub`), "", ""},
		"a tag's name with a colon":    {change(`a.b:sub`, `aws:ResourceTag/aws:cloudformation:stack-id`), "", ""},
		"Cognito without conditions":   {statement(`{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"}`), "/Statement/0", "A condition block must be present for the Cognito provider"},
		"Cognito, empty conditions":    {statement(`{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{}}`), "/Statement/0", "A condition block must be present for the Cognito provider"},
		"Cognito without an audience":  {statement(`{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"cognito-identity.amazonaws.com:sub":"x"}}}`), "/Statement/0", "Trust policy with trusted principal cognito-identity.amazonaws.com must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, cognito-identity.amazonaws.com:aud which is not scoped to all."},
		"Google by pattern":            {statement(`{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"accounts.google.com:aud":"x"}}}`), "/Statement/0", "Policy trusting accounts.google.com requires a StringEquals condition on an application id"},
		"a root by another name":       {change(`"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"`, `"AWS":"arn:aws:iam::111122223333:root/x"`), "/Statement/0/Principal/AWS", "Invalid principal in policy"},
		"a user without a name":        {change(`"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"`, `"AWS":"arn:aws:iam::111122223333:user"`), "/Statement/0/Principal/AWS", "Invalid principal in policy"},
		"another service's role":       {change(`"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"`, `"AWS":"arn:aws:sts::111122223333:role/x"`), "/Statement/0/Principal/AWS", "Invalid principal in policy"},
		"a session":                    {change(`"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"`, `"AWS":["arn:aws:sts::111122223333:assumed-role/x/y","arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:user/p/x"]`), "", ""},
		"a condition as a text":        {change(`{"StringEquals":{"a.b:sub":"x"}}`, `"x"`), "/Statement/0/Condition", syntax},
		"an operator as a text":        {change(`{"a.b:sub":"x"}`, `"x"`), "/Statement/0/Condition/StringEquals", syntax},
		"a comment among operators":    {change(`{"StringEquals":{"a.b:sub":"x"}}`, `{"__comment":"x"}`), "/Statement/0/Condition/__comment", syntax},
		"a value as an object":         {change(`"a.b:sub":"x"`, `"a.b/c:sub":{}`), "/Statement/0/Condition/StringEquals/a.b~1c:sub", syntax},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := parse(t, c.doc).Validate()
			if c.message == "" {
				require.NoError(t, err)
				return
			}
			var invalid *trust.InvalidError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, c.message, invalid.Message)
			assert.Equal(t, c.path, invalid.Path)
			assert.False(t, invalid.Unproven)
			assert.NotContains(t, err.Error(), "\n", "it is said once")
		})
	}
}

func TestValidateMarksWhatNoSourceConfirms(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"a service without a dot":  statement(`{"Effect":"Allow","Principal":{"Service":"ec2"},"Action":"sts:AssumeRole"}`),
		"a key without a prefix":   statement(strings.Replace(good, "a.b:sub", "sub", 1)),
		"no statements":            `{"Version":"2012-10-17","Statement":[]}`,
		"an action with wildcards": statement(strings.Replace(good, "sts:AssumeRoleWithWebIdentity", "sts:AssumeRole*", 1)),
		"NotAction":                statement(strings.Replace(good, `"Action"`, `"NotAction"`, 1)),
		"another NotAction":        statement(strings.Replace(good, `"Action":"sts:AssumeRoleWithWebIdentity"`, `"NotAction":"s3:GetObject"`, 1)),
		"an unknown operator":      statement(strings.Replace(good, "StringEquals", "StringMatches", 1)),
		"an unknown partition":     statement(strings.Replace(good, "arn:aws:", "arn:aws-test:", 1)),
		"a principal as a text":    statement(strings.Replace(good, `{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"}`, `"arn:aws:iam::111122223333:oidc-provider/a.b"`, 1)),
		"a short account":          statement(strings.Replace(good, "111122223333", "34892524", 1)),
	} {
		err := parse(t, doc).Validate()
		var invalid *trust.InvalidError
		require.ErrorAs(t, err, &invalid, name)
		assert.True(t, invalid.Unproven, name)
		assert.Contains(t, err.Error(), "(unproven)", name)
		assert.NotContains(t, err.Error(), "\n", name)
	}
}

func TestValidateReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	err := parse(t, `{"Version":"1","Statement":[{"Effect":"allow","Action":"x","Resource":"*"}]}`).Validate()
	var several interface{ Unwrap() []error }
	require.ErrorAs(t, err, &several)
	var paths []string
	for _, e := range several.Unwrap() {
		var invalid *trust.InvalidError
		require.ErrorAs(t, e, &invalid)
		paths = append(paths, invalid.Path)
	}
	assert.Equal(t, []string{"/Version", "/Statement/0/Effect", "/Statement/0/Resource", "/Statement/0", "/Statement/0/Action"}, paths)
}

// The rows are what IAM answered in September 2026
// (https://github.com/radkawar/stackd, iam/policy/testdata/oidc_trust_controls_*_aws.json).
func TestValidateKnowsTheControlsOfSharedIssuers(t *testing.T) {
	t.Parallel()
	const github = "token.actions.githubusercontent.com"
	for name, c := range map[string]struct {
		issuer, conditions string
		ok                 bool
	}{
		"scoped":                         {"gitlab.com", `{"StringEquals":{"HOST:sub":"x"}}`, true},
		"scoped by pattern":              {"gitlab.com", `{"StringLike":{"HOST:sub":"group/*"}}`, true},
		"scoped, ignoring case":          {"gitlab.com", `{"StringEqualsIgnoreCase":{"HOST:SUB":"x"}}`, true},
		"scoped for any value":           {"gitlab.com", `{"ForAnyValue:StringLike":{"HOST:sub":"x*"}}`, true},
		"scoped for all values":          {"gitlab.com", `{"ForAllValues:StringEquals":{"HOST:sub":"x"}}`, true},
		"not at all":                     {"gitlab.com", `{}`, false},
		"by another claim":               {"gitlab.com", `{"StringEquals":{"HOST:aud":"x"}}`, false},
		"if it exists":                   {"gitlab.com", `{"StringLikeIfExists":{"HOST:sub":"x"}}`, false},
		"negated":                        {"gitlab.com", `{"StringNotEquals":{"HOST:sub":"x"}}`, false},
		"by presence":                    {"gitlab.com", `{"Null":{"HOST:sub":"false"}}`, false},
		"by number":                      {"gitlab.com", `{"NumericEquals":{"HOST:sub":"1"}}`, false},
		"by a star":                      {"gitlab.com", `{"StringLike":{"HOST:sub":"*"}}`, false},
		"by a star that is literal":      {"gitlab.com", `{"StringEquals":{"HOST:sub":"*"}}`, false},
		"by a star among others":         {"gitlab.com", `{"StringLike":{"HOST:sub":["x","*"]}}`, false},
		"by a star beside another block": {"gitlab.com", `{"StringEquals":{"HOST:sub":"x"},"StringLike":{"HOST:sub":"*"}}`, true},
		"by two stars":                   {"gitlab.com", `{"StringLike":{"HOST:sub":"**"}}`, true},
		"by a leading star":              {"gitlab.com", `{"StringLike":{"HOST:sub":"*x"}}`, true},
		"by nothing":                     {"gitlab.com", `{"StringEquals":{"HOST:sub":""}}`, true},
		"by an empty list":               {"gitlab.com", `{"StringLike":{"HOST:sub":[]}}`, true},
		"GitHub by a leading star":       {github, `{"StringLike":{"HOST:sub":"*x"}}`, false},
		"GitHub by a question mark":      {github, `{"StringLike":{"HOST:sub":"?x"}}`, true},
		"GitHub by nothing":              {github, `{"StringEquals":{"HOST:sub":""}}`, false},
		"GitHub by a space":              {github, `{"StringLike":{"HOST:sub":" "}}`, false},
		"GitHub by an empty list":        {github, `{"StringEquals":{"HOST:sub":[]}}`, true},
		"GitHub by workflow":             {github, `{"StringLike":{"HOST:job_workflow_ref":"o/*"}}`, true},
		"GitHub by any workflow":         {github, `{"StringEquals":{"HOST:job_workflow_ref":"*"}}`, false},
		"GitHub, one of two unscoped":    {github, `{"StringEquals":{"HOST:sub":"x","HOST:job_workflow_ref":"*"}}`, false},
		"GitHub by repository":           {github, `{"StringLike":{"HOST:repository":"o/r"}}`, false},
		"GitHub of an enterprise":        {github + "/octo", `{"StringEquals":{"HOST:sub":"x"}}`, true},
		"GitHub of an enterprise, open":  {github + "/octo", `{"StringEquals":{"` + github + `:sub":"x"}}`, false},
		"GitHub's older issuer":          {"vstoken.actions.githubusercontent.com", `{"StringLike":{"HOST:sub":"*?"}}`, true},
		"GitHub's older issuer, open":    {"vstoken.actions.githubusercontent.com", `{}`, false},
		"GitHub's older issuer's path":   {"vstoken.actions.githubusercontent.com/private", `{}`, true},
		"Pulumi by audience":             {"api.pulumi.com/oidc", `{"StringEquals":{"HOST:aud":"org"}}`, true},
		"Pulumi by subject":              {"api.pulumi.com/oidc", `{"StringEquals":{"HOST:sub":"org"}}`, false},
		"Azure Sentinel by session name": {"sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", `{"StringEquals":{"sts:RoleSessionName":"MicrosoftSentinel_x"}}`, true},
		"Azure Sentinel by subject":      {"sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", `{"StringEquals":{"HOST:sub":"x"}}`, false},
		"another tenant of Azure":        {"sts.windows.net/00000000-0000-0000-0000-000000000000", `{}`, true},
		"an EKS cluster is not on it":    {"oidc.eks.eu-west-1.amazonaws.com/id/A", `{}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := web("Allow", c.issuer, c.conditions)
			err := parse(t, doc).Validate()
			if c.ok {
				require.NoError(t, err)
			} else {
				principal := c.issuer
				if strings.HasPrefix(c.issuer, github) {
					principal = "arn:aws:iam::111122223333:oidc-provider/" + c.issuer
				}
				var invalid *trust.InvalidError
				require.ErrorAs(t, err, &invalid)
				assert.True(t, strings.HasPrefix(invalid.Message, "Trust policy with trusted principal "+principal+" must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, "), invalid.Message)
				assert.Equal(t, "/Statement/0", invalid.Path)
				assert.False(t, invalid.Unproven)
			}
			assert.NoError(t, parse(t, strings.Replace(doc, "Allow", "Deny", 1)).Validate(), "a Deny is exempt")
			tags := strings.Replace(doc, "sts:AssumeRoleWithWebIdentity", "sts:TagSession", 1)
			assert.NoError(t, parse(t, tags).Validate(), "sts:TagSession alone is exempt")
		})
	}
}

func TestValidateKnowsTheControlsOfLogins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		issuer, operator, key, value string
		ok                           bool
	}{
		{"accounts.google.com", "StringEquals", "aud", `"x"`, true}, {"accounts.google.com", "StringEquals", "oaud", `"x"`, true},
		{"accounts.google.com", "StringEquals", "sub", `"x"`, true}, {"accounts.google.com", "StringEquals", "email", `"x"`, false},
		{"accounts.google.com", "StringEquals", "app_id", `"x"`, false}, {"accounts.google.com", "StringEquals", "SUB", `"x"`, false},
		{"accounts.google.com", "StringEqualsIgnoreCase", "aud", `"x"`, true}, {"accounts.google.com", "ForAllValues:StringEquals", "aud", `"x"`, true},
		{"accounts.google.com", "StringLike", "aud", `"x"`, false}, {"accounts.google.com", "StringEqualsIfExists", "aud", `"x"`, false},
		{"accounts.google.com", "StringNotEquals", "aud", `"x"`, false}, {"accounts.google.com", "Null", "aud", `"false"`, false},
		{"accounts.google.com", "StringEquals", "aud", `"*"`, true}, {"accounts.google.com", "StringEquals", "aud", `[]`, true},
		{"www.amazon.com", "StringEquals", "app_id", `"x"`, true}, {"www.amazon.com", "StringEquals", "sub", `"x"`, true},
		{"www.amazon.com", "StringEquals", "user_id", `"x"`, false}, {"www.amazon.com", "StringLike", "app_id", `"x"`, false},
		{"graph.facebook.com", "StringEquals", "app_id", `"x"`, true}, {"graph.facebook.com", "StringEquals", "id", `"x"`, false},
	} {
		err := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+c.issuer+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"`+c.operator+`":{"`+c.issuer+`:`+c.key+`":`+c.value+`}}}`)).Validate()
		if c.ok {
			assert.NoError(t, err, "%v", c)
			continue
		}
		var invalid *trust.InvalidError
		require.ErrorAs(t, err, &invalid, "%v", c)
		assert.Equal(t, "Policy trusting "+c.issuer+" requires a StringEquals condition on an application id", invalid.Message)
		assert.False(t, invalid.Unproven)
	}
	upper := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"ACCOUNTS.GOOGLE.COM:AUD":"x"}}}`))
	assert.ErrorContains(t, upper.Validate(), "requires a StringEquals condition on an application id")
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html,
// as of September 2026.
func TestValidateKnowsEveryIssuerOfAWSsList(t *testing.T) {
	t.Parallel()
	for issuer, claim := range map[string]string{
		"agent.buildkite.com": "sub", "app.terraform.io": "sub", "gitlab.com": "sub", "oidc.codefresh.io": "sub", "proidc.upbound.io": "sub",
		"scalr.io": "sub", "studio.datachain.ai/api": "sub", "tokens.cloud.shisho.dev": "sub", "token.actions.githubusercontent.com": "sub",
		"vstoken.actions.githubusercontent.com": "sub", "oidc-configuration.audit-log.githubusercontent.com": "sub",
		"api.pulumi.com/oidc": "aud", "cognito-identity.amazonaws.com": "aud", "oidc.vercel.com": "aud", "sandboxes.cloud": "aud",
		"rh-oidc.s3.us-east-1.amazonaws.com/22ejnvnnturfmt6km08idd0nt4hekbn7": "sub", "rh-oidc.s3.us-east-1.amazonaws.com/23e3sd27sju1hoou6ohfs68vbno607tr": "sub",
		"rh-oidc.s3.us-east-1.amazonaws.com/23ne21h005qjl3n33d8dui5dlrmv2tmg": "sub", "rh-oidc.s3.us-east-1.amazonaws.com/24jrf12m5dj7ljlfb4ta2frhrcoadm26": "sub",
		"oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb": "sub", "oidc.op1.openshiftapps.com/2c51blsaqa9gkjt0o9rt11mle8mmropu": "sub",
	} {
		assert.ErrorContains(t, parse(t, web("Allow", issuer, `{"StringEquals":{"HOST:amr":"x"}}`)).Validate(), issuer+":"+claim+" ")
		assert.NoError(t, parse(t, web("Allow", issuer, `{"StringEquals":{"HOST:`+claim+`":"x"}}`)).Validate(), issuer)
		assert.NotContains(t, codes(parse(t, web("Allow", issuer, `{"StringEquals":{"HOST:`+claim+`":"x"}}`))), trust.CodeMissingSub, issuer)
	}
}

// Roles from before these controls keep their policies, and the judge must not call them shut.
func TestAPolicyFromBeforeTheControlsIsStillJudged(t *testing.T) {
	t.Parallel()
	for issuer, conditions := range map[string]string{
		"gitlab.com":                          `{"StringLike":{"HOST:sub":"*"}}`,
		"token.actions.githubusercontent.com": `{}`,
	} {
		policy := parse(t, web("Allow", issuer, conditions))
		require.ErrorContains(t, policy.Validate(), issuer+":sub ")
		assert.True(t, policy.Allows(trust.WebIdentity(provider(t, "https://"+issuer), trust.Claims{"sub": "anybody", "aud": "x"})), issuer)
	}
}

package trust

import (
	"slices"
	"strings"
)

// serviceKeys are the condition keys of requests to STS that are not claims of a token, as AWS
// writes them. One that ends with "/" needs a name after it. Sources: the global condition keys
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html) and
// those of STS
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html).
func serviceKeys() []string {
	return []string{
		// the principal
		"aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalIsAWSService", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths",
		"aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:PrincipalTag/", "aws:PrincipalType", "aws:userid", "aws:username",
		// its session
		"aws:AssumedRoot", "aws:ChatbotSourceArn", "aws:Ec2InstanceSourcePrivateIPv4", "aws:Ec2InstanceSourceVpc", "aws:FederatedProvider",
		"aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:SignInSessionArn", "aws:SourceIdentity", "aws:TokenIssueTime",
		"codebuild:BuildArn", "codebuild:ProjectArn", "ec2:RoleDelivery", "ec2:SourceInstanceArn", "ec2:SourceInstanceARN",
		"ecs:SourceTaskArn", "glue:CredentialIssuingService", "glue:RoleAssumedBy", "identitystore:IdentityStoreArn", "identitystore:UserId",
		"lambda:SourceFunctionArn", "ssm:SourceInstanceArn",
		// the network
		"aws:SourceIp", "aws:SourceVpc", "aws:SourceVpcArn", "aws:SourceVpce", "aws:VpcSourceIp", "aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths",
		// the role
		"aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths", "aws:ResourceTag/", "iam:ResourceTag/",
		// the request
		"aws:CalledVia", "aws:CalledViaAWSMCP", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:CurrentTime", "aws:EpochTime",
		"aws:IsMcpServiceAction", "aws:referer", "aws:RequestedRegion", "aws:RequestTag/", "aws:SecureTransport", "aws:SourceAccount",
		"aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:TagKeys", "aws:UserAgent", "aws:ViaAWSMCPService",
		"aws:ViaAWSService",
		"sts:AWSServiceName", "sts:DurationSeconds", "sts:ExternalId", "sts:RequestContext/", "sts:RequestContextProviders",
		"sts:RoleSessionName", "sts:SourceIdentity", "sts:TaskPolicyArn", "sts:TransitiveTagKeys",
	}
}

// isServiceKey takes a key in lower case. Keys of SAML are many, and no list of them is kept.
func isServiceKey(lookup string) bool {
	if strings.HasPrefix(lookup, "saml:") {
		return true
	}
	return slices.ContainsFunc(serviceKeys(), func(key string) bool {
		if strings.HasSuffix(key, "/") {
			return len(lookup) > len(key) && strings.EqualFold(lookup[:len(key)], key)
		}
		return strings.EqualFold(lookup, key)
	})
}

// nearest returns the candidate that differs from a text in lower case in the fewest letters: in
// two at most, and in no more than a third of them.
func nearest(text string, candidates []string) string {
	best, bestDistance := "", 3
	for _, c := range candidates {
		if name, ok := strings.CutSuffix(c, "/"); ok { // compared with as much of the text
			head, tail, _ := strings.Cut(text, "/")
			if d := distance(head, lowerASCII(name)); d < bestDistance {
				best, bestDistance = c+tail, d
			}
			continue
		}
		if d := distance(text, lowerASCII(c)); d < bestDistance && 3*d <= len(c) {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is Levenshtein's, of texts that are short or differ much in length: above 64 it does
// not look.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 || len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

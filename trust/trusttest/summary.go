package trusttest

// summaryMap is a map as the Query protocol writes it, in the order given.
type summaryMap struct {
	Entries []summaryEntry `xml:"entry"`
}

type summaryEntry struct {
	Key   string `xml:"key"`
	Value int    `xml:"value"`
}

// getAccountSummary has the entries and quotas of a new account, recorded from AWS:
// https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam_account_summary.snapshot.json.
func (a *Account) getAccountSummary(*call) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return struct{ SummaryMap summaryMap }{summaryMap{[]summaryEntry{
		{"AccessKeysPerUserQuota", 2},
		{"AccountAccessKeysPresent", 0},
		{"AccountMFAEnabled", 0},
		{"AccountPasswordPresent", 0},
		{"AccountSigningCertificatesPresent", 0},
		{"AssumeRolePolicySizeQuota", maxTrustPolicySize},
		{"AttachedPoliciesPerGroupQuota", 10},
		{"AttachedPoliciesPerRoleQuota", maxAttached},
		{"AttachedPoliciesPerUserQuota", 10},
		{"GlobalEndpointTokenVersion", 1},
		{"GroupPolicySizeQuota", 5120},
		{"Groups", 0},
		{"GroupsPerUserQuota", 10},
		{"GroupsQuota", 300},
		{"InstanceProfiles", 0},
		{"InstanceProfilesQuota", 1000},
		{"MFADevices", 0},
		{"MFADevicesInUse", 0},
		{"Policies", 0},
		{"PoliciesQuota", 1500},
		{"PolicySizeQuota", 6144},
		{"PolicyVersionsInUse", 0},
		{"PolicyVersionsInUseQuota", 10000},
		{"Providers", len(a.state.providers)},
		{"RolePolicySizeQuota", maxInlineSize},
		{"Roles", len(a.state.roles)},
		{"RolesQuota", maxRoles},
		{"ServerCertificates", 0},
		{"ServerCertificatesQuota", 20},
		{"SigningCertificatesPerUserQuota", 2},
		{"UserPolicySizeQuota", 2048},
		{"Users", 1},
		{"UsersQuota", 5000},
		{"VersionsPerPolicyQuota", 5},
	}}}, nil
}

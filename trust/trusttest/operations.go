package trusttest

// service is one of the APIs behind the endpoint.
type service struct {
	name       string // in the scope of a signature
	namespace  string // of its answers
	operations map[string]operation
}

// operation does what an action is for and returns its result, nil for none.
type operation func(*call) (any, error)

// services returns the APIs by their version, which is what tells them apart in a request.
func (a *Account) services() map[string]service {
	return map[string]service{
		"2010-05-08": {name: "iam", namespace: "https://iam.amazonaws.com/doc/2010-05-08/", operations: map[string]operation{
			"AddClientIDToOpenIDConnectProvider":      a.addClientID,
			"AttachRolePolicy":                        a.attachRolePolicy,
			"CreateOpenIDConnectProvider":             a.createProvider,
			"CreateRole":                              a.createRole,
			"DeleteOpenIDConnectProvider":             a.deleteProvider,
			"DeleteRole":                              a.deleteRole,
			"DeleteRolePermissionsBoundary":           a.deleteBoundary,
			"DeleteRolePolicy":                        a.deleteRolePolicy,
			"DetachRolePolicy":                        a.detachRolePolicy,
			"GetAccountSummary":                       a.getAccountSummary,
			"GetOpenIDConnectProvider":                a.getProvider,
			"GetRole":                                 a.getRole,
			"GetRolePolicy":                           a.getRolePolicy,
			"ListAttachedRolePolicies":                a.listAttachedRolePolicies,
			"ListInstanceProfilesForRole":             a.listInstanceProfilesForRole,
			"ListOpenIDConnectProviderTags":           a.listProviderTags,
			"ListOpenIDConnectProviders":              a.listProviders,
			"ListRolePolicies":                        a.listRolePolicies,
			"ListRoleTags":                            a.listRoleTags,
			"ListRoles":                               a.listRoles,
			"PutRolePermissionsBoundary":              a.putBoundary,
			"PutRolePolicy":                           a.putRolePolicy,
			"RemoveClientIDFromOpenIDConnectProvider": a.removeClientID,
			"TagOpenIDConnectProvider":                a.tagProvider,
			"TagRole":                                 a.tagRole,
			"UntagOpenIDConnectProvider":              a.untagProvider,
			"UntagRole":                               a.untagRole,
			"UpdateAssumeRolePolicy":                  a.updateAssumeRolePolicy,
			"UpdateOpenIDConnectProviderThumbprint":   a.updateThumbprint,
			"UpdateRole":                              a.updateRole,
			"UpdateRoleDescription":                   a.updateRoleDescription,
		}},
		"2011-06-15": {name: "sts", namespace: stsNamespace, operations: map[string]operation{
			"AssumeRole":                a.assumeRole,
			"AssumeRoleWithWebIdentity": a.assumeRoleWithWebIdentity,
			"GetCallerIdentity":         a.getCallerIdentity,
		}},
	}
}

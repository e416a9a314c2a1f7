package trusttest

// iamOperation returns what an action of IAM does, nil for one that the account does not know.
func (a *Account) iamOperation(action string) operation {
	switch action {
	case "CreateOpenIDConnectProvider":
		return a.createProvider
	case "GetOpenIDConnectProvider":
		return a.getProvider
	case "ListOpenIDConnectProviders":
		return a.listProviders
	case "DeleteOpenIDConnectProvider":
		return a.deleteProvider
	case "AddClientIDToOpenIDConnectProvider":
		return a.addClientID
	case "RemoveClientIDFromOpenIDConnectProvider":
		return a.removeClientID
	case "UpdateOpenIDConnectProviderThumbprint":
		return a.updateThumbprint
	case "TagOpenIDConnectProvider":
		return a.tagProvider
	case "UntagOpenIDConnectProvider":
		return a.untagProvider
	case "ListOpenIDConnectProviderTags":
		return a.listProviderTags
	case "CreateRole":
		return a.createRole
	case "GetRole":
		return a.getRole
	case "ListRoles":
		return a.listRoles
	case "DeleteRole":
		return a.deleteRole
	case "UpdateRole":
		return a.updateRole
	case "UpdateRoleDescription":
		return a.updateRoleDescription
	case "UpdateAssumeRolePolicy":
		return a.updateAssumeRolePolicy
	}
	return a.rolePartOperation(action)
}

func (a *Account) rolePartOperation(action string) operation {
	switch action {
	case "PutRolePolicy":
		return a.putRolePolicy
	case "GetRolePolicy":
		return a.getRolePolicy
	case "ListRolePolicies":
		return a.listRolePolicies
	case "DeleteRolePolicy":
		return a.deleteRolePolicy
	case "AttachRolePolicy":
		return a.attachRolePolicy
	case "DetachRolePolicy":
		return a.detachRolePolicy
	case "ListAttachedRolePolicies":
		return a.listAttachedRolePolicies
	case "PutRolePermissionsBoundary":
		return a.putBoundary
	case "DeleteRolePermissionsBoundary":
		return a.deleteBoundary
	case "TagRole":
		return a.tagRole
	case "UntagRole":
		return a.untagRole
	case "ListRoleTags":
		return a.listRoleTags
	case "ListInstanceProfilesForRole":
		return a.listInstanceProfilesForRole
	case "GetAccountSummary":
		return a.getAccountSummary
	}
	return nil
}

// Package identitycases is one table of pods, each with whether its container has an AWS
// identity that works. Package mutate, the webhook and the admission policy are all tested
// with it, so that they cannot come to judge differently.
package identitycases

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/mutate"
)

// RoleARN is the role of the account, where it has one.
const RoleARN = "arn:aws:iam::111122223333:role/reader"

// Case is a pod of one container, "app", that an API server admits.
type Case struct {
	Name string

	// Annotated says that the pod's account, "reader" in "team-a", is annotated with RoleARN.
	Annotated bool

	// Pod is the pod's JSON before any mutation.
	Pod string

	// Admitted says that the pod, once mutated, passes where an identity is required.
	Admitted bool

	// Standing is how the container stands then, for the identity of its account.
	Standing mutate.Standing

	// Cause is among the causes of that; "" for none.
	Cause mutate.Cause
}

const (
	dir    = mutate.DefaultMountPath
	file   = dir + "/" + mutate.TokenFileName
	ownDir = "/own"

	respelled = "/var//run/./secrets/eks.amazonaws.com/serviceaccount/"
	ours      = `{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.amazonaws.com","expirationSeconds":86400,"path":"token"}}]}}`
	own       = `{"name":"own","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.amazonaws.com","expirationSeconds":3600,"path":"token"}}]}}`
	empty     = `{"name":"empty","emptyDir":{}}`
	region    = `{"name":"AWS_REGION","value":"eu-central-1"},{"name":"AWS_STS_REGIONAL_ENDPOINTS","value":"regional"}`
)

// pod puts a pod together from lists of JSON values.
func pod(env, mounts, volumes []string, more ...string) string {
	members := append([]string{`"name":"app"`, `"image":"example.com/app:1"`}, more...)
	if len(env) > 0 {
		members = append(members, `"env":[`+strings.Join(env, ",")+`]`)
	}
	if len(mounts) > 0 {
		members = append(members, `"volumeMounts":[`+strings.Join(mounts, ",")+`]`)
	}
	return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"team-a","labels":{"eks.amazonaws.com/require-identity":"true"}},` +
		`"spec":{"serviceAccountName":"reader","containers":[{` + strings.Join(members, ",") + `}],"volumes":[` + strings.Join(volumes, ",") + `]}}`
}

func variable(name, value string) string { return fmt.Sprintf(`{"name":%q,"value":%q}`, name, value) }

func from(name, reference string) string {
	return fmt.Sprintf(`{"name":%q,"valueFrom":%s}`, name, reference)
}

func pair(role, file string) []string {
	return []string{variable(mutate.EnvRoleARN, role), variable(mutate.EnvTokenFile, file)}
}

func mounted(volume, path string, more ...string) string {
	return fmt.Sprintf(`{"name":%q,"mountPath":%q%s}`, volume, path, strings.Join(more, ""))
}

func list(items ...string) []string { return items }

const (
	optional = `{"configMapKeyRef":{"name":"c","key":"k","optional":true}}`
	required = `{"configMapKeyRef":{"name":"c","key":"k"}}`
)

// Cases returns the table.
func Cases() []Case {
	return slices.Concat(injected(), emptyVariables(), broken(), ownIdentities(), hidden())
}

// CasesAt returns the table for tokens at another mount path.
func CasesAt(mountPath string) []Case {
	cases := Cases()
	for i := range cases {
		cases[i].Pod = strings.NewReplacer(dir, mountPath, respelled, "/./"+mountPath+"/").Replace(cases[i].Pod)
	}
	return cases
}

func injected() []Case {
	return []Case{
		{"nothing of its own", true, pod(nil, nil, nil), true, mutate.HasIdentity, ""},
		{"nothing, and no role", false, pod(nil, nil, nil), false, mutate.FallsToNode, mutate.CauseNotMutated},
		{"all of it already", true, pod(pair(RoleARN, file), list(mounted("aws-iam-token", dir)), list(ours)), true, mutate.HasIdentity, ""},
		{"the token's file alone is mounted", true, pod(pair(RoleARN, file), list(mounted("aws-iam-token", file, `,"subPath":"token"`)), list(ours)), true, mutate.HasIdentity, ""},
		{"the token's file alone, by another spelling", true, pod(pair(RoleARN, file), list(mounted("aws-iam-token", file, `,"subPath":"./token"`)), list(ours)), true, mutate.HasIdentity, ""},
		{"all of the volume as a part of it", true, pod(pair(RoleARN, file), list(mounted("aws-iam-token", dir, `,"subPath":"./"`)), list(ours)), true, mutate.HasIdentity, ""},
		{"all of it, by other spellings of the paths", true, pod(pair(RoleARN, file), list(mounted("aws-iam-token", respelled)), list(strings.Replace(ours, `"token"`, `"./token"`, 1))), true, mutate.HasIdentity, ""},
		{"something else at the path", true, pod(nil, list(mounted("empty", dir)), list(empty)), false, mutate.FallsToNode, mutate.Cause(mutate.CodeForeignMount)},
		{"another volume of the name", true, pod(nil, nil, list(`{"name":"aws-iam-token","emptyDir":{}}`)), false, mutate.FallsToNode, mutate.Cause(mutate.CodeForeignVolume)},
		{"half", true, pod(list(variable(mutate.EnvRoleARN, RoleARN)), nil, nil), false, mutate.FallsToNode, mutate.CausePartial},
		{"the other half", true, pod(list(variable(mutate.EnvTokenFile, file)), nil, nil), false, mutate.FallsToNode, mutate.CausePartial},
	}
}

func emptyVariables() []Case {
	names := []string{mutate.EnvRoleARN, mutate.EnvTokenFile}
	nameless := []string{`{"name":"AWS_ROLE_ARN"}`, `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE"}`}
	return []Case{
		{"both empty", true, pod(pair("", ""), nil, nil), false, mutate.FallsToNode, mutate.CauseEmpty},
		{"both empty, and no role", false, pod(pair("", ""), nil, nil), false, mutate.FallsToNode, mutate.CauseEmpty},
		{"both without a value", true, pod(nameless, nil, nil), false, mutate.FallsToNode, mutate.CauseEmpty},
		{"the role empty", true, pod(pair("", file), nil, nil), false, mutate.FallsToNode, mutate.CauseEmpty},
		{"the file empty", true, pod(pair(RoleARN, ""), nil, nil), false, mutate.FallsToNode, mutate.CauseEmpty},
		{"the last of two is empty", true, pod(append(pair(RoleARN, file), pair("", "")...), nil, nil), false, mutate.FallsToNode, mutate.CauseEmpty},
		{"the last of two is not", true, pod(append(pair("", ""), pair(RoleARN, file)...), nil, nil), true, mutate.HasIdentity, ""},
		{"both from an optional key", true, pod(list(from(names[0], optional), from(names[1], optional)), nil, nil), false, mutate.Unknown, mutate.CauseEmpty},
		{"an empty access key beside it", true, pod(list(variable("AWS_ACCESS_KEY_ID", ""), variable("AWS_SECRET_ACCESS_KEY", "")), nil, nil), true, mutate.HasIdentity, ""},
	}
}

func broken() []Case {
	settled := append(pair(RoleARN, file), region)
	return []Case{
		{"our file and no volume, and no role", false, pod(pair(RoleARN, file), nil, nil), false, mutate.Broken, mutate.CauseNoToken},
		{"our file and no mount, with nothing to add", true, pod(settled, nil, list(ours)), false, mutate.Broken, mutate.CauseNoToken},
		{"our volume by a part that is not the directory", true, pod(nil, list(mounted("aws-iam-token", dir, `,"subPath":"token"`)), list(ours)), false, mutate.Broken, mutate.CauseNoToken},
		{"our volume elsewhere", true, pod(nil, list(mounted("aws-iam-token", "/else")), list(ours)), false, mutate.Broken, mutate.CauseNoToken},
		{"something in front of the token", true, pod(nil, list(mounted("empty", file)), list(empty)), false, mutate.Broken, mutate.CauseNoToken},
		{"our volume for another audience", true, pod(nil, nil, list(strings.Replace(ours, "sts.amazonaws.com", "x", 1))), false, mutate.Broken, mutate.CauseOtherAudience},
	}
}

func ownIdentities() []Case {
	const other = "arn:aws:iam::111122223333:role/own"
	keys := list(variable("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), variable("AWS_SECRET_ACCESS_KEY", "example"))
	agent := list(variable(mutate.EnvCredentialsURI, mutate.PodIdentityURI), variable(mutate.EnvCredentialsAuth, ownDir+"/token"))
	return []Case{
		{"its own, at a path of its own", true, pod(pair(other, ownDir+"/token"), list(mounted("own", ownDir)), list(own)), true, mutate.HasOther, mutate.CauseOtherRole},
		{"its own, and no role", false, pod(pair(other, ownDir+"/token"), list(mounted("own", ownDir)), list(own)), true, mutate.HasOther, mutate.CauseNoIdentity},
		{"its own, at our path", true, pod(pair(other, file), list(mounted("own", dir)), list(own)), true, mutate.HasOther, mutate.CauseOtherRole},
		{"the account's role by a token of its own at our path", true, pod(pair(RoleARN, file), list(mounted("own", dir)), list(own)), true, mutate.HasIdentity, ""},
		{"its own at our path, and no role", false, pod(pair(other, file), list(mounted("own", dir)), list(own)), true, mutate.HasOther, mutate.CauseNoIdentity},
		{"something else at our path, which its variables name", true, pod(pair(other, file), list(mounted("empty", dir)), list(empty)), false, mutate.HasOther, mutate.CauseOtherRole},
		{"its own, in a volume that does not show it", true, pod(pair(other, ownDir+"/token"), list(mounted("empty", ownDir)), list(empty)), true, mutate.HasOther, mutate.CauseOtherRole},
		{"its own, and its volume has another file", true, pod(pair(other, ownDir+"/other"), list(mounted("own", ownDir)), list(own)), false, mutate.HasOther, mutate.CauseOtherRole},
		{"static keys, and no role", false, pod(keys, nil, nil), true, mutate.HasOther, mutate.CauseStaticCredentials},
		{"half of static keys, and no role", false, pod(keys[:1], nil, nil), false, mutate.FallsToNode, mutate.CauseNotMutated},
		{"the agent's, and no role", false, pod(agent, list(mounted("own", ownDir)), list(strings.Replace(own, "sts.", "pods.eks.", 1))), true, mutate.HasOther, mutate.CauseNoIdentity},
	}
}

func hidden() []Case {
	keys := list(
		`{"name":"AWS_ACCESS_KEY_ID","valueFrom":{"secretKeyRef":{"name":"aws-secret","key":"key_id","optional":true}}}`,
		`{"name":"AWS_SECRET_ACCESS_KEY","valueFrom":{"secretKeyRef":{"name":"aws-secret","key":"access_key","optional":true}}}`)
	return []Case{
		{"static keys that may be there", true, pod(keys, nil, nil), true, mutate.Unknown, mutate.CauseReference},
		{"static keys that may be there, and no role", false, pod(keys, nil, nil), false, mutate.Unknown, mutate.CauseReference},
		{"a file out of two references", true, pod(pair(RoleARN, "$(DIR)$(FILE)"), nil, nil), false, mutate.Unknown, mutate.CauseEmpty},
		{"a file that ends in the middle of a reference", true, pod(pair(RoleARN, "$(FILE"), nil, nil), true, mutate.Unknown, mutate.CauseReference},
		{"a role from a key that must be there", true, pod(list(from(mutate.EnvRoleARN, required), variable(mutate.EnvTokenFile, ownDir+"/token")), list(mounted("own", ownDir)), list(own)), true, mutate.Unknown, mutate.CauseReference},
		{"all of its environment from a Secret, and no role", false, pod(nil, nil, nil, `"envFrom":[{"secretRef":{"name":"s"}}]`), false, mutate.Unknown, mutate.CauseNotMutated},
		{"all of its environment from a Secret", true, pod(nil, nil, nil, `"envFrom":[{"secretRef":{"name":"s"}}]`), true, mutate.HasIdentity, ""},
		{"variables with another prefix from a Secret, and no role", false, pod(nil, nil, nil, `"envFrom":[{"prefix":"DB_","secretRef":{"name":"s"}}]`), false, mutate.FallsToNode, mutate.CauseNotMutated},
	}
}

package mutate

import "github.com/go-json-experiment/json/jsontext"

// envVar is a variable that the mutation adds or looks for.
type envVar uint8

// Those that are added come first, in the order in which the EKS webhook appends them.
const (
	envRegionalSTS envVar = iota
	envDefaultRegion
	envRegion
	envRoleARN
	envTokenFile
	envCredentialsURI
	envCredentialsAuth
	envSessionName
	envEC2Metadata
	envAdded // how many are added

	envAccessKey = envAdded
	envCount     = envAccessKey + 1
)

// envSet is a set of them.
type envSet uint16

func (v envVar) set() envSet           { return 1 << v }
func (s envSet) has(all envSet) bool   { return s&all == all }
func (s envSet) hasAny(of envSet) bool { return s&of != 0 }

const (
	envRegions  = envSet(1<<envDefaultRegion | 1<<envRegion)
	envWebPair  = envSet(1<<envRoleARN | 1<<envTokenFile)
	envOfSDKs   = envSet(1<<envCount - 1)
	envIdentity = envOfSDKs &^ envSet(1<<envEC2Metadata)
)

// envNames are the variables' names, by envVar.
var envNames = [envCount]string{
	EnvRegionalSTS, EnvDefaultRegion, EnvRegion, EnvRoleARN, EnvTokenFile,
	EnvCredentialsURI, EnvCredentialsAuth, EnvSessionName, EnvEC2Metadata, "AWS_ACCESS_KEY_ID",
}

// lookupEnv returns the set of the variable with this name; empty for any other.
func lookupEnv[S string | []byte](name S) envSet {
	if len(name) < len("AWS_") || string(name[:4]) != "AWS_" {
		return 0
	}
	for i, known := range envNames {
		if string(name) == known {
			return envVar(i).set()
		}
	}
	return 0
}

// withPrefix returns those variables whose names begin with prefix: what an envFrom with
// that prefix may hold.
func withPrefix(prefix string) (s envSet) {
	for i, name := range envNames {
		if len(prefix) <= len(name) && name[:len(prefix)] == prefix {
			s |= envVar(i).set()
		}
	}
	return s
}

// envJSON is a container's env entry.
func envJSON(v envVar, value string) string {
	return `{"name":"` + envNames[v] + `","value":` + quoteJSON(value) + `}`
}

// fixedEnv are the entries that are the same for every pod.
func fixedEnv(c Config) (env [envCount]string) {
	env[envRegionalSTS] = envJSON(envRegionalSTS, "regional")
	env[envDefaultRegion] = envJSON(envDefaultRegion, c.Region)
	env[envRegion] = envJSON(envRegion, c.Region)
	uri := PodIdentityURI
	if c.PodIdentityIPv6 {
		uri = PodIdentityURIv6
	}
	env[envCredentialsURI] = envJSON(envCredentialsURI, uri)
	env[envEC2Metadata] = envJSON(envEC2Metadata, "true")
	return env
}

// The session's name comes from the pod itself, once it has one
// (https://kubernetes.io/docs/concepts/workloads/pods/downward-api/).
const (
	sessionNameByUID  = `{"name":"` + EnvSessionName + `","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.uid"}}}`
	sessionNameByName = `{"name":"` + EnvSessionName + `","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.name"}}}`
)

func quoteJSON(s string) string {
	q, _ := jsontext.AppendQuote(nil, s) // what cannot be quoted was refused before
	return string(q)
}

package mutate

import (
	"math/bits"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

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
	envDualStack
	envFIPS
	envAdded // how many are added

	envAccessKey = envAdded
	envSecretKey = envAdded + 1
	envProxy     = envAdded + 2 // under any of its names
	envNoProxy   = envAdded + 3 // under either of its names
	envCount     = envAdded + 4
)

// envSet is a set of them.
type envSet uint16

func (v envVar) set() envSet           { return 1 << v }
func (s envSet) has(all envSet) bool   { return s&all == all }
func (s envSet) hasAny(of envSet) bool { return s&of != 0 }

// first is the only variable of a set that has one.
func (s envSet) first() envVar { return envVar(bits.TrailingZeros16(uint16(s))) }

const (
	envRegions   = envSet(1<<envDefaultRegion | 1<<envRegion)
	envWebPair   = envSet(1<<envRoleARN | 1<<envTokenFile)
	envAgentPair = envSet(1<<envCredentialsURI | 1<<envCredentialsAuth)
	envKeys      = envSet(1<<envAccessKey | 1<<envSecretKey)
	envProxies   = envSet(1<<envProxy | 1<<envNoProxy)
	envOfSDKs    = envSet(1<<envProxy - 1)
	envIdentity  = envOfSDKs &^ envSet(1<<envEC2Metadata)
)

// envNames are the names of the variables of the SDKs, by envVar.
var envNames = [envProxy]string{
	EnvRegionalSTS, EnvDefaultRegion, EnvRegion, EnvRoleARN, EnvTokenFile,
	EnvCredentialsURI, EnvCredentialsAuth, EnvSessionName, EnvEC2Metadata,
	EnvDualStack, EnvFIPS,
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
}

// lookupEnv returns the set of the variable with this name; empty for any other.
func lookupEnv[S string | []byte](name S) envSet {
	if len(name) < len("NO_PROXY") {
		return 0
	}
	if string(name[:4]) != "AWS_" {
		return lookupProxy(name)
	}
	for i, known := range envNames {
		if string(name) == known {
			return envVar(i).set()
		}
	}
	switch string(name) { // older names (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html)
	case "AWS_ACCESS_KEY":
		return envAccessKey.set()
	case "AWS_SECRET_KEY":
		return envSecretKey.set()
	}
	return 0
}

// lookupProxy knows the names under which HTTP clients look for a proxy to a plain http
// address, and for what needs none (ProxyFromEnvironment in net/http, getproxies in Python).
func lookupProxy[S string | []byte](name S) envSet {
	switch string(name) {
	case "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy":
		return envProxy.set()
	case "NO_PROXY", "no_proxy":
		return envNoProxy.set()
	}
	return 0
}

// withPrefix returns those variables whose names begin with prefix: what an envFrom with
// that prefix may hold.
func withPrefix(prefix string) (s envSet) {
	for i, name := range envNames {
		if strings.HasPrefix(name, prefix) {
			s |= envVar(i).set()
		}
	}
	return s
}

// appendEnv writes an env entry, such as {"name":"AWS_REGION","value":"eu-central-1"}.
func appendEnv(b []byte, v envVar, value string) []byte {
	b = append(b, `{"name":"`...)
	b = append(b, envNames[v]...)
	b = append(b, `","value":`...)
	b, _ = jsontext.AppendQuote(b, value) // what cannot be quoted was refused before
	return append(b, '}')
}

// fixedEnv are the entries that are the same for every pod.
func fixedEnv(c Config) (env [envAdded][]byte) {
	env[envRegionalSTS] = appendEnv(nil, envRegionalSTS, "regional")
	env[envDefaultRegion] = appendEnv(nil, envDefaultRegion, c.Region)
	env[envRegion] = appendEnv(nil, envRegion, c.Region)
	env[envCredentialsURI] = appendEnv(nil, envCredentialsURI, c.agentURI())
	for _, v := range choiceVars[ec2MetadataChoice:] {
		env[v] = appendEnv(nil, v, "true")
	}
	return env
}

func (c Config) agentURI() string {
	if c.PodIdentityIPv6 {
		return PodIdentityURIv6
	}
	return PodIdentityURI
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

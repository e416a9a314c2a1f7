// Package partition is the library's one table of AWS partitions.
//
// Names, region prefixes and DNS suffixes are those of the AWS SDKs' shared partitions.json.
package partition

import (
	"regexp"
	"strings"
)

// Partition is one row of the table. Values are immutable.
type Partition struct {
	// Name is the second field of every ARN of the partition, such as "aws-cn".
	Name string
	// Region is where clients that name none are sent: where IAM and the global STS are.
	Region string
	// DNSSuffix ends the host names of the partition's services: "amazonaws.com".
	DNSSuffix string
	// DualStackSuffix ends the host names that also answer over IPv6; "" where there are none.
	DualStackSuffix string

	regionPrefix string // "" only for aws, which has all that no other row claims
}

// The rows with a region prefix come first: "aws" takes what is left.
var table = [...]Partition{
	{Name: "aws-cn", Region: "cn-north-1", DNSSuffix: "amazonaws.com.cn", DualStackSuffix: "api.amazonwebservices.com.cn", regionPrefix: "cn-"},
	{Name: "aws-us-gov", Region: "us-gov-west-1", DNSSuffix: "amazonaws.com", DualStackSuffix: "api.aws", regionPrefix: "us-gov-"},
	{Name: "aws-iso", Region: "us-iso-east-1", DNSSuffix: "c2s.ic.gov", DualStackSuffix: "api.aws.ic.gov", regionPrefix: "us-iso-"},
	{Name: "aws-iso-b", Region: "us-isob-east-1", DNSSuffix: "sc2s.sgov.gov", DualStackSuffix: "api.aws.scloud", regionPrefix: "us-isob-"},
	{Name: "aws-iso-e", Region: "eu-isoe-west-1", DNSSuffix: "cloud.adc-e.uk", DualStackSuffix: "api.cloud-aws.adc-e.uk", regionPrefix: "eu-isoe-"},
	{Name: "aws-iso-f", Region: "us-isof-south-1", DNSSuffix: "csp.hci.ic.gov", DualStackSuffix: "api.aws.hci.ic.gov", regionPrefix: "us-isof-"},
	{Name: "aws-eusc", Region: "eusc-de-east-1", DNSSuffix: "amazonaws.eu", DualStackSuffix: "api.amazonwebservices.eu", regionPrefix: "eusc-"},
	{Name: "aws", Region: "us-east-1", DNSSuffix: "amazonaws.com", DualStackSuffix: "api.aws"},
}

var regionShape = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// ByName returns the partition of that exact name.
func ByName(name string) (Partition, bool) {
	for _, p := range table {
		if p.Name == name {
			return p, true
		}
	}
	return Partition{}, false
}

// ByRegion returns the partition that a region such as "eu-central-1" belongs to,
// and false for what does not have the shape of a region.
func ByRegion(region string) (Partition, bool) {
	if !regionShape.MatchString(region) {
		return Partition{}, false
	}
	for _, p := range table {
		if strings.HasPrefix(region, p.regionPrefix) {
			return p, true
		}
	}
	return Partition{}, false
}

// HasHost says whether a host name, in lower case, is below a DNS suffix of AWS in any partition.
func HasHost(host string) bool {
	for _, p := range table {
		if strings.HasSuffix(host, "."+p.DNSSuffix) || strings.HasSuffix(host, "."+p.DualStackSuffix) {
			return true
		}
	}
	return false
}

// Names lists the partitions' names, "aws" first, for messages that say what is allowed.
func Names() []string {
	names := make([]string, 0, len(table))
	names = append(names, table[len(table)-1].Name)
	for _, p := range table[:len(table)-1] {
		names = append(names, p.Name)
	}
	return names
}

package partition_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/partition"
)

func TestByRegion(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-central-1":   "aws",
		"us-east-1":      "aws",
		"ap-southeast-4": "aws",
		"mx-central-1":   "aws",
		"cn-northwest-1": "aws-cn",
		"us-gov-west-1":  "aws-us-gov",
		"us-iso-east-1":  "aws-iso",
		"us-isob-east-1": "aws-iso-b",
		"eu-isoe-west-1": "aws-iso-e",
		"us-isof-east-1": "aws-iso-f",
		"eusc-de-east-1": "aws-eusc",
		"":               "",
		"eu-central":     "",
		"EU-CENTRAL-1":   "",
		"eu-central-1\n": "",
		"a.b-c-1":        "",
	} {
		p, ok := partition.ByRegion(region)
		assert.Equal(t, want != "", ok, "region %q", region)
		assert.Equal(t, want, p.Name, "region %q", region)
	}
}

func TestEveryNamedPartitionIsFoundByItsName(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "aws", partition.Names()[0])
	assert.Len(t, partition.Names(), 8)
	for _, name := range partition.Names() {
		p, ok := partition.ByName(name)
		assert.True(t, ok)
		assert.Equal(t, name, p.Name)
		assert.NotEmpty(t, p.DNSSuffix)
		home, _ := partition.ByRegion(p.Region)
		assert.Equal(t, name, home.Name, "the partition's own region is in it")
	}
	_, ok := partition.ByName("AWS")
	assert.False(t, ok)
}

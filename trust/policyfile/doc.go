// Package policyfile looks at the trust policies in files and folders of JSON and YAML, and reports
// findings with the place in the file, for people and as SARIF and annotations of GitHub: what a
// gate of CI, a review or an audit is made of.
//
// [Read] takes the policies out of one file, of every kind that [trust.ExtractFrom] knows: of Terraform a
// plan or a state in JSON, not its own language. A dump of an account may have any size. [Search] looks into folders too, and [Search.Check] makes a
// [Report] of what a check, such as [trust.Policy.Lint] or [Refusals], finds.
package policyfile

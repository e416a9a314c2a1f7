// Package iamcall is what every caller of IAM here needs beside the SDK: IAM's error codes,
// patience with its eventual consistency, and tags.
package iamcall

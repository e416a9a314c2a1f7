// Package secondsts holds trust policies against an STS that others wrote: Ceph's RADOS gateway.
// It has tests only.
package secondsts

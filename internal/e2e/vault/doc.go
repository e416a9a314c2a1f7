// Package vault holds the credentials of a mutated pod against HashiCorp Vault's AWS login, whose own
// code runs in this process. It is a module of its own for the weight of Vault's requirements.
package vault

// Package otherclients gives the token of a pod to the clients of others: the same token.Source as a
// client assertion for Azure and as a subject token for Google Cloud, and a token.Provider as the
// credentials of minio-go. Its Examples run against the real clients.
//
// Each of these wants a token for an audience of its own: api://AzureADTokenExchange for Azure, the
// workload identity provider's for Google. A projected volume may hold one file for each.
package otherclients

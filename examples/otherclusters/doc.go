// Package otherclusters shows, in an Example that runs, that pods of GKE and AKS become AWS roles by
// the same calls as those of any other cluster.
package otherclusters

#!/bin/sh
# Builds an API server of the end-to-end tests, once: 4 to 6 minutes on two idle cores from an empty
# cache, nothing when the binary of these very sources is there already. Prints the binary's path.
#
#	build.sh [--check] [MODULE]
#
# MODULE is go (the default) or kubernetes-1.36: the module file without its ".mod", which requires
# one version of Kubernetes. With --check it builds nothing and fails when there is no such binary.
#
# IRSA_E2E_CACHE names the folder it is kept in; the default is .cache/e2e at the project's root,
# which git ignores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${IRSA_E2E_CACHE:-$here/../../../.cache/e2e}
check=
if [ "${1:-}" = --check ]; then
	check=1
	shift
fi
module=$here/${1:-go}

# The version is the one that the module requires. The file's name carries a sum of the sources, so
# that changed ones are built anew.
version=$(sed -n 's|.*k8s.io/kubernetes \(v[0-9.]*\)$|\1|p' "$module.mod")
sum=$(cat "$module.mod" "$module.sum" "$here/main.go" | sha256sum | cut -c1-12)
binary=$cache/apiserver-$version-$sum

if [ -x "$binary" ]; then
	echo "$binary"
	exit 0
fi
if [ -n "$check" ]; then
	echo "the API server is not built: run internal/e2e/apiserver/build.sh ${1:-} first (4 to 6 minutes on two cores, once)" >&2
	exit 1
fi

mkdir -p "$cache"
cd "$here"
stamp=k8s.io/component-base/version
minor=$(echo "$version" | cut -d. -f2)
go build -modfile="$module.mod" -trimpath -o "$binary.tmp.$$" -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor" .
mv "$binary.tmp.$$" "$binary"
echo "$binary"

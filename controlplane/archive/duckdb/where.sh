#!/bin/sh
# Prints the directory that fetch.sh fills: ${XDG_CACHE_HOME:-~/.cache}/picket/duckdb-VERSION.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/.*"@duckdb\/node-bindings-linux-x64": "\(.*\)".*/\1/p' "$here/package.json")
printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/picket/duckdb-$version"

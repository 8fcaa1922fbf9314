#!/bin/sh
# Fetches DuckDB's library and header, pinned by package-lock.json, to where meson looks for them:
# the directory that where.sh prints. Does nothing if they are there. Needs npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=$("$here/where.sh")
cache=$(dirname "$target")
[ -f "$target/libduckdb.so" ] && [ -f "$target/duckdb.h" ] && exit 0

mkdir -p "$cache"
work=$(mktemp -d "$cache/fetching-XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$work"
# Without scripts: the packages' own install steps would download more, or build the engine from source.
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
mkdir "$work/duckdb"
mv "$work/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so" \
    "$work/node_modules/duckdb/src/duckdb/src/include/duckdb.h" "$work/duckdb"
cp "$work/node_modules/duckdb/LICENSE" "$work/duckdb/LICENSE"
# Moved as a whole, so that nobody ever finds half of it.
rm -rf "$target"
mv "$work/duckdb" "$target"

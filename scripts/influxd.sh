#!/usr/bin/env bash
# Builds a real influxd for the tests into the user's cache folder, once for each version, and prints its path.
# Needs Go >= 1.25, cargo, a C compiler and pkg-config. Takes about 3 minutes on 2 cores; later calls are instant.
# InfluxDB is not a part of Davylamp and is never put into the repository.
set -euo pipefail

version=1.12.4
folder="${XDG_CACHE_HOME:-$HOME/.cache}/davylamp/influxd-$version"
influxd="$folder/influxd"

if [ -x "$influxd" ]; then
    echo "$influxd"
    exit 0
fi

for tool in go cargo cc pkg-config flock; do
    if ! command -v "$tool" >/dev/null; then
        echo "influxd.sh: $tool is missing; Go >= 1.25, cargo, a C compiler, pkg-config and flock are needed" >&2
        exit 1
    fi
done

mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
if [ -x "$influxd" ]; then   # another call built it while this one waited
    echo "$influxd"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"

# Its Rust part denies warnings, and newer compilers have more of them.
cat >"$work/rustc" <<'WRAPPER'
#!/bin/sh
rustc="$1"
shift
exec "$rustc" "$@" --cap-lints warn
WRAPPER
chmod +x "$work/rustc"

export GOTOOLCHAIN=local CGO_ENABLED=1 GOBIN="$work/bin" RUSTUP_TOOLCHAIN=stable RUSTC_WRAPPER="$work/rustc"
echo "influxd.sh: building influxd $version, about 3 minutes" >&2
go install github.com/influxdata/pkg-config@v0.2.14 >&2
PKG_CONFIG="$work/bin/pkg-config" go install "github.com/influxdata/influxdb/cmd/influxd@v$version" >&2
"$work/bin/influxd" version >&2
mv "$work/bin/influxd" "$folder/influxd.part"
mv "$folder/influxd.part" "$influxd"
echo "$influxd"

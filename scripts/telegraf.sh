#!/usr/bin/env bash
# Builds Telegraf, the peer of bench/ingest.py, into the user's cache folder, once for each version, and prints its path.
# Needs Go; takes some minutes on 2 cores at low priority; later calls are instant. Only the plugins of the bench are in it.
# With --found it builds nothing: it prints the path of what is there, or fails.
set -euo pipefail

version=1.37.2
folder="${XDG_CACHE_HOME:-$HOME/.cache}/davylamp/telegraf-$version"
telegraf="$folder/telegraf"

if [ -x "$telegraf" ]; then
    echo "$telegraf"
    exit 0
fi
if [ "${1:-}" = --found ]; then
    echo "telegraf.sh: not built yet; run scripts/telegraf.sh" >&2
    exit 1
fi

for tool in go flock; do
    if ! command -v "$tool" >/dev/null; then
        echo "telegraf.sh: $tool is missing; Go and flock are needed" >&2
        exit 1
    fi
done

mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
if [ -x "$telegraf" ]; then   # another call built it while this one waited
    echo "$telegraf"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
plugins=inputs.mqtt_consumer,outputs.influxdb,outputs.file,parsers.json_v2,parsers.influx,serializers.influx
echo "telegraf.sh: building telegraf $version, some minutes" >&2
GOBIN="$work" GOTOOLCHAIN=local nice -n 19 \
    go install -tags "custom,$plugins" "github.com/influxdata/telegraf/cmd/telegraf@v$version" >&2
"$work/telegraf" --version >&2
mv "$work/telegraf" "$folder/telegraf.part"
mv "$folder/telegraf.part" "$telegraf"
echo "$telegraf"

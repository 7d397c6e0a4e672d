#!/usr/bin/env bash
# One whole cycle by revshare, for run_peers.py: DATA OUT FORMAT. A fresh instance each time; its services are started
# before and stopped after, and count into the time: about a second.
set -euo pipefail
data=$(realpath "$1") out=$(realpath "$2") format=$3
root=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
trap 'REVSHARE_HOME=$work/home "$root/.venv/bin/python" "$root/manage.py" services stop >/dev/null; rm -rf "$work"' EXIT
export REVSHARE_HOME=$work/home
mkdir "$work/in"
ln -s "$data/attributions.$format" "$data/sales.$format" "$data/contributors.csv" "$data/models.csv" "$data/policy.toml" "$work/in/"
"$root/.venv/bin/python" "$root/manage.py" run_cycle 2026-06 --start 2026-06-01 --end 2026-07-01 --timezone UTC \
  --from "$work/in" --export "$work/out" >/dev/null
cp "$work/out/payouts.csv" "$out/payouts.csv"

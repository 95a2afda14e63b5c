#!/usr/bin/env bash
# The demo: a page to talk to the model, and its HTTP API, on this machine alone. Without --model (or the
# published --southgpt_ckpt_path) it is MelodyMini.
#
#   Scripts/app.sh [southgpt-demo's arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
options=(-c release --traits Server --scratch-path .build-server)
swift build "${options[@]}" --product southgpt-demo
exec "$(swift build "${options[@]}" --show-bin-path)/southgpt-demo" "$@"

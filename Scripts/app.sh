#!/usr/bin/env bash
# The demo: a page to talk to the model, and its HTTP API, on this machine alone.
#
#   Scripts/app.sh [southgpt-demo's arguments]
#
# Without --model (or the published --southgpt_ckpt_path) it takes the small model of Scripts/demo,
# and makes it where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(-c release --traits Server --scratch-path .build-server)
swift build "${options[@]}" --product southgpt-demo
tools=$(swift build "${options[@]}" --show-bin-path)

case " $* " in
    *" --model"* | *" --southgpt_ckpt_path"* | *" --help "* | *" -h "*) ;;
    *)
        if [[ ! -f output/model/southgpt.json ]]; then
            swift build "${options[@]}" --product southgpt-checkpoint
            "$tools/southgpt-checkpoint" init --preset tiny --seed 13 --output output/model
        fi
        set -- --model output/model "$@"
        ;;
esac
exec "$tools/southgpt-demo" "$@"

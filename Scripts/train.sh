#!/usr/bin/env bash
# The published launcher line, a stage at a time:
#
#   Scripts/train.sh [STAGE] [southgpt-train's further arguments]
#
# Paths are those of the README, as seen from the folder that the script is in. SOUTHGPT_TOOLS may
# name a folder of built tools.
set -euo pipefail
cd "$(dirname "$0")"
if [[ -z ${SOUTHGPT_TOOLS:-} ]]; then
    swift build --package-path .. -c release --product southgpt-train
    SOUTHGPT_TOOLS=$(swift build --package-path .. -c release --show-bin-path)
fi

stage=${1:-1}
exec "$SOUTHGPT_TOOLS/southgpt-train" --include localhost:0 --master_addr 127.0.0.1 \
    --master_port 28459 \
    --model southgpt \
    --stage "$stage" \
    --save_path ../ckpt/delta_ckpt/southgpt/7b_tiva_v0/ \
    --log_path ../ckpt/delta_ckpt/southgpt/7b_tiva_v0/log/ \
    --root .. "${@:2}"

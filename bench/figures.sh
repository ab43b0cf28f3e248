#!/bin/sh
# Every figure of the README's section Speed, in about half an hour of a quiet machine: lookups beside
# Concrete, in batches and alone, the digits beside Concrete-ML, steps of the rotation on one core, what a second
# core gains, 1 to 10,000 lookups. Rows go to FILE; the section is printed.
# usage: bench/figures.sh FILE.jsonl [VENV [ML_VENV]]     virtual environments of the peers, made when missing
set -eu
cd "$(dirname "$0")/.."
. bench/peer.sh

case $# in 1 | 2 | 3) ;; *) usage ;; esac
rows=$1
venv=${2:-build/peer-venv}
ml_venv=${3:-build/peer-ml-venv}
torc_bench=${TORC_BENCH:-build/release/torc_bench}
status=0

: >"$rows"
peer_build torc torc_bench
"$torc_bench" steps --repeats 20 >>"$rows" || status=1
bench/linear.sh --output bench/results/cpu-linear >>"$rows" || status=1
bench/threads.sh --turns 9 --set 4_private >>"$rows" || status=1
bench/compare_concrete_ml.sh --venv "$ml_venv" --output "$rows" >/dev/null || status=1
bench/compare_concrete.sh --venv "$venv" --alone --bits 4 --turns 5 --output "$rows" >/dev/null || status=1
bench/compare_concrete.sh --venv "$venv" --output "$rows" >/dev/null || status=1
bench/compare_concrete.sh --markdown "$rows"
exit $status

#!/bin/sh
# How the time of encrypted lookups grows with their number, 1 to 10,000: rows of torc_bench lookups, one more
# row with the straight line through them, and a plot. In at most four minutes; on a machine that is busy the
# largest batches are left out.
# usage: bench/linear.sh [OPTIONS]
#   --set NAME         parameters, as torc_bench has them (default: 4_private)
#   --output PREFIX    writes PREFIX.jsonl and PREFIX.svg (default: bench/results/cpu-linear)
set -eu
cd "$(dirname "$0")/.."
. bench/peer.sh

BATCHES=1,3,10,32,100,316,1000,3162,10000
SECONDS_MAX=220

set_name=4_private
output=bench/results/cpu-linear
torc_bench=${TORC_BENCH:-build/release/torc_bench}
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --set) set_name=$2 ;;
    --output) output=$2 ;;
    *) usage ;;
    esac
    shift 2
done

peer_build torc_bench
load=$(machine_load)
say "others take $load % of the machine"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$torc_bench" lookups --set "$set_name" --batch $BATCHES --repeats 3 --max-seconds $SECONDS_MAX >"$work/all"
grep '"what":"lookup"' "$work/all" >"$work/rows"
while read -r line; do
    echo "$line" >"$work/row"
    echo "$(member batch "$work/row") $(member ms "$work/row")"
done <"$work/rows" >"$work/points"
awk -f bench/straight_line.awk "$work/points" >"$work/line"
printf '{"bench":"linear","set":"%s",%s,"load":%s,"threads":%s,"kernels":"%s","model":"%s","commit":"%s"}\n' \
    "$set_name" "$(cat "$work/line")" "$load" "$(member threads "$work/rows")" "$(member kernels "$work/rows")" \
    "$(member model "$work/rows")" "$(member commit "$work/rows")" >"$work/fit"
cat "$work/rows" "$work/fit" >"$output.jsonl"
"$torc_bench" plot "$output.jsonl" --plot time --output "$output.svg"
cat "$work/fit"
[ "$(member batch_max "$work/fit")" -eq "${BATCHES##*,}" ] || say "${BATCHES##*,} lookups were left out: the machine was too busy"
say "$(member ms_per_lookup "$work/fit") ms a lookup, r^2 $(member r2 "$work/fit"), at most" \
    "$(member deviation_max_percent "$work/fit") % off the line; $output.jsonl, $output.svg"

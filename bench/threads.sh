#!/bin/sh
# What more threads gain: the same lookups by one thread and by several, in turns. One JSON object a set and
# batch. Times are medians over the turns, and the least ones: other programs on the machine only add.
# usage: bench/threads.sh [OPTIONS]
#   --set NAME,..      parameters, as torc_bench has them (default: 4_private,4_shared)
#   --batch N,..       lookups at once (default: 1,64); 1 is one alone, by a team of threads
#   --threads T        that are compared with one (default: all cores)
#   --turns N          default: 7
set -eu
cd "$(dirname "$0")/.."
. bench/peer.sh

sets=4_private,4_shared
batches=1,64
threads=$(getconf _NPROCESSORS_ONLN)
turns=7
torc_bench=${TORC_BENCH:-build/release/torc_bench}
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --set) sets=$2 ;;
    --batch) batches=$2 ;;
    --threads) threads=$2 ;;
    --turns) turns=$2 ;;
    *) usage ;;
    esac
    shift 2
done
is_count "$threads" || usage
is_count "$turns" || usage

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

lookups() { # THREADS: milliseconds of the batch
    "$torc_bench" lookups --set "$set" --batch "$batch" --circuit-lookups "$batch" --threads "$1" \
        --repeats 3 >"$work/row"
    [ "$(member right "$work/row")" = true ] || return 1
    member ms "$work/row"
}

compare() {
    : >"$work/turns"
    for turn in $(seq "$turns"); do
        load=$(machine_load)
        one=$(lookups 1)
        all=$(lookups "$threads")
        echo "$one $all $load" >>"$work/turns"
        say "$set, batch $batch, turn $turn of $turns: $one ms, $all ms; others took $load % of the machine"
    done
    one=$(column median 1 "$work/turns")
    all=$(column median 2 "$work/turns")
    one_min=$(column min 1 "$work/turns")
    all_min=$(column min 2 "$work/turns")
    printf '{"bench":"threads","set":"%s","batch":%s,"threads":%s,"turns":%s,' "$set" "$batch" "$threads" "$turns"
    printf '"ms_one":%s,"ms_all":%s,"ratio":%s,' "$one" "$all" "$(divide "$one" "$all")"
    printf '"ms_one_min":%s,"ms_all_min":%s,"ratio_of_min":%s,' "$one_min" "$all_min" "$(divide "$one_min" "$all_min")"
    printf '"load_max":%s,"kernels":"%s","model":"%s","commit":"%s"}\n' "$(column max 3 "$work/turns")" \
        "$(member kernels "$work/row")" "$(member model "$work/row")" "$(member commit "$work/row")"
}

peer_build torc_bench
for set in $(echo "$sets" | tr , ' '); do
    for batch in $(echo "$batches" | tr , ' '); do
        compare
    done
done

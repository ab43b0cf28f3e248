#!/bin/sh
# Encrypted table lookups of torc and of Concrete, in turns on the same cores, both at 2^-40 a circuit (of
# 64 lookups, 16 above 6 bits). One JSON object a width on standard output; messages, and at the end a
# table, on standard error. torc's set at 2^-128 a lookup behind a norm of 5 is measured beside it.
# Builds build/release, and makes a virtual environment with the peer when there is none.
# usage: bench/compare_concrete.sh [OPTIONS]
#   --bits 1,4,8       widths (default: all eight)
#   --turns N          of each width, medians count (default: 3)
#   --alone            one lookup at a time: latency instead of throughput
#   --cores LIST       both on these alone (as taskset -c has them)
#   --venv FOLDER      the peer's virtual environment (default: build/peer-venv)
#   --output FILE      appends the rows to FILE as well
#   --markdown FILE    measures nothing: the README's table from the rows in FILE
set -eu
cd "$(dirname "$0")/.."
. bench/peer.sh

PEER_VERSION=2.11.0

bits=1,2,3,4,5,6,7,8
turns=3
alone=false
cores=
venv=build/peer-venv
output=
markdown=
torc_bench=${TORC_BENCH:-build/release/torc_bench}

table() { # text|markdown FILE
    awk -v form="$1" -f bench/compare_table.awk "$2"
}

while [ $# -gt 0 ]; do
    case $1 in
    --alone) alone=true ;;
    --bits | --turns | --cores | --venv | --output | --markdown)
        [ $# -ge 2 ] || usage
        case $1 in
        --bits) bits=$2 ;;
        --turns) turns=$2 ;;
        --cores) cores=$2 ;;
        --venv) venv=$2 ;;
        --output) output=$2 ;;
        --markdown) markdown=$2 ;;
        esac
        shift
        ;;
    *) usage ;;
    esac
    shift
done
if [ -n "$markdown" ]; then
    table markdown "$markdown"
    exit
fi
is_count "$turns" || usage
case ,$bits, in *,,* | *[!1-8,]* | *[1-8][1-8]*) usage ;; esac

# --- measuring ---

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

torc_lookups() { # PROFILE: its row is $work/PROFILE
    pinned "$torc_bench" lookups --set "${width}_$1" --batch "$batch" --circuit-lookups "$batch" >"$work/$1"
}

concrete_lookups() { # its row is $work/concrete
    if $alone; then
        set -- bench/concrete_lookup.py "$work/concrete" --count 1
    else
        set -- "$(peer_script concrete_pbs.py bench/concrete_lookup.py)" "$work/concrete"
    fi
    pinned "$python" -W ignore "$@" "$width" >/dev/null
}

right() { # true when all results of the last turn were right
    [ "$(member right "$work/private") $(member right "$work/shared") $(member right "$work/concrete")" = "true true true" ]
}

one_turn() { # a line of $work/turns: ms of torc, of its set at 2^-128, of Concrete; the ratio; the load
    load=$(machine_load)
    torc_lookups private && torc_lookups shared && concrete_lookups && right || return 1
    torc_ms=$(member ms_per_lookup "$work/private")
    concrete_ms=$(round "$(member ms_per_lookup "$work/concrete")")
    echo "$torc_ms $(member ms_per_lookup "$work/shared") $concrete_ms $(divide "$concrete_ms" "$torc_ms") $load" \
        >>"$work/turns"
    say "$width bits, turn $turn of $turns: torc $torc_ms ms, Concrete $concrete_ms ms; others took $load % of the machine"
}

megabytes() { # BYTES
    divide "$1" 1048576
}

row() {
    torc_ms=$(column median 1 "$work/turns")
    shared_ms=$(column median 2 "$work/turns")
    concrete_ms=$(column median 3 "$work/turns")
    printf '{"bench":"compare_concrete","bits":%s,"batch":%s,"turns":%s,' "$width" "$batch" "$turns"
    printf '"torc_ms":%s,"torc_shared_ms":%s,"concrete_ms":%s,' "$torc_ms" "$shared_ms" "$concrete_ms"
    printf '"ratio":%s,"ratio_min":%s,"ratio_max":%s,"ratio_shared":%s,' "$(divide "$concrete_ms" "$torc_ms")" \
        "$(column min 4 "$work/turns")" "$(column max 4 "$work/turns")" "$(divide "$concrete_ms" "$shared_ms")"
    printf '"torc_keygen_s":%s,"concrete_keygen_s":%s,' "$(round "$(member keygen_seconds "$work/private")")" \
        "$(round "$(member keygen_s "$work/concrete")")"
    printf '"torc_key_mb":%s,"torc_key_mb_seeded":%s,"concrete_key_mb":%s,' \
        "$(megabytes "$(member key_bytes "$work/private")")" \
        "$(megabytes "$(member key_bytes_seeded "$work/private")")" "$(round "$(member key_mb "$work/concrete")")"
    printf '"right":true,"load_max":%s,"threads":%s,"kernels":"%s","model":"%s","commit":"%s","concrete":"%s"}\n' \
        "$(column max 5 "$work/turns")" "$(member threads "$work/private")" "$(member kernels "$work/private")" \
        "$(member model "$work/private")" "$(member commit "$work/private")" "$peer_version"
}

compare_width() {
    batch=64
    [ "$width" -le 6 ] || batch=16
    if $alone; then batch=1; fi
    : >"$work/turns"
    for turn in $(seq "$turns"); do
        one_turn || return 1
    done
    row >"$work/row"
    cat "$work/row" >>"$work/rows"
    cat "$work/row"
    if [ -n "$output" ]; then cat "$work/row" >>"$output"; fi
}

peer_build torc_bench
peer_environment "$venv" concrete-python "concrete-python==$PEER_VERSION" "setuptools<81" || {
    say "Concrete cannot be installed in $venv"
    exit 1
}
[ "$peer_version" = "$PEER_VERSION" ] || say "$venv has Concrete $peer_version, not $PEER_VERSION"
: >"$work/rows"
status=0
for width in $(echo "$bits" | tr , ' '); do
    compare_width || {
        say "$width bits: one of the two failed, or gave a wrong result"
        status=1
    }
done
table text "$work/rows" >&2
exit $status

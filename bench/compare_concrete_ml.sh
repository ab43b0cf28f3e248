#!/bin/sh
# The digits perceptron of torc and of Concrete-ML, in turns on the same machine: seconds for one encrypted
# image, simulated images a second, accuracy. One JSON object on standard output, messages and a summary on
# standard error. Builds build/release, and makes a virtual environment with the peer when there is none.
# usage: bench/compare_concrete_ml.sh [OPTIONS]
#   --turns N          medians count (default: 3)
#   --cores LIST       both on these alone (as taskset -c has them)
#   --venv FOLDER      the peer's virtual environment (default: build/peer-ml-venv; needs Python 3.8 to 3.12)
#   --output FILE      appends the row to FILE as well
set -eu
cd "$(dirname "$0")/.."
. bench/peer.sh

PEER_VERSION=1.9.0
PEER_MODEL=digits_mlp_w4_r5 # 4 bits, sums rounded to 5: the faster one of the two that keep 94 %

turns=3
cores=
venv=build/peer-ml-venv
output=
torc_bench=${TORC_BENCH:-build/release/torc_bench}
torc=${TORC:-build/release/torc}

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --turns) turns=$2 ;;
    --cores) cores=$2 ;;
    --venv) venv=$2 ;;
    --output) output=$2 ;;
    *) usage ;;
    esac
    shift 2
done
is_count "$turns" || usage

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

median_of_list() { # NAME FILE: the median of a member that is a list
    sed -n "s/.*\"$1\": *\[\([^]]*\)\].*/\1/p" "$2" | tail -n 1 | tr -d ' ' | tr , '\n' >"$work/list"
    column median 1 "$work/list"
}

inverse() { # SECONDS
    divide 1 "$1"
}

# A line of $work/turns: seconds an image, simulated images a second, the same with noise; seconds and
# images of the peer; ratio of the seconds; load of the machine.
one_turn() {
    load=$(machine_load)
    pinned "$torc_bench" circuit --circuit digits_mlp --batch 1 --repeats 3 >"$work/circuit" || return 1
    pinned "$torc_bench" simulate --circuit digits_mlp >"$work/simulate" || return 1
    pinned "$python" -W ignore "$(peer_script concrete_ml_bench.py bench/concrete_digits.py)" "$work/peer" $PEER_MODEL \
        >/dev/null || return 1
    ! cat "$work/circuit" "$work/simulate" | grep -q '"right":false' || return 1
    torc_s=$(member seconds_per_sample "$work/circuit")
    peer_s=$(median_of_list encrypted_s "$work/peer")
    head -n 1 "$work/simulate" >"$work/exact"
    echo "$torc_s $(member per_second "$work/exact") $(member per_second "$work/simulate") $peer_s" \
        "$(inverse "$(member simulate_s_per_sample "$work/peer")") $(divide "$peer_s" "$torc_s") $load" >>"$work/turns"
    say "turn $turn of $turns: torc $torc_s s an image, Concrete-ML $peer_s s; others took $load % of the machine"
}

# Percent of the test images that torc gets right, simulated with the noise of the circuit.
accuracy() {
    model=models/digits_mlp
    "$torc" compile $model/digits_mlp.onnx --inputset $model/inputset.npy -o "$work/digits.torc" \
        --client-spec "$work/digits.client" >/dev/null
    "$torc" simulate "$work/digits.torc" --input $model/test_inputs.npy --output "$work/y.npy" --noise >/dev/null 2>&1
    "$python" -c 'import sys, numpy; y, labels = map(numpy.load, sys.argv[1:])
print("%.4g" % (100 * (y.argmax(1) == labels).mean()))' "$work/y.npy" $model/test_labels.npy
}

row() {
    torc_s=$(column median 1 "$work/turns")
    peer_s=$(column median 4 "$work/turns")
    printf '{"bench":"compare_concrete_ml","circuit":"digits_mlp","turns":%s,' "$turns"
    printf '"torc_s":%s,"concrete_ml_s":%s,"ratio":%s,"ratio_min":%s,"ratio_max":%s,' "$torc_s" "$peer_s" \
        "$(divide "$peer_s" "$torc_s")" "$(column min 6 "$work/turns")" "$(column max 6 "$work/turns")"
    printf '"torc_simulated_per_second":%s,"torc_simulated_noisy_per_second":%s,"concrete_ml_simulated_per_second":%s,' \
        "$(column median 2 "$work/turns")" "$(column median 3 "$work/turns")" "$(column median 5 "$work/turns")"
    printf '"torc_accuracy":%s,"concrete_ml_accuracy":%s,' "$(accuracy)" \
        "$(multiply 100 "$(member accuracy_simulated "$work/peer")")"
    printf '"torc_keygen_s":%s,"concrete_ml_keygen_s":%s,' "$(round "$(member keygen_seconds "$work/circuit")")" \
        "$(round "$(member keygen_s "$work/peer")")"
    printf '"right":true,"load_max":%s,"threads":%s,"kernels":"%s","model":"%s","commit":"%s","concrete_ml":"%s"}\n' \
        "$(column max 7 "$work/turns")" "$(member threads "$work/circuit")" "$(member kernels "$work/circuit")" \
        "$(member model "$work/circuit")" "$(member commit "$work/circuit")" "$peer_version"
}

summary() {
    say "one encrypted image: torc $torc_s s, Concrete-ML $peer_s s: $(member ratio "$work/row") times as fast"
    say "simulated images a second: torc $(member torc_simulated_per_second "$work/row"), with noise" \
        "$(member torc_simulated_noisy_per_second "$work/row"); Concrete-ML" \
        "$(member concrete_ml_simulated_per_second "$work/row")"
    say "accuracy: torc $(member torc_accuracy "$work/row") %, Concrete-ML $(member concrete_ml_accuracy "$work/row") %"
}

peer_build torc torc_bench
peer_environment "$venv" concrete-ml "concrete-ml==$PEER_VERSION" || {
    say "Concrete-ML cannot be installed in $venv"
    exit 1
}
[ "$peer_version" = "$PEER_VERSION" ] || say "$venv has Concrete-ML $peer_version, not $PEER_VERSION"
: >"$work/turns"
for turn in $(seq "$turns"); do
    one_turn || {
        say "one of the two failed, or gave a wrong result"
        exit 1
    }
done
row >"$work/row"
cat "$work/row"
if [ -n "$output" ]; then cat "$work/row" >>"$output"; fi
summary

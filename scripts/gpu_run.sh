#!/bin/sh
# What a machine with a GPU does in few short calls. Needs no git, no package registry and no CMake there:
# only the tree with build-gpu/, or nvcc and cc.
# usage: scripts/gpu_run.sh --build-only [--all]   beforehand: build-gpu/ for sm_90 (gpu_build.sh says what); --all
#                                                  compiles for sm_80, sm_100 and sm_120 as well
#        scripts/gpu_run.sh --step first           ceilings, digests, variants of the rotation     (3 minutes)
#        scripts/gpu_run.sh --step check           tests, repeats, compute-sanitizer               (6 minutes)
#        scripts/gpu_run.sh --step figures [--long] lookups, circuits, profile, batch curve,
#                                                  statistics                                      (8 minutes)
# Rows go to $OUT/results.jsonl (bench/results/latest.jsonl without OUT), one JSON object a line, each
# written as soon as it is known; what else was said to gpu_run.log beside it. Every part has its own time
# limit and its row; a part that fails does not stop the others. Exit code: 0, 1 when something was wrong,
# 77 without a device. TORC_COMMIT names the commit where there is no git, TORC_GPU_SECONDS another time for
# the step. The device's settings are left alone.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/gpu_build.sh

# --- rows ---

row() { # JSON members: one line, on disk before the next part begins
    echo "{$1}" >>"$results"
}

say() {
    echo "gpu_run: $1"
    echo "gpu_run: $1" >>"$log"
}

# --- the device ---

probe() { # 0: a device and programs that start; 77: programs without a device; else: they do not start
    $build/gpu_ceilings nothing >/dev/null 2>&1
}

prepare() { # programs: what was prebuilt if it starts here, else built here
    results=${OUT:-bench/results}/$([ -n "${OUT:-}" ] && echo results.jsonl || echo latest.jsonl)
    log=$(dirname "$results")/gpu_run.log
    mkdir -p "$(dirname "$results")"
    TORC_COMMIT=$(cat $build/commit 2>/dev/null || commit)
    export TORC_COMMIT
    probe
    case $? in
    0) ;;
    77) no_device ;;
    *)
        say "the prebuilt programs are missing or do not start, building here"
        (build_all) || fail "no programs: run --build-only on a machine with nvcc"
        probe
        case $? in
        0) ;;
        77) no_device ;;
        *) fail "the programs do not start: $($build/gpu_ceilings nothing 2>&1 | tail -n 1)" ;;
        esac
        ;;
    esac
}

no_device() {
    echo "gpu_run: no CUDA device, nothing measured" >&2
    exit 77 # the code of a skipped test
}

state() { # BEFORE|AFTER: clocks, temperature, power and reasons for throttling, as they are
    fields="name,driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw,clocks_throttle_reasons.active"
    if text=$(nvidia-smi --query-gpu=$fields --format=csv,noheader 2>>"$log" | head -n 1) && [ -n "$text" ]; then
        row "\"name\":\"state\",\"when\":\"$1\",\"fields\":\"$fields\",\"state\":\"$text\""
    else
        row "\"name\":\"state\",\"when\":\"$1\",\"state\":\"not available\""
    fi
}

begin() { # STEP SECONDS: no part of the step starts or runs later
    step=$1
    deadline=$(($(date +%s) + ${TORC_GPU_SECONDS:-$2}))
    row "\"name\":\"run\",\"step\":\"$step\",\"date\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"commit\":\"$TORC_COMMIT\""
    {
        echo "--- $step, $(date -u)"
        nvidia-smi || echo "nvidia-smi: not available"
        nvcc --version || echo "nvcc: not available"
    } >>"$log" 2>&1
    state before
}

finish() { # the rows also under the name that says device, date and commit
    state after
    device=$(sed -n 's/.*"name":"device".*"device":"\([^"]*\)".*/\1/p' "$results" | tail -n 1 | tr ' /' '--')
    name=${device:-device}-$(date -u +%Y-%m-%d)-$TORC_COMMIT.jsonl
    [ -n "${OUT:-}" ] || cp "$results" "bench/results/$name"
    say "rows in $results, to be kept as bench/results/$name"
}

# --- parts ---

outcome() { # LABEL SECONDS HOW
    row "\"name\":\"part\",\"step\":\"$step\",\"part\":\"$1\",\"seconds\":$2,\"result\":\"$3\""
    case $3 in
    done | skipped | "not available") ;;
    *)
        say "$1: $3"
        worst=1
        ;;
    esac
}

limit() { # SECONDS LABEL: sets seconds to what the step has left for the part; false when that is nothing
    seconds=$1
    left=$((deadline - $(date +%s)))
    [ "$left" -ge "$seconds" ] || seconds=$left
    if [ "$seconds" -le 0 ]; then
        outcome "$2" 0 "no time left"
        return 1
    fi
    say "$2"
    started=$(date +%s)
}

# part SECONDS LABEL COMMAND...: its standard output are rows; its own row says how it ended.
part() {
    limit "$1" "$2" || return 1
    part_to "$results" "$@"
}

# The same for programs that print for people: rows are picked out, the rest goes to the log.
quiet_part() {
    limit "$1" "$2" || return 1
    words=$(dirname "$log")/part.log
    : >"$words"
    part_to "$words" "$@"
    code=$?
    grep '^{' "$words" >>"$results"
    grep -v '^{' "$words" >>"$log"
    rm -f "$words"
    return $code
}

part_to() { # FILE SECONDS LABEL COMMAND...
    sink=$1
    label=$3
    shift 3
    timeout -k 5 "$seconds" "$@" >>"$sink" 2>>"$log"
    code=$?
    elapsed=$(($(date +%s) - started))
    case $code in
    0) outcome "$label" $elapsed "done" ;;
    77) outcome "$label" $elapsed "skipped" ;;
    124 | 137) outcome "$label" $elapsed "time ran out" ;;
    *) outcome "$label" $elapsed "failed with exit code $code" ;;
    esac
    return $code
}

# A tool that is missing, or that exists but cannot work here, is not a failure of ours.
# tool SECONDS LABEL FINDING COMMAND...: FINDING is a pattern of what it says when it found something
tool() {
    limit "$1" "$2" || return 1
    label=$2
    finding=$3
    words=$(dirname "$log")/$(echo "$label" | tr ' /' '__').log
    shift 3
    timeout -k 5 "$seconds" "$@" >"$words" 2>&1
    code=$?
    elapsed=$(($(date +%s) - started))
    if grep -qE "$finding" "$words"; then
        outcome "$label" $elapsed "found something, see $(basename "$words")"
    elif [ $code -eq 0 ]; then
        outcome "$label" $elapsed "done"
    else
        outcome "$label" $elapsed "not available"
    fi
}

find_tool() { # NAME: sets tool_path
    for tool_path in "$(command -v "$1")" "/usr/local/cuda/bin/$1"; do
        if [ -n "$tool_path" ] && [ -x "$tool_path" ]; then
            return 0
        fi
    done
    outcome "$1" 0 "not available"
    return 1
}

# --- steps ---

# Every kernel's output is the emulator's, bit for bit; with --time those that agree are timed.
compare_digests() { # SECONDS --compare|--time
    if [ -x $build/gpu_digest ] && [ -f $build/digests.txt ]; then
        part "$1" "digests $2" $build/gpu_digest "$2" $build/digests.txt
    else
        outcome "digests $2" 0 "not available"
    fi
}

first() { # a variant's own exact check gates its figures; what may hang comes last
    begin first 180
    compare_digests 60 --time
    for ceiling in fp64 tensor launch memory shared cluster; do
        part 20 "ceilings $ceiling" $build/gpu_ceilings $ceiling
    done
    for variant in $($build/gpu_rotation --names); do
        part 15 "rotation $variant" $build/gpu_rotation "$variant"
    done
    part 20 "ceilings multicast" $build/gpu_ceilings multicast
    finish
}

check() {
    begin check 360
    compare_digests 60 --compare
    part 30 "variants of the rotation" $build/gpu_rotation --check
    [ ! -x $build/gpu_fft ] || part 40 "transforms against cuFFT" $build/gpu_fft --cufft
    while read -r test; do
        case $test in
        slow*) ;;
        *) quiet_part 60 "$test" "$build/$test" ;;
        esac
    done <$build/tests.txt
    if [ -x $build/gpu_digest ]; then
        part 90 "repeats" $build/gpu_digest --repeat 1000
        if find_tool compute-sanitizer; then
            for kind in memcheck racecheck synccheck; do
                tool 60 "sanitizer $kind" 'ERROR SUMMARY: [1-9]|RACECHECK SUMMARY: [1-9]' \
                    "$tool_path" --tool $kind --error-exitcode 9 $build/gpu_digest --toy
            done
        fi
    fi
    finish
}

bench() { # SECONDS LABEL ARGUMENTS of torc_bench: it begins nothing that ends in the last five seconds
    [ -x $build/torc_bench ] || {
        outcome "$2" 0 "not available"
        return
    }
    bench_seconds=$1
    bench_label=$2
    shift 2
    part "$bench_seconds" "$bench_label" $build/torc_bench "$@" --device cuda --max-seconds $((bench_seconds - 5))
}

figures() { # --long: ten times the statistics, and no limit to the step
    begin figures "$([ "$long" = yes ] && echo 36000 || echo 480)"
    for grouping in 2 3; do
        bench 40 "lookups of 4 bits, g = $grouping" lookups --set 4_shared --grouping $grouping
    done
    bench 75 "NN-20" circuit --circuit nn20 --batch 1,64 --repeats 3
    bench 45 "lookups of 8 bits" lookups --set 8_private,8_shared --repeats 3
    bench 30 "digits" circuit --circuit digits_mlp --batch 1,64,512
    for variant in $(best_variants); do
        part 60 "rotation $variant" $build/gpu_rotation "$variant"
        if find_tool ncu; then
            tool 60 "profile $variant" 'nothing is a finding' "$tool_path" --clock-control none --set basic \
                --kernel-name regex:rotate --launch-count 1 $build/gpu_rotation "$variant"
        fi
    done
    [ ! -x $build/gpu_digest ] || part 60 "batch curve" $build/gpu_digest --curve
    part 30 "keyswitch" $build/gpu_keyswitch_time
    [ ! -x $build/gpu_batch ] || part 30 "batch kernels" $build/gpu_batch
    bench 60 "NN-20, dense" circuit --circuit nn20_dense --batch 1,64 --repeats 3
    bench 60 "lookups of other sets" lookups --repeats 3 --set \
        1_private,4_private,6_private,6_shared,2_private,1_shared,2_shared,3_private,3_shared,5_private,5_shared,7_private,7_shared
    bench 30 "linear layers" layers
    while read -r test; do
        case $test in
        slow*) quiet_part "$([ "$long" = yes ] && echo 7200 || echo 240)" "$test" "$build/$test" ;;
        esac
    done <$build/tests.txt
    finish
}

best_variants() { # the two fastest of what --step first measured here; the plan's when it did not
    if [ -f "$results" ]; then
        sed -n 's/.*"name":"rotation_\(g[0-9a-z_]*\)_blocks\([0-9]*\)".*"value":\([^,]*\),.*/\3 \2 \1/p' "$results" |
            awk '$2 > 1' | sort -rg | awk '!seen[$3]++ { print $3 }' | head -n 2
    fi | grep . || echo "g2_c4 g3_c4"
}

worst=0
long=
[ "${3:-}" = --long ] && long=yes
TORC_LONG=$long # read by the statistics
export TORC_LONG
case "${1:-} ${2:-}" in
"--build-only " | "--build-only --all") build_all "${2:-}" ;;
"--step first") prepare && first ;;
"--step check") prepare && check ;;
"--step figures") prepare && figures ;;
*)
    sed -n '4,9s/^# *//p' "$0" >&2
    exit 2
    ;;
esac
exit $worst

#!/bin/sh
# What a machine with a GPU does in few short calls. Needs no git, no package registry, no CMake: only
# the tree, and either nvcc or the binaries made beforehand.
# usage: scripts/gpu_run.sh --build-only [--all]   binaries for sm_90a into build-gpu/; --all compiles for
#                                                  sm_80, sm_90, sm_100 and sm_120 as well (kept nowhere)
#        scripts/gpu_run.sh --step first           ceilings of the device, rotation skeleton (8 minutes)
#        scripts/gpu_run.sh --step check           tests that need a GPU
#        scripts/gpu_run.sh --step figures         the rows to publish
# Rows go to $OUT/results.jsonl (bench/results/latest.jsonl without OUT), one JSON object a line, each
# written as soon as it is known; what else was said to the log beside it. Every part has its own time
# limit. TORC_COMMIT names the commit where there is no git. The device's settings are left alone.
set -u
cd "$(dirname "$0")/.." || exit 1

build="build-gpu"
warnings="-Werror all-warnings -Xcompiler -Wall,-Wextra,-Wshadow"
options="-std=c++17 -O3 -I. -fmad=false -cudart static"

fail() {
    echo "gpu_run: $1" >&2
    exit 1
}

commit() { # of the environment, of git, or of the last build
    if [ -n "${TORC_COMMIT:-}" ]; then
        echo "$TORC_COMMIT"
    else
        git describe --always --dirty --abbrev=12 2>/dev/null || cat $build/commit 2>/dev/null || echo unknown
    fi
}

find_nvcc() {
    for nvcc in "$(command -v nvcc)" /usr/local/cuda/bin/nvcc build/cuda/nvidia/cu13/bin/nvcc; do
        if [ -n "$nvcc" ] && [ -x "$nvcc" ]; then
            return 0
        fi
    done
    return 1
}

compile() { # ARCHITECTURE OUTPUT SOURCES...
    arch=$1
    output=$2
    shift 2
    # shellcheck disable=SC2086 # lists of words
    "$nvcc" $options $warnings -DTORC_COMMIT="\"$(commit)\"" -gencode="arch=compute_$arch,code=sm_$arch" \
        -Xptxas -v -o "$output" "$@" -ldl >"$build/compile.log" 2>&1 || {
        grep -E 'error|warning' "$build/compile.log" >&2
        fail "$* does not compile for sm_$arch"
    }
    grep -E 'Compiling entry|spill|Used' "$build/compile.log" >>"$build/resources.log"
}

programs() { # ARCHITECTURE FOLDER
    mkdir -p "$2"
    echo "gpu_run: compiling for sm_$1"
    compile "$1" "$2/gpu_ceilings" bench/gpu_ceilings.cu bench/gpu_ceilings_memory.cu
    compile "$1" "$2/gpu_rotation" bench/gpu_rotation.cu
}

build_all() {
    find_nvcc || fail "nvcc not found: scripts/setup_cuda.sh fetches a compiler, or set PATH"
    mkdir -p $build
    commit >$build/commit
    : >$build/resources.log
    programs 90a $build
    if [ "${1:-}" = --all ]; then
        scratch=$(mktemp -d) || fail "no temporary folder"
        for arch in 80 90 100 120; do
            programs $arch "$scratch"
        done
        rm -rf "$scratch"
    fi
    strip $build/gpu_ceilings $build/gpu_rotation
    echo "gpu_run: $build is ready, registers and spills in $build/resources.log"
}

prepare() { # binaries: what was prebuilt if it starts here, else built here
    results=${OUT:-bench/results}/$([ -n "${OUT:-}" ] && echo results.jsonl || echo latest.jsonl)
    log=$(dirname "$results")/gpu_run.log
    mkdir -p "$(dirname "$results")"
    TORC_COMMIT=$(commit)
    export TORC_COMMIT
    if [ ! -x $build/gpu_ceilings ] || [ ! -x $build/gpu_rotation ] || ! starts; then
        (build_all) || fail "no binaries: run --build-only on a machine with nvcc"
    fi
}

starts() { # a binary made on another machine may ask for other system libraries
    $build/gpu_ceilings nothing >/dev/null 2>&1
    code=$?
    [ $code -eq 0 ] || [ $code -eq 77 ]
}

part() { # SECONDS PROGRAM ARGUMENTS...: rows are appended; a part that fails is a row too
    seconds=$1
    program=$2
    shift 2
    echo "gpu_run: $program $*"
    timeout "$seconds" "$build/$program" "$@" >>"$results" 2>>"$log"
    code=$?
    case $code in
    0) ;;
    77)
        echo "gpu_run: no CUDA device, nothing measured" >&2
        exit 77 # the code of a skipped test
        ;;
    *)
        echo "{\"name\":\"part\",\"part\":\"$program $*\",\"error\":\"exit code $code\"}" >>"$results"
        worst=1
        ;;
    esac
}

note() { # one row about the run itself
    echo "{\"name\":\"run\",\"step\":\"$1\",\"date\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"commit\":\"$TORC_COMMIT\"}" >>"$results"
    {
        nvidia-smi || echo "nvidia-smi: not available"
        nvcc --version || echo "nvcc: not available"
    } >>"$log" 2>&1
}

first() { # the skeleton's own check gates its figures; what may hang comes last
    note first
    for ceiling in fp64 tensor launch memory shared cluster; do
        part 30 gpu_ceilings $ceiling
    done
    for variant in g2_c4_narrow1 g2_c4_narrow0 g3_c4 g1_c4 g2_c2 g2_c3 g3_c2 g1_c2; do
        part 25 gpu_rotation $variant
    done
    part 30 gpu_ceilings multicast
}

check() {
    note check
    echo "gpu_run: no test is labelled gpu yet; the skeleton's exact check stands in for them"
    if $build/gpu_ceilings nothing >/dev/null 2>&1; then
        part 40 gpu_rotation --check
    else
        echo "gpu_run: no CUDA device, nothing checked"
    fi
}

figures() {
    note figures
    for variant in g2_c4_narrow1 g2_c2_narrow1 g3_c4; do
        part 60 gpu_rotation $variant
    done
}

worst=0
case "${1:-} ${2:-}" in
"--build-only "*) build_all "${2:-}" ;;
"--step first") prepare && first ;;
"--step check") prepare && check ;;
"--step figures") prepare && figures ;;
*)
    sed -n '4,9s/^# *//p' "$0" >&2
    exit 2
    ;;
esac
[ "${1:-}" = --build-only ] || echo "gpu_run: rows in $results"
exit $worst

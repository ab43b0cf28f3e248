#!/bin/sh
# Instructions that the CPU kernels execute at fixed shapes, by kind: figures that no neighbour on the machine moves.
# usage: bench/instructions.sh BUILD [--json | --write | --check]
#   --json   rows of the bench, one an item (default)
#   --write  kernels/cpu/instructions.txt anew
#   --check  compares with it
# portable and avx2 run under valgrind, avx512 is stepped (tests/instructions/step.h) on any x86-64 processor with AVX2.
# Exits 77 when it cannot count here. A minute or two; BUILD is a release build with its tests.
set -u
build=${1:?usage: instructions.sh BUILD [--json | --write | --check]}
mode=${2:---json}
table=kernels/cpu/instructions.txt
percent=2 # a count may move by this much, or by 8

skip() {
    echo "instructions: skipped, $1" >&2
    exit 77
}

cached() { # NAME of a variable of CMake
    sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"
}

[ -f "$build/CMakeCache.txt" ] || skip "$build is no build folder"
[ "$(cached CMAKE_BUILD_TYPE)" = Release ] || skip "the table is of a release build"
[ -x "$build/instructions" ] || skip "$build/instructions is not built"
for tool in objdump valgrind; do
    command -v $tool >/dev/null || skip "no $tool (scripts/setup.sh installs it)"
done
grep -q -w avx2 /proc/cpuinfo || skip "the processor has no AVX2"
compiler=$(cached CMAKE_C_COMPILER)
compiler="$(basename "$compiler" | sed 's/^cc$/gcc/') $("$compiler" -dumpfullversion -dumpversion)"
if [ "$mode" = --check ]; then
    known=$(sed -n 's/^# compiler //p' "$table")
    [ "$compiler" = "$known" ] || skip "the table is of $known, this is $compiler"
fi

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
code=$folder/code
rows=$folder/rows
objdump -d -j .text --no-show-raw-insn "$build/instructions" >"$code" || exit 1
for path in portable avx2; do
    rm -f "$folder"/calls*
    valgrind -q --tool=callgrind --dump-instr=yes --dump-line=no --compress-strings=no --compress-pos=no \
        --collect-atstart=no --toggle-collect=count_measured --dump-after=count_measured \
        --callgrind-out-file="$folder/calls" "$build/instructions" run $path >"$folder/log" 2>&1 || {
        cat "$folder/log" >&2
        exit 1
    }
    "$build/instructions" count $path "$code" "$folder/calls" >>"$rows" || exit 1
done
# Both ways count alike.
"$build/instructions" step avx2 "$code" 2 >"$folder/stepped" || exit 1
grep ' avx2 ' "$rows" | head -n 2 | cmp -s - "$folder/stepped" || {
    echo "instructions: valgrind and stepping differ:" >&2
    grep ' avx2 ' "$rows" | head -n 2 | cat - "$folder/stepped" >&2
    exit 1
}
"$build/instructions" step avx512 "$code" >>"$rows" || exit 1

case $mode in
--write)
    {
        cat <<END
# Instructions of the CPU kernels (bench/instructions.sh), held against the machine code by tests/instructions.sh.
# Rows as they are now:  cmake --build BUILD --target instructions && bench/instructions.sh BUILD --write
# Steps: of one ciphertext of four, N = 2048, with v 1024, k = l = 1. Kinds overlap: a multiply-add that reads memory is a load too.
# multiply_adds: fused, or of 16-bit pairs; arithmetic: other additions and products of doubles; shuffles: within and
# between registers; loads, stores: of vectors; stack: those of them that spill registers or use arrays of a function.
# compiler $compiler
# kernel path instructions multiply_adds arithmetic shuffles loads stores stack units unit
END
        cat "$rows"
    } >"$folder/table" && cp "$folder/table" "$table"
    ;;
--check)
    awk -v percent=$percent '
        /^#/ { next }
        NR == FNR { for (i = 3; i <= 10; i++) known[$1, $2, i] = $i; seen[$1, $2] = 0; next }
        !(($1, $2) in seen) { print "instructions: " $1 " " $2 " is not in the table"; bad = 1; next }
        {
            split("instructions multiply_adds arithmetic shuffles loads stores stack units", name, " ")
            seen[$1, $2] = 1
            for (i = 3; i <= 10; i++) {
                moved = $i - known[$1, $2, i]
                size = moved < 0 ? -moved : moved
                if (size > 8 && size > percent / 100 * known[$1, $2, i]) {
                    printf "instructions: %s %s: %d %s, %d in the table\n", $1, $2, $i, name[i - 2], known[$1, $2, i]
                    bad = 1
                }
            }
        }
        END {
            for (row in seen) {
                if (!seen[row]) { sub(SUBSEP, " ", row); print "instructions: " row " was not counted"; bad = 1 }
            }
            if (bad) print "instructions: when that is meant, bench/instructions.sh BUILD --write and commit the table"
            exit bad
        }' "$table" "$rows"
    ;;
--json)
    commit=${TORC_COMMIT:-$(git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)}
    awk -v compiler="$compiler" -v commit="$commit" '{
        printf "{\"what\":\"instructions\",\"kernel\":\"%s\",\"kernels\":\"%s\",\"instructions\":%d,", $1, $2, $3
        printf "\"multiply_adds\":%d,\"arithmetic\":%d,\"shuffles\":%d,", $4, $5, $6
        printf "\"loads\":%d,\"stores\":%d,\"stack\":%d,\"unit\":\"%s\",\"units\":%d,", $7, $8, $9, $11, $10
        printf "\"instructions_per_unit\":%.4g,\"counted_by\":\"%s\",", $3 / $10, $2 == "avx512" ? "stepping" : "callgrind"
        printf "\"compiler\":\"%s\",\"commit\":\"%s\"}\n", compiler, commit
    }' "$rows"
    ;;
*)
    echo "instructions: unknown mode $mode" >&2
    exit 2
    ;;
esac

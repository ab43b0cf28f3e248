#!/bin/sh
# The machine code of the AVX-512 kernels, on a processor that has AVX-512 or not, computes the same bits as the
# same sources compiled for AVX2. usage: tests/avx512_check.sh BUILD [--all]    --all: large shapes too, minutes
set -u
build=${1:?usage: avx512_check.sh BUILD [--all]}

skip() {
    echo "avx512_check: skipped, $1" >&2
    exit 77
}
grep -q '^CMAKE_BUILD_TYPE:[A-Z]*=Release$' "$build/CMakeCache.txt" || skip "only the release build is fast enough"
[ -x "$build/avx512_check" ] || skip "$build/avx512_check is not built"
command -v objdump >/dev/null || skip "no objdump (package binutils)"
objdump -d -j .text --no-show-raw-insn "$build/avx512_check" >"$build/avx512_check.txt" || exit 1
"$build/avx512_check" "$build/avx512_check.txt" "${2:---quick}"

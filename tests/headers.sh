#!/bin/sh
# Every header compiles alone, as C17; the public ones also as C++17 (CUDA reads them as C++).
# usage: tests/headers.sh BUILD_DIR, from the repository root
set -u
status=0
flags="-fsyntax-only -D_GNU_SOURCE -I. -isystem $1/generated -Wall -Wextra -Werror $(pkg-config --cflags libcjson libsodium)"

compiles() { # HEADER COMPILER OPTIONS...
    header=$1
    shift
    if ! echo "#include \"$header\"" | "$@" $flags -; then
        echo "headers: $header does not compile alone with $*" >&2
        status=1
    fi
}

for header in $(find frontend runtime kernels -name '*.h' -not -path '*/cuda/*' -not -path '*/emu/*'); do
    # kernels/cpu sources are built once for each instruction set, named by a macro.
    compiles "$header" "${CC:-cc}" -x c -std=c17 -DTORC_CPU_ISA=portable
done
for header in runtime/torc_base.h runtime/torc_client.h runtime/torc_server.h frontend/torc_compile.h; do
    compiles "$header" "${CXX:-c++}" -x c++ -std=c++17
done
exit $status

# shellcheck shell=sh
# Read by test.sh and demo.sh, from the repository root: build TARGET... makes a release of the
# targets in build/release. Its output is shown only when it fails.
build() {
    if ! mkdir -p build 2>/dev/null || ! [ -w build ]; then
        echo "build: no permission to write $PWD/build" >&2
        exit 1
    fi
    # shellcheck disable=SC2086 # CC may be two words
    if ! ${CC:-cc} --version >/dev/null 2>&1; then
        echo "build: no C compiler: '${CC:-cc}' does not run; install gcc, or set CC" >&2
        exit 1
    fi
    echo "build: configuring build/release"
    if ! cmake --preset release >build/configure.log 2>&1; then
        grep -iE -A 4 'error|not found' build/configure.log >&2 || cat build/configure.log >&2
        echo "build: configuring failed, see build/configure.log" >&2
        exit 1
    fi
    echo "build: compiling ($*)"
    if ! cmake --build --preset release --target "$@" >build/compile.log 2>&1; then
        grep -E -A 4 'error|FAILED|fatal' build/compile.log | head -n 40 >&2
        echo "build: compiling failed, see build/compile.log" >&2
        exit 1
    fi
}

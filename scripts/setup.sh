#!/bin/sh
# Installs the Debian packages that torc needs and that are missing. Does nothing when all are there.
# usage: scripts/setup.sh [--developer]     also formatters, analysers and thread sanitizer
set -u

packages="gcc g++ libc6-dev cmake ninja-build pkg-config git
    libcjson-dev libsodium-dev libprotobuf-c-dev protobuf-c-compiler
    libcriterion-dev libonnx-testdata libsimde-dev valgrind binutils"
developer_packages="clang clang-format clang-tidy libclang-rt-dev libomp-dev shellcheck"

fail() {
    echo "setup: $1" >&2
    exit 1
}

case ${1:-} in
"") ;;
--developer) packages="$packages $developer_packages" ;;
*) fail "unknown argument '$1'; usage: scripts/setup.sh [--developer]" ;;
esac
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    system=$(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-}")
    fail "unsupported system (${system:-unknown}): this script needs Debian 12 or a relative with apt-get; elsewhere install the libraries of README.md by hand and use CMake"
fi

missing=""
for package in $packages; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)
    [ "$status" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "setup: all packages are installed"
    exit 0
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "no permission to install$missing: run this as root, or install sudo"
    # Without a terminal sudo cannot ask for a password.
    if [ -t 0 ]; then as_root="sudo"; else as_root="sudo -n"; fi
    $as_root true || fail "no permission to install$missing: sudo refused"
fi

log=$(mktemp) || fail "no temporary file can be made: is the disk full?"
trap 'rm -f "$log"' EXIT
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null >>"$log" 2>&1
}

echo "setup: installing$missing (apt-get, may take a minute)"
# An update can fail for an unrelated source: what counts is whether the packages can be had.
apt update || true
# shellcheck disable=SC2086 # a list of words
if ! apt install --no-install-recommends $missing; then
    if grep -qE 'Could not resolve|Could not connect|Temporary failure|Connection (refused|timed out|failed)|Network is unreachable|Failed to fetch' "$log"; then
        fail "no network: the package mirror cannot be reached ($(grep -E '^(E|Err|W):' "$log" | head -n 1))"
    fi
    if grep -q 'Unable to locate package' "$log"; then
        system=$(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-}")
        fail "unsupported system (${system:-unknown}): $(grep 'Unable to locate' "$log" | head -n 1)"
    fi
    fail "apt-get failed: $(grep -E '^E:|No space' "$log" | head -n 1)"
fi
echo "setup: done"

#!/bin/sh
# The server library makes no key and decrypts nothing: no symbol of it, and none that it asks for, is
# of that kind. Nothing that is emulated for tests is in a library. $1: build folder.
set -u
build=${1:?usage: symbols.sh BUILD}
server=$build/libtorc_server.a
client=$build/libtorc_client.a
secret='keygen|decrypt|secret'
[ -f "$server" ] && [ -f "$client" ] || { echo "symbols: no libraries in $build" >&2; exit 77; }

# The pattern finds what it should where it is.
if ! nm --defined-only "$client" 2>/dev/null | grep -qE " T torc_keygen$"; then
    echo "symbols: torc_keygen not found in $client: this test tests nothing" >&2
    exit 1
fi
if nm "$server" 2>/dev/null | grep -iE "$secret"; then
    echo "symbols: $server names what belongs to the client" >&2
    exit 1
fi
# Nor does it reach into the client by another name.
nm --defined-only "$client" 2>/dev/null | awk '$2 == "T" { print $3 }' | sort -u >"$build/client_symbols"
if nm --undefined-only "$server" 2>/dev/null | awk '{ print $NF }' | sort -u |
    grep -Fxf "$build/client_symbols"; then
    echo "symbols: $server needs the client library" >&2
    exit 1
fi
rm -f "$build/client_symbols"
if nm --defined-only "$build/libtorc_kernels.a" 2>/dev/null | grep avx512_emulated; then
    echo "symbols: libtorc_kernels.a has kernels of tests" >&2
    exit 1
fi
echo "symbols: the server knows no secret"

#!/bin/sh
# The dependency direction frontend -> runtime -> kernels, enforced on every include. Run from the
# repository root; a folder given as second argument is checked instead (for the test of this test).
set -u
[ $# -lt 2 ] || cd "$2" || exit 1
status=0

# check WHERE PATTERN WHY: no file of WHERE includes anything that starts with PATTERN.
check() {
    # shellcheck disable=SC2086 # WHERE is a list of files
    found=$(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" $1 /dev/null)
    if [ -n "$found" ]; then
        echo "$found"
        echo "layers: $3" >&2
        status=1
    fi
}

sources() { # the C, C++ and CUDA files under a folder
    find "$@" -type f \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' -o -name '*.def' \) 2>/dev/null
}

check "$(sources kernels)" 'runtime/|frontend/|tests/|bench/' 'kernels/ knows only arrays'
check "$(sources kernels/ref kernels/cpu)" 'cuda|kernels/(kernels_cuda|cuda/|emu/)' 'kernels of the CPU know no device'
check "$(sources kernels/cuda | grep -v 'cuda/gpu\.h$')" 'cuda_runtime|kernels/emu/' \
    'kernels reach the device through gpu.h alone'
check "$(sources runtime)" 'frontend/|tests/|bench/' 'runtime/ works without the compiler'
check "$(sources runtime)" 'kernels/(ref|cpu|cuda|emu)/' 'runtime/ sees kernels/kernels.h alone'
# Constants of kernels_cuda.h, the noise and the names of its forms, are prices' too.
check "$(sources runtime | grep -vE '^runtime/(cuda/|(noise_gpu|cost_gpu_launch|gpu_schedule(_json)?)\.c$)')" 'kernels/kernels_cuda|runtime/cuda/' \
    'only runtime/cuda/ talks to CUDA'
check "$(sources runtime/server runtime/cuda; echo runtime/torc_server.h)" 'runtime/(torc_client\.h|client/)' \
    'the server sees nothing of the client'
check "$(sources runtime/client; echo runtime/torc_client.h)" \
    'runtime/(torc_server\.h|server/|backend\.h|executor\.h)' 'the client sees nothing of the server'
check "$(find runtime -maxdepth 1 -name '*.c')" 'runtime/(torc_client\.h|torc_server\.h|client/|server/)' \
    'what both sides share sees neither'

# frontend/local*.c (try a circuit in one process) and the command see every public header.
compiler=$(sources frontend | grep -vE '^frontend/(local[^/]*\.[ch]|verify\.h|command/.*)$')
check "$compiler" 'kernels/|cuda' 'the compiler never touches kernels'
check "$compiler" 'runtime/(torc_client|torc_server|client/|server/|backend|executor|ciphertext|evaluation_keys|container)' \
    'the compiler never touches keys, ciphertexts or devices'
check "$compiler" 'frontend/command/' 'the compiler does not know the command'
check "$(sources frontend/command)" 'kernels/|runtime/(client|server)/' 'the command sees headers of runtime/ alone'
check "$(sources models)" 'kernels/|runtime/(client|server|backend|executor)|frontend/[^t]' \
    'examples use the public headers'

# What only gpu_device.h may use of the device: it could not be emulated or counted elsewhere.
raw=$(sources kernels/cuda | grep -vE 'cuda/gpu(_device)?\.h$')
# shellcheck disable=SC2086 # a list of files
if grep -nE '<<<|__shared__|(^|[^a-z_])asm( volatile)? *\(|__sync|__shfl|__ldg|atomic[A-Z]' $raw /dev/null; then
    echo "layers: kernels reach the device through gpu.h alone" >&2
    status=1
fi

# No file of ours is larger than 800 lines; tables are exempt.
for file in $(sources kernels runtime frontend bench tests models); do
    case "$file" in *_table.c | *_table.cu) continue ;; esac
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 800 ]; then
        echo "layers: $file has $lines lines, at most 800: split it by idea" >&2
        status=1
    fi
done
exit $status

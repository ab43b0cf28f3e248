#!/bin/sh
# Puts a compiler for CUDA 13.0 into build/cuda when none is installed: it compiles and links, no
# device and no driver needed. Wheels of PyPI, about 150 MB; does nothing when nvcc is there.
# usage: scripts/setup_cuda.sh [--force] [--with-cufft]
#   --force       even when an nvcc is installed
#   --with-cufft  cuFFT too (another 200 MB): an oracle of tests and a baseline, not needed to build
set -u
cd "$(dirname "$0")/.." || exit 1
folder=build/cuda
nvcc=$folder/nvidia/cu13/bin/nvcc

fail() {
    echo "setup_cuda: $1" >&2
    exit 1
}

force=
packages="nvidia-cuda-nvcc==13.0.* nvidia-cuda-crt==13.0.* nvidia-nvvm==13.0.*
    nvidia-cuda-runtime==13.0.* nvidia-cuda-cccl==13.0.*"
for option in "$@"; do
    case $option in
    --force) force=yes ;;
    --with-cufft) packages="$packages nvidia-cufft==12.0.*" ;; # cuFFT of CUDA 13.0 has this version
    *) fail "unknown option $option (--force, --with-cufft)" ;;
    esac
done

if [ -z "$force" ]; then
    for there in "$(command -v nvcc)" /usr/local/cuda/bin/nvcc; do
        if [ -n "$there" ] && [ -x "$there" ]; then
            echo "setup_cuda: $there is there"
            exit 0
        fi
    done
fi
if [ ! -x $nvcc ]; then
    python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is needed (Debian: python3-pip)"
    mkdir -p $folder
    echo "setup_cuda: fetching a compiler into $folder"
    # shellcheck disable=SC2086 # a list of words
    python3 -m pip install -q --disable-pip-version-check --no-deps --no-compile --upgrade --target $folder \
        $packages >$folder/pip.log 2>&1 || fail "pip failed: $(tail -n 1 $folder/pip.log)"
fi
root=$folder/nvidia/cu13
[ -x $nvcc ] || chmod +x $root/bin/* $root/nvvm/bin/* 2>/dev/null
# The compiler looks for libraries in lib64; the wheels call it lib.
[ -e $root/lib64 ] || ln -s lib $root/lib64

probe=$(mktemp -d) || fail "no temporary folder"
trap 'rm -rf "$probe"' EXIT
echo '__global__ void k(int *p) { *p = 1; } int main(void) { k<<<1, 1>>>(nullptr); return 0; }' >"$probe/probe.cu"
$nvcc -arch=sm_90 -cudart static -o "$probe/probe" "$probe/probe.cu" >"$probe/log" 2>&1 ||
    fail "$nvcc does not compile: $(head -n 2 "$probe/log")"
echo "setup_cuda: $nvcc ($($nvcc --version | sed -n 's/.*release \([^,]*\),.*/\1/p')) compiles"

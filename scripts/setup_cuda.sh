#!/bin/sh
# Puts what is missing of a compile-only CUDA toolchain into build/cuda: a compiler for CUDA 13.0, and
# cuobjdump with nvdisasm, which show the machine code to tests/resources.sh. No device and no driver
# needed. Wheels of PyPI, about 150 MB and 6 MB; does nothing where the tools are there.
# usage: scripts/setup_cuda.sh [--force] [--with-cufft]
#   --force       even when they are installed
#   --with-cufft  cuFFT too (another 200 MB): an oracle of tests and a baseline, not needed to build
set -u
cd "$(dirname "$0")/.." || exit 1
folder=build/cuda
bin=$folder/nvidia/cu13/bin

fail() {
    echo "setup_cuda: $1" >&2
    exit 1
}

force=
cufft=
for option in "$@"; do
    case $option in
    --force) force=yes ;;
    --with-cufft) cufft="nvidia-cufft==12.0.*" ;; # cuFFT of CUDA 13.0 has this version
    *) fail "unknown option $option (--force, --with-cufft)" ;;
    esac
done

installed() { # TOOL: prints where, when it is on PATH or in the toolkit's folder
    [ -z "$force" ] || return 1
    for there in "$(command -v "$1")" "/usr/local/cuda/bin/$1"; do
        if [ -n "$there" ] && [ -x "$there" ]; then
            echo "$there"
            return 0
        fi
    done
    return 1
}

fetch() { # WHAT PACKAGES...
    what=$1
    shift
    python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is needed (Debian: python3-pip)"
    mkdir -p $folder
    rm -rf $folder/incoming
    echo "setup_cuda: fetching $what into $folder"
    python3 -m pip install -q --disable-pip-version-check --retries 1 --no-deps --no-compile --target $folder/incoming \
        "$@" >$folder/pip.log 2>&1 || fail "pip failed: $(tail -n 1 $folder/pip.log)"
    # All wheels share the folder nvidia/cu13, which pip would replace as a whole: merge it by hand.
    cp -R $folder/incoming/. $folder/ || fail "no room in $folder"
    rm -rf $folder/incoming
    chmod +x $bin/* $folder/nvidia/cu13/nvvm/bin/* 2>/dev/null
    return 0
}

fetch_compiler() {
    [ -x $bin/nvcc ] || fetch "a compiler" "nvidia-cuda-nvcc==13.0.*" "nvidia-cuda-crt==13.0.*" \
        "nvidia-nvvm==13.0.*" "nvidia-cuda-runtime==13.0.*" "nvidia-cuda-cccl==13.0.*"
    # The compiler looks for libraries in lib64; the wheels call it lib.
    [ -e $folder/nvidia/cu13/lib64 ] || ln -s lib $folder/nvidia/cu13/lib64
    probe=$(mktemp -d) || fail "no temporary folder"
    trap 'rm -rf "$probe"' EXIT
    echo '__global__ void k(int *p) { *p = 1; } int main(void) { k<<<1, 1>>>(nullptr); return 0; }' >"$probe/probe.cu"
    $bin/nvcc -arch=sm_90 -cudart static -o "$probe/probe" "$probe/probe.cu" >"$probe/log" 2>&1 ||
        fail "$bin/nvcc does not compile: $(head -n 2 "$probe/log")"
    echo "setup_cuda: $bin/nvcc ($($bin/nvcc --version | sed -n 's/.*release \([^,]*\),.*/\1/p')) compiles"
}

fetch_disassembler() { # cuobjdump of 13.2 and later runs nvdisasm, which it looks for beside itself
    if ! [ -x $bin/cuobjdump ] || ! [ -x $bin/nvdisasm ]; then
        fetch "cuobjdump and nvdisasm" "nvidia-cuda-cuobjdump>=13.2,<14" "nvidia-cuda-nvdisasm>=13.2,<14"
    fi
    PATH="$PWD/$bin:$PATH" $bin/cuobjdump --version >/dev/null 2>&1 || fail "$bin/cuobjdump does not run"
    echo "setup_cuda: $bin/cuobjdump ($($bin/cuobjdump --version | sed -n 's/.*release \([^,]*\),.*/\1/p'))"
}

if there=$(installed nvcc); then
    echo "setup_cuda: $there is there"
else
    fetch_compiler
fi
if there=$(installed cuobjdump) && installed nvdisasm >/dev/null; then
    echo "setup_cuda: $there is there"
else
    fetch_disassembler
fi
if [ -n "$cufft" ]; then
    [ -e $folder/nvidia/cu13/lib/libcufft.so.12 ] || fetch cuFFT "$cufft"
fi

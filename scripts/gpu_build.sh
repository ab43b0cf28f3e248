# shellcheck shell=sh
# Read by gpu_run.sh, from the repository root: build_all [--all] fills build-gpu/ with programs for one
# kind of device (sm_90), which need nothing but the driver and the C library where they run:
#
#   libtorc_gpu.so               every kernel of every shipped configuration, the CUDA runtime inside
#   gpu_X, slowgpu_X, tests.txt  the tests, and the list of them
#   gpu_ceilings, gpu_rotation, gpu_keyswitch_time, gpu_batch, gpu_digest
#   torc_bench                   whole lookups and circuits, with the libraries of the host that it needs
#   digests.txt                  what the emulator makes of the inputs of gpu_digest
#   resources.log, commit
#
# Compilers are enough: nvcc and cc; CMake is asked for kernels, where it is there, and for digests.txt. A test that does not compile
# is left out with a message; kernels must compile.
build="build-gpu"
scratch=build/gpu # objects; stays behind
generated=build/release/generated # by CMake: rows of kernels/cuda/resources.txt, reader of ONNX
warnings="-Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Wshadow"
options="-std=c++17 -O3 -I. -fmad=false -cudart static"
c_options="-std=c17 -O3 -D_GNU_SOURCE -I. -fno-math-errno -ffp-contract=on -fPIC -Wno-unknown-pragmas"
jobs=$(nproc 2>/dev/null || echo 2)

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

# Lines of the file are commands; false when one of them failed.
run_all() { # FILE
    xargs -P "$jobs" -I '{}' sh -c '{}' <"$1"
}

name_of() { # PATH: its last part without the suffix
    basename "$1" | sed 's/\.[a-z]*$//'
}

# --- kernels ---

kernel_objects() { # ARCHITECTURE FOLDER: compiles, many at a time
    mkdir -p "$2"
    for source in kernels/cuda/*.cu; do
        echo "sh cmake/cuda_object.sh $2/$(name_of "$source").o $launcher $nvcc $options $warnings,-fPIC" \
            "-gencode=arch=compute_$1,code=sm_$1 -Xptxas=-v $source"
    done >"$2/commands"
    echo "gpu_run: compiling kernels for sm_$1"
    run_all "$2/commands" || fail "kernels do not compile for sm_$1"
}

# The objects that tests/resources.sh reads, where there is a CMake to make them; else the same again.
# Sets objects.
library_objects() {
    if cmake --preset release >$scratch/objects.log 2>&1 && [ -s build/release/cuda/objects.txt ]; then
        echo "gpu_run: compiling kernels for sm_90 (CMake)"
        cmake --build build/release --target cuda_objects_sm_90 >>$scratch/objects.log 2>&1 ||
            fail "kernels do not compile: $(grep -E 'error|FAILED' $scratch/objects.log | head -n 1)"
        objects=$(grep -v gpu_rotation build/release/cuda/objects.txt)
    else
        kernel_objects 90 $scratch/sm_90
        objects=$(ls $scratch/sm_90/*.o)
    fi
}

device_object() { # ARCHITECTURE SOURCE
    # shellcheck disable=SC2086 # lists of words
    sh cmake/cuda_object.sh "$scratch/$(name_of "$2").o" $launcher "$nvcc" $options $warnings,-fPIC \
        -gencode="arch=compute_$1,code=sm_$1" -Xptxas=-v "$2" || fail "$2 does not compile for sm_$1"
}

device_program() { # ARCHITECTURE OUTPUT SOURCES...
    arch=$1
    output=$2
    shift 2
    # shellcheck disable=SC2086 # lists of words
    "$nvcc" $options $warnings -DTORC_COMMIT="\"$(commit)\"" -gencode="arch=compute_$arch,code=sm_$arch" \
        -Xptxas=-v -o "$output" "$@" -ldl >"$output.log" 2>&1 || {
        grep -E 'error|warning' "$output.log" >&2
        fail "$* does not compile for sm_$arch"
    }
    mv "$output.log" $scratch/
}

# --- the host's part ---

# The reference, the CPU kernels and what else tests of the kernels call; runtime/ when its libraries'
# headers are here.
host_archive() {
    mkdir -p $scratch/host
    rm -f $scratch/host/*.o $scratch/host.a
    {
        for source in kernels/ref/*.c kernels/cpu/dispatch.c kernels/cpu/team.c; do
            host_object "$source" ""
        done
        for source in kernels/cpu/*.c; do
            case $source in */dispatch.c | */team.c) continue ;; esac
            host_object "$source" "" portable
            [ "$(uname -m)" = x86_64 ] || continue
            host_object "$source" "-mavx2 -mfma -mbmi2" avx2
            host_object "$source" "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512vnni -mavx2 -mfma -mbmi2 -mprefer-vector-width=512" avx512
        done
    } >$scratch/host/commands
    run_all $scratch/host/commands || fail "the reference kernels do not compile"
    for source in runtime/*.c; do
        host_object "$source" "-w -I$generated"
    done >$scratch/host/commands
    run_all $scratch/host/commands 2>/dev/null || echo "gpu_run: some of runtime/ does not compile here" >&2
    ar rcs $scratch/host.a $scratch/host/*.o
}

host_object() { # SOURCE FLAGS [ISA]
    object=$scratch/host/$(echo "${1%.c}${3:-}" | tr / _).o
    echo "sh cmake/cuda_object.sh $object $launcher ${CC:-cc} $c_options $2${3:+ -DTORC_CPU_ISA=$3} $1"
}

libraries() { # static where they can be had
    for library in sodium cjson; do
        archive=$(${CC:-cc} -print-file-name=lib$library.a)
        if [ -f "$archive" ]; then echo "$archive"; else echo "-l$library"; fi
    done
}

host_program() { # NAME SOURCES...: against libtorc_gpu.so; false when it cannot be built
    program=$1
    shift
    # shellcheck disable=SC2086,SC2046,SC2016 # lists of words; $ORIGIN is for the loader
    ${CC:-cc} $c_options -DTORC_COMMIT="\"$(commit)\"" -o "$build/$program" "$@" $scratch/host.a \
        -L$build -ltorc_gpu -Wl,-rpath,'$ORIGIN' -Wl,--as-needed $(libraries) -lm -lpthread -ldl \
        >"$scratch/$program.log" 2>&1 && return 0
    echo "gpu_run: $program cannot be built: $(grep -E 'error|undefined' "$scratch/$program.log" | head -n 1)" >&2
    rm -f "${build:?}/$program"
    return 1
}

tests() { # and the list of those that could be built, statistics last
    : >$build/tests.txt
    for source in tests/gpu_*.c tests/slowgpu_*.c; do
        if [ -f "$source" ] && host_program "$(name_of "$source")" "$source"; then
            name_of "$source" >>$build/tests.txt
        fi
    done
}

bench_sources() {
    for source in runtime/server/*.c runtime/client/*.c runtime/cuda/*.c frontend/*.c frontend/onnx/*.c bench/*.c \
        models/*/*_graph.c $generated/onnx.pb-c.c; do
        case $source in runtime/server/gpus_none.c | bench/gpu_*) ;; *) echo "$source" ;; esac
    done
}

# Compiler, client and server on the device. The shared libraries that are not in every system travel with it.
bench_program() {
    rm -rf $scratch/bench
    mkdir -p $scratch/bench/include
    echo "#define TORC_COMMIT \"$(commit)\"" >$scratch/bench/include/torc_commit.h
    echo '#define TORC_GPU_BACKEND "cuda"' >$scratch/bench/include/backend.h
    if ! { [ -d $generated ] && cmake --build build/release --target torc_onnx_schema; } >$scratch/bench/log 2>&1; then
        echo "gpu_run: torc_bench is left out: CMake and protoc-c have not run here" >&2
        return
    fi
    for source in $(bench_sources); do
        object=$scratch/bench/$(echo "${source%.c}" | tr / _).o
        echo "sh cmake/cuda_object.sh $object $launcher ${CC:-cc} $c_options -fopenmp -I$generated" \
            "-I$scratch/bench/include -include $scratch/bench/include/backend.h $source"
    done >$scratch/bench/commands
    run_all $scratch/bench/commands 2>>$scratch/bench/log || {
        echo "gpu_run: torc_bench does not compile: $(grep -E 'error' $scratch/bench/*log | head -n 1)" >&2
        return
    }
    host_program torc_bench -fopenmp $scratch/bench/*.o -lprotobuf-c || return 0
    ldd $build/torc_bench | awk '/lib(cjson|protobuf-c|gomp|sodium)\./ { print $3 }' | while read -r library; do
        cp -L "$library" $build/
    done
}

write_digests() { # the same program on the emulator
    rm -f $build/digests.txt
    host_program gpu_digest bench/gpu_digest/*.c || return 0
    if cmake --preset release >$scratch/emulator.log 2>&1 &&
        cmake --build build/release --target emu_digest >>$scratch/emulator.log 2>&1 &&
        build/release/emu_digest --write $build/digests.txt >>$scratch/emulator.log 2>&1; then
        echo "gpu_run: $(wc -l <$build/digests.txt) digests of the emulator"
    else
        rm -f $build/digests.txt
        echo "gpu_run: no digests of the emulator: $(tail -n 1 $scratch/emulator.log)" >&2
    fi
}

# --- all of it ---

check_size() { # what travels: the tree and build-gpu
    bytes=$({ git ls-files -z 2>/dev/null | xargs -0 cat 2>/dev/null; cat $build/*; } | wc -c)
    echo "gpu_run: tree and $build together are $((bytes / 1048576)) MiB"
    [ "$bytes" -lt 52428800 ] || fail "tree and $build must stay below 50 MiB together"
}

build_all() {
    find_nvcc || fail "nvcc not found: scripts/setup_cuda.sh fetches a compiler, or set PATH"
    launcher=$(command -v ccache)
    mkdir -p $build $scratch
    rm -f "${build:?}"/*
    commit >$build/commit
    library_objects
    device_object 90 bench/gpu_delay.cu
    # shellcheck disable=SC2086 # a list of paths
    "$nvcc" -shared -cudart static -o $build/libtorc_gpu.so $objects $scratch/gpu_delay.o ||
        fail "libtorc_gpu.so does not link"
    device_program 90a $build/gpu_ceilings bench/gpu_ceilings.cu bench/gpu_ceilings_memory.cu
    device_program 90 $build/gpu_rotation bench/gpu_rotation.cu kernels/cuda/fft_tables.cu
    device_program 90 $build/gpu_keyswitch_time bench/gpu_keyswitch_time.cu kernels/cuda/keyswitch.cu kernels/cuda/keyswitch_key.cu
    if [ "${1:-}" = --all ]; then
        for arch in 80 100 120; do
            kernel_objects "$arch" $scratch/sm_$arch
            device_program "$arch" $scratch/gpu_ceilings bench/gpu_ceilings.cu bench/gpu_ceilings_memory.cu
            device_program "$arch" $scratch/gpu_rotation bench/gpu_rotation.cu kernels/cuda/fft_tables.cu
        done
    fi
    host_archive
    host_program gpu_batch bench/gpu_batch.c
    host_program gpu_fft bench/gpu_fft.c
    bench_program
    tests
    write_digests
    for object in $objects; do
        cat "$object.log"
    done | grep -E 'Compiling entry|spill|Used' >$build/resources.log
    for file in "$build"/*; do
        case $file in *.txt | *.log | */commit) ;; *) strip "$file" ;; esac
    done
    check_size
    echo "gpu_run: $build is ready: $(wc -l <$build/tests.txt) tests; registers and spills in $build/resources.log"
}

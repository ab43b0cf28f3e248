#!/bin/sh
# Mutation test of the CUDA kernels: changes one line of a copy of kernels/cuda/ at a time
# (tests/mutate/mutants.awk says how), builds what depends on it, and runs the test of that kernel at
# toy sizes on the emulator's check form, forward and then in random order. A mutant is killed when
# that ends with anything but 0. Every survivor must stand in tests/mutations_survive.txt, with its
# reason.
# usage: tests/mutate.sh BUILD [--rows NAME,NAME] [--only OPERATOR,OPERATOR] [--match PATTERN]
#                              [--skip COUNT] [--jobs COUNT] [--list]
# --match: of the lines that --list prints; --skip: the first COUNT of what is left
set -u
build=$(cd "${1:?usage: mutate.sh BUILD [--rows NAMES] [--only OPERATORS] [--match PATTERN] [--skip COUNT]}" && pwd)
source=$(cd "$(dirname "$0")/.." && pwd)
survivors=$source/tests/mutations_survive.txt
shift
rows="" only="" match="" skip=0 jobs=$(nproc) list=0
while [ $# -gt 0 ]; do
    case $1 in
    --rows) rows=$2 && shift ;;
    --only) only=$2 && shift ;;
    --match) match=$2 && shift ;;
    --skip) skip=$2 && shift ;;
    --jobs) jobs=$2 && shift ;;
    --list) list=1 ;;
    *) echo "mutate: unknown option $1" >&2 && exit 2 ;;
    esac
    shift
done

give_up() {
    echo "mutate: skipped, $1" >&2
    exit 77
}

runtime=$build/kernels/emu/check/libtorc_emu_check.a
reference=$build/libtorc_kernels.a
commands=$build/compile_commands.json
[ -f "$commands" ] || give_up "no $commands (generate with CMAKE_EXPORT_COMPILE_COMMANDS)"
[ -f "$runtime" ] && [ -f "$reference" ] || give_up "$runtime or $reference is not built"

is_in() { # WORD LIST: an empty list holds every word
    [ -z "$2" ] || case ",$2," in *",$1,"*) true ;; *) false ;; esac
}

# The build's compile command for a file of the check form, up to -o.
command_of() { # PATTERN OF THE OBJECT
    sed -n 's/^ *"command": "\(.*\)",$/\1/p' "$commands" | grep -e "-o [^ ]*$1" | head -n 1 | sed 's/ -o .*//; s/\\"/"/g'
}

# --- mutants: row, file and a line of mutants.awk, tabs between ---

list_mutants() {
    grep -v '^#' "$base/tests/mutate/suite.txt" | while read -r row units files; do
        is_in "$row" "$rows" || continue
        for file in $(echo "$files" | tr , ' '); do
            awk -f "$base/tests/mutate/mutants.awk" "$base/kernels/cuda/$file" |
                while IFS= read -r mutant; do
                    operator=$(printf '%s' "$mutant" | cut -f 2)
                    is_in "$operator" "$only" && printf '%s\t%s\t%s\n' "$row" "$file" "$mutant"
                done
        done
    done
}

chosen_mutants() {
    list_mutants | grep -e "$match" | tail -n +$((skip + 1))
}

# --- one worker: its own copy of the sources ---

source_of() { # UNIT
    [ -f "$tree/kernels/cuda/$1.cu" ] && echo "$tree/kernels/cuda/$1.cu" || echo "$tree/tests/mutate/$1.cu"
}

compile() { # UNIT: 0 when it builds
    eval "$kernel_command -I$tree -o $objects/$1.o -c $(source_of "$1")" 2>"$objects/$1.log"
}

begin_row() { # ROW: builds all of it unchanged, keeps the objects; the test must pass
    row=$1
    units=$(awk -v row="$row" '$1 == row { gsub(",", " ", $2); print $2 }' "$base/tests/mutate/suite.txt")
    eval "$test_command -I$tree -o $objects/test.o -c $tree/tests/$row.c" || return 1
    for unit in $units; do
        compile "$unit" || { cat "$objects/$unit.log" >&2 && return 1; }
        cp "$objects/$unit.o" "$objects/$unit.o.unchanged"
        eval "$kernel_command -I$tree -MM $(source_of "$unit")" >"$objects/$unit.d"
    done
    link_test && run_test forward 300 || { cat "$objects/said" >&2 && return 1; }
}

link_test() {
    # shellcheck disable=SC2086
    c++ -fopenmp -o "$objects/test" "$objects/test.o" $(for u in $units; do echo "$objects/$u.o"; done) \
        "$runtime" "$reference" -lm
}

run_test() { # ORDER SECONDS
    TORC_TEST_TOY=1 OMP_WAIT_POLICY=passive TORC_EMU_ORDER=$1 timeout "$2" "$objects/test" >"$objects/said" 2>&1
}

# Sets `outcome` from the exit code of a test.
name_outcome() {
    case $1 in
    0) outcome=survived ;;
    97) outcome="killed by the emulator" ;;
    124) outcome="killed, it hangs" ;;
    1) outcome="killed by the test" ;;
    *) outcome="killed, it crashes" ;;
    esac
}

try_mutant() { # FILE: the changed line is in place
    affected=$(for u in $units; do grep -q "/$1[ \\]*\$\|/$1 " "$objects/$u.d" && echo "$u"; done)
    outcome="does not build"
    for unit in $affected; do
        compile "$unit" || return 0
    done
    link_test 2>/dev/null || return 0
    run_test forward 60
    name_outcome $?
    if [ "$outcome" = survived ]; then
        run_test random 60
        name_outcome $?
    fi
}

worker() { # PART: mutants PART, PART + jobs, ... of the list, results on standard output
    tree=$build/mutate/$1/tree objects=$build/mutate/$1/objects
    rm -rf "$build/mutate/$1"
    mkdir -p "$tree" "$objects"
    cp -r "$base/kernels" "$base/tests" "$tree"
    cd "$build" || exit 2
    row="" units=""
    awk -v part="$1" -v jobs="$jobs" 'NR % jobs == part' "$build/mutate/list" >"$build/mutate/$1/list"
    while IFS="$tab" read -r of file line operator which text changed; do
        if [ "$of" != "$row" ]; then
            begin_row "$of" || { echo "broken${tab}$of" && return; }
        fi
        original=$base/kernels/cuda/$file
        changed="$changed" awk -v line="$line" 'FNR == line { print ENVIRON["changed"]; next } { print }' \
            "$original" >"$tree/kernels/cuda/$file"
        try_mutant "$file"
        cp "$original" "$tree/kernels/cuda/$file"
        for unit in $affected; do
            cp "$objects/$unit.o.unchanged" "$objects/$unit.o"
        done
        printf '%s\t%s:%s\t%s %s #%s: %s\n' "$outcome" "$file" "$line" "$file" "$operator" "$which" "$text"
    done <"$build/mutate/$1/list"
}

# --- all of them ---

tab=$(printf '\t')
# Mutants are compiled often and run once: no optimisation, no instrumentation, no warnings.
kernel_command="$(command_of 'torc_kernels_emu_check.dir/[^ ]*fft_batch.cu.o' |
    sed "s| -I$source | |; s/-O[123]/-O0/g; s/-fsanitize=thread//; s/-g1//") -w"
test_command=$(command_of 'emu_check_fft.dir/tests/gpu_fft.c.o' | sed "s| -I$source | |")
if [ $list = 1 ]; then
    base=$source
    chosen_mutants
    exit 0
fi
base=$build/mutate/base # as the sources are now: they may change while this runs
rm -rf "$base"
mkdir -p "$base"
cp -r "$source/kernels" "$source/tests" "$base/"
cp "$base/tests/mutate/toy.def" "$base/kernels/configurations.def"
chosen_mutants >"$build/mutate/list"
part=0
while [ "$part" -lt "$jobs" ]; do
    worker "$part" >"$build/mutate/results.$part" 2>"$build/mutate/errors.$part" &
    part=$((part + 1))
done
wait

cat "$build"/mutate/errors.[0-9]* >&2
part=0
while [ "$part" -lt "$jobs" ]; do
    cat "$build/mutate/results.$part"
    part=$((part + 1))
done >"$build/mutate/results"
cut -f 1 "$build/mutate/results" | sort | uniq -c
echo "mutate: $(wc -l <"$build/mutate/list") mutants"
wrong=0
if grep '^broken' "$build/mutate/results"; then
    echo "mutate: a row does not build or pass unchanged"
    wrong=1
fi
grep '^survived' "$build/mutate/results" | cut -f 2,3 >"$build/mutate/survived"
while IFS="$tab" read -r place key; do
    if grep -qxF "$key" "$survivors"; then
        echo "survived, as listed: $key"
    else
        echo "survived: $key ($place)"
        wrong=1
    fi
done <"$build/mutate/survived"
cut -f 3 "$build/mutate/results" | while IFS= read -r key; do
    if grep -qxF "$key" "$survivors" && ! grep -qF "$tab$key" "$build/mutate/survived"; then
        echo "listed as a survivor, but killed: $key"
    fi
done
exit $wrong

# The mutants of a CUDA source, one a line, tabs between: number of the source line, operator, which
# of the equal lines it is, the line as it stands, the line as it becomes.
#
#   sync     a barrier goes              weaken   a barrier of fewer threads
#   wait     a wait for copies goes      commit   a group of copies is not closed
#   late     one group more may still be under way
#   atomic   a sum in memory becomes load, add, store
#   bytes    16 bytes of shared memory less
#   bound    one round more of a loop over lanes, threads or warps
#   guard    a condition before a load or store always holds
#   shift    a load, store or sum one element further

function trimmed(text) {
    sub(/^ +/, "", text)
    sub(/ *\/\*.*/, "", text)
    return text
}

function mutant_at(number, operator, from, to) {
    if (to != from) {
        printf "%d\t%s\t%d\t%s\t%s\n", number, operator, ++seen[operator, trimmed(from)], trimmed(from), to
    }
}

function mutant(operator, to) {
    mutant_at(FNR, operator, $0, to)
}

function changed(pattern, replacement,    text) {
    text = $0
    sub(pattern, replacement, text)
    return text
}

function barriers() {
    if ($0 ~ /^ *[a-z_]*sync(_[a-z]+)?(<[^;]*>)?\([^;]*\);/) {
        mutant("sync", changed("[a-z_]+sync(_[a-z]+)?(<[^;]*>)?\\([^;]*\\);", ";"))
    }
    mutant("weaken", changed("gpu_sync_block\\(\\)", "gpu_sync_warp()"))
    mutant("weaken", changed("gpu_sync_cluster\\(\\)", "gpu_sync_block()"))
    mutant("weaken", changed("gpu_sync_named\\([^;]*\\);", "gpu_sync_warp();"))
}

function copies(    groups) {
    mutant("wait", changed("gpu_copy_wait<[^;]*>\\(\\);", ";"))
    mutant("commit", changed("gpu_copy_commit\\(\\);", ";"))
    if (match($0, /gpu_copy_wait<[^;]*>\(\)/)) {
        groups = substr($0, RSTART + 14, RLENGTH - 17)
        mutant("late", substr($0, 1, RSTART + 13) "(" groups ") + 1>()" substr($0, RSTART + RLENGTH))
    }
}

# gpu_add_X(p, v) -> gpu_store_X(p, gpu_load_X(p) + (v)), where p and v stand on the line.
function sums(    call, space, to, value) {
    if (match($0, /gpu_add_(global|shared)\([^,]*, [^;]*\);/)) {
        call = substr($0, RSTART, RLENGTH)
        space = call ~ /^gpu_add_global/ ? "global" : "shared"
        to = substr(call, 16)
        value = to
        sub(/,.*/, "", to)
        sub(/^[^,]*, /, "", value)
        sub(/\);$/, "", value)
        mutant("atomic", substr($0, 1, RSTART - 1) "gpu_store_" space "(" to ", gpu_load_" space "(" to \
               ") + (" value "));" substr($0, RSTART + RLENGTH))
    }
}

function byte_counts(    text) {
    if ($0 ~ /shared_bytes = [^;]+;/) {
        text = changed("shared_bytes = ", "shared_bytes = (size_t)(")
        sub(/;/, ") - 16;", text)
        mutant("bytes", text)
    }
}

function shifts(    before, rest, call) {
    before = ""
    rest = $0
    while ($0 !~ /__forceinline__/ && match(rest, /gpu_(load|store|add)_[a-z_0-9]+\(/)) {
        call = substr(rest, 1, RSTART + RLENGTH - 1)
        rest = substr(rest, RSTART + RLENGTH)
        mutant("shift", before call (call ~ /remote[a-z_0-9]*\($/ ? "16 + " : "1 + ") rest)
        before = before call
    }
}

function loops() {
    if ($0 ~ /^ *for \(.*(threadIdx|[Ll]ane|gpu_warp|THREADS|threads|warps)/ && $0 ~ / < [^;]*;/) {
        mutant("bound", changed(" < ", " <= "))
    }
}

# The condition of the line before, when this one has an access.
function guards(    text) {
    if (condition != "" && $0 ~ /gpu_(load|store|add|copy_async)_/) {
        text = condition
        sub(/if \(.*\) \{/, "if (true) {", text)
        mutant_at(FNR - 1, "guard", condition, text)
    }
    condition = $0 ~ /^ *if \(.*[<=>].*\) \{$/ ? $0 : ""
}

/^ *\/\*/ { in_comment = 1 }
!in_comment && !/^ *#/ {
    barriers()
    copies()
    sums()
    byte_counts()
    loops()
    guards()
    shifts()
}
/\*\// { in_comment = 0 }

# shellcheck shell=sh disable=SC2034 # what it sets is read by the scripts that source it
# What the comparisons with a peer share: its virtual environment, rows and medians, and how busy the
# machine is with other things. Sourced from the repository's root.

say() {
    echo "$(basename "$0" .sh): $*" >&2
}

usage() { # the lines of the script's first comment from "usage" on
    sed -n '/^# usage/,/^[^#]/s/^# //p' "$0" >&2
    exit 2
}

is_count() { # TEXT
    case $1 in '' | *[!0-9]* | 0) return 1 ;; esac
}

pinned() { # COMMAND...: on $cores, when there are any
    if [ -n "$cores" ]; then taskset -c "$cores" "$@"; else "$@"; fi
}

# Programs of this tree in build/release, unless TORC_BENCH names another.
peer_build() { # TARGETS...
    if [ -z "${TORC_BENCH:-}" ]; then
        . scripts/build.sh
        build "$@" >&2
    fi
}

# Sets `python` and `peer_version`: PACKAGE=VERSION in the environment at FOLDER, which is made from the
# packages given when it is not there. One that is there is taken as it is.
peer_environment() { # FOLDER PACKAGE PACKAGES...
    folder=$1
    package=$2
    shift 2
    python=$folder/bin/python
    if [ ! -x "$python" ]; then
        say "making $folder with $*"
        python3 -m venv "$folder" || return 1
    fi
    if ! peer_version=$(installed_version "$package"); then
        "$python" -m pip install --quiet "$@" >&2 || return 1
        peer_version=$(installed_version "$package") || return 1
    fi
}

installed_version() { # PACKAGE
    "$python" -c 'import sys; from importlib.metadata import version; print(version(sys.argv[1]))' "$1" 2>/dev/null
}

# A script that lies beside the repository, or else our own copy of the same measurement.
peer_script() { # NAME OWN
    if [ -f "../shared/peers/$1" ]; then echo "../shared/peers/$1"; else echo "$2"; fi
}

member() { # NAME FILE: a number or a text of the last JSON object that has it
    sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" "$2" | tail -n 1
}

# Percent of the processors' time that is taken (by another machine too) while this script sleeps a second.
machine_load() {
    {
        head -n 1 /proc/stat
        sleep 1
        head -n 1 /proc/stat
    } | awk '{ all = 0; for (i = 2; i <= 9; i++) all += $i; idle = $5 + $6 }
        NR == 1 { all_before = all; idle_before = idle }
        END { all -= all_before; printf "%.0f", (all > 0 ? 100 * (1 - (idle - idle_before) / all) : 0) }'
}

# Median, smallest or largest of the numbers in a column.
column() { # median|min|max COLUMN FILE
    awk -v column="$2" '{ print $column }' "$3" | sort -g | awk -v which="$1" '{ value[NR] = $1 }
        END { median = (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2
              print(which == "min" ? value[1] : which == "max" ? value[NR] : median) }'
}

divide() { # A B
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4g", a / b }'
}

multiply() { # A B
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4g", a * b }'
}

round() { # NUMBER: to four digits
    awk -v number="$1" 'BEGIN { printf "%.4g", number }'
}

# Rows of compare_concrete.sh as a table; form=text: a line a width, to read in a terminal;
# form=markdown: a column a width, as the README has them, and behind it what the file has of single
# lookups, compare_concrete_ml.sh, torc_bench steps, linear.sh and threads.sh. Of several rows of one kind the
# last counts.

function member(name, at, text) {
    at = index($0, "\"" name "\":")
    if (at == 0) return ""
    text = substr($0, at + length(name) + 3)
    if (substr(text, 1, 1) == "\"") {
        text = substr(text, 2)
        sub(/".*/, "", text)
    } else sub(/[,}].*/, "", text)
    return text
}

function shown(value) { # two digits, more from 100 on
    return value + 0 < 1 ? sprintf("%.2f", value) : value + 0 < 10 ? sprintf("%.1f", value) : sprintf("%.0f", value)
}

function grouped(value, text, out) { # 1234567: 1,234,567
    text = sprintf("%.0f", value)
    while (length(text) > 3) {
        out = "," substr(text, length(text) - 2) out
        text = substr(text, 1, length(text) - 3)
    }
    return text out
}

member("bench") == "compare_concrete" && member("batch") == 1 {
    alone = alone (alone == "" ? "" : "; ") member("bits") " bits " shown(member("torc_ms")) " ms (Concrete " \
        shown(member("concrete_ms")) ", " shown(member("ratio")) " times)"
}

member("bench") == "compare_concrete" && (form == "text" || member("batch") != 1) {
    bits = member("bits")
    if (!(bits in ratio)) order[++count] = bits
    torc[bits] = member("torc_ms"); concrete[bits] = member("concrete_ms"); shared[bits] = member("torc_shared_ms")
    ratio[bits] = member("ratio"); least[bits] = member("ratio_min"); most[bits] = member("ratio_max")
    ratio_shared[bits] = member("ratio_shared"); batch[bits] = member("batch"); load[bits] = member("load_max")
    keys[bits] = member("torc_key_mb"); seeded[bits] = member("torc_key_mb_seeded"); keys_concrete[bits] = member("concrete_key_mb")
    keygen[bits] = member("torc_keygen_s"); keygen_concrete[bits] = member("concrete_keygen_s")
    if (load[bits] + 0 > load_max) load_max = load[bits]
    origin = member("threads") " threads of " member("model") " (" member("kernels") "), commit " member("commit") \
        ", Concrete " member("concrete") ", medians of " member("turns") " turns"
}

member("bench") == "compare_concrete_ml" {
    ml = "| digits perceptron, 96 lookups | torc | Concrete-ML " member("concrete_ml") " | times as fast |\n|---|---|---|---|\n" \
        "| one encrypted image, s | " sprintf("%.2f", member("torc_s")) " | " sprintf("%.2f", member("concrete_ml_s")) \
        " | " shown(member("ratio")) " |\n" \
        "| simulated images a second | " grouped(member("torc_simulated_per_second")) " | " \
        grouped(member("concrete_ml_simulated_per_second")) " | " \
        grouped(member("torc_simulated_per_second") / member("concrete_ml_simulated_per_second")) " |\n" \
        "| the same with the noise of the circuit | " grouped(member("torc_simulated_noisy_per_second")) " | | |\n" \
        "| right on test images | " sprintf("%.1f %%", member("torc_accuracy")) " | " \
        sprintf("%.1f %%", member("concrete_ml_accuracy")) " | |"
}

member("bench") == "steps" && member("what") == "transform" { transform_us = member("us") }
member("bench") == "steps" && member("what") == "step" { step_us[member("grouping")] = member("us") }

member("bench") == "threads" {
    threads = member("threads")
    gains = gains (gains == "" ? "" : "; ") member("set") ", " (member("batch") == 1 ? "one alone" : "batch " member("batch")) \
        ", " sprintf("%.2f", member("ratio_of_min")) " times (medians " sprintf("%.2f", member("ratio")) ")"
}

member("bench") == "linear" {
    line_text = "1 to " grouped(member("batch_max")) " lookups (`" member("set") "`): " sprintf("%.2f", member("ms_per_lookup")) \
        " ms each, r^2 " sprintf("%.5f", member("r2")) ", no number of lookups more than " \
        sprintf("%.0f", member("deviation_max_percent")) " % off the line"
}

function line(title, values, i) {
    printf "| %s |", title
    for (i = 1; i <= count; i++) printf " %s |", shown(values[order[i]])
    print ""
}

function markdown(i) {
    printf "%s; others took at most %d %% of the machine:\n\n| bits |", origin, load_max
    for (i = 1; i <= count; i++) printf " %s |", order[i]
    printf "\n|---|"
    for (i = 1; i <= count; i++) printf "---|"
    print ""
    line("torc, ms a lookup", torc)
    line("Concrete, ms a lookup", concrete)
    line("**times as fast**", ratio)
    line("torc at 2^-128 a lookup, norm 5, ms", shared)
    line("keys, MB: torc, in memory", keys)
    line("keys, MB: torc, on the wire", seeded)
    line("keys, MB: Concrete", keys_concrete)
    line("key generation, s: torc", keygen)
    line("key generation, s: Concrete", keygen_concrete)
    if (alone != "") print "\nOne lookup alone, all cores: " alone "."
    if (ml != "") print "\n" ml
    if (transform_us != "")
        printf "\nOne core, N = 2048, k = l = 1 (`torc_bench steps`): a forward transform %.2f us; a step of 1, 2 and 3 key bits " \
            "%.1f, %.1f and %.1f us a ciphertext.\n", transform_us, step_us[1], step_us[2], step_us[3]
    if (line_text != "") print "\n" line_text "."
    if (gains != "") print "\n" threads " threads against one, least times (`bench/threads.sh`): " gains "."
}

function text(i, b) {
    print origin
    printf "%4s %5s %9s %9s %7s %13s %12s %6s %9s %9s %6s\n", "bits", "batch", "torc ms", "peer ms", "ratio", \
        "of the turns", "torc 2^-128", "ratio", "keys MB", "peer MB", "load"
    for (i = 1; i <= count; i++) {
        b = order[i]
        printf "%4s %5s %9.3g %9.3g %7s %6s..%-5s %12.3g %6s %9.3g %9.4g %5d%%\n", b, batch[b], torc[b], concrete[b], \
            ratio[b], least[b], most[b], shared[b], ratio_shared[b], keys[b], keys_concrete[b], load[b]
    }
}

END {
    if (count == 0) {
        print "compare_table: no row of compare_concrete.sh" > "/dev/stderr"
        exit 1
    }
    if (form == "markdown") markdown()
    else text()
}

# Lines "count ms": the straight line ms = a + b count through them, as members of a JSON object. Every point
# has the same say in percent of its time (weights 1 / ms^2), for counts span four decades. r2 is of the
# plain times; deviation_max_percent the largest distance from the line by the line.

NF == 2 { n++; x[n] = $1; y[n] = $2 }

END {
    if (n < 3) {
        print "straight_line: fewer than three points" > "/dev/stderr"
        exit 1
    }
    for (i = 1; i <= n; i++) {
        w = 1 / (y[i] * y[i])
        sw += w; sx += w * x[i]; sy += w * y[i]; sxx += w * x[i] * x[i]; sxy += w * x[i] * y[i]
        mean += y[i] / n
    }
    slope = (sw * sxy - sx * sy) / (sw * sxx - sx * sx)
    start = (sy - slope * sx) / sw
    for (i = 1; i <= n; i++) {
        line = start + slope * x[i]
        off = 100 * (y[i] / line - 1)
        if (off < 0) off = -off
        if (off >= worst) { worst = off; at = x[i] }
        rest += (y[i] - line) ^ 2
        all += (y[i] - mean) ^ 2
    }
    printf "\"points\":%d,\"batch_max\":%d,\"ms_per_lookup\":%.4g,\"ms_start\":%.4g,\"r2\":%.6f,", n, x[n], slope, start, 1 - rest / all
    printf "\"deviation_max_percent\":%.3g,\"deviation_batch\":%d", worst, at
}

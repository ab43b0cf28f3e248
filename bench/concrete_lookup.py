"""Encrypted table lookups in Concrete: milliseconds a lookup, keys, and whether the results were right.

usage: concrete_lookup.py ROWS.jsonl [--count N] BITS...

Appends one JSON object a width to ROWS.jsonl. A circuit is one random table applied to N encrypted
integers (64; 16 above 6 bits) that fails as a whole with probability 2^-40. Encrypted once, run three
times: the median counts.
"""

import argparse
import json
import statistics
import time

import numpy as np
from concrete import fhe

RUNS = 3
P_ERROR = 2.0**-40


def default_count(bits):
    return 64 if bits <= 6 else 16


def timed(function, *arguments):
    begin = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - begin


def compile_lookup(table, bits, count):
    lookup = fhe.LookupTable([int(entry) for entry in table])
    compiler = fhe.Compiler(lambda x: lookup[x], {"x": "encrypted"})
    inputset = [np.zeros(count, dtype=np.int64), np.full(count, 2**bits - 1, dtype=np.int64)]
    return compiler.compile(inputset, configuration=fhe.Configuration(global_p_error=P_ERROR))


def measure(bits, count):
    rng = np.random.default_rng()
    table = rng.integers(0, 2**bits, 2**bits)
    circuit, compile_s = timed(compile_lookup, table, bits, count)
    _, keygen_s = timed(lambda: circuit.keygen(force=True))
    values = rng.integers(0, 2**bits, count)
    encrypted = circuit.encrypt(values)
    runs = [timed(circuit.run, encrypted) for _ in range(RUNS)]
    key_bytes = circuit.size_of_bootstrap_keys + circuit.size_of_keyswitch_keys
    return {
        "bits": bits,
        "count": count,
        "global_p_error": P_ERROR,
        "ms_per_lookup": 1e3 * statistics.median(seconds for _, seconds in runs) / count,
        "compile_s": compile_s,
        "keygen_s": keygen_s,
        "key_mb": key_bytes / 2**20,
        "right": all(np.array_equal(circuit.decrypt(result), table[values]) for result, _ in runs),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rows")
    parser.add_argument("bits", nargs="+", type=int)
    parser.add_argument("--count", type=int)
    options = parser.parse_args()
    for bits in options.bits:
        row = measure(bits, options.count or default_count(bits))
        with open(options.rows, "a", encoding="utf-8") as rows:
            rows.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()

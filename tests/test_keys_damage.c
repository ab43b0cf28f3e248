/* Small files of every kind that a client reads or writes: cut anywhere, longer by a byte, or with
 * one bit flipped, each is refused and nothing comes out. Every byte is flipped at one bit here, at
 * all of them in tests/slow_keys_damage.c. */
#include "tests/common/damage.h"

#include <criterion/criterion.h>

TestSuite(keys_damage, .fini = damage_end);

Test(keys_damage, a_cut_file_is_refused)
{
    for (int kind = 0; kind < DAMAGE_KINDS; kind++) {
        const damage_file file = damage_begin(kind);
        for (size_t size = 0; size < file.size; size += 1 + file.size / 200) {
            damage_expect_refused(&file, size, "cut");
        }
        damage_expect_refused(&file, file.size - 1, "cut by one byte");
        damage_expect_refused(&file, file.size + 1, "longer by one byte");
    }
}

Test(keys_damage, a_flipped_bit_is_found)
{
    for (int kind = 0; kind < DAMAGE_KINDS; kind++) {
        const damage_file file = damage_begin(kind);
        for (size_t at = 0; at < file.size; at++) {
            file.bytes[at] ^= (char)(1 << at % 8);
            damage_expect_refused(&file, file.size, "flip");
            file.bytes[at] ^= (char)(1 << at % 8);
        }
    }
}

/* Every single bit of a small file of every kind that a client reads. */
#include "tests/common/damage.h"

#include <criterion/criterion.h>

TestSuite(slow_keys_damage, .fini = damage_end);

Test(slow_keys_damage, every_flipped_bit_is_found)
{
    for (int kind = 0; kind < DAMAGE_KINDS; kind++) {
        const damage_file file = damage_begin(kind);
        for (size_t bit = 0; bit < 8 * file.size; bit++) {
            file.bytes[bit / 8] ^= (char)(1 << bit % 8);
            damage_expect_refused(&file, file.size, "flip");
            file.bytes[bit / 8] ^= (char)(1 << bit % 8);
        }
    }
}

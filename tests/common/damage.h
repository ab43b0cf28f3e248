/* Small valid files of the client's kinds, for tests that damage them. */
#ifndef TESTS_DAMAGE_H
#define TESTS_DAMAGE_H

#include <stddef.h>

enum { DAMAGE_KINDS = 5 }; /* client, secret, sealed secret, evaluation keys, ciphertexts */

typedef struct damage_file {
    int kind;
    size_t size;
    char *bytes; /* of the valid file, and one zero more; lives until damage_end */
} damage_file;

/* Makes the file, and checks that it loads. */
damage_file damage_begin(int kind);
/* Writes the first size bytes and fails the test unless loading them is refused with a message. */
void damage_expect_refused(const damage_file *file, size_t size, const char *what);
void damage_end(void);

#endif

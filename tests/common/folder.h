/* A temporary folder for files that a test writes. */
#ifndef TORC_TESTS_FOLDER_H
#define TORC_TESTS_FOLDER_H

#include <stddef.h>

/* Makes the folder of this process (once) and returns "folder/name" in one of 8 rotating buffers.
 * The folder disappears with folder_remove, or at exit. */
const char *folder_path(const char *name);
void folder_remove(void);

/* How many entries the folder has: 0 when nothing was left behind. */
size_t folder_count(void);

#endif

// What libsodium's headers need of a C library, for a target that has none. Scripts/embedded.sh compiles against it.
#ifndef RR_EMBEDDED_STDLIB_H
#define RR_EMBEDDED_STDLIB_H

#include <stddef.h>

void *malloc(size_t size);
void free(void *memory);
_Noreturn void abort(void);

#endif

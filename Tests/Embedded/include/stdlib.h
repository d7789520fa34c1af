// What libsodium's headers ask of a C library where there is none. Scripts/embedded.sh compiles against these.
#ifndef RR_EMBEDDED_STDLIB_H
#define RR_EMBEDDED_STDLIB_H

#include <stddef.h>

void *malloc(size_t size);
void free(void *memory);
_Noreturn void abort(void);

#endif

#ifndef RR_WEB_STDLIB_H
#define RR_WEB_STDLIB_H

#include <stddef.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void free(void *memory);
int posix_memalign(void **memory, size_t alignment, size_t size);
_Noreturn void abort(void);

#endif

#include "process.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

void roundrobin_prepare_memory(void) {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 4);
#endif
}

void roundrobin_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

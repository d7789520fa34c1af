// Words to valgrind's memcheck. Nothing happens outside of valgrind.
#ifndef RR_POISON_H
#define RR_POISON_H

#include <stddef.h>

// 1 under valgrind, else 0.
int rr_is_watched(void);
// Takes these bytes for undefined: a branch or an address that depends on them is reported from here on.
void rr_poison(const void *bytes, size_t count);
// Takes them for defined again.
void rr_unpoison(const void *bytes, size_t count);

#endif

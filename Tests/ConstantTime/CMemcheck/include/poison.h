// Requests to valgrind's memcheck. They do nothing outside valgrind.
#ifndef RR_POISON_H
#define RR_POISON_H

#include <stddef.h>

// 1 under valgrind, else 0.
int rr_is_watched(void);
// Marks these bytes as undefined: from here on, a branch or an address that depends on them is reported.
void rr_poison(const void *bytes, size_t count);
// Marks them as defined again.
void rr_unpoison(const void *bytes, size_t count);

#endif

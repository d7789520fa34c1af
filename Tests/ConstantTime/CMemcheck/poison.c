#include "poison.h"

#include <memcheck_request.h>

#define TOOL ('M' << 24 | 'C' << 16)

int rr_is_watched(void) { return rr_memcheck_request(0x1001, NULL, 0) == 1; }
void rr_poison(const void *bytes, size_t count) { rr_memcheck_request(TOOL + 1, bytes, count); }
void rr_unpoison(const void *bytes, size_t count) { rr_memcheck_request(TOOL + 2, bytes, count); }

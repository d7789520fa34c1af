#include "include/lanes.h"

#if defined(__x86_64__)

int rr_lanes_are_there(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512ifma");
}

#else

// Other processors have no such lanes. The symbols exist for the linker; nobody calls them.
int rr_lanes_are_there(void) { return 0; }

#define NOT_HERE(name, ...) \
    void name(__VA_ARGS__) { __builtin_trap(); }

NOT_HERE(rr_lanes_decode, const uint8_t *a, size_t b, uint64_t *c, uint8_t *d)
NOT_HERE(rr_lanes_sum_buckets, const uint64_t *a, const uint32_t *b, const uint32_t *c, const uint32_t *d, size_t e,
         uint64_t *f)
NOT_HERE(rr_lanes_weigh_buckets, const uint64_t *a, size_t b, uint64_t *c, uint64_t *d)
NOT_HERE(rr_lanes_residues, const uint64_t *a, size_t b, const uint64_t *c, const uint64_t *d, uint64_t *e)
NOT_HERE(rr_lanes_add_products, const uint64_t *a, size_t b, const uint64_t *c, size_t d, size_t e, uint64_t *f)
NOT_HERE(rr_lanes_x25519, const uint8_t *a, const uint8_t *b, uint8_t *c)
NOT_HERE(rr_lanes_x25519_base, const uint64_t *a, const int8_t *b, uint8_t *c)
NOT_HERE(rr_lanes_ed25519, const uint64_t *a, const uint8_t *b, const int8_t *c, const int8_t *d, uint8_t *e, uint8_t *f)
NOT_HERE(rr_lanes_secret_table, const uint64_t *a, uint64_t *b)
NOT_HERE(rr_lanes_secret_clear, size_t a, uint64_t *b)
NOT_HERE(rr_lanes_secret_add, const uint64_t *a, const int8_t *b, size_t c, uint64_t *d)
NOT_HERE(rr_lanes_secret_finish, const uint64_t *a, size_t b, uint64_t *c)

#endif

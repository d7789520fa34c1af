// The bucket method's two loops, eight buckets at once.

#if defined(__x86_64__)
#include "point.h"

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

static const uint64_t neutral[RR_AFFINE_WORDS] __attribute__((aligned(64))) = {1, 0, 0, 0, 0, 1};

void rr_lanes_sum_buckets(const uint64_t *points, const uint32_t *entries, const uint32_t *starts,
                          const uint32_t *order, size_t buckets, uint64_t *sums) {
    for (size_t group = 0; group < buckets; group += 8) {
        const uint32_t *from[8];
        uint32_t length[8], longest = 0;
        for (int i = 0; i < 8; i++) {
            uint32_t bucket = order[group + i];
            from[i] = entries + starts[bucket];
            length[i] = starts[bucket + 1] - starts[bucket];
            if (length[i] > longest) longest = length[i];
        }
        ge8 sum = ge8_neutral();
        for (uint32_t step = 0; step < longest; step++) {
            const uint64_t *at[8];
            unsigned negative = 0;
            for (int i = 0; i < 8; i++) {
                if (step < length[i]) {
                    uint32_t entry = from[i][step];
                    at[i] = points + (size_t)RR_AFFINE_WORDS * (entry >> 1);
                    negative |= (entry & 1) << i;
                    // The bucket's next entries are probably in the cache, but the points to which they refer are far
                    // away.
                    if (step + 2 < length[i]) {
                        const char *next = (const char *)(points + (size_t)RR_AFFINE_WORDS * (from[i][step + 2] >> 1));
                        _mm_prefetch(next, _MM_HINT_T0);
                        _mm_prefetch(next + 64, _MM_HINT_T0);
                    }
                } else {
                    at[i] = neutral;
                }
            }
            sum = ge8_add_affine(sum, affine8_load(at), (__mmask8)negative);
        }
        uint64_t *to[8];
        for (int i = 0; i < 8; i++) to[i] = sums + (size_t)RR_EXTENDED_WORDS * order[group + i];
        ge8_store(sum, to);
    }
}

void rr_lanes_weigh_buckets(const uint64_t *sums, size_t buckets, uint64_t *plain, uint64_t *weighted) {
    size_t run = buckets / 8;
    ge8 sum = ge8_neutral(), total = ge8_neutral();
    for (size_t i = run; i-- > 0;) {
        const uint64_t *from[8];
        for (size_t lane = 0; lane < 8; lane++) from[lane] = sums + RR_EXTENDED_WORDS * (lane * run + i);
        sum = ge8_add(sum, ge8_load(from));
        total = ge8_add(total, sum);
    }
    uint64_t *to[8], *weighted_to[8];
    for (size_t lane = 0; lane < 8; lane++) {
        to[lane] = plain + RR_EXTENDED_WORDS * lane;
        weighted_to[lane] = weighted + RR_EXTENDED_WORDS * lane;
    }
    ge8_store(sum, to);
    ge8_store(total, weighted_to);
}

#pragma clang attribute pop
#endif

// Sums of products of scalars without reduction, in limbs of 52 bits.

#if defined(__x86_64__)
#include "field.h"

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

// One row times eight columns, over `count` proofs.
RR_INLINE void row(const uint64_t *left, const uint64_t *right, size_t count, uint64_t *sums) {
    word8 z[10];
    for (int k = 0; k < 10; k++) z[k] = _mm512_loadu_si512(sums + 8 * k);
    for (size_t b = 0; b < count; b++) {
        const uint64_t *u = left + 5 * b, *v = right + 40 * b;
        word8 w[5];
        for (int j = 0; j < 5; j++) w[j] = _mm512_loadu_si512(v + 8 * j);
#pragma clang loop unroll(full)
        for (int i = 0; i < 5; i++) {
            word8 a = w8(u[i]);
#pragma clang loop unroll(full)
            for (int j = 0; j < 5; j++) {
                z[i + j] = LO(z[i + j], a, w[j]);
                z[i + j + 1] = HI(z[i + j + 1], a, w[j]);
            }
        }
    }
    word8 m = w8((1ULL << 52) - 1);
    for (int k = 0; k < 9; k++) {
        z[k + 1] = ADD(z[k + 1], SHR(z[k], 52));
        z[k] = AND(z[k], m);
    }
    for (int k = 0; k < 10; k++) _mm512_storeu_si512(sums + 8 * k, z[k]);
}

void rr_lanes_add_products(const uint64_t *left, size_t rows, const uint64_t *right, size_t groups, size_t count,
                           size_t stride, uint64_t *sums) {
    for (size_t group = 0; group < groups; group++)
        for (size_t r = 0; r < rows; r++)
            row(left + 5 * stride * r, right + 40 * stride * group, count, sums + 80 * (groups * r + group));
}

#pragma clang attribute pop
#endif

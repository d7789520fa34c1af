// RFC 7748, section 5

#if defined(__x86_64__)
#include "encoding.h"

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

RR_INLINE void swap_if(__mmask8 mask, fe8 *a, fe8 *b) {
    fe8 t = fe8_blend(mask, *a, *b);
    *b = fe8_blend(mask, *b, *a);
    *a = t;
}

void rr_lanes_x25519(const uint8_t *scalars, const uint8_t *points, uint8_t *shared) {
    word8 k[4], u[4];
    words_load(scalars, k);
    words_load(points, u);
    k[0] = AND(k[0], w8(~7ULL));
    k[3] = _mm512_or_si512(AND(k[3], w8(~0ULL >> 1)), w8(1ULL << 62));
    fe8 x1 = fe8_of_words(u[0], u[1], u[2], u[3]);
    fe8 x2 = fe8_one(), z2 = fe8_zero(), x3 = x1, z3 = fe8_one();
    fe8 a24 = fe8_set(121665, 0, 0, 0, 0);
    __mmask8 swap = 0;
    for (int t = 254; t >= 0; t--) {
        __mmask8 bit = _mm512_test_epi64_mask(k[t / 64], w8(1ULL << (t % 64)));
        swap ^= bit;
        swap_if(swap, &x2, &x3);
        swap_if(swap, &z2, &z3);
        swap = bit;
        fe8 A = fe8_add(x2, z2), B = fe8_sub(x2, z2);
        fe8 AA = fe8_sq(A), BB = fe8_sq(B);
        fe8 E = fe8_sub(AA, BB);
        fe8 DA = fe8_mul(fe8_sub(x3, z3), A), CB = fe8_mul(fe8_add(x3, z3), B);
        x3 = fe8_sq(fe8_add(DA, CB));
        z3 = fe8_mul(x1, fe8_sq(fe8_sub(DA, CB)));
        x2 = fe8_mul(AA, BB);
        z2 = fe8_mul(E, fe8_add(AA, fe8_mul(a24, E)));
    }
    swap_if(swap, &x2, &x3);
    swap_if(swap, &z2, &z3);
    fe8_store(fe8_mul(x2, fe16_invert((fe16){z2, z2}).a), 0, shared);
}

void rr_lanes_x25519_base(const uint64_t *table, const int8_t *digits, uint8_t *points) {
    ge8 sum = ge8_neutral();
    for (size_t w = 0; w < 64; w++)
        sum = ge8_add_affine(sum, public_multiples_load(table + RR_AFFINE_WORDS * 8 * w, digits + 8 * w),
                             _mm512_movepi64_mask(digits_load(digits + 8 * w)));
    // u = (1 + y) / (1 - y)
    fe8 below = fe8_sub(sum.Z, sum.Y);
    fe8_store(fe8_mul(fe8_add(sum.Z, sum.Y), fe16_invert((fe16){below, below}).a), 0, points);
}

#pragma clang attribute pop
#endif

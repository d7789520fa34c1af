// Sums of products of scalars by their residues modulo twenty numbers just under 2^26. Products of two residues are below
// 2^52, so the multiplier's low half is all of them.

#if defined(__x86_64__)
#include "field.h"

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

#define MODULI 20
#define WORDS (8 * MODULI)

RR_INLINE word8 fold(word8 x, word8 c) {
    return LO(AND(x, w8((1ULL << 26) - 1)), SHR(x, 26), c);
}

void rr_lanes_residues(const uint64_t *scalars, size_t count, const uint64_t *powers, const uint64_t *deficits,
                       uint64_t *residues) {
    uint64_t w[4][8] = {{0}};
    for (size_t i = 0; i < count; i++)
        for (int j = 0; j < 4; j++) w[j][i] = scalars[4 * i + j];
    word8 w0 = _mm512_loadu_si512(w[0]), w1 = _mm512_loadu_si512(w[1]), w2 = _mm512_loadu_si512(w[2]),
          w3 = _mm512_loadu_si512(w[3]), m = w8((1ULL << 26) - 1);
#define OR(a, b) _mm512_or_si512(a, b)
    word8 limb[10] = {AND(w0, m),
                      AND(SHR(w0, 26), m),
                      AND(OR(SHR(w0, 52), SHL(w1, 12)), m),
                      AND(SHR(w1, 14), m),
                      AND(OR(SHR(w1, 40), SHL(w2, 24)), m),
                      AND(SHR(w2, 2), m),
                      AND(SHR(w2, 28), m),
                      AND(OR(SHR(w2, 54), SHL(w3, 10)), m),
                      AND(SHR(w3, 16), m),
                      SHR(w3, 42)};
#undef OR
    for (int j = 0; j < MODULI; j++) {
        word8 sum = w8_zero(), c = w8(deficits[j]);
#pragma clang loop unroll(full)
        for (int i = 0; i < 10; i++) sum = LO(sum, limb[i], w8(powers[MODULI * i + j]));
        _mm512_storeu_si512(residues + 8 * j, fold(fold(fold(sum, c), c), c));
    }
}

// Two rows times eight columns over `count` pairs, for ten moduli: twenty sums, which fit the registers.
RR_INLINE void two_rows(const uint64_t *a, const uint64_t *b, const uint64_t *right, size_t count, uint64_t *sums_a,
                        uint64_t *sums_b) {
    word8 x[10], y[10];
    for (int j = 0; j < 10; j++) {
        x[j] = _mm512_loadu_si512(sums_a + 8 * j);
        y[j] = _mm512_loadu_si512(sums_b + 8 * j);
    }
    for (size_t p = 0; p < count; p++) {
#pragma clang loop unroll(full)
        for (int j = 0; j < 10; j++) {
            word8 r = _mm512_loadu_si512(right + 80 * p + 8 * j);
            x[j] = LO(x[j], r, w8(a[10 * p + j]));
            y[j] = LO(y[j], r, w8(b[10 * p + j]));
        }
    }
    for (int j = 0; j < 10; j++) {
        _mm512_storeu_si512(sums_a + 8 * j, x[j]);
        _mm512_storeu_si512(sums_b + 8 * j, y[j]);
    }
}

void rr_lanes_add_products(const uint64_t *left, size_t rows, const uint64_t *right, size_t groups, size_t count,
                           uint64_t *sums) {
    uint64_t spare[80] = {0};
    for (size_t half = 0; half < 2; half++)
        for (size_t group = 0; group < groups; group++) {
            const uint64_t *columns = right + 80 * count * (groups * half + group);
            for (size_t r = 0; r < rows; r += 2) {
                const uint64_t *a = left + 10 * count * (rows * half + r);
                uint64_t *own = sums + 80 * (rows * (groups * half + group) + r);
                // The last row of an odd number is done twice, once for nothing.
                int has_next = r + 1 < rows;
                two_rows(a, has_next ? a + 10 * count : a, columns, count, own, has_next ? own + 80 : spare);
            }
        }
}

#pragma clang attribute pop
#endif

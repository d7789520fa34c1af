// Sums of products of scalars, by their residues modulo twenty numbers just under 2^26. A product of two residues is
// below 2^52, so the low half of the multiplier's result is all of it.

#if defined(__x86_64__)
#include "field.h"

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

#define MODULI RR_MODULI
// How many moduli are processed at a time, so that they fit the registers; and their words, with eight columns each.
#define HALF (MODULI / 2)
#define HALF_WORDS (8 * HALF)
_Static_assert(2 * HALF == MODULI, "the moduli are halved");
// Sums of up to 4096 products of two residues below 2^26 each, added to one that has been reduced, fit 64 bits.
_Static_assert(4096 <= 1 << (64 - 2 * 26), "sums of products fit a word");

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

// Two rows times eight columns over `count` pairs, for half of the moduli: twenty sums, which fit the registers.
RR_INLINE void two_rows(const uint64_t *a, const uint64_t *b, const uint64_t *right, size_t count, uint64_t *sums_a,
                        uint64_t *sums_b) {
    word8 x[HALF], y[HALF];
    for (int j = 0; j < HALF; j++) {
        x[j] = _mm512_loadu_si512(sums_a + 8 * j);
        y[j] = _mm512_loadu_si512(sums_b + 8 * j);
    }
    for (size_t p = 0; p < count; p++) {
#pragma clang loop unroll(full)
        for (int j = 0; j < HALF; j++) {
            word8 r = _mm512_loadu_si512(right + HALF_WORDS * p + 8 * j);
            x[j] = LO(x[j], r, w8(a[HALF * p + j]));
            y[j] = LO(y[j], r, w8(b[HALF * p + j]));
        }
    }
    for (int j = 0; j < HALF; j++) {
        _mm512_storeu_si512(sums_a + 8 * j, x[j]);
        _mm512_storeu_si512(sums_b + 8 * j, y[j]);
    }
}

void rr_lanes_add_products(const uint64_t *left, size_t rows, const uint64_t *right, size_t groups, size_t count,
                           uint64_t *sums) {
    uint64_t spare[HALF_WORDS] = {0};
    for (size_t half = 0; half < 2; half++)
        for (size_t group = 0; group < groups; group++) {
            const uint64_t *columns = right + HALF_WORDS * count * (groups * half + group);
            for (size_t r = 0; r < rows; r += 2) {
                const uint64_t *a = left + HALF * count * (rows * half + r);
                uint64_t *own = sums + HALF_WORDS * (rows * (groups * half + group) + r);
                // If the number of rows is odd, the last row is computed twice, and one result is discarded.
                int has_next = r + 1 < rows;
                two_rows(a, has_next ? a + HALF * count : a, columns, count, own, has_next ? own + HALF_WORDS : spare);
            }
        }
}

#pragma clang attribute pop
#endif

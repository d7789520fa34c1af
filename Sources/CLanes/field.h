// Eight field elements modulo 2^255 - 19, one per lane, in five limbs of 51 bits. The multiplier reads 52 bits of each
// limb, so factors must have been carried: "tight" limbs are below 2^51 + 2^15, as in Swift, and products and fe8_carry
// return tight limbs.
#ifndef RR_FIELD_H
#define RR_FIELD_H

#include "include/lanes.h"

#include <immintrin.h>

#define RR_TARGET "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma"
#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

#define RR_INLINE static inline __attribute__((always_inline))

typedef __m512i word8;
typedef struct { word8 l[5]; } fe8;

#define LO(z, a, b) _mm512_madd52lo_epu64(z, a, b)
#define HI(z, a, b) _mm512_madd52hi_epu64(z, a, b)
#define ADD(a, b) _mm512_add_epi64(a, b)
#define SUB(a, b) _mm512_sub_epi64(a, b)
#define AND(a, b) _mm512_and_si512(a, b)
#define SHL(a, n) _mm512_slli_epi64(a, n)
#define SHR(a, n) _mm512_srli_epi64(a, n)

RR_INLINE word8 w8(uint64_t w) { return _mm512_set1_epi64((long long)w); }
RR_INLINE word8 w8_zero(void) { return _mm512_setzero_si512(); }
RR_INLINE word8 w8_mask(void) { return w8((1ULL << 51) - 1); }

RR_INLINE fe8 fe8_set(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
    return (fe8){{w8(a), w8(b), w8(c), w8(d), w8(e)}};
}
RR_INLINE fe8 fe8_one(void) { return fe8_set(1, 0, 0, 0, 0); }
RR_INLINE fe8 fe8_zero(void) { return fe8_set(0, 0, 0, 0, 0); }
RR_INLINE fe8 fe8_d(void) {
    return fe8_set(0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff);
}
RR_INLINE fe8 fe8_2d(void) {
    return fe8_set(0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff);
}
RR_INLINE fe8 fe8_root_of_minus_one(void) {
    return fe8_set(0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d);
}

// Makes limbs below 2^61 tight: 19 times the carry of the highest is then below 2^15. Products have limbs below 2^60
// before they are carried: z_k and z_(k+5) together are the low halves of five products, below 2^52, and five times
// twice a high half, below 2^51.
RR_INLINE fe8 fe8_carry(fe8 a) {
    word8 m = w8_mask();
    fe8 r;
    r.l[0] = LO(AND(a.l[0], m), SHR(a.l[4], 51), w8(19));
    for (int i = 1; i < 5; i++) r.l[i] = ADD(AND(a.l[i], m), SHR(a.l[i - 1], 51));
    return r;
}

// Sums and differences of tight elements, after carrying.
RR_INLINE fe8 fe8_add(fe8 a, fe8 b) {
    fe8 r;
    for (int i = 0; i < 5; i++) r.l[i] = ADD(a.l[i], b.l[i]);
    return fe8_carry(r);
}
RR_INLINE fe8 fe8_sub(fe8 a, fe8 b) {
    fe8 r;
    r.l[0] = SUB(ADD(a.l[0], w8(0x1fffffffffffb4)), b.l[0]);
    for (int i = 1; i < 5; i++) r.l[i] = SUB(ADD(a.l[i], w8(0x1ffffffffffffc)), b.l[i]);
    return fe8_carry(r);
}
RR_INLINE fe8 fe8_neg(fe8 a) { return fe8_sub(fe8_zero(), a); }

// z_k = low_k + 2 high_(k-1), since 2^52 is twice the limbs' base; then 2^255 = 19.
RR_INLINE fe8 fe8_fold(const word8 low[9], const word8 high[9]) {
    word8 z[10];
    z[0] = low[0];
    for (int k = 1; k < 9; k++) z[k] = ADD(low[k], SHL(high[k - 1], 1));
    z[9] = SHL(high[8], 1);
    fe8 r;
    for (int k = 0; k < 5; k++) {
        word8 t = z[k + 5];
        r.l[k] = ADD(ADD(z[k], t), ADD(SHL(t, 1), SHL(t, 4)));
    }
    return fe8_carry(r);
}

RR_INLINE fe8 fe8_mul(fe8 a, fe8 b) {
    word8 low[9], high[9];
    for (int k = 0; k < 9; k++) low[k] = high[k] = w8_zero();
#pragma clang loop unroll(full)
    for (int i = 0; i < 5; i++) {
#pragma clang loop unroll(full)
        for (int j = 0; j < 5; j++) {
            low[i + j] = LO(low[i + j], a.l[i], b.l[j]);
            high[i + j] = HI(high[i + j], a.l[i], b.l[j]);
        }
    }
    return fe8_fold(low, high);
}

RR_INLINE fe8 fe8_sq(fe8 a) {
    word8 low[9], high[9];
    for (int k = 0; k < 9; k++) low[k] = high[k] = w8_zero();
#pragma clang loop unroll(full)
    for (int i = 0; i < 5; i++) {
#pragma clang loop unroll(full)
        for (int j = i + 1; j < 5; j++) {
            low[i + j] = LO(low[i + j], a.l[i], a.l[j]);
            high[i + j] = HI(high[i + j], a.l[i], a.l[j]);
        }
    }
    for (int k = 1; k < 8; k++) {
        low[k] = SHL(low[k], 1);
        high[k] = SHL(high[k], 1);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 5; i++) {
        low[2 * i] = LO(low[2 * i], a.l[i], a.l[i]);
        high[2 * i] = HI(high[2 * i], a.l[i], a.l[i]);
    }
    return fe8_fold(low, high);
}

// The representative below p, from tight limbs.
RR_INLINE fe8 fe8_canonical(fe8 a) {
    word8 m = w8_mask();
    // Twice, as in Swift, so that the number is below 2p.
    a = fe8_carry(fe8_carry(a));
    word8 q = SHR(ADD(a.l[0], w8(19)), 51);
    for (int i = 1; i < 5; i++) q = SHR(ADD(a.l[i], q), 51);
    a.l[0] = LO(a.l[0], q, w8(19));
    for (int i = 0; i < 4; i++) {
        a.l[i + 1] = ADD(a.l[i + 1], SHR(a.l[i], 51));
        a.l[i] = AND(a.l[i], m);
    }
    a.l[4] = AND(a.l[4], m);
    return a;
}

// The lanes in which the canonical a equals b.
RR_INLINE __mmask8 fe8_is(fe8 a, fe8 b) {
    __mmask8 same = 0xff;
    for (int i = 0; i < 5; i++) same &= _mm512_cmpeq_epi64_mask(a.l[i], b.l[i]);
    return same;
}
RR_INLINE __mmask8 fe8_is_negative(fe8 a) { return _mm512_test_epi64_mask(fe8_canonical(a).l[0], w8(1)); }

// b in the lanes of the mask, a in the other lanes.
RR_INLINE fe8 fe8_blend(__mmask8 mask, fe8 a, fe8 b) {
    fe8 r;
    for (int i = 0; i < 5; i++) r.l[i] = _mm512_mask_blend_epi64(mask, a.l[i], b.l[i]);
    return r;
}
RR_INLINE fe8 fe8_negate_if(__mmask8 mask, fe8 a) { return fe8_blend(mask, a, fe8_neg(a)); }

// Two at once: the chains of squarings do not depend on each other, which hides the multiplier's latency.
typedef struct { fe8 a, b; } fe16;

RR_INLINE fe16 fe16_mul(fe16 x, fe16 y) { return (fe16){fe8_mul(x.a, y.a), fe8_mul(x.b, y.b)}; }
static __attribute__((noinline)) void fe16_sq_times(fe16 *x, int n) {
    fe16 y = *x;
    for (int i = 0; i < n; i++) y = (fe16){fe8_sq(y.a), fe8_sq(y.b)};
    *x = y;
}
RR_INLINE fe16 fe16_squares(fe16 x, int n) {
    fe16_sq_times(&x, n);
    return x;
}

// x^(2^250 - 1), and x^11.
RR_INLINE fe16 fe16_p250(fe16 x, fe16 *p11) {
    fe16 t0 = fe16_squares(x, 1);
    fe16 t1 = fe16_mul(x, fe16_squares(t0, 2));
    *p11 = fe16_mul(t0, t1);
    fe16 p5 = fe16_mul(t1, fe16_squares(*p11, 1));
    fe16 p10 = fe16_mul(fe16_squares(p5, 5), p5);
    fe16 p20 = fe16_mul(fe16_squares(p10, 10), p10);
    fe16 p40 = fe16_mul(fe16_squares(p20, 20), p20);
    fe16 p50 = fe16_mul(fe16_squares(p40, 10), p10);
    fe16 p100 = fe16_mul(fe16_squares(p50, 50), p50);
    fe16 p200 = fe16_mul(fe16_squares(p100, 100), p100);
    return fe16_mul(fe16_squares(p200, 50), p50);
}
RR_INLINE fe16 fe16_p58(fe16 x) {
    fe16 p11;
    return fe16_mul(fe16_squares(fe16_p250(x, &p11), 2), x);
}
RR_INLINE fe16 fe16_invert(fe16 x) {
    fe16 p11;
    fe16 p250 = fe16_p250(x, &p11);
    return fe16_mul(fe16_squares(p250, 5), p11);
}

// Transposes eight rows of eight words.
RR_INLINE void transpose8(word8 r[8]) {
    word8 t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        u[i] = _mm512_shuffle_i64x2(t[i], t[i + 2], 0x88);
        u[i + 2] = _mm512_shuffle_i64x2(t[i], t[i + 2], 0xdd);
        u[i + 4] = _mm512_shuffle_i64x2(t[i + 4], t[i + 6], 0x88);
        u[i + 6] = _mm512_shuffle_i64x2(t[i + 4], t[i + 6], 0xdd);
    }
    for (int i = 0; i < 2; i++) {
        r[i] = _mm512_shuffle_i64x2(u[i], u[i + 4], 0x88);
        r[i + 4] = _mm512_shuffle_i64x2(u[i], u[i + 4], 0xdd);
        r[i + 2] = _mm512_shuffle_i64x2(u[i + 2], u[i + 6], 0x88);
        r[i + 6] = _mm512_shuffle_i64x2(u[i + 2], u[i + 6], 0xdd);
    }
}

// Converts eight numbers of four little-endian words to limbs; bit 255 is ignored.
RR_INLINE fe8 fe8_of_words(word8 w0, word8 w1, word8 w2, word8 w3) {
    word8 m = w8_mask();
    fe8 r;
    r.l[0] = AND(w0, m);
    r.l[1] = AND(_mm512_or_si512(SHR(w0, 51), SHL(w1, 13)), m);
    r.l[2] = AND(_mm512_or_si512(SHR(w1, 38), SHL(w2, 26)), m);
    r.l[3] = AND(_mm512_or_si512(SHR(w2, 25), SHL(w3, 39)), m);
    r.l[4] = AND(SHR(w3, 12), m);
    return r;
}

#pragma clang attribute pop
#endif

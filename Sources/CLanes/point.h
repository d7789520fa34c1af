// Eight points at once: the additions of Hisil et al. (ASIACRYPT 2008), as in Swift.
#ifndef RR_POINT_H
#define RR_POINT_H

#include "field.h"

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

typedef struct { fe8 X, Y, Z, T; } ge8;
typedef struct { fe8 sum, difference, product; } affine8;

// Three field elements and a word of padding, or four and four words, so that both fill whole vectors.
_Static_assert(RR_AFFINE_WORDS == 3 * 5 + 1, "an affine point is two vectors");
_Static_assert(RR_EXTENDED_WORDS == 4 * 5 + 4, "an extended point is three vectors");

RR_INLINE ge8 ge8_neutral(void) { return (ge8){fe8_zero(), fe8_one(), fe8_one(), fe8_zero()}; }

RR_INLINE ge8 ge8_of(fe8 E, fe8 F, fe8 G, fe8 H) {
    return (ge8){fe8_mul(E, F), fe8_mul(G, H), fe8_mul(F, G), fe8_mul(E, H)};
}

// p + q, or p - q in the lanes of the mask.
RR_INLINE ge8 ge8_add_affine(ge8 p, affine8 q, __mmask8 negative) {
    fe8 A = fe8_mul(fe8_sub(p.Y, p.X), fe8_blend(negative, q.difference, q.sum));
    fe8 B = fe8_mul(fe8_add(p.Y, p.X), fe8_blend(negative, q.sum, q.difference));
    fe8 C = fe8_mul(p.T, q.product);
    fe8 D = fe8_add(p.Z, p.Z);
    fe8 minus = fe8_sub(D, C), plus = fe8_add(D, C);
    return ge8_of(fe8_sub(B, A), fe8_blend(negative, minus, plus), fe8_blend(negative, plus, minus), fe8_add(B, A));
}

RR_INLINE ge8 ge8_add(ge8 p, ge8 q) {
    fe8 A = fe8_mul(fe8_sub(p.Y, p.X), fe8_sub(q.Y, q.X));
    fe8 B = fe8_mul(fe8_add(p.Y, p.X), fe8_add(q.Y, q.X));
    fe8 C = fe8_mul(fe8_mul(p.T, q.T), fe8_2d());
    fe8 ZZ = fe8_mul(p.Z, q.Z);
    fe8 D = fe8_add(ZZ, ZZ);
    return ge8_of(fe8_sub(B, A), fe8_sub(D, C), fe8_add(D, C), fe8_add(B, A));
}

RR_INLINE ge8 ge8_double(ge8 p) {
    fe8 XX = fe8_sq(p.X), YY = fe8_sq(p.Y), ZZ = fe8_sq(p.Z);
    fe8 H = fe8_add(YY, XX), G = fe8_sub(YY, XX);
    fe8 E = fe8_sub(fe8_sq(fe8_add(p.X, p.Y)), H);
    return ge8_of(E, fe8_sub(fe8_add(ZZ, ZZ), G), G, H);
}

// Loads eight affine points from eight addresses.
RR_INLINE affine8 affine8_load(const uint64_t *const from[8]) {
    word8 a[8], b[8];
    for (int i = 0; i < 8; i++) {
        a[i] = _mm512_loadu_si512(from[i]);
        b[i] = _mm512_loadu_si512(from[i] + 8);
    }
    transpose8(a);
    transpose8(b);
    return (affine8){{{a[0], a[1], a[2], a[3], a[4]}}, {{a[5], a[6], a[7], b[0], b[1]}}, {{b[2], b[3], b[4], b[5], b[6]}}};
}

RR_INLINE void affine8_store(affine8 p, uint64_t *const to[8]) {
    word8 a[8] = {p.sum.l[0],        p.sum.l[1],        p.sum.l[2],        p.sum.l[3],
                  p.sum.l[4],        p.difference.l[0], p.difference.l[1], p.difference.l[2]};
    word8 b[8] = {p.difference.l[3], p.difference.l[4], p.product.l[0], p.product.l[1],
                  p.product.l[2],    p.product.l[3],    p.product.l[4], w8_zero()};
    transpose8(a);
    transpose8(b);
    for (int i = 0; i < 8; i++) {
        _mm512_storeu_si512(to[i], a[i]);
        _mm512_storeu_si512(to[i] + 8, b[i]);
    }
}

// Loads eight extended points from, or stores them at, eight addresses.
RR_INLINE ge8 ge8_load(const uint64_t *const from[8]) {
    word8 w[24];
    for (int part = 0; part < 3; part++) {
        for (int i = 0; i < 8; i++) w[8 * part + i] = _mm512_loadu_si512(from[i] + 8 * part);
        transpose8(w + 8 * part);
    }
    ge8 p;
    for (int i = 0; i < 5; i++) {
        p.X.l[i] = w[i];
        p.Y.l[i] = w[5 + i];
        p.Z.l[i] = w[10 + i];
        p.T.l[i] = w[15 + i];
    }
    return p;
}

RR_INLINE void ge8_store(ge8 p, uint64_t *const to[8]) {
    word8 w[24];
    for (int i = 0; i < 5; i++) {
        w[i] = p.X.l[i];
        w[5 + i] = p.Y.l[i];
        w[10 + i] = p.Z.l[i];
        w[15 + i] = p.T.l[i];
    }
    for (int i = 20; i < 24; i++) w[i] = w8_zero();
    for (int part = 0; part < 3; part++) {
        transpose8(w + 8 * part);
        for (int i = 0; i < 8; i++) _mm512_storeu_si512(to[i] + 8 * part, w[8 * part + i]);
    }
}

// Selection by signed digits among eight entries, all of which are read, so that no address and no branch depends on a
// digit. Secret digits are from -8 to 7, public ones from -7 to 8. All ones in the lanes where the place is e: (x ^ e)
// - 1 is negative only there.
RR_INLINE word8 place_is(word8 place, uint64_t e) {
    return _mm512_srai_epi64(SUB(_mm512_xor_si512(place, w8(e)), w8(1)), 63);
}
RR_INLINE word8 digits_load(const int8_t *digits) {
    return _mm512_cvtepi8_epi64(_mm_loadl_epi64((const __m128i *)digits));
}
RR_INLINE word8 digits_sign(word8 digits) { return _mm512_srai_epi64(digits, 63); }
RR_INLINE word8 digits_place(word8 digits) {
    word8 sign = digits_sign(digits);
    return SUB(_mm512_xor_si512(digits, sign), sign);
}
// chosen | (entry & mask)
RR_INLINE word8 w8_take(word8 chosen, word8 entry, word8 mask) {
    return _mm512_ternarylogic_epi64(chosen, entry, mask, 0xf8);
}

// The multiples in a table of eight for eight public digits; for a negative digit, the multiple to be subtracted. The
// addresses depend on the digits, so never use it for a secret.
RR_INLINE affine8 public_multiples_load(const uint64_t *table, const int8_t *digits) {
    static const uint64_t neutral[RR_AFFINE_WORDS] __attribute__((aligned(64))) = {1, 0, 0, 0, 0, 1};
    const uint64_t *from[8];
    for (int i = 0; i < 8; i++) {
        int d = digits[i];
        from[i] = d == 0 ? neutral : table + RR_AFFINE_WORDS * ((d < 0 ? -d : d) - 1);
    }
    return affine8_load(from);
}

#pragma clang attribute pop
#endif

// RFC 8032, section 5.1

#if defined(__x86_64__)
#include "encoding.h"

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

// (Y + X, Y - X, 2dT, 2Z): the parts of an extended point that additions need.
typedef struct { fe8 sum, difference, product, twice; } cached8;

RR_INLINE cached8 ge8_cached(ge8 p) {
    return (cached8){fe8_add(p.Y, p.X), fe8_sub(p.Y, p.X), fe8_mul(p.T, fe8_2d()), fe8_add(p.Z, p.Z)};
}

RR_INLINE ge8 ge8_add_cached(ge8 p, cached8 q, __mmask8 negative) {
    fe8 A = fe8_mul(fe8_sub(p.Y, p.X), fe8_blend(negative, q.difference, q.sum));
    fe8 B = fe8_mul(fe8_add(p.Y, p.X), fe8_blend(negative, q.sum, q.difference));
    fe8 C = fe8_mul(p.T, q.product), D = fe8_mul(p.Z, q.twice);
    fe8 minus = fe8_sub(D, C), plus = fe8_add(D, C);
    return ge8_of(fe8_sub(B, A), fe8_blend(negative, minus, plus), fe8_blend(negative, plus, minus), fe8_add(B, A));
}

// Computes -A, and returns the lanes in which the key is a point.
static __mmask8 decode_negated(const uint8_t *keys, ge8 *point) {
    word8 w[4];
    words_load(keys, w);
    fe8 y = fe8_of_words(w[0], w[1], w[2], w[3]);
    __mmask8 sign = _mm512_test_epi64_mask(w[3], w8(1ULL << 63));
    fe8 yy = fe8_sq(y);
    fe8 u = fe8_sub(yy, fe8_one()), v = fe8_add(fe8_mul(yy, fe8_d()), fe8_one());
    fe8 v3 = fe8_mul(fe8_sq(v), v);
    fe8 uv7 = fe8_mul(fe8_mul(fe8_sq(v3), v), u);
    fe8 x = fe8_mul(fe8_mul(u, v3), fe16_p58((fe16){uv7, uv7}).a);
    fe8 vxx = fe8_mul(v, fe8_sq(x));
    __mmask8 right = fe8_is(fe8_canonical(fe8_sub(vxx, u)), fe8_zero());
    __mmask8 flipped = fe8_is(fe8_canonical(fe8_add(vxx, u)), fe8_zero());
    x = fe8_blend(right, fe8_mul(x, fe8_root_of_minus_one()), x);
    // Negated: takes the sign that the key does not have.
    x = fe8_negate_if((__mmask8)~(fe8_is_negative(x) ^ sign), x);
    *point = (ge8){x, y, fe8_one(), fe8_mul(x, y)};
    return right | flipped;
}

void rr_lanes_ed25519(const uint64_t *base, const uint8_t *keys, const int8_t *s, const int8_t *h,
                      uint8_t *encodings, uint8_t *ok) {
    ge8 multiple;
    __mmask8 good = decode_negated(keys, &multiple);
    cached8 table[8];
    table[0] = ge8_cached(multiple);
    for (int e = 1; e < 8; e++) {
        multiple = ge8_add_cached(multiple, table[0], 0);
        table[e] = ge8_cached(multiple);
    }
    ge8 sum = ge8_neutral();
    for (int w = 63; w >= 0; w--) {
        if (w < 63)
            for (int i = 0; i < 4; i++) sum = ge8_double(sum);
        word8 digit = digits_load(h + 8 * w), place = digits_place(digit);
        word8 chosen[20];
        for (int i = 0; i < 20; i++) chosen[i] = w8_zero();
        chosen[0] = chosen[5] = SHR(place_is(place, 0), 63);
        chosen[15] = SHL(chosen[0], 1);
        for (int e = 0; e < 8; e++) {
            word8 mask = place_is(place, e + 1);
            const word8 *entry = (const word8 *)&table[e];
#pragma clang loop unroll(full)
            for (int i = 0; i < 20; i++) chosen[i] = w8_take(chosen[i], entry[i], mask);
        }
        cached8 q;
        memcpy(&q, chosen, sizeof q);
        sum = ge8_add_cached(sum, q, _mm512_movepi64_mask(digit));
        digit = digits_load(s + 8 * w);
        sum = ge8_add_affine(sum, public_multiples_load(base, s + 8 * w), _mm512_movepi64_mask(digit));
    }
    fe8 inverse = fe16_invert((fe16){sum.Z, sum.Z}).a;
    fe8_store(fe8_mul(sum.Y, inverse), fe8_is_negative(fe8_mul(sum.X, inverse)), encodings);
    for (int i = 0; i < 8; i++) ok[i] = good >> i & 1;
}

#pragma clang attribute pop
#endif

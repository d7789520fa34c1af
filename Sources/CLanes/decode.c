// RFC 9496, section 4.3.1

#if defined(__x86_64__)
#include "point.h"

#include <string.h>

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

// Below p, with bit 255 clear, and even: the canonical encoding of a nonnegative number.
static int is_canonical(const uint64_t w[4]) {
    if (w[0] & 1 || w[3] >> 63) return 0;
    return !(w[3] == 0x7fffffffffffffff && w[2] == UINT64_MAX && w[1] == UINT64_MAX && w[0] >= UINT64_MAX - 18);
}

typedef struct { fe8 s, u1, u2, v, vu; } half;

static half start(const uint64_t w[8][4]) {
    word8 r[4];
    for (int j = 0; j < 4; j++)
        r[j] = _mm512_set_epi64(w[7][j], w[6][j], w[5][j], w[4][j], w[3][j], w[2][j], w[1][j], w[0][j]);
    half h;
    h.s = fe8_of_words(r[0], r[1], r[2], r[3]);
    fe8 ss = fe8_sq(h.s);
    h.u1 = fe8_sub(fe8_one(), ss);
    h.u2 = fe8_add(fe8_one(), ss);
    fe8 u2u2 = fe8_sq(h.u2);
    h.v = fe8_sub(fe8_neg(fe8_mul(fe8_d(), fe8_sq(h.u1))), u2u2);
    h.vu = fe8_mul(h.v, u2u2);
    return h;
}

// The rest of decoding, given vu^7 to the power (p - 5) / 8. Returns the lanes that contain a point.
static __mmask8 finish(const half *h, fe8 power, uint64_t *const to[8]) {
    fe8 vu3 = fe8_mul(fe8_sq(h->vu), h->vu);
    fe8 root = fe8_mul(vu3, power);
    fe8 check = fe8_canonical(fe8_mul(h->vu, fe8_sq(root)));
    fe8 minus_one = fe8_canonical(fe8_neg(fe8_one()));
    fe8 minus_i = fe8_canonical(fe8_neg(fe8_root_of_minus_one()));
    __mmask8 right = fe8_is(check, fe8_one()), flipped = fe8_is(check, minus_one), flipped_i = fe8_is(check, minus_i);
    root = fe8_blend(flipped | flipped_i, root, fe8_mul(root, fe8_root_of_minus_one()));
    root = fe8_negate_if(fe8_is_negative(root), root);
    fe8 dx = fe8_mul(root, h->u2);
    fe8 dy = fe8_mul(fe8_mul(root, dx), h->v);
    fe8 x = fe8_mul(fe8_add(h->s, h->s), dx);
    x = fe8_negate_if(fe8_is_negative(x), x);
    fe8 y = fe8_mul(h->u1, dy);
    fe8 xy = fe8_mul(x, y);
    affine8_store((affine8){fe8_add(y, x), fe8_sub(y, x), fe8_mul(xy, fe8_2d())}, to);
    return (right | flipped) & ~fe8_is_negative(xy) & ~fe8_is(fe8_canonical(y), fe8_zero());
}

void rr_lanes_decode(const uint8_t *encodings, size_t count, uint64_t *points, uint8_t *ok) {
    uint64_t spill[RR_AFFINE_WORDS];
    for (size_t first = 0; first < count; first += 16) {
        uint64_t w[16][4];
        memset(w, 0, sizeof w);
        size_t here = count - first < 16 ? count - first : 16;
        memcpy(w, encodings + 32 * first, 32 * here);
        uint64_t *to[16];
        for (size_t i = 0; i < 16; i++) to[i] = i < here ? points + RR_AFFINE_WORDS * (first + i) : spill;
        half a = start(w), b = start(w + 8);
        fe16 vu = {a.vu, b.vu};
        fe16 vu3 = fe16_mul(fe16_squares(vu, 1), vu);
        fe16 power = fe16_p58(fe16_mul(fe16_squares(vu3, 1), vu));
        unsigned good = finish(&a, power.a, to) | (unsigned)finish(&b, power.b, to + 8) << 8;
        for (size_t i = 0; i < here; i++) ok[first + i] = (good >> i & 1) && is_canonical(w[i]);
    }
}

#pragma clang attribute pop
#endif

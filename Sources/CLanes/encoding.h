// Converts between eight consecutive encodings of 32 bytes and eight lanes of words.
#ifndef RR_ENCODING_H
#define RR_ENCODING_H

#include "point.h"

#include <string.h>

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

RR_INLINE void words_load(const uint8_t *bytes, word8 w[4]) {
    uint64_t v[8][4];
    memcpy(v, bytes, sizeof v);
    for (int j = 0; j < 4; j++)
        w[j] = _mm512_set_epi64(v[7][j], v[6][j], v[5][j], v[4][j], v[3][j], v[2][j], v[1][j], v[0][j]);
}

// The canonical form, with bit 255 set in the lanes of the mask.
RR_INLINE void fe8_store(fe8 a, __mmask8 top, uint8_t *bytes) {
    fe8 c = fe8_canonical(a);
    word8 w[4] = {_mm512_or_si512(c.l[0], SHL(c.l[1], 51)), _mm512_or_si512(SHR(c.l[1], 13), SHL(c.l[2], 38)),
                  _mm512_or_si512(SHR(c.l[2], 26), SHL(c.l[3], 25)),
                  _mm512_or_si512(SHR(c.l[3], 39), SHL(c.l[4], 12))};
    w[3] = _mm512_mask_or_epi64(w[3], top, w[3], w8(1ULL << 63));
    uint64_t v[4][8];
    memcpy(v, w, sizeof v);
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 4; j++) memcpy(bytes + 32 * i + 8 * j, &v[j][i], 8);
}

#pragma clang attribute pop
#endif

// Sums of multiples under secret scalars. Constant-time in the digits: every entry of a table is read for every digit,
// in the same order, and entries are selected by masks computed arithmetically, never by an address or a branch.

#if defined(__x86_64__)
#include "point.h"

#pragma clang attribute push(__attribute__((target(RR_TARGET))), apply_to = function)

// The words of eight lanes of a field element, of a multiple (three elements) and of a point (four elements).
#define ELEMENT_WORDS (5 * 8)
#define TABLE_WORDS (3 * ELEMENT_WORDS)
_Static_assert(RR_SECRET_TABLE_WORDS == 8 * TABLE_WORDS, "a table has eight multiples");
_Static_assert(RR_SECRET_SUM_WORDS == 4 * ELEMENT_WORDS, "a sum is an extended point");

RR_INLINE void put(uint64_t *to, fe8 a) {
    for (int i = 0; i < 5; i++) _mm512_storeu_si512(to + 8 * i, a.l[i]);
}
RR_INLINE fe8 get(const uint64_t *from) {
    fe8 a;
    for (int i = 0; i < 5; i++) a.l[i] = _mm512_loadu_si512(from + 8 * i);
    return a;
}
RR_INLINE void put_point(uint64_t *to, ge8 p) {
    put(to, p.X);
    put(to + ELEMENT_WORDS, p.Y);
    put(to + 2 * ELEMENT_WORDS, p.Z);
    put(to + 3 * ELEMENT_WORDS, p.T);
}
RR_INLINE ge8 get_point(const uint64_t *from) {
    return (ge8){get(from), get(from + ELEMENT_WORDS), get(from + 2 * ELEMENT_WORDS), get(from + 3 * ELEMENT_WORDS)};
}

// The points are public, and so are the tables.
void rr_lanes_secret_table(const uint64_t *points, uint64_t *table) {
    const uint64_t *from[8];
    for (int i = 0; i < 8; i++) from[i] = points + RR_AFFINE_WORDS * i;
    affine8 p = affine8_load(from);
    ge8 multiple[8];
    multiple[0] = ge8_add_affine(ge8_neutral(), p, 0);
    for (int e = 1; e < 8; e++) multiple[e] = ge8_add_affine(multiple[e - 1], p, 0);
    // One inversion for all eight (Montgomery's trick).
    fe8 product[8];
    product[0] = multiple[0].Z;
    for (int e = 1; e < 8; e++) product[e] = fe8_mul(product[e - 1], multiple[e].Z);
    fe8 inverse = fe16_invert((fe16){product[7], product[7]}).a;
    for (int e = 7; e >= 0; e--) {
        fe8 z = e > 0 ? fe8_mul(inverse, product[e - 1]) : inverse;
        inverse = fe8_mul(inverse, multiple[e].Z);
        fe8 x = fe8_mul(multiple[e].X, z), y = fe8_mul(multiple[e].Y, z);
        put(table + TABLE_WORDS * e, fe8_add(y, x));
        put(table + TABLE_WORDS * e + ELEMENT_WORDS, fe8_sub(y, x));
        put(table + TABLE_WORDS * e + 2 * ELEMENT_WORDS, fe8_mul(fe8_mul(x, y), fe8_2d()));
    }
}

void rr_lanes_secret_clear(size_t windows, uint64_t *sums) {
    for (size_t w = 0; w < windows; w++) put_point(sums + RR_SECRET_SUM_WORDS * w, ge8_neutral());
}

void rr_lanes_secret_add(const uint64_t *table, const int8_t *digits, size_t windows, uint64_t *sums) {
    for (size_t w = 0; w < windows; w++) {
        word8 digit = digits_load(digits + 8 * w), place = digits_place(digit);
        word8 chosen[15];
        for (int i = 0; i < 15; i++) chosen[i] = w8_zero();
        chosen[0] = chosen[5] = SHR(place_is(place, 0), 63);
        for (int e = 0; e < 8; e++) {
            word8 mask = place_is(place, e + 1);
#pragma clang loop unroll(full)
            for (int i = 0; i < 15; i++)
                chosen[i] = w8_take(chosen[i], _mm512_loadu_si512(table + TABLE_WORDS * e + 8 * i), mask);
        }
        affine8 q;
        for (int i = 0; i < 5; i++) {
            q.sum.l[i] = chosen[i];
            q.difference.l[i] = chosen[5 + i];
            q.product.l[i] = chosen[10 + i];
        }
        uint64_t *sum = sums + RR_SECRET_SUM_WORDS * w;
        put_point(sum, ge8_add_affine(get_point(sum), q, _mm512_movepi64_mask(digit)));
    }
}

void rr_lanes_secret_finish(const uint64_t *sums, size_t windows, uint64_t *points) {
    ge8 sum = get_point(sums + RR_SECRET_SUM_WORDS * (windows - 1));
    for (size_t w = windows - 1; w-- > 0;) {
        for (int i = 0; i < 4; i++) sum = ge8_double(sum);
        sum = ge8_add(sum, get_point(sums + RR_SECRET_SUM_WORDS * w));
    }
    uint64_t *to[8];
    for (int i = 0; i < 8; i++) to[i] = points + RR_EXTENDED_WORDS * i;
    ge8_store(sum, to);
}

#pragma clang attribute pop
#endif

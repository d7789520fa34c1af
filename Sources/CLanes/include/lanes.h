// Arithmetic of curve25519 in the eight 64-bit lanes of AVX-512 IFMA: the kernels behind the Swift module Ristretto,
// which has a portable counterpart of each, and tests that compare the two. No function may be called unless
// rr_lanes_are_there() returns true, except those marked "on every processor". Field elements are five limbs of 51
// bits, as in Swift; no kernel allocates memory.
#ifndef RR_LANES_H
#define RR_LANES_H

#include <stddef.h>
#include <stdint.h>

#ifdef RR_MEMCHECK
#include "memcheck_request.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

// Prefetches the two cache lines of an affine point that will be needed soon. On every processor.
static inline void rr_prefetch(const void *point) {
    __builtin_prefetch(point);
    __builtin_prefetch((const char *)point + 64);
}

// Returns the same number, but hides from the compiler where it comes from. Otherwise the compiler could recognise a
// mask that arithmetic makes from a secret, and turn it into a selection, of which a compiler or a WebAssembly engine
// may make a branch. On every processor.
static inline uint64_t rr_opaque(uint64_t word) {
    __asm__("" : "+r"(word));
    return word;
}

// Marks bytes that depend on a secret as public from here on. A processor does nothing for it; if RR_MEMCHECK is
// defined (debug builds), it tells valgrind, with which Tests/ConstantTime watches the prover. On every processor.
static inline void rr_publish(const void *bytes, size_t count) {
#ifdef RR_MEMCHECK
    // MAKE_MEM_DEFINED of the tool "MC".
    rr_memcheck_request(('M' << 24 | 'C' << 16) + 2, bytes, count);
#else
    (void)bytes, (void)count;
#endif
}

// Whether this processor and its operating system have what the other functions need. On every processor.
int rr_lanes_are_there(void);

// The words of a point as (y + x, y - x, 2dxy) with one word of padding, and of a point as (X, Y, Z, T) with four.
#define RR_AFFINE_WORDS 16
#define RR_EXTENDED_WORDS 24
// The number of moduli of the residue number system.
#define RR_MODULI 20

// Decodes `count` encodings of 32 bytes (RFC 9496, section 4.3.1) to affine points. ok[i] is 1 or 0; if it is 0, the
// point's words are meaningless.
void rr_lanes_decode(const uint8_t *encodings, size_t count, uint64_t *points, uint8_t *ok);

// Sums each bucket. Bucket b holds entries[starts[b]] up to entries[starts[b + 1]]; an entry is twice a point's place,
// plus one if the point is to be subtracted. `order` lists the buckets, a multiple of eight. Each eight in a row are
// summed side by side, so they should be about equally long. sums[b] becomes an extended point.
void rr_lanes_sum_buckets(const uint64_t *points, const uint32_t *entries, const uint32_t *starts,
                          const uint32_t *order, size_t buckets, uint64_t *sums);

// Divides the buckets into eight consecutive runs, and computes for each run its sum, and its sum with weights 1, 2,
// ...: eight extended points each.
void rr_lanes_weigh_buckets(const uint64_t *sums, size_t buckets, uint64_t *plain, uint64_t *weighted);

// The residues of up to eight scalars of four words modulo twenty numbers 2^26 - deficits[j], each below 2^26:
// residues[j][scalar], with zeros where there is no scalar. powers[i][j] is 2^(26 i) modulo the j-th.
void rr_lanes_residues(const uint64_t *scalars, size_t count, const uint64_t *powers, const uint64_t *deficits,
                       uint64_t *residues);

// Adds the products of the residues of `count` pairs to the sums of each row and column. The moduli are processed in
// two halves: left[half][row][pair][modulus], right[half][group][pair][modulus][column of the group's eight],
// sums[half][group][row][modulus][column]. The caller must reduce the sums before more than 4096 products have been
// added, or they overflow.
void rr_lanes_add_products(const uint64_t *left, size_t rows, const uint64_t *right, size_t groups, size_t count,
                           uint64_t *sums);

// X25519 (RFC 7748, section 5) of eight scalars of 32 bytes, which are clamped here, and eight u-coordinates, whose bit
// 255 is ignored. Returns shared secrets of 32 bytes.
void rr_lanes_x25519(const uint8_t *scalars, const uint8_t *points, uint8_t *shared);

// The same for the base point, on edwards25519, where a sum of 64 multiples from a table is enough. The table has the
// multiples 1 to 8 of the base point, of 16 times it, of 16^2 times it, ...: 64 times eight affine points. The clamped
// scalars are in signed digits of base 16: 64 times eight, one per lane, the lowest first. Public data only.
void rr_lanes_x25519_base(const uint64_t *table, const int8_t *digits, uint8_t *points);

// Encodings of [s]B - [h]A for eight public keys A (RFC 8032, section 5.1). The scalars s and h are in signed digits of
// base 16, as above; of the table, as above, the first eight points are used. ok[i] is 0 if A is not a point of the
// curve. Public data only.
void rr_lanes_ed25519(const uint64_t *table, const uint8_t *keys, const int8_t *s, const int8_t *h,
                      uint8_t *encodings, uint8_t *ok);

// Sums under secret scalars, constant-time in them. A table holds the multiples 1 to 8 of eight public points, one per
// lane. Each window has eight digits from -8 to 7, one per lane, and eight sums.
#define RR_SECRET_TABLE_WORDS 960
#define RR_SECRET_SUM_WORDS 160

void rr_lanes_secret_table(const uint64_t *points, uint64_t *table);
// Sets all sums to the neutral element.
void rr_lanes_secret_clear(size_t windows, uint64_t *sums);
// Adds to each window's sums the multiples that its digits select.
void rr_lanes_secret_add(const uint64_t *table, const int8_t *digits, size_t windows, uint64_t *sums);
// Eight extended points: for each lane, the sum over the windows w of 16^w times the window's sum.
void rr_lanes_secret_finish(const uint64_t *sums, size_t windows, uint64_t *points);

#ifdef __cplusplus
}
#endif
#endif

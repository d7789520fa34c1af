// Arithmetic of curve25519 in the eight 64-bit lanes of AVX-512 IFMA: the kernels behind the Swift module Ristretto, which
// has a portable counterpart of each and tests that hold them equal. Nothing here may be called unless
// rr_lanes_are_there() says so. Field elements are five limbs of 51 bits, as in Swift; no kernel allocates memory.
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

// Asks for the two cache lines of an affine point that will be needed soon. On every processor.
static inline void rr_prefetch(const void *point) {
    __builtin_prefetch(point);
    __builtin_prefetch((const char *)point + 64);
}

// The same number, of which the compiler knows nothing any more. A mask that was made of a secret by arithmetic would
// otherwise be seen through and turned into a choice, which a compiler or a WebAssembly engine may make a branch of. On
// every processor.
static inline uint64_t rr_opaque(uint64_t word) {
    __asm__("" : "+r"(word));
    return word;
}

// Says that bytes which depend on a secret are public from here on. On a processor it does nothing; where RR_MEMCHECK is
// defined (debug builds) valgrind is told, which Tests/ConstantTime watches the prover with.
static inline void rr_publish(const void *bytes, size_t count) {
#ifdef RR_MEMCHECK
    // MAKE_MEM_DEFINED of the tool "MC".
    rr_memcheck_request(('M' << 24 | 'C' << 16) + 2, bytes, count);
#else
    (void)bytes, (void)count;
#endif
}

// Whether this processor, and its operating system, have what the other functions need.
int rr_lanes_are_there(void);

// Words of a point as (y + x, y - x, 2dxy) and one word of padding; of one as (X, Y, Z, T) and four words of padding.
#define RR_AFFINE_WORDS 16
#define RR_EXTENDED_WORDS 24
// Moduli of the residue number system.
#define RR_MODULI 20

// Decodes `count` encodings of 32 bytes (RFC 9496, section 4.3.1) to affine points; ok[i] is 1 or 0, and where it is 0 the
// point's words mean nothing.
void rr_lanes_decode(const uint8_t *encodings, size_t count, uint64_t *points, uint8_t *ok);

// Sums each bucket: bucket b holds entries[starts[b]] up to entries[starts[b + 1]], each twice a point's place, plus one
// when it is to be subtracted. `order` lists the buckets, a multiple of eight; eight that follow one another are summed
// side by side, so they should be of like length. sums[b] becomes an extended point.
void rr_lanes_sum_buckets(const uint64_t *points, const uint32_t *entries, const uint32_t *starts,
                          const uint32_t *order, size_t buckets, uint64_t *sums);

// The buckets in eight runs that follow one another; of each run the sum, and the sum with weights 1, 2, ...:
// eight extended points each.
void rr_lanes_weigh_buckets(const uint64_t *sums, size_t buckets, uint64_t *plain, uint64_t *weighted);

// Residues of up to eight scalars of four words modulo twenty numbers 2^26 - deficits[j], each below 2^26:
// residues[j][scalar], zeros where there is no scalar. powers[i][j] is 2^(26 i) modulo the j-th.
void rr_lanes_residues(const uint64_t *scalars, size_t count, const uint64_t *powers, const uint64_t *deficits,
                       uint64_t *residues);

// Adds to the sums of each row and column the products of their residues over `count` pairs, the moduli being worked on in
// two halves: left[half][row][pair][modulus], right[half][group][pair][modulus][column of the group's eight],
// sums[half][group][row][modulus][column]. Nothing keeps the sums from overflowing after 4096 products.
void rr_lanes_add_products(const uint64_t *left, size_t rows, const uint64_t *right, size_t groups, size_t count,
                           uint64_t *sums);

// X25519 (RFC 7748, section 5) of eight scalars of 32 bytes, clamped here, and eight u-coordinates, whose bit 255 is
// dropped; shared secrets of 32 bytes.
void rr_lanes_x25519(const uint8_t *scalars, const uint8_t *points, uint8_t *shared);

// The same for the base point, on edwards25519, where a sum of 64 multiples from a table is enough: multiples 1 to 8 of the
// base point, of 16 times it, of 16^2 times it, ...: 64 times eight affine points. The clamped scalars are in signed digits
// of base 16: 64 times eight, one a lane, the lowest first. Public data only.
void rr_lanes_x25519_base(const uint64_t *table, const int8_t *digits, uint8_t *points);

// Encodings of [s]B - [h]A for eight public keys A (RFC 8032, section 5.1). The scalars s and h are in signed digits of base
// 16, as above, and so is the table, of which the first eight points are used. ok[i] is 0 where A is no point of the curve.
// Public data only.
void rr_lanes_ed25519(const uint64_t *table, const uint8_t *keys, const int8_t *s, const int8_t *h,
                      uint8_t *encodings, uint8_t *ok);

// Sums under secret scalars, constant-time in them. A table holds the multiples 1 to 8 of eight public points, one a lane;
// a digit is between -8 and 7, eight of them, one a lane, stand for each window; each window has eight sums.
#define RR_SECRET_TABLE_WORDS 960
#define RR_SECRET_SUM_WORDS 160

void rr_lanes_secret_table(const uint64_t *points, uint64_t *table);
// All sums become the neutral element.
void rr_lanes_secret_clear(size_t windows, uint64_t *sums);
// Adds to each window's sums the multiples that its digits choose.
void rr_lanes_secret_add(const uint64_t *table, const int8_t *digits, size_t windows, uint64_t *sums);
// Eight extended points: each lane's sum over the windows w of 16^w times the window's.
void rr_lanes_secret_finish(const uint64_t *sums, size_t windows, uint64_t *points);

#ifdef __cplusplus
}
#endif
#endif

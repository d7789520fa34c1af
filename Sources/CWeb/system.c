// What libsodium and Swift's runtime ask of a C library, for a module that has none: memory, and the browser's generator.
// The module imports the two functions below and nothing else, so it can reach neither the page nor the network.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("rr"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

// crypto.getRandomValues, in pieces of the size that it allows.
IMPORT("random") void rr_random(void *bytes, size_t count);
// Ends the call with an exception.
IMPORT("abort") _Noreturn void rr_abort(void);

int errno;

void abort(void) { rr_abort(); }

// Where Swift prints the reason of a fatal error, before it traps. There is nobody to read it.
int putchar(int character) { return character; }

// MARK: Bytes. The first three become instructions.

void *memcpy(void *restrict to, const void *restrict from, size_t count) { return __builtin_memcpy(to, from, count); }
void *memmove(void *to, const void *from, size_t count) { return __builtin_memmove(to, from, count); }
void *memset(void *to, int byte, size_t count) { return __builtin_memset(to, byte, count); }

int memcmp(const void *a, const void *b, size_t count) {
    const unsigned char *x = a, *y = b;
    for (; count; count--, x++, y++)
        if (*x != *y) return *x - *y;
    return 0;
}

void *memchr(const void *bytes, int byte, size_t count) {
    const unsigned char *p = bytes;
    for (; count; count--, p++)
        if (*p == (unsigned char)byte) return (void *)p;
    return 0;
}

size_t strlen(const char *text) {
    size_t count = 0;
    while (text[count]) count++;
    return count;
}

char *strchr(const char *text, int character) {
    for (;; text++) {
        if (*text == (char)character) return (char *)text;
        if (!*text) return 0;
    }
}

int strcmp(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t count) {
    for (; count; count--, a++, b++) {
        if (*a != *b) return (unsigned char)*a - (unsigned char)*b;
        if (!*a) break;
    }
    return 0;
}

// MARK: Memory. Sizes are rounded to classes: multiples of 16 up to 512, then four for each power of two. Every block is
// wiped when it is freed, whatever it held, so that no secret outlives its value in linear memory; libsodium's own
// sodium_free does not wipe on this platform.

extern unsigned char __heap_base;

typedef struct header {
    uint32_t class, size;
    struct header *next;
    uint32_t offset;
} header;
_Static_assert(sizeof(header) == 16, "blocks are aligned to 16");

#define CLASSES 160
// In the place of a class, in front of a block that was aligned further: `offset` leads back to the block.
#define ALIGNED CLASSES

static header *freed[CLASSES];
static uintptr_t next_free, heap_end;

static uint32_t class_of(size_t size, size_t *rounded) {
    if (size <= 512) {
        uint32_t class = size == 0 ? 0 : (uint32_t)(size - 1) / 16;
        *rounded = 16 * (class + 1);
        return class;
    }
    uint32_t log = 31 - __builtin_clz((uint32_t)(size - 1));
    uint32_t quarter = (uint32_t)((size - 1) >> (log - 2)) & 3;
    *rounded = ((size_t)4 + quarter + 1) << (log - 2);
    return 32 + 4 * (log - 9) + quarter;
}

// Takes bytes from the end of the heap, which grows by pages; 0 if the browser gives no more.
static void *carve(size_t size) {
    if (!next_free) {
        next_free = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
        heap_end = __builtin_wasm_memory_size(0) << 16;
    }
    if (size > 0xF0000000u - next_free) return 0;
    if (next_free + size > heap_end) {
        size_t pages = (next_free + size - heap_end + 0xFFFF) >> 16;
        if (pages < 16) pages = 16;
        if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) return 0;
        heap_end += pages << 16;
    }
    void *block = (void *)next_free;
    next_free += size;
    return block;
}

EXPORT("rr_alloc") void *malloc(size_t size) {
    if (size > 0xC0000000u) {
        errno = ENOMEM;
        return 0;
    }
    size_t rounded;
    uint32_t class = class_of(size, &rounded);
    header *head = freed[class];
    if (head) {
        freed[class] = head->next;
    } else {
        head = carve(sizeof *head + rounded);
        if (!head) {
            errno = ENOMEM;
            return 0;
        }
        head->class = class;
        head->size = (uint32_t)rounded;
    }
    head->next = 0;
    head->offset = 0;
    return head + 1;
}

EXPORT("rr_free") void free(void *memory) {
    if (!memory) return;
    header *head = (header *)memory - 1;
    if (head->class == ALIGNED) {
        memory = (unsigned char *)memory - head->offset;
        head = (header *)memory - 1;
    }
    memset(memory, 0, head->size);
    head->next = freed[head->class];
    freed[head->class] = head;
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment <= sizeof(header)) return (*memory = malloc(size)) ? 0 : ENOMEM;
    unsigned char *block = size > SIZE_MAX - alignment ? 0 : malloc(size + alignment);
    if (!block) return ENOMEM;
    // Always past the block's beginning, so there is room for a header of its own.
    unsigned char *aligned = (unsigned char *)(((uintptr_t)block + alignment) & ~(uintptr_t)(alignment - 1));
    header *inner = (header *)aligned - 1;
    inner->class = ALIGNED;
    inner->offset = (uint32_t)(aligned - block);
    *memory = aligned;
    return 0;
}

void *calloc(size_t count, size_t size) {
    size_t all;
    if (__builtin_mul_overflow(count, size, &all)) return 0;
    void *memory = malloc(all);
    // A block that was used before is wiped already, and a new page is zero.
    return memory;
}

// MARK: Random bytes, in place of libsodium's randombytes.c.

void randombytes_buf(void *const bytes, const size_t count) {
    if (count) rr_random(bytes, count);
}

void randombytes(unsigned char *const bytes, const unsigned long long count) { randombytes_buf(bytes, (size_t)count); }

uint32_t randombytes_random(void) {
    uint32_t number;
    rr_random(&number, sizeof number);
    return number;
}

uint32_t randombytes_uniform(const uint32_t bound) {
    if (bound < 2) return 0;
    uint32_t least = (0u - bound) % bound, number;
    do number = randombytes_random();
    while (number < least);
    return number % bound;
}

void randombytes_stir(void) {}

// The seeds of Swift's hashes.
void arc4random_buf(void *bytes, size_t count) { randombytes_buf(bytes, count); }

// MARK: Numbers of 128 bits, which clang leaves to its runtime library.

typedef unsigned __int128 uint128;
typedef union {
    uint128 all;
    struct {
        uint64_t low, high;
    } words;
} halves;

uint128 __multi3(uint128 a, uint128 b) {
    halves x = {.all = a}, y = {.all = b}, product;
    uint64_t mask = 0xffffffffu;
    uint64_t a0 = x.words.low & mask, a1 = x.words.low >> 32, b0 = y.words.low & mask, b1 = y.words.low >> 32;
    uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
    uint64_t middle = (p00 >> 32) + (p01 & mask) + (p10 & mask);
    product.words.low = (p00 & mask) | (middle << 32);
    product.words.high = p11 + (p01 >> 32) + (p10 >> 32) + (middle >> 32) + x.words.low * y.words.high +
                         x.words.high * y.words.low;
    return product.all;
}

uint128 __ashlti3(uint128 a, int count) {
    halves x = {.all = a}, shifted;
    if (count == 0) return a;
    shifted.words.low = count >= 64 ? 0 : x.words.low << count;
    shifted.words.high =
        count >= 64 ? x.words.low << (count - 64) : x.words.high << count | x.words.low >> (64 - count);
    return shifted.all;
}

uint128 __lshrti3(uint128 a, int count) {
    halves x = {.all = a}, shifted;
    if (count == 0) return a;
    shifted.words.high = count >= 64 ? 0 : x.words.high >> count;
    shifted.words.low =
        count >= 64 ? x.words.high >> (count - 64) : x.words.low >> count | x.words.high << (64 - count);
    return shifted.all;
}

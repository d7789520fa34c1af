// How a program talks to valgrind: a few rotations that have no effect on a processor, but that valgrind recognises,
// together with the address of six words (valgrind's manual, "The Client Request mechanism").
#ifndef RR_MEMCHECK_REQUEST_H
#define RR_MEMCHECK_REQUEST_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t rr_memcheck_request(uint64_t request, const void *bytes, size_t count) {
    volatile uint64_t words[6] = {request, (uint64_t)(uintptr_t)bytes, count, 0, 0, 0};
    uint64_t answer = 0;
#if defined(__x86_64__)
    __asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\txchgq %%rbx, %%rbx"
                     : "+d"(answer)
                     : "a"(words)
                     : "cc", "memory");
#elif defined(__aarch64__)
    __asm__ volatile("mov x3, %0\n\tmov x4, %1\n\tror x12, x12, #3\n\tror x12, x12, #13\n\tror x12, x12, #51\n\t"
                     "ror x12, x12, #61\n\torr x10, x10, x10\n\tmov %0, x3"
                     : "+r"(answer)
                     : "r"(words)
                     : "cc", "memory", "x3", "x4");
#endif
    return answer;
}

#endif

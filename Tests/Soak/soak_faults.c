// Loaded into a service before everything else. It makes the wall clock wrong, and the disk full, as the file named by
// SOAK_CONTROL says (two 64-bit numbers: the error in seconds, and whether the disk under SOAK_DIRECTORY is full).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *control;
static const char *directory;

__attribute__((constructor)) static void begin(void) {
    directory = getenv("SOAK_DIRECTORY");
    const char *path = getenv("SOAK_CONTROL");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, 16, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) control = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && control) time->tv_sec += control[0];
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(time, zone);
    if (result == 0 && control) time->tv_sec += control[0];
    return result;
}

// Whether a write is refused because it would make a file in the directory longer.
static int is_refused(int file, off_t end) {
    if (!control || !control[1] || !directory) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    struct stat status;
    if (strncmp(path, directory, strlen(directory)) != 0 || fstat(file, &status) != 0) return 0;
    if (end <= status.st_size) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    return is_refused(file, offset + (off64_t)count) ? -1 : real(file, bytes, count, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite");
    return is_refused(file, offset + (off_t)count) ? -1 : real(file, bytes, count, offset);
}

ssize_t write(int file, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    if (control && control[1]) {
        off_t offset = lseek(file, 0, SEEK_CUR);
        if (offset >= 0 && is_refused(file, offset + (off_t)count)) return -1;
    }
    return real(file, bytes, count);
}

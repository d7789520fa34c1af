// Loaded before the C library into a service under test. It numbers every operation on a file below $DISK_DIRECTORY and
// every response on a socket. Then, depending on the environment:
//
//   DISK_TRACE   each operation is written to this file, with its bytes, before it is carried out. What a disk and a
//                client had seen when the power went is a prefix of the file.
//   DISK_FAIL    "<what> <first> <count> <errno>": <count> operations of this kind (W write, S sync, T truncate,
//                O open), from the first on, are not carried out and fail. A write that fails with ENOSPC leaves half
//                of its bytes. They are counted once the file named by $DISK_ARMED exists.
//   DISK_ROOM    this many bytes may be added to files; then writes that add to one fail with ENOSPC, until the file
//                named by $DISK_RELIEF exists.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static const char *directory;
static char fail_what;
static long fail_first, fail_count, fail_errno, room = -1;
static long numbers[128];

// Whether the file named by $DISK_ARMED exists, or none is named.
static int is_armed(void) {
    const char *armed = getenv("DISK_ARMED");
    return !armed || access(armed, F_OK) == 0;
}

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    directory = getenv("DISK_DIRECTORY");
    const char *path = getenv("DISK_TRACE");
    if (path) trace = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *fail = getenv("DISK_FAIL");
    if (fail) sscanf(fail, "%c %ld %ld %ld", &fail_what, &fail_first, &fail_count, &fail_errno);
    const char *bytes = getenv("DISK_ROOM");
    if (bytes) room = atol(bytes);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4095);
    if (length < 0) return 0;
    path[length] = 0;
    return directory && strncmp(path, directory, strlen(directory)) == 0 && !strstr(path, "-shm");
}

static int is_socket(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

static void put(const void *bytes, size_t count) {
    for (const char *at = bytes; count > 0;) {
        ssize_t written = REAL(write)(trace, at, count);
        if (written <= 0) abort();
        at += written;
        count -= (size_t)written;
    }
}

static void record(char what, const char *path, uint64_t offset, const struct iovec *parts, int count) {
    if (trace < 0) return;
    uint32_t length = (uint32_t)strlen(path), bytes = 0;
    for (int i = 0; i < count; i++) bytes += (uint32_t)parts[i].iov_len;
    put(&what, 1);
    put(&length, 4);
    put(path, length);
    put(&offset, 8);
    put(&bytes, 4);
    for (int i = 0; i < count; i++) put(parts[i].iov_base, parts[i].iov_len);
}

// Whether this operation is one that must fail.
static int fails(char what) {
    if (what != fail_what || !is_armed()) return 0;
    long number = ++numbers[(int)what];
    return number >= fail_first && number < fail_first + fail_count;
}

static ssize_t write_at(int fd, const char *path, const void *bytes, size_t count, off_t offset) {
    struct iovec part = {(void *)bytes, count};
    int error = fails('W') ? (int)fail_errno : 0;
    struct stat status;
    if (!error && room >= 0 && is_armed() && fstat(fd, &status) == 0) {
        long added = (long)(offset + (off_t)count) - (long)status.st_size;
        const char *relief = getenv("DISK_RELIEF");
        if (added > 0 && !(relief && access(relief, F_OK) == 0)) {
            if (added > room) error = ENOSPC;
            else room -= added;
        }
    }
    if (error == ENOSPC && count > 1) {
        // A full disk takes as much as it can.
        part.iov_len = count / 2;
        record('W', path, (uint64_t)offset, &part, 1);
        ssize_t half = REAL(pwrite)(fd, bytes, count / 2, offset);
        if (half < 0) return half;
        errno = ENOSPC;
        return -1;
    }
    if (error) {
        errno = error;
        return -1;
    }
    record('W', path, (uint64_t)offset, &part, 1);
    return REAL(pwrite)(fd, bytes, count, offset);
}

#define GUARDED(result) \
    pthread_mutex_lock(&lock); \
    __typeof__(result) value = result; \
    int saved = errno; \
    pthread_mutex_unlock(&lock); \
    errno = saved; \
    return value

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    char path[4096];
    if (!path_of(fd, path)) return REAL(pwrite)(fd, bytes, count, offset);
    GUARDED(write_at(fd, path, bytes, count, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return pwrite(fd, bytes, count, offset); }

ssize_t write(int fd, const void *bytes, size_t count) {
    if (is_socket(fd)) {
        struct iovec part = {(void *)bytes, count};
        pthread_mutex_lock(&lock);
        record('R', "", 0, &part, 1);
        pthread_mutex_unlock(&lock);
        return REAL(write)(fd, bytes, count);
    }
    char path[4096];
    if (!path_of(fd, path)) return REAL(write)(fd, bytes, count);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    pthread_mutex_lock(&lock);
    ssize_t written = write_at(fd, path, bytes, count, offset);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    if (written > 0) lseek(fd, offset + written, SEEK_SET);
    errno = saved;
    return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (is_socket(fd)) {
        pthread_mutex_lock(&lock);
        record('R', "", 0, parts, count);
        pthread_mutex_unlock(&lock);
    }
    return REAL(writev)(fd, parts, count);
}

static int sync_file(int fd, int whole) {
    char path[4096];
    if (!path_of(fd, path)) return whole ? REAL(fsync)(fd) : REAL(fdatasync)(fd);
    pthread_mutex_lock(&lock);
    int result = -1, saved = (int)fail_errno;
    if (!fails('S')) {
        result = whole ? REAL(fsync)(fd) : REAL(fdatasync)(fd);
        saved = errno;
        // Afterwards: from now on, what was synced is there.
        if (result == 0) record('S', path, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

int fsync(int fd) { return sync_file(fd, 1); }
int fdatasync(int fd) { return sync_file(fd, 0); }

static int truncate_file(int fd, const char *path, off_t length) {
    if (fails('T')) {
        errno = (int)fail_errno;
        return -1;
    }
    record('T', path, (uint64_t)length, NULL, 0);
    return REAL(ftruncate)(fd, length);
}

int ftruncate(int fd, off_t length) {
    char path[4096];
    if (!path_of(fd, path)) return REAL(ftruncate)(fd, length);
    GUARDED(truncate_file(fd, path, length));
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int unlink(const char *path) {
    if (directory && strncmp(path, directory, strlen(directory)) == 0 && !strstr(path, "-shm")) {
        pthread_mutex_lock(&lock);
        record('U', path, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return REAL(unlink)(path);
}

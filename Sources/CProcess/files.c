#include "process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int roundrobin_sync_directory_of(const char *path) {
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, slash - path);
    if (directory == NULL) return -1;
    int file = open(directory, O_RDONLY | O_CLOEXEC);
    free(directory);
    if (file < 0) return -1;
    int result = fsync(file);
    close(file);
    return result;
}

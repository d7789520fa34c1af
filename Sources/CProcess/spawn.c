// glibc declares these only with its extensions, which the view that Swift has of it lacks.
#define _GNU_SOURCE
#include "process.h"

int roundrobin_spawn_in(posix_spawn_file_actions_t *actions, const char *directory) {
    return posix_spawn_file_actions_addchdir_np(actions, directory);
}

int roundrobin_spawn_closing(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, short flags) {
#ifdef __APPLE__
    return posix_spawnattr_setflags(attributes, flags | POSIX_SPAWN_CLOEXEC_DEFAULT);
#else
    int result = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return result != 0 ? result : posix_spawnattr_setflags(attributes, flags);
#endif
}

#ifndef ROUNDROBIN_PROCESS_H
#define ROUNDROBIN_PROCESS_H

#include <spawn.h>

// What leaves a process when it dies, what others may read of it while it lives, what it keeps of freed memory, what its children
// get, and how it hears of signals. prctl is variadic, which Swift cannot call; glibc's malloc.h and its extensions of spawn.h are in none of its module maps.

/// No core file, and on Linux no reading of this process's memory by others of the same user (prctl(2), PR_SET_DUMPABLE).
/// Crashes end the process without a backtrace, which would show registers. Returns 0, or -1 when the system refuses.
int roundrobin_leave_nothing(void);

/// Keeps a server's memory from being spread over more of glibc's arenas than there are threads at work. Nothing elsewhere than on glibc.
void roundrobin_prepare_memory(void);

/// Gives memory that was freed back to the system, which glibc does not do by itself for small pieces.
void roundrobin_trim_memory(void);

/// The child runs in this directory.
int roundrobin_spawn_in(posix_spawn_file_actions_t *actions, const char *directory);

/// Sets the flags, and has all files but the three streams closed. Comes after every other action.
int roundrobin_spawn_closing(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, short flags);

/// From now on these signals are told, one byte with its number each, through the descriptor that is returned, and have no other effect.
/// Those that were ignored stay ignored. -1 when the system has no pipe for it. One listener at a time.
int roundrobin_hear_signals(const int *numbers, int count);

/// Gives every signal the effect back that it had.
void roundrobin_hear_no_more(void);

/// Sends this thread a signal with its usual effect. Returns when the program was stopped and goes on.
void roundrobin_take_signal(int number);

#endif

#ifndef ROUNDROBIN_PROCESS_H
#define ROUNDROBIN_PROCESS_H

#include <spawn.h>

// What a process leaves behind when it crashes, what others may read of it while it lives, what it keeps of freed
// memory, what its children inherit, how it receives signals, and the names of files. In C, because prctl is variadic, which Swift cannot
// call, and because glibc's malloc.h and its extensions of spawn.h are in none of its module maps.

/// Disables core files and, on Linux, access to this process's memory by other processes of the same user (prctl(2),
/// PR_SET_DUMPABLE). A crash ends the process without a backtrace, which would show registers. Returns 0, or -1 if the
/// system refuses.
int roundrobin_leave_nothing(void);

/// Keeps a server's memory from being spread over more of glibc's arenas than there are active threads. Does nothing
/// without glibc.
void roundrobin_prepare_memory(void);

/// Returns freed memory to the system, which glibc does not do by itself for small blocks.
void roundrobin_trim_memory(void);

/// Syncs the directory that a file is in, so that its name survives a crash. Foundation's deletingLastPathComponent, which
/// would name that directory, ends the program for a name of one character. Returns 0, or -1 with errno set.
int roundrobin_sync_directory_of(const char *path);

/// Makes the child run in this directory.
int roundrobin_spawn_in(posix_spawn_file_actions_t *actions, const char *directory);

/// Sets the flags, and closes all files in the child except the three streams. Must be the last action.
int roundrobin_spawn_closing(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, short flags);

/// From now on these signals have no effect except that their numbers are written, one byte each, to a pipe, whose
/// reading end is returned. Signals that were ignored stay ignored. Returns -1 if the system has no pipe. There may be
/// one listener at a time.
int roundrobin_hear_signals(const int *numbers, int count);

/// Restores the former effect of every signal.
void roundrobin_hear_no_more(void);

/// Sends this thread a signal with its default effect. Returns if the program was stopped and then resumed.
void roundrobin_take_signal(int number);

#endif

#ifndef ROUNDROBIN_PROCESS_H
#define ROUNDROBIN_PROCESS_H

// What leaves a process when it dies, what others may read of it while it lives, and what it keeps of freed memory. prctl is variadic,
// which Swift cannot call; glibc's malloc.h is in none of its module maps.

/// No core file, and on Linux no reading of this process's memory by others of the same user (prctl(2), PR_SET_DUMPABLE).
/// Crashes end the process without a backtrace, which would show registers. Returns 0, or -1 when the system refuses.
int roundrobin_leave_nothing(void);

/// Keeps a server's memory from being spread over more of glibc's arenas than there are threads at work, and has large pieces go back to
/// the system when they are freed: glibc would raise that threshold with each, and then keep them. Nothing elsewhere than on glibc.
void roundrobin_prepare_memory(void);

/// Gives memory that was freed back to the system, which glibc does not do by itself for small pieces.
void roundrobin_trim_memory(void);

#endif

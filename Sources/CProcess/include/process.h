#ifndef ROUNDROBIN_PROCESS_H
#define ROUNDROBIN_PROCESS_H

// What leaves a process when it dies, and what others may read of it while it lives. prctl is variadic, which Swift cannot call.

/// No core file, and on Linux no reading of this process's memory by others of the same user (prctl(2), PR_SET_DUMPABLE).
/// Crashes end the process without a backtrace, which would show registers. Returns 0, or -1 when the system refuses.
int roundrobin_leave_nothing(void);

#endif

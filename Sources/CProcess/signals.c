#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static int ends[2] = {-1, -1};
static struct sigaction former[65];
static unsigned char heard[65];

static void tell(int number) {
    const int before = errno;
    const unsigned char byte = (unsigned char)number;
    // A full pipe holds more signals than anybody needs.
    (void)!write(ends[1], &byte, 1);
    errno = before;
}

int roundrobin_hear_signals(const int *numbers, int count) {
    if (ends[0] < 0) {
        if (pipe(ends) != 0) return -1;
        for (int i = 0; i < 2; i++) {
            fcntl(ends[i], F_SETFD, FD_CLOEXEC);
            fcntl(ends[i], F_SETFL, O_NONBLOCK);
        }
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = tell;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < count; i++) {
        const int number = numbers[i];
        if (number < 1 || number > 64 || heard[number] || sigaction(number, NULL, &former[number]) != 0) continue;
        // A program that was started with the signal ignored, as nohup does, keeps ignoring it.
        if (former[number].sa_handler == SIG_IGN && number != SIGCHLD) continue;
        if (sigaction(number, &action, NULL) == 0) heard[number] = 1;
    }
    return ends[0];
}

void roundrobin_hear_no_more(void) {
    for (int number = 1; number <= 64; number++) {
        if (!heard[number]) continue;
        sigaction(number, &former[number], NULL);
        heard[number] = 0;
    }
}

void roundrobin_take_signal(int number) {
    struct sigaction usual, before;
    memset(&usual, 0, sizeof usual);
    usual.sa_handler = SIG_DFL;
    sigemptyset(&usual.sa_mask);
    sigaction(number, &usual, &before);
    sigset_t only, mask;
    sigemptyset(&only);
    sigaddset(&only, number);
    pthread_sigmask(SIG_UNBLOCK, &only, &mask);
    raise(number);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    sigaction(number, &before, NULL);
}

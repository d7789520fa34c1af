// libsodium's headers include it and use nothing of it.
#ifndef RR_EMBEDDED_STDIO_H
#define RR_EMBEDDED_STDIO_H

#include <stddef.h>

#endif

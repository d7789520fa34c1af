// libsodium's headers include this file but use nothing in it.
#ifndef RR_EMBEDDED_STDIO_H
#define RR_EMBEDDED_STDIO_H

#include <stddef.h>

#endif

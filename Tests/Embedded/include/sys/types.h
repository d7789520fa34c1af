// libsodium's headers include it for size_t.
#ifndef RR_EMBEDDED_SYS_TYPES_H
#define RR_EMBEDDED_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

#endif

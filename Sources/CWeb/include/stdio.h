#ifndef RR_WEB_STDIO_H
#define RR_WEB_STDIO_H

#include <stddef.h>

#endif

#ifndef RR_WEB_ERRNO_H
#define RR_WEB_ERRNO_H

extern int errno;
#define EPERM 1
#define EINVAL 22
#define ENOMEM 12
#define EFBIG 27
#define ERANGE 34
#define ENOSYS 38

#endif

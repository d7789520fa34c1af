#include "CPostgres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

static roundrobin_libpq_functions functions;
static const roundrobin_libpq_functions *loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
#ifdef __APPLE__
    void *library = dlopen("libpq.5.dylib", RTLD_NOW | RTLD_LOCAL);
#else
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
#endif
    if (library == NULL) return;
#define F(type, name, parameters) \
    *(void **)&functions.name = dlsym(library, #name); \
    if (*(void **)&functions.name == NULL) return;
    ROUNDROBIN_LIBPQ(F)
#undef F
    loaded = &functions;
}

const roundrobin_libpq_functions *roundrobin_libpq(void) {
    pthread_once(&once, load);
    return loaded;
}

static void ignore(void *context, const char *message) {}

void roundrobin_libpq_quiet(PGconn *connection) {
    if (loaded != NULL) loaded->PQsetNoticeProcessor(connection, ignore, NULL);
}

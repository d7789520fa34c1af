#ifndef ROUNDROBIN_CPOSTGRES_H
#define ROUNDROBIN_CPOSTGRES_H

// The part of libpq that is used, loaded when a service asks for PostgreSQL and not before: libpq brings twenty shared libraries,
// and whoever co-signs waits for none of them. The declarations are those of libpq-fe.h (PostgreSQL documentation, chapter 34),
// whose binary interface libpq.so.5 keeps; a test compares them with the header.

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
typedef unsigned int Oid;

typedef struct {
    char *keyword, *envvar, *compiled, *val, *label, *dispchar;
    int dispsize;
} PQconninfoOption;

#define ROUNDROBIN_LIBPQ(F) \
    F(PQconninfoOption *, PQconninfoParse, (const char *, char **)) \
    F(void, PQconninfoFree, (PQconninfoOption *)) \
    F(PGconn *, PQconnectdbParams, (const char *const *, const char *const *, int)) \
    F(void, PQfinish, (PGconn *)) \
    F(int, PQstatus, (const PGconn *)) \
    F(int, PQtransactionStatus, (const PGconn *)) \
    F(char *, PQerrorMessage, (const PGconn *)) \
    F(int, PQsocket, (const PGconn *)) \
    F(void *, PQsetNoticeProcessor, (PGconn *, void (*)(void *, const char *), void *)) \
    F(int, PQsendPrepare, (PGconn *, const char *, const char *, int, const Oid *)) \
    F(int, PQsendQueryPrepared, \
      (PGconn *, const char *, int, const char *const *, const int *, const int *, int)) \
    F(int, PQflush, (PGconn *)) \
    F(int, PQconsumeInput, (PGconn *)) \
    F(int, PQisBusy, (PGconn *)) \
    F(PGresult *, PQgetResult, (PGconn *)) \
    F(int, PQresultStatus, (const PGresult *)) \
    F(char *, PQresultErrorField, (const PGresult *, int)) \
    F(void, PQclear, (PGresult *)) \
    F(int, PQntuples, (const PGresult *)) \
    F(int, PQnfields, (const PGresult *)) \
    F(int, PQgetisnull, (const PGresult *, int, int)) \
    F(char *, PQgetvalue, (const PGresult *, int, int)) \
    F(int, PQgetlength, (const PGresult *, int, int)) \
    F(char *, PQcmdTuples, (PGresult *)) \
    F(char *, PQcmdStatus, (PGresult *)) \
    F(void, PQfreemem, (void *))

typedef struct {
#define F(type, name, parameters) type(*name) parameters;
    ROUNDROBIN_LIBPQ(F)
#undef F
} roundrobin_libpq_functions;

// Null when the library, or a function of it, is not there. Safe to call from any thread.
const roundrobin_libpq_functions *roundrobin_libpq(void);

// Notices of the server are not for the service's standard error.
void roundrobin_libpq_quiet(PGconn *connection);

#endif

// A test compiles this, to check that our declarations of libpq agree with its header.
#include <postgresql/libpq-fe.h>
#include <stddef.h>

#define PQconninfoOption our_option
#include "../../Sources/CPostgres/include/CPostgres.h"
#undef PQconninfoOption

#define OURS(name) __typeof__(((roundrobin_libpq_functions *)0)->name)
#define SAME(name) _Static_assert(__builtin_types_compatible_p(__typeof__(&name), OURS(name)), #name)
SAME(PQconnectdbParams);
SAME(PQfinish);
SAME(PQerrorMessage);
SAME(PQsocket);
SAME(PQsendPrepare);
SAME(PQsendQueryPrepared);
SAME(PQflush);
SAME(PQconsumeInput);
SAME(PQisBusy);
SAME(PQgetResult);
SAME(PQresultErrorField);
SAME(PQclear);
SAME(PQntuples);
SAME(PQnfields);
SAME(PQgetisnull);
SAME(PQgetvalue);
SAME(PQgetlength);
SAME(PQcmdTuples);
SAME(PQcmdStatus);
SAME(PQfreemem);

// They are enumerations there, and numbers here.
#define NUMBER(name, argument) _Static_assert(sizeof(name(argument)) == sizeof(int), #name)
NUMBER(PQstatus, (PGconn *)0);
NUMBER(PQtransactionStatus, (PGconn *)0);
NUMBER(PQresultStatus, (PGresult *)0);
_Static_assert(sizeof(PQnoticeProcessor) == sizeof(void *), "PQsetNoticeProcessor");

_Static_assert(CONNECTION_OK == 0 && PGRES_COMMAND_OK == 1 && PGRES_TUPLES_OK == 2 && PQTRANS_IDLE == 0, "numbers");
_Static_assert(PG_DIAG_SQLSTATE == 'C' && PG_DIAG_MESSAGE_PRIMARY == 'M', "fields");

_Static_assert(sizeof(our_option) == sizeof(PQconninfoOption), "option");
_Static_assert(offsetof(our_option, keyword) == offsetof(PQconninfoOption, keyword), "keyword");
_Static_assert(offsetof(our_option, val) == offsetof(PQconninfoOption, val), "val");

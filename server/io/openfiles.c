#include "server/io/openfiles.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "server/io/tcp.h"

enum result openfiles_connections(unsigned workers, unsigned addresses, unsigned *out, bool *fewer,
                                  struct diag *diag)
{
    struct rlimit limit;
    rlim_t fixed = OPENFILES_SPARE + workers * (OPENFILES_WORKER + 2 * (rlim_t)addresses);
    rlim_t wanted = fixed + (rlim_t)workers * TCP_CONNECTIONS_MAX;
    rlim_t least = fixed + (rlim_t)workers * OPENFILES_LEAST;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't read RLIMIT_NOFILE: %s", strerror(errno));
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < least) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the limit of open files is %llu, too few for %u workers and %u "
                         "addresses: raise it to %llu (LimitNOFILE=, ulimit -n)",
                         (unsigned long long)limit.rlim_cur, workers, addresses,
                         (unsigned long long)wanted);
    }
    *fewer = limit.rlim_cur < wanted;
    *out = *fewer ? (unsigned)((limit.rlim_cur - fixed) / workers) : TCP_CONNECTIONS_MAX;
    if (*fewer) {
        (void)diag_fail(diag, RESULT_OK,
                        "the limit of open files is %llu: a worker holds %u TCP connections "
                        "instead of %u; raise it to %llu (LimitNOFILE=, ulimit -n)",
                        (unsigned long long)limit.rlim_cur, *out, TCP_CONNECTIONS_MAX,
                        (unsigned long long)wanted);
    }
    return RESULT_OK;
}

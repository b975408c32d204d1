#include "probe/descriptors.h"

#include <sys/resource.h>

#include "probe/limits.h"

unsigned descriptors_flights(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t room = limit.rlim_cur > LIMIT_FILES_SPARE ? limit.rlim_cur - LIMIT_FILES_SPARE : 0;
    rlim_t most = room / LIMIT_FILES_EACH;
    return most > LIMIT_FLYING ? LIMIT_FLYING : most > 0 ? (unsigned)most : 1;
}

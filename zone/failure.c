#include "zone/failure.h"

struct failure_info {
    const char *id;
    const char *advice;
    const char *source;
};

#define FAILURE_ROW(name, id, advice, source) [FAILURE_##name] = { id, advice, source },
static const struct failure_info failures[FAILURE_COUNT] = { FAILURE_LIST(FAILURE_ROW) };
#undef FAILURE_ROW

static const struct failure_info *info_of(enum failure failure)
{
    unsigned number = (unsigned)failure;
    return &failures[number < FAILURE_COUNT ? number : FAILURE_INTERNAL];
}

const char *failure_id(enum failure failure)
{
    return info_of(failure)->id;
}

const char *failure_advice(enum failure failure)
{
    return info_of(failure)->advice;
}

const char *failure_source(enum failure failure)
{
    return info_of(failure)->source;
}

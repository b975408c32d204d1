#include "zone/verdicts/failure.h"

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

bool failure_is_silence(enum failure failure)
{
    switch (failure) {
    case FAILURE_CONNECT_REFUSED:
    case FAILURE_CONNECT_TIMEOUT:
    case FAILURE_CONNECT_ERROR:
    case FAILURE_TLS_TIMEOUT:
    case FAILURE_KE_TIMEOUT:
    case FAILURE_NTP_SILENT:
        return true;
    default:
        return false;
    }
}

bool failure_is_ours(enum failure failure)
{
    return failure == FAILURE_INTERNAL || failure == FAILURE_FAMILY_OFF;
}

bool failure_was_heard(enum failure failure)
{
    switch (failure) {
    case FAILURE_RESOLVE:
    case FAILURE_RESOLVE_MISSING:
    case FAILURE_ADDRESS:
    case FAILURE_CONSENT:
        return false;
    default:
        return !failure_is_ours(failure) && !failure_is_silence(failure);
    }
}

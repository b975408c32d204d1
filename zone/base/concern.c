#include "zone/base/concern.h"

#include <stdarg.h>
#include <stdio.h>

#include "zone/base/result.h"

struct concern_row {
    const char *id;
    enum concern_severity severity;
    const char *advice;
};

#define CONCERN_ROW(enumerator, id, severity, advice)                                              \
    [CONCERN_##enumerator] = { id, CONCERN_##severity, advice },
static const struct concern_row rows[CONCERN_IDS] = { CONCERN_LIST(CONCERN_ROW) };
#undef CONCERN_ROW

void concern_add(struct concerns *concerns, enum concern_id id, const char *subject, uint64_t since,
                 const char *format, ...)
{
    ASSERT(id < CONCERN_IDS);
    concerns->urgent += rows[id].severity == CONCERN_URGENT;
    if (concerns->count == CONCERNS_MAX) {
        concerns->left_out++;
        return;
    }
    struct concern *concern = &concerns->list[concerns->count++];
    va_list args;
    concern->id = id;
    concern->since = since;
    (void)snprintf(concern->subject, sizeof concern->subject, "%s", subject != NULL ? subject : "");
    va_start(args, format);
    (void)vsnprintf(concern->text, sizeof concern->text, format, args);
    va_end(args);
}

const char *concern_id_text(enum concern_id id)
{
    ASSERT(id < CONCERN_IDS);
    return rows[id].id;
}

enum concern_severity concern_severity(enum concern_id id)
{
    ASSERT(id < CONCERN_IDS);
    return rows[id].severity;
}

const char *concern_severity_text(enum concern_severity severity)
{
    return severity == CONCERN_URGENT ? "urgent" : "warning";
}

const char *concern_advice(enum concern_id id)
{
    ASSERT(id < CONCERN_IDS);
    return rows[id].advice;
}

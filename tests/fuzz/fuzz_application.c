/* Any octets as an application: what is read is a member that can be registered, and reads back the
 * same once written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/application.h"
#include "tools/membertext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct application *application)
{
    struct application again;
    struct diag diag = { "" };
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    ASSERT(out != NULL);
    application_write(out, application);
    CHECK(fclose(out) == 0);
    ASSERT(len < APPLICATION_MAX && application_read(&again, text, len, true, &diag) == RESULT_OK);
    ASSERT(dname_equal(&again.pool, &application->pool));
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        char one[MEMBERTEXT_ROOM], two[MEMBERTEXT_ROOM];
        ASSERT(strcmp(membertext(&again.member, column, one),
                      membertext(&application->member, column, two)) == 0);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct application application;
    struct diag diag = { "" };
    if (size > APPLICATION_MAX) {
        return 0;
    }
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    enum result result = application_read(&application, text, size, true, &diag);
    if (result == RESULT_OK) {
        const struct member *m = &application.member;
        ASSERT(member_check(m, &application.pool, true, &diag) == RESULT_OK);
        ASSERT(m->override == OVERRIDE_AUTO && !m->suspended && m->leave_at == 0);
        check_round_trip(&application);
    } else {
        ASSERT((result == RESULT_INVALID || result == RESULT_NEWER) && diag.text[0] != 0);
    }
    free(text);
    return 0;
}

#include "tools/memberadd.h"

#include <stdio.h>
#include <string.h>

#include "tools/memberpending.h"
#include "tools/membershow.h"
#include "tools/membertext.h"
#include "tools/output.h"

static enum result add(struct session *session, struct cli *cli, struct member *member,
                       struct settings *settings)
{
    char change[MEMBERTEXT_CHANGE_ROOM];
    memberpending_begin(session, cli, member);
    TRY(session_write(session, cli, STORE_REGISTRY));
    TRY(registry_settings(session->txn[STORE_REGISTRY], settings, &cli->diag));
    TRY(memberpending_check(session, cli, member, settings));
    TRY(registry_add(&session->change, member, cli_flag(cli, "allow-private")));
    auditnote_add(&session->notes, member->label, "%s", membertext_change(NULL, member, change));
    return RESULT_OK;
}

enum result memberadd(struct cli *cli, struct member *member, bool dry, struct settings *settings)
{
    struct session session = { 0 };
    enum result result = add(&session, cli, member, settings);
    if (result == RESULT_OK && !dry) {
        result = session_commit(&session, cli);
    }
    session_done(&session);
    return result;
}

static void tell_next(const struct member *member, const struct settings *settings)
{
    char name[DNAME_TEXT_MAX];
    struct dname target;
    member_target(&target, member, &settings->apex);
    dname_text(&target, name);
    name[strlen(name) - 1] = 0;
    if (member->target.len > 0) {
        printf("%s is registered with its own name %s.\n", member->label, name);
    } else {
        printf("%s is registered and its name is served now: %s\n", member->label, name);
    }
    printf("Next: `ntspool member welcome %s` writes what its operator has to do. It enters the "
           "pool's answers when the probe has confirmed that; `ntspool member show %s` tells how "
           "far it is.\n",
           member->label, member->label);
    if (member->port != MEMBER_PORT) {
        printf("Note: some clients ignore the port of SRV records and use %d.\n", MEMBER_PORT);
    }
}

void memberadd_tell(const struct cli *cli, const struct member *member,
                    const struct settings *settings, json_t *more)
{
    struct memberview view;
    const struct memberview_source unseen = { .settings = *settings, .now = session_now() };
    if (!cli->json) {
        tell_next(member, settings);
    } else if (memberview_make(&view, member, &unseen) == RESULT_OK) {
        json_t *shown = membershow_full(&view, &settings->apex);
        json_object_update(shown, more);
        json_print(shown);
    }
    json_decref(more);
}

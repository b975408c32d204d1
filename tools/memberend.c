#include "tools/memberend.h"

void memberend_begin(struct memberend *out, struct session *session, struct cli *cli,
                     const struct settings *settings)
{
    struct cli quiet = { .state_dir = cli->state_dir };
    *out = (struct memberend){ .source = { .settings = *settings } };
    if (session_read(session, &quiet, STORE_HEALTH) == RESULT_OK) {
        out->source.health = session->txn[STORE_HEALTH];
    }
    if (out->source.health == NULL || memberview_begin(&out->source, session_now()) != RESULT_OK) {
        out->source.health = NULL;
        cli->note = "state/health can't be read, so the full quarantine is taken";
    }
}

uint64_t memberend_barred_until(const struct memberend *end, const struct member *member)
{
    struct memberview view;
    bool read =
        end->source.health != NULL && memberview_make(&view, member, &end->source) == RESULT_OK;
    return lifecycle_quarantine_end(read ? &view.consensus.health : NULL, &end->source.settings,
                                    session_now());
}

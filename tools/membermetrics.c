#include "tools/membermetrics.h"

#include <stdlib.h>
#include <string.h>

#include "tools/session.h"
#include "zone/base/array.h"
#include "zone/overview/memberview.h"
#include "zone/steering/traffic.h"

enum {
    DAY_H = 24
};

struct measured {
    char label[LABEL_ROOM];
    bool scored, eligible;
    int32_t score_milli;
    uint64_t answers, certificate_end;
};

struct measuring {
    struct memberview_source source;
    struct memberview view;
    struct traffic traffic;
    uint64_t now;
    struct measured *list;
    size_t count, room;
};

static enum result measure(const struct member *member, void *arg)
{
    struct measuring *m = arg;
    struct measured one = { .answers = traffic_answers(&m->traffic, member->id, DAY_H, m->now) };
    TRY(memberview_make(&m->view, member, &m->source));
    memcpy(one.label, member->label, sizeof(one.label));
    one.scored = memberview_score(&m->view, &one.score_milli);
    one.eligible = m->view.standing.eligible;
    one.certificate_end = memberview_certificate_end(&m->view);
    ARRAY_PUSH(m->list, m->count, m->room, one);
    return RESULT_OK;
}

static enum result measure_all(struct measuring *m, struct session *session, struct cli *cli,
                               uint32_t most)
{
    TRY(session_zone(session, cli, &m->source.settings));
    TRY(session_read(session, cli, STORE_HEALTH));
    TRY(session_read(session, cli, STORE_TRAFFIC));
    struct store_txn *registry = session->txn[STORE_REGISTRY];
    size_t members = store_count(registry, TABLE_MEMBERS);
    if (members > most) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "the pool has %zu members: as many series of each metric would be more "
                         "than --members %u allows",
                         members, most);
    }
    m->source.health = session->txn[STORE_HEALTH];
    TRY(traffic_load(&m->traffic, session->txn[STORE_TRAFFIC], &cli->diag));
    TRY(memberview_begin(&m->source, m->now));
    return registry_each(registry, measure, m);
}

static void write_each(struct openmetrics *om, const struct measuring *m)
{
    openmetrics_family(om, OPENMETRICS_GAUGE, "ntspool_member_eligible",
                       "1: the member is handed out.");
    for (size_t i = 0; i < m->count; i++) {
        openmetrics_sample(om, m->list[i].eligible, "member", m->list[i].label, NULL);
    }
    openmetrics_family(om, OPENMETRICS_GAUGE, "ntspool_member_score",
                       "Score of the member's best address, from -100 to 20.");
    for (size_t i = 0; i < m->count; i++) {
        if (m->list[i].scored) {
            openmetrics_sample(om, m->list[i].score_milli / 1e3, "member", m->list[i].label, NULL);
        }
    }
    openmetrics_family(om, OPENMETRICS_GAUGE, "ntspool_member_day_answers",
                       "Answers of the last day that had the member.");
    for (size_t i = 0; i < m->count; i++) {
        openmetrics_sample(om, (double)m->list[i].answers, "member", m->list[i].label, NULL);
    }
    openmetrics_family(om, OPENMETRICS_GAUGE, "ntspool_member_certificate_end_timestamp_seconds",
                       "When the member's certificate ends, in Unix seconds.");
    for (size_t i = 0; i < m->count; i++) {
        if (m->list[i].certificate_end != 0) {
            openmetrics_sample(om, (double)m->list[i].certificate_end, "member", m->list[i].label,
                               NULL);
        }
    }
}

enum result membermetrics_write(struct openmetrics *om, struct cli *cli, uint32_t most)
{
    struct measuring *m = xcalloc(1, sizeof(*m));
    struct session session = { 0 };
    m->now = session_now();
    enum result result = measure_all(m, &session, cli, most);
    session_done(&session);
    if (result == RESULT_OK) {
        write_each(om, m);
    }
    traffic_done(&m->traffic);
    free(m->list);
    free(m);
    return result;
}

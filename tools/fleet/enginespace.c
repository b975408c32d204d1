#include "tools/fleet/enginespace.h"

#include <stdio.h>

enum {
    SPACE_WAIT_MS = 10000,
    SPACE_DEFRAGMENT_MS = 120000,
    KEY_ROOM = MEMBERSHIP_PREFIX_ROOM + MACHINE_ROOM + 8
};

/* The call, which has ended well. Frees the request. */
static enum result ask(struct etcd *etcd, struct etcd_plan plan, struct protobuf *request,
                       struct etcd_call **out, struct diag *diag)
{
    plan.request = request;
    plan.wait_ms = plan.wait_ms > 0 ? plan.wait_ms : SPACE_WAIT_MS;
    *out = etcd_call_start(etcd, &plan);
    protobuf_free(request);
    return etcd_call_wait(*out, diag);
}

static enum result do_it(struct etcd *etcd, struct etcd_plan plan, struct protobuf *request,
                         struct diag *diag)
{
    struct etcd_call *call = NULL;
    enum result result = ask(etcd, plan, request, &call, diag);
    etcd_call_free(call);
    return result;
}

enum result enginespace_disarm(struct etcd *etcd, struct diag *diag)
{
    struct etcd_plan plan = { .method = ETCD_ALARMS, .node = ETCD_ANY_NODE };
    struct protobuf request = { .data = NULL };
    struct etcdreply_alarms alarms;
    struct etcdreply_alarm alarm;
    struct etcd_call *call = NULL;
    etcdrequest_alarms(&request);
    enum result result = ask(etcd, plan, &request, &call, diag);
    if (result == RESULT_OK) {
        result = etcdreply_alarms(&alarms, etcd_call_reply(call), diag);
    }
    plan.method = ETCD_DISARM;
    while (result == RESULT_OK && etcdreply_next_alarm(&alarms, &alarm)) {
        etcdrequest_disarm(&request, alarm.node, alarm.kind);
        result = do_it(etcd, plan, &request, diag);
    }
    etcd_call_free(call);
    return result;
}

enum result enginespace_clear(struct etcd *etcd, const struct membership *membership,
                              const char *name, struct diag *diag)
{
    static const struct {
        const char *kind;
        bool prefix;
    } rows[] = { { "e/", true }, { "v/", true }, { "a/", false }, { "k/", false } };
    struct protobuf request = { .data = NULL };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char key[KEY_ROOM];
        uint8_t end[KEY_ROOM];
        (void)snprintf(key, sizeof(key), "%s%s%s%s", membership->prefix, rows[i].kind, name,
                       rows[i].prefix ? "/" : "");
        struct etcdrequest_keys keys = { .from = etcdrequest_text(key) };
        if (rows[i].prefix) {
            keys = etcdrequest_prefix(keys.from, end);
        }
        etcdrequest_delete(&request, false, &keys);
    }
    return do_it(etcd, (struct etcd_plan){ .method = ETCD_TXN, .node = ETCD_ANY_NODE }, &request,
                 diag);
}

/* -- regaining -- */

static enum result newest_revision(struct etcd *etcd, const struct membership *membership,
                                   uint64_t *out, struct diag *diag)
{
    const struct etcdrequest_range range = { .keys.from = etcdrequest_text(membership->prefix),
                                             .count_only = true };
    const struct etcd_plan plan = { .method = ETCD_RANGE, .node = ETCD_ANY_NODE };
    struct protobuf request = { .data = NULL };
    struct etcdreply_range reply;
    struct etcd_call *call = NULL;
    etcdrequest_range(&request, &range);
    enum result result = ask(etcd, plan, &request, &call, diag);
    if (result == RESULT_OK) {
        result = etcdreply_range(&reply, etcd_call_reply(call), diag);
    }
    if (result == RESULT_OK) {
        *out = reply.header.revision;
    }
    etcd_call_free(call);
    return result;
}

static enum result compact(struct etcd *etcd, uint64_t revision, struct diag *diag)
{
    const struct etcd_plan plan = { .method = ETCD_COMPACT, .node = ETCD_ANY_NODE };
    struct protobuf request = { .data = NULL };
    etcdrequest_compact(&request, revision, true);
    enum result result = do_it(etcd, plan, &request, diag);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result; /* it is compacted already */
}

/* A node that does not answer has its alarm ended all the same. */
static enum result defragment(struct etcd *etcd, unsigned node, struct diag *diag)
{
    const struct etcd_plan plan = { .method = ETCD_DEFRAGMENT,
                                    .node = (int)node,
                                    .wait_ms = SPACE_DEFRAGMENT_MS };
    struct protobuf request = { .data = NULL };
    enum result result = do_it(etcd, plan, &request, diag);
    return result == RESULT_UNREACHABLE ? RESULT_OK : result;
}

enum result enginespace_regain(struct etcd *etcd, const struct membership *membership,
                               struct diag *diag)
{
    uint64_t revision = 0;
    TRY(newest_revision(etcd, membership, &revision, diag));
    TRY(compact(etcd, revision, diag));
    for (unsigned i = 0; i < membership->node_count; i++) {
        TRY(defragment(etcd, i, diag));
    }
    return enginespace_disarm(etcd, diag);
}

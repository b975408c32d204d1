#include "tools/fleet/enginehead.h"

#include <stdio.h>

#include "tools/fleet/agree.h"

static enum result read_reply(struct octets message, struct ledgerhead_position *out,
                              struct diag *diag)
{
    struct etcdreply_range reply;
    struct etcdreply_row row;
    TRY(etcdreply_range(&reply, message, diag));
    if (!etcdreply_next_row(&reply, &row)) {
        return diag_fail(diag, RESULT_NOT_FOUND, "the engine has no ledger");
    }
    enum result result = ledgerhead_decode(&out->head, row.value);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "the head of the engine's ledger: %s", result_text(result));
    }
    out->cluster = reply.header.cluster;
    out->revision = row.modified;
    return RESULT_OK;
}

struct etcd_call *enginehead_ask(struct etcd *etcd, const struct membership *membership)
{
    char key[MEMBERSHIP_PREFIX_ROOM + sizeof AGREE_HEAD_KEY];
    struct protobuf request = { .data = NULL };
    (void)snprintf(key, sizeof key, "%s" AGREE_HEAD_KEY, membership->prefix);
    const struct etcdrequest_range range = { .keys.from = etcdrequest_text(key) };
    etcdrequest_range(&request, &range);
    const struct etcd_plan plan = { .method = ETCD_RANGE,
                                    .request = &request,
                                    .node = ETCD_ANY_NODE };
    struct etcd_call *call = etcd_call_start(etcd, &plan);
    protobuf_free(&request);
    return call;
}

enum result enginehead_read(struct etcd *etcd, const struct membership *membership,
                            struct ledgerhead_position *out, struct diag *diag)
{
    struct etcd_call *call = enginehead_ask(etcd, membership);
    enum result result = etcd_call_wait(call, diag);
    if (result == RESULT_OK) {
        result = read_reply(etcd_call_reply(call), out, diag);
    }
    etcd_call_free(call);
    return result;
}

#include <stdlib.h>

#include "tools/fleet/etcd_private.h"
#include "zone/base/clock.h"
#include "zone/base/u64.h"

static const struct {
    const char *path;
    bool changes, needs_leader;
} methods[ETCD_METHODS] = {
    [ETCD_RANGE] = { "KV/Range", false, true },
    [ETCD_TXN] = { "KV/Txn", true, true },
    [ETCD_COMPACT] = { "KV/Compact", true, true },
    [ETCD_STATUS] = { "Maintenance/Status", false, false },
    [ETCD_NODES] = { "Cluster/MemberList", false, false },
    [ETCD_DEFRAGMENT] = { "Maintenance/Defragment", false, false }, /* changes no row */
    [ETCD_ALARMS] = { "Maintenance/Alarm", false, false },
    [ETCD_DISARM] = { "Maintenance/Alarm", true, true },
    [ETCD_USER_ADD] = { "Auth/UserAdd", true, true },
    [ETCD_USER_DELETE] = { "Auth/UserDelete", true, true },
    [ETCD_USER_GRANT] = { "Auth/UserGrantRole", true, true },
    [ETCD_ROLE_ADD] = { "Auth/RoleAdd", true, true },
    [ETCD_ROLE_DELETE] = { "Auth/RoleDelete", true, true },
    [ETCD_ROLE_GRANT] = { "Auth/RoleGrantPermission", true, true },
    [ETCD_AUTH_ENABLE] = { "Auth/AuthEnable", true, true },
};

struct etcd_call {
    struct etcd *etcd;
    struct etcd_call *next;
    enum etcd_method method;
    struct protobuf request; /* framed */
    bool one_node, stale;
    unsigned node;  /* that is asked now, or was last */
    unsigned asked; /* nodes in this round */
    uint64_t again_at, deadline;
    struct etcd_transfer transfer;
    bool ended;
    enum result result;
    struct diag diag;
};

struct etcd_call *etcd_call_start(struct etcd *etcd, const struct etcd_plan *plan)
{
    ASSERT(plan->node == ETCD_ANY_NODE || (unsigned)plan->node < etcd->node_count);
    struct etcd_call *call = xcalloc(1, sizeof(*call));
    uint64_t now = clock_steady_ms();
    *call = (struct etcd_call){
        .etcd = etcd,
        .next = etcd->calls,
        .method = plan->method,
        .one_node = plan->node != ETCD_ANY_NODE,
        .stale = plan->stale,
        .node = plan->node == ETCD_ANY_NODE ? etcd->current : (unsigned)plan->node,
        .again_at = now,
        .deadline = now + (plan->wait_ms > 0 ? plan->wait_ms : ETCD_WAIT_MS),
        .result = RESULT_UNREACHABLE,
        .diag = { "no node of the engine answered in time" },
    };
    grpc_frame(&call->request, plan->request);
    etcd->calls = call;
    return call;
}

static void end(struct etcd_call *call, enum result result)
{
    call->ended = true;
    call->result = result;
    call->etcd->stirred = true;
}

static void ask(struct etcd_call *call, uint64_t now)
{
    unsigned left_ms = (unsigned)(call->deadline - now);
    unsigned nodes_left = call->one_node ? 1 : call->etcd->node_count - call->asked;
    unsigned share_ms = left_ms / nodes_left + 1;
    bool changes = methods[call->method].changes;
    struct etcd_transfer_plan plan = {
        .node = call->node,
        .path = methods[call->method].path,
        .request = &call->request,
        .needs_leader = methods[call->method].needs_leader && !call->stale,
        .connect_ms = (unsigned)u64_min(call->etcd->connect_ms, share_ms),
        .wait_ms = changes ? left_ms : share_ms, /* a change is not sent to another node */
    };
    etcd_transfer_begin(&call->transfer, call->etcd, &plan);
}

/* True if another node may do better, and nothing has been done. */
static bool may_go_on(const struct etcd_call *call, enum result result)
{
    if (result == RESULT_UNREACHABLE) {
        return true;
    }
    return (result == RESULT_REFUSED || result == RESULT_INVALID) && !call->transfer.outcome.ended;
}

static void conclude(struct etcd_call *call, uint64_t now)
{
    struct etcd *etcd = call->etcd;
    struct diag diag = { "" };
    enum result result =
        etcd_transfer_result(&call->transfer, methods[call->method].changes, &diag);
    etcd->nodes[call->node].suspect = call->transfer.code != CURLE_OK;
    if (result == RESULT_OK) {
        etcd->away_since = 0;
        etcd->current = call->one_node ? etcd->current : call->node;
        end(call, RESULT_OK);
        return; /* the transfer keeps the reply */
    }
    bool go_on = may_go_on(call, result);
    if (call->result != RESULT_REFUSED ||
        !go_on) { /* a refusal says more than a silence after it */
        call->result = result;
        call->diag = diag;
    }
    etcd_transfer_end(&call->transfer);
    call->asked++;
    if (!go_on || call->one_node) {
        end(call, call->result);
        return;
    }
    if (call->asked == etcd->node_count) { /* an election may be under way */
        call->asked = 0;
        etcd->away_since = etcd->away_since == 0 ? now : etcd->away_since;
        uint64_t pause = u64_max(now - etcd->away_since, ETCD_ROUND_PAUSE_MS);
        call->again_at = now + u64_min(pause, ETCD_ROUND_PAUSE_MAX_MS);
    }
    call->node = (call->node + 1) % etcd->node_count;
}

static void move(struct etcd_call *call, uint64_t now)
{
    if (call->ended) {
        return;
    }
    if (call->transfer.finished) {
        conclude(call, now);
    }
    if (call->ended || call->transfer.easy != NULL) {
        return; /* the transfer has its own end */
    }
    if (now >= call->deadline) {
        end(call, call->result);
    } else if (now >= call->again_at) {
        ask(call, now);
    }
}

void etcd_call_move_all(struct etcd *etcd, unsigned *wait_ms)
{
    uint64_t now = clock_steady_ms();
    for (struct etcd_call *call = etcd->calls; call != NULL; call = call->next) {
        move(call, now);
        if (!call->ended && call->transfer.easy == NULL) {
            uint64_t at = u64_min(u64_max(call->again_at, now), call->deadline);
            *wait_ms = (unsigned)u64_min(*wait_ms, at > now ? at - now : 0);
        }
    }
}

bool etcd_call_has_ended(const struct etcd_call *call)
{
    return call->ended;
}

enum result etcd_call_result(const struct etcd_call *call, struct diag *diag)
{
    ASSERT(call->ended);
    return call->result == RESULT_OK ? RESULT_OK
                                     : diag_fail(diag, call->result, "%s", call->diag.text);
}

enum result etcd_call_wait(struct etcd_call *call, struct diag *diag)
{
    while (!call->ended) {
        TRY(etcd_turn(call->etcd, NULL, 0, ETCD_WAIT_MS, diag));
    }
    return etcd_call_result(call, diag);
}

struct octets etcd_call_reply(const struct etcd_call *call)
{
    struct octets message;
    ASSERT(call->ended && call->result == RESULT_OK);
    CHECK(grpc_look(&call->transfer.inbox, &message, NULL) == RESULT_OK);
    return message;
}

unsigned etcd_call_node(const struct etcd_call *call)
{
    return call->node;
}

void etcd_call_free(struct etcd_call *call)
{
    if (call == NULL) {
        return;
    }
    struct etcd_call **link = &call->etcd->calls;
    while (*link != call) {
        link = &(*link)->next;
    }
    *link = call->next;
    etcd_transfer_end(&call->transfer);
    protobuf_free(&call->request);
    free(call);
}

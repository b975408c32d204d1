#include "tools/fleet/joining.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/fleet/agree.h"
#include "zone/base/clock.h"

enum {
    CALLS = 4,           /* at a time */
    ROWS_A_RANGE = 1000, /* about */
    WAIT_MS = 10000,     /* for one range */
    KEY_ROOM = MEMBERSHIP_PREFIX_ROOM + 16,
    TURN_MS = 100
};

struct joining {
    struct etcd *etcd;
    const struct membership *membership;
    struct taking_change found;
    struct etcd_call *head, *count;
    unsigned node;  /* that told the head */
    unsigned next;  /* the first bucket that was not asked for */
    unsigned width; /* buckets of a range; 0: not known yet */
    struct etcd_call *calls[CALLS];
};

static struct octets key_of(const struct joining *joining, const char *name, char out[KEY_ROOM])
{
    (void)snprintf(out, KEY_ROOM, "%s%s", joining->membership->prefix, name);
    return etcdrequest_text(out);
}

static struct etcd_call *ask(struct joining *joining, const struct etcdrequest_range *range)
{
    struct protobuf request = { .data = NULL };
    etcdrequest_range(&request, range);
    struct etcd_plan plan = {
        .method = ETCD_RANGE,
        .request = &request,
        .node = range->serializable ? (int)joining->node : ETCD_ANY_NODE,
        .wait_ms = range->serializable ? WAIT_MS : 0,
        .stale = range->serializable,
    };
    struct etcd_call *call = etcd_call_start(joining->etcd, &plan);
    protobuf_free(&request);
    return call;
}

struct joining *joining_new(struct etcd *etcd, const struct membership *membership)
{
    struct joining *joining = xcalloc(1, sizeof(*joining));
    char text[KEY_ROOM];
    joining->etcd = etcd;
    joining->membership = membership;
    struct etcdrequest_range range = { .keys.from = key_of(joining, AGREE_HEAD_KEY, text) };
    joining->head = ask(joining, &range);
    return joining;
}

void joining_free(struct joining *joining)
{
    if (joining == NULL) {
        return;
    }
    etcd_call_free(joining->head);
    etcd_call_free(joining->count);
    for (unsigned i = 0; i < CALLS; i++) {
        etcd_call_free(joining->calls[i]);
    }
    taking_free(&joining->found);
    free(joining);
}

/* The keys of some buckets. */
static struct etcd_call *ask_buckets(struct joining *joining, unsigned first, unsigned count,
                                     bool count_only)
{
    char from[LEDGERROW_RANGE_ROOM], to[LEDGERROW_RANGE_ROOM], unused[LEDGERROW_RANGE_ROOM];
    char first_key[KEY_ROOM], last_key[KEY_ROOM];
    ledgerrow_range((uint8_t)first, from, unused);
    ledgerrow_range((uint8_t)(first + count - 1), unused, to);
    struct etcdrequest_range range = {
        .keys = { key_of(joining, from, first_key), key_of(joining, to, last_key) },
        .revision = joining->found.after.revision,
        .serializable = true, /* the node has that revision, since it told the head as of it */
        .count_only = count_only,
    };
    return ask(joining, &range);
}

static enum result read_head(struct joining *joining, struct diag *diag)
{
    struct etcdreply_range range;
    struct etcdreply_row row;
    struct ledgerhead_position *after = &joining->found.after;
    TRY(etcd_call_result(joining->head, diag));
    TRY(etcdreply_range(&range, etcd_call_reply(joining->head), diag));
    if (!etcdreply_next_row(&range, &row)) {
        return diag_fail(diag, RESULT_NOT_FOUND, "the engine has no ledger of this pool");
    }
    TRY(agree_decode_head(&after->head, row.value, diag));
    after->cluster = range.header.cluster;
    after->revision = range.header.revision;
    joining->node = etcd_call_node(joining->head);
    joining->count = ask_buckets(joining, 0, LEDGERROW_BUCKETS, true);
    return RESULT_OK;
}

static enum result read_count(struct joining *joining, struct diag *diag)
{
    struct etcdreply_range range;
    TRY(etcd_call_result(joining->count, diag));
    TRY(etcdreply_range(&range, etcd_call_reply(joining->count), diag));
    uint64_t width = (uint64_t)LEDGERROW_BUCKETS * ROWS_A_RANGE / (range.count + 1);
    joining->width = width < 1                   ? 1
                     : width > LEDGERROW_BUCKETS ? LEDGERROW_BUCKETS
                                                 : (unsigned)width;
    return RESULT_OK;
}

static enum result read_rows(struct joining *joining, const struct etcd_call *call,
                             struct diag *diag)
{
    struct etcdreply_range range;
    struct etcdreply_row row;
    TRY(etcd_call_result(call, diag));
    TRY(etcdreply_range(&range, etcd_call_reply(call), diag));
    while (etcdreply_next_row(&range, &row)) {
        TRY(rowset_add_reply(&joining->found.rows, joining->membership->prefix, &row, false, diag));
    }
    return RESULT_OK;
}

/* Takes what has come, and asks for more. EXHAUSTED as long as something is to come. */
static enum result move_rows(struct joining *joining, struct diag *diag)
{
    bool waiting = false;
    for (unsigned i = 0; i < CALLS; i++) {
        struct etcd_call **call = &joining->calls[i];
        if (*call != NULL && etcd_call_has_ended(*call)) {
            TRY(read_rows(joining, *call, diag));
            etcd_call_free(*call);
            *call = NULL;
        }
        if (*call == NULL && joining->next < LEDGERROW_BUCKETS) {
            unsigned left = LEDGERROW_BUCKETS - joining->next;
            unsigned count = joining->width < left ? joining->width : left;
            *call = ask_buckets(joining, joining->next, count, false);
            joining->next += count;
        }
        waiting = waiting || *call != NULL;
    }
    return waiting ? RESULT_EXHAUSTED : RESULT_OK;
}

enum result joining_turn(struct joining *joining, struct taking_change *out, struct diag *diag)
{
    if (joining->count == NULL) {
        if (!etcd_call_has_ended(joining->head)) {
            return RESULT_EXHAUSTED;
        }
        TRY(read_head(joining, diag));
    }
    if (joining->width == 0) {
        if (!etcd_call_has_ended(joining->count)) {
            return RESULT_EXHAUSTED;
        }
        TRY(read_count(joining, diag));
    }
    TRY(move_rows(joining, diag));
    *out = joining->found;
    joining->found = (struct taking_change){ .rows = { .list = NULL } };
    return RESULT_OK;
}

enum result joining_wait(struct etcd *etcd, const struct membership *membership,
                         struct taking_change *out, struct diag *diag)
{
    struct joining *joining = joining_new(etcd, membership);
    enum result result = joining_turn(joining, out, diag);
    while (result == RESULT_EXHAUSTED) {
        result = etcd_turn(etcd, NULL, 0, TURN_MS, diag);
        if (result == RESULT_OK) {
            result = joining_turn(joining, out, diag);
        }
    }
    joining_free(joining);
    return result;
}

enum result joining_take(struct store *registry, const struct membership *membership,
                         const struct taking_change *rows, bool accept, struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct registry_change change;
    TRY(store_write(registry, &txn, diag));
    registry_begin(&change, txn, clock_now(), diag);
    enum result result = taking_whole(&change, membership, rows, accept);
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    return store_commit(txn, diag);
}

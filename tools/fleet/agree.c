#include "tools/fleet/agree.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "zone/base/clock.h"

enum {
    TRY_MS = 2500,     /* one request; then another node is asked */
    PAUSE_MS = 200,    /* between two tries */
    STEPS_BACK = 1000, /* heads that are read to find an older one */
    KEY_ROOM = MEMBERSHIP_PREFIX_ROOM + LEDGERROW_KEY_ROOM
};

void agree_head(struct ledgerhead *out, const struct membership *membership,
                const struct ledgerhead *before, const struct ledgerrow_digest *root, uint64_t now)
{
    struct ledgerhead head = {
        .epoch = before->epoch,
        .seq = before->seq + 1,
        .at = now,
        .root = *root,
    };
    if (before->seq > 0) {
        ledgerhead_digest(before, &head.previous);
    }
    randombytes_buf(head.change, sizeof(head.change));
    (void)snprintf(head.writer, sizeof(head.writer), "%s", membership->name);
    ledgerhead_sign(&head, membership->ledger, membership->secret);
    *out = head;
}

enum result agree_decode_head(struct ledgerhead *out, struct octets value, struct diag *diag)
{
    enum result result = ledgerhead_decode(out, value);
    if (result == RESULT_NEWER) {
        return diag_fail(diag, result,
                         "the ledger's head was written by a newer ntspool: upgrade this one");
    }
    return result == RESULT_OK
               ? RESULT_OK
               : diag_fail(diag, RESULT_DAMAGED, "the engine's head of the ledger is damaged");
}

enum result agree_check(const struct rowset *rows, struct diag *diag)
{
    size_t octets = rows->octets;
    char key[LEDGERROW_KEY_ROOM];
    for (size_t i = 0; i < rows->count; i++) {
        octets += strlen(ledgerrow_key(&rows->list[i].name, key)) + MEMBERSHIP_PREFIX_ROOM + 32;
    }
    if (rows->count > AGREE_ROWS_MAX || octets > AGREE_OCTETS_MAX) {
        return diag_fail(
            diag, RESULT_TOO_LONG,
            "a change of a fleet has at most %d rows and %d KiB, this one %zu and %zu: "
            "make it in parts",
            AGREE_ROWS_MAX, AGREE_OCTETS_MAX >> 10, rows->count, octets >> 10);
    }
    return RESULT_OK;
}

static struct octets key_of(const struct membership *membership, const char *name,
                            char out[KEY_ROOM])
{
    (void)snprintf(out, KEY_ROOM, "%s%s", membership->prefix, name);
    return etcdrequest_text(out);
}

static void put_rows(struct protobuf *request, const struct membership *membership,
                     const struct rowset *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct registry_fleet_row *row = &rows->list[i];
        char name[LEDGERROW_KEY_ROOM], text[KEY_ROOM];
        struct octets key = key_of(membership, ledgerrow_key(&row->name, name), text);
        if (row->gone) {
            etcdrequest_delete(request, false, &(struct etcdrequest_keys){ .from = key });
        } else {
            etcdrequest_put(request, false, key, row->value);
        }
    }
}

static void write_request(struct protobuf *out, const struct membership *membership,
                          const struct ledgerhead *before, const struct ledgerhead *head,
                          const struct rowset *rows)
{
    uint8_t old[LEDGERHEAD_MAX], new[LEDGERHEAD_MAX];
    char text[KEY_ROOM];
    struct octets key = key_of(membership, AGREE_HEAD_KEY, text);
    struct etcdrequest_condition condition = { .key = key };
    if (before->seq > 0) {
        condition.value = (struct octets){ old, ledgerhead_encode(before, old) };
    }
    etcdrequest_if(out, &condition);
    put_rows(out, membership, rows);
    etcdrequest_put(out, false, key, (struct octets){ new, ledgerhead_encode(head, new) });
    etcdrequest_get(out, true, &(struct etcdrequest_range){ .keys.from = key });
}

/* Calls, and waits for the end. The caller frees `*call`. */
static enum result ask(struct etcd *etcd, enum etcd_method method, const struct protobuf *request,
                       struct etcd_call **call, struct diag *diag)
{
    struct etcd_plan plan = {
        .method = method, .request = request, .node = ETCD_ANY_NODE, .wait_ms = TRY_MS
    };
    *call = etcd_call_start(etcd, &plan);
    return etcd_call_wait(*call, diag);
}

/* A head of the engine with the revision that wrote it. NOT_FOUND: it has none. */
static enum result read_row(struct etcdreply_range *range, struct ledgerhead_position *out,
                            struct diag *diag)
{
    struct etcdreply_row row;
    struct ledgerhead_position found = { .cluster = range->header.cluster };
    if (!etcdreply_next_row(range, &row)) {
        return RESULT_NOT_FOUND;
    }
    TRY(agree_decode_head(&found.head, row.value, diag));
    found.revision = row.modified;
    *out = found;
    return RESULT_OK;
}

/* The head as of a revision; 0: now. */
static enum result read_head(struct etcd *etcd, const struct membership *membership,
                             uint64_t revision, struct ledgerhead_position *out, struct diag *diag)
{
    struct protobuf request = { .data = NULL };
    struct etcd_call *call = NULL;
    struct etcdreply_range range;
    char text[KEY_ROOM];
    struct etcdrequest_range asked = { .keys.from = key_of(membership, AGREE_HEAD_KEY, text),
                                       .revision = revision };
    etcdrequest_range(&request, &asked);
    enum result result = ask(etcd, ETCD_RANGE, &request, &call, diag);
    if (result == RESULT_OK) {
        result = etcdreply_range(&range, etcd_call_reply(call), diag);
    }
    if (result == RESULT_OK) {
        result = read_row(&range, out, diag);
    }
    etcd_call_free(call);
    protobuf_free(&request);
    return result;
}

static bool is_same_change(const struct ledgerhead *a, const struct ledgerhead *b)
{
    return a->epoch == b->epoch && a->seq == b->seq &&
           memcmp(a->change, b->change, sizeof(a->change)) == 0;
}

static enum result forgotten(struct diag *diag)
{
    return diag_fail(diag, RESULT_EXHAUSTED,
                     "the engine no longer knows whether the change was made");
}

/* Goes back from a head of the engine to the place of `head`. As agree_find. */
static enum result find_from(struct etcd *etcd, const struct membership *membership,
                             const struct ledgerhead *head, struct ledgerhead_position *at,
                             struct diag *diag)
{
    for (unsigned i = 0; i < STEPS_BACK; i++) {
        if (at->head.epoch > head->epoch) {
            return forgotten(diag);
        }
        if (at->head.epoch < head->epoch || at->head.seq < head->seq) {
            return diag_fail(diag, RESULT_UNCERTAIN, "the engine does not know of the change");
        }
        if (at->head.seq == head->seq) {
            return is_same_change(&at->head, head) ? RESULT_OK : RESULT_NOT_FOUND;
        }
        enum result result = read_head(etcd, membership, at->revision - 1, at, diag);
        if (result != RESULT_OK) {
            return result == RESULT_NOT_FOUND ? forgotten(diag) : RESULT_UNCERTAIN;
        }
    }
    return forgotten(diag);
}

enum result agree_find(struct etcd *etcd, const struct membership *membership,
                       const struct ledgerhead *head, struct ledgerhead_position *out,
                       struct diag *diag)
{
    struct ledgerhead_position at;
    enum result result = read_head(etcd, membership, 0, &at, diag);
    if (result != RESULT_OK) {
        return result == RESULT_NOT_FOUND ? forgotten(diag) : RESULT_UNCERTAIN;
    }
    TRY(find_from(etcd, membership, head, &at, diag));
    *out = at;
    return RESULT_OK;
}

/* What is known of a change that is asked for. */
struct asked {
    struct etcd *etcd;
    const struct membership *membership;
    const struct ledgerhead *before, *head;
    bool unknown; /* an earlier try may have made it */
};

/* The head is another one than `before`: ours by an earlier try, or another machine's. */
static enum result explain(const struct asked *asked, struct ledgerhead_position *at,
                           struct diag *diag)
{
    enum ledgerhead_relation relation = ledgerhead_relate(asked->before, &at->head);
    enum result result = RESULT_NOT_FOUND;
    if (relation == LEDGERHEAD_BEHIND || relation == LEDGERHEAD_FORKED) {
        return diag_fail(diag, RESULT_DAMAGED,
                         "the engine has lost changes that this machine has (`ntspool fleet "
                         "status`)");
    }
    if (asked->unknown && relation != LEDGERHEAD_NEW_EPOCH) {
        result = find_from(asked->etcd, asked->membership, asked->head, at, diag);
        result = result == RESULT_EXHAUSTED ? RESULT_UNCERTAIN : result;
    }
    return result == RESULT_NOT_FOUND
               ? diag_fail(diag, RESULT_STALE, "another change was first, by %s", at->head.writer)
               : result;
}

/* What the engine said to the transaction. */
static enum result read_reply(const struct asked *asked, const struct etcd_call *call,
                              struct ledgerhead_position *out, struct diag *diag)
{
    struct etcdreply_txn txn;
    struct etcdreply_part part;
    TRY(etcdreply_txn(&txn, etcd_call_reply(call), diag));
    if (txn.held) {
        *out =
            (struct ledgerhead_position){ txn.header.cluster, txn.header.revision, *asked->head };
        return RESULT_OK;
    }
    if (!etcdreply_next_part(&txn, &part) || part.kind != ETCDREPLY_GOT) {
        return diag_fail(diag, RESULT_INVALID, "the engine's reply lacks the ledger's head");
    }
    enum result result = read_row(&part.got, out, diag);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(diag, RESULT_DAMAGED,
                         "the engine has no ledger any more (`ntspool fleet status`)");
    }
    TRY(result);
    return explain(asked, out, diag);
}

/* Reads the head, which takes a majority of the nodes. So a change is not even sent to an engine
 * that can't agree, where it would stay unknown whether it is made later. */
static enum result look_first(const struct asked *asked, uint64_t until, struct diag *diag)
{
    struct ledgerhead_position at;
    enum result result = read_head(asked->etcd, asked->membership, 0, &at, diag);
    while (result == RESULT_UNREACHABLE && clock_steady_ms() + PAUSE_MS < until &&
           etcd_turn(asked->etcd, NULL, 0, PAUSE_MS, NULL) == RESULT_OK) {
        result = read_head(asked->etcd, asked->membership, 0, &at, diag);
    }
    if (result == RESULT_NOT_FOUND) {
        return asked->before->seq == 0
                   ? RESULT_OK
                   : diag_fail(diag, RESULT_DAMAGED,
                               "the engine has no ledger any more (`ntspool fleet status`)");
    }
    TRY(result);
    return ledgerhead_relate(asked->before, &at.head) == LEDGERHEAD_SAME
               ? RESULT_OK
               : explain(asked, &at, diag);
}

static enum result try_once(struct asked *asked, const struct protobuf *request,
                            struct ledgerhead_position *out, struct diag *diag)
{
    struct etcd_call *call = NULL;
    enum result result = ask(asked->etcd, ETCD_TXN, request, &call, diag);
    if (result == RESULT_OK) {
        result = read_reply(asked, call, out, diag);
    }
    etcd_call_free(call);
    asked->unknown = asked->unknown || result == RESULT_UNCERTAIN;
    return result;
}

/* Sends the transaction until its outcome is known. */
static enum result settle(struct asked *asked, const struct protobuf *request, uint64_t until,
                          struct ledgerhead_position *out, struct diag *diag)
{
    enum result result = try_once(asked, request, out, diag);
    while ((result == RESULT_UNCERTAIN || result == RESULT_UNREACHABLE) &&
           clock_steady_ms() + PAUSE_MS < until &&
           etcd_turn(asked->etcd, NULL, 0, PAUSE_MS, NULL) == RESULT_OK) {
        result = try_once(asked, request, out, diag);
    }
    return asked->unknown && result != RESULT_OK && result != RESULT_STALE
               ? diag_fail(diag, RESULT_UNCERTAIN,
                           "the engine has not said in time whether the change was made")
               : result;
}

enum result agree(struct etcd *etcd, const struct membership *membership,
                  const struct ledgerhead *before, struct taking_change *change, struct diag *diag)
{
    const struct ledgerhead head = change->after.head;
    struct asked asked = { etcd, membership, before, &head, false };
    struct protobuf request = { .data = NULL };
    struct ledgerhead_position at;
    uint64_t until = clock_steady_ms() + AGREE_WAIT_MS;
    TRY(agree_check(&change->rows, diag));
    TRY(look_first(&asked, until - AGREE_WAIT_MS / 2, diag));
    write_request(&request, membership, before, &head, &change->rows);
    enum result result = settle(&asked, &request, until, &at, diag);
    protobuf_free(&request);
    TRY(result);
    change->after = at;
    return RESULT_OK;
}

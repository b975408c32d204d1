#include "tools/fleet/founding.h"

#include <stdio.h>

#include "tools/fleet/enginehead.h"
#include "zone/base/clock.h"
#include "zone/registry/registry_ledger.h"

enum {
    FOUNDING_WAIT_MS = 20000,
    FOUNDING_TRIES = 4,
    BATCH_ROWS = 1000,
    BATCH_OCTETS = 1 << 20,
    KEY_ROOM = MEMBERSHIP_PREFIX_ROOM + LEDGERROW_KEY_ROOM
};

struct founding {
    struct etcd *etcd;
    const struct membership *membership;
    struct store *registry;
    struct rowset rows; /* of the registry, at one moment */
    struct ledgerrow_digest root;
    struct diag *diag;
};

/* -- this machine's side -- */

/* Reads all rows and their root. Nothing is changed. */
static enum result read_rows(struct founding *founding)
{
    struct store_txn *txn = NULL;
    struct registry_change change;
    rowset_free(&founding->rows);
    founding->rows = (struct rowset){ .list = NULL };
    TRY(store_write(founding->registry, &txn, founding->diag));
    registry_begin(&change, txn, clock_now(), founding->diag);
    enum result result = registry_ledger_build(&change);
    if (result == RESULT_OK) {
        result = registry_ledger_root(txn, &founding->root);
    }
    if (result == RESULT_OK) {
        result = registry_fleet_each(txn, rowset_visit, &founding->rows);
    }
    store_abort(txn);
    return result == RESULT_OK ? result
                               : diag_fail(founding->diag, result, "the registry can't be read: %s",
                                           result_text(result));
}

/* Notes where the ledger begins. STALE if the registry is no longer as it was put. */
static enum result settle(struct founding *founding, const struct ledgerhead_position *position)
{
    struct store_txn *txn = NULL;
    struct registry_change change;
    struct ledgerrow_digest root;
    TRY(store_write(founding->registry, &txn, founding->diag));
    registry_begin(&change, txn, clock_now(), founding->diag);
    enum result result = registry_ledger_build(&change);
    if (result == RESULT_OK) {
        result = registry_ledger_root(txn, &root);
    }
    if (result == RESULT_OK &&
        memcmp(root.octets, position->head.root.octets, sizeof root.octets) != 0) {
        result = RESULT_STALE;
    }
    if (result == RESULT_OK) {
        result = registry_put_position(&change, position);
    }
    if (result == RESULT_OK) {
        return store_commit(txn, founding->diag);
    }
    store_abort(txn);
    return result;
}

/* -- the engine's side -- */

static struct octets key_of(const struct founding *founding, const char *name, char room[KEY_ROOM])
{
    (void)snprintf(room, KEY_ROOM, "%s%s", founding->membership->prefix, name);
    return etcdrequest_text(room);
}

/* Makes the transaction; frees the request. STALE if its conditions don't hold. */
static enum result transact(struct founding *founding, struct protobuf *request,
                            struct etcdreply_header *header)
{
    const struct etcd_plan plan = {
        .method = ETCD_TXN, .request = request, .node = ETCD_ANY_NODE, .wait_ms = FOUNDING_WAIT_MS
    };
    struct etcdreply_txn reply;
    struct etcd_call *call = etcd_call_start(founding->etcd, &plan);
    enum result result = etcd_call_wait(call, founding->diag);
    if (result == RESULT_OK) {
        result = etcdreply_txn(&reply, etcd_call_reply(call), founding->diag);
    }
    if (result == RESULT_OK) {
        *header = reply.header;
        result = reply.held ? RESULT_OK : RESULT_STALE;
    }
    etcd_call_free(call);
    protobuf_free(request);
    return result;
}

/* Begins a request that holds only as long as the head's last change is of that revision. */
static void begin(const struct founding *founding, struct protobuf *request, uint64_t modified)
{
    char room[KEY_ROOM];
    const struct etcdrequest_condition condition = {
        .key = key_of(founding, AGREE_HEAD_KEY, room),
        .test = ETCDREQUEST_EQUAL,
        .modified = modified,
    };
    etcdrequest_if(request, &condition);
}

/* Takes all rows away, of an interrupted run. */
static enum result clear(struct founding *founding, uint64_t modified)
{
    char room[KEY_ROOM];
    uint8_t end[KEY_ROOM];
    struct protobuf request = { .data = NULL };
    struct etcdreply_header header;
    const struct etcdrequest_keys all = etcdrequest_prefix(key_of(founding, "r/", room), end);
    begin(founding, &request, modified);
    etcdrequest_delete(&request, false, &all);
    return transact(founding, &request, &header);
}

static enum result put_rows(struct founding *founding)
{
    const struct rowset *rows = &founding->rows;
    struct etcdreply_header header;
    size_t at = 0;
    while (at < rows->count) {
        struct protobuf request = { .data = NULL };
        size_t octets = 0;
        begin(founding, &request, 0);
        for (size_t i = 0; i < BATCH_ROWS && at < rows->count && octets < BATCH_OCTETS; i++) {
            char name[LEDGERROW_KEY_ROOM], room[KEY_ROOM];
            const struct registry_fleet_row *row = &rows->list[at++];
            etcdrequest_put(&request, false,
                            key_of(founding, ledgerrow_key(&row->name, name), room), row->value);
            octets += row->value.len;
        }
        TRY(transact(founding, &request, &header));
    }
    return RESULT_OK;
}

static enum result put_head(struct founding *founding, const struct ledgerhead *before,
                            struct ledgerhead_position *out)
{
    char room[KEY_ROOM];
    uint8_t octets[LEDGERHEAD_MAX];
    struct protobuf request = { .data = NULL };
    struct etcdreply_header header;
    agree_head(&out->head, founding->membership, before, &founding->root, clock_now());
    const struct octets value = { octets, ledgerhead_encode(&out->head, octets) };
    begin(founding, &request, 0);
    etcdrequest_put(&request, false, key_of(founding, AGREE_HEAD_KEY, room), value);
    TRY(transact(founding, &request, &header));
    out->cluster = header.cluster;
    out->revision = header.revision;
    return RESULT_OK;
}

/* -- both -- */

/* True of the first head of a ledger that this machine began. */
static bool is_ours(const struct founding *founding, const struct ledgerhead *head,
                    const struct ledgerhead *before)
{
    const struct membership *membership = founding->membership;
    const uint8_t *key = membership->secret + LEDGERHEAD_SECRET - LEDGERHEAD_KEY;
    return head->epoch == before->epoch && head->seq == before->seq + 1 &&
           strcmp(head->writer, membership->name) == 0 &&
           ledgerhead_verify(head, membership->ledger, key);
}

/* One try. STALE: the registry or the engine has changed meanwhile. */
static enum result found(struct founding *founding, const struct ledgerhead *before)
{
    struct ledgerhead_position position = { .revision = 0 };
    TRY(read_rows(founding));
    enum result result =
        enginehead_read(founding->etcd, founding->membership, &position, founding->diag);
    if (result == RESULT_OK && !is_ours(founding, &position.head, before)) {
        return diag_fail(founding->diag, RESULT_REFUSED,
                         "the engine has a ledger already, made by %s: join it with a token, or "
                         "give other nodes",
                         position.head.writer);
    }
    if (result == RESULT_OK) { /* an interrupted run put it */
        result = settle(founding, &position);
        if (result != RESULT_STALE) {
            return result;
        }
    } else if (result != RESULT_NOT_FOUND) {
        return result;
    }
    TRY(clear(founding, position.revision));
    TRY(put_rows(founding));
    TRY(put_head(founding, before, &position));
    return settle(founding, &position);
}

enum result founding_put(struct etcd *etcd, const struct membership *membership,
                         struct store *registry, const struct ledgerhead *before, size_t *count,
                         struct diag *diag)
{
    struct founding founding = {
        .etcd = etcd, .membership = membership, .registry = registry, .diag = diag
    };
    enum result result = RESULT_STALE;
    for (unsigned i = 0; i < FOUNDING_TRIES && result == RESULT_STALE; i++) {
        result = found(&founding, before);
    }
    *count = founding.rows.count;
    rowset_free(&founding.rows);
    return result == RESULT_STALE
               ? diag_fail(diag, result, "the registry was changed meanwhile: run it again")
               : result;
}

#include "tools/fleet/taking.h"

#include <string.h>

void taking_free(struct taking_change *change)
{
    rowset_free(&change->rows);
}

static enum result refuse(struct diag *diag, const struct ledgerhead *head, const char *why)
{
    return diag_fail(diag, RESULT_REFUSED, "change %llu of the ledger is not taken: %s %s",
                     (unsigned long long)head->seq, head->writer, why);
}

/* True if the head is signed by this machine, which may. */
static bool is_by(const struct ledgerhead *head, const struct membership *membership,
                  const struct machine *machine)
{
    return machine->role == MACHINE_ADMIN && machine->evicted_at == 0 &&
           ledgerhead_verify(head, membership->ledger, machine->key);
}

enum result taking_lost(struct diag *diag)
{
    return diag_fail(diag, RESULT_DAMAGED,
                     "the engine has lost changes that this machine has: it was restored from a "
                     "backup, or is another one");
}

static bool has_machine(const struct rowset *rows)
{
    size_t i = 0;
    while (i < rows->count && rows->list[i].name.kind != LEDGERROW_MACHINE) {
        i++;
    }
    return i < rows->count;
}

enum result taking_end(struct registry_change *change)
{
    struct ledgerhead_position after;
    struct ledgerrow_digest root;
    TRY(registry_position(change->txn, &after));
    TRY(registry_ledger_root(change->txn, &root));
    if (memcmp(root.octets, after.head.root.octets, sizeof(root.octets)) != 0) {
        return diag_fail(change->diag, RESULT_DAMAGED,
                         "the rows of change %llu of the ledger are not those that its head tells",
                         (unsigned long long)after.head.seq);
    }
    return RESULT_OK;
}

enum result taking_step(struct registry_change *change, const struct membership *membership,
                        const struct taking_change *taken)
{
    const struct ledgerhead *head = &taken->after.head;
    struct ledgerhead_position mine;
    struct machine writer;
    enum result result = registry_position(change->txn, &mine);
    if (result != RESULT_OK) {
        return result == RESULT_NOT_FOUND ? RESULT_STALE : result;
    }
    switch (ledgerhead_relate(&mine.head, head)) {
    case LEDGERHEAD_NEXT:
        break;
    case LEDGERHEAD_SAME:
    case LEDGERHEAD_BEHIND:
        return RESULT_EXISTS;
    case LEDGERHEAD_FORKED:
        return taking_lost(change->diag);
    default:
        return diag_fail(change->diag, RESULT_STALE, "changes before number %llu are missing",
                         (unsigned long long)head->seq);
    }
    result = registry_machine(change->txn, head->writer, &writer);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    if (result == RESULT_NOT_FOUND || !is_by(head, membership, &writer)) {
        return refuse(change->diag, head, "is no admin, or has not signed it");
    }
    TRY(registry_fleet_take(change, taken->rows.list, taken->rows.count, false));
    TRY(registry_ledger_note(change, taken->rows.list, taken->rows.count));
    TRY(registry_put_position(change, &taken->after));
    /* Whom the next head may be signed by is never taken on trust. */
    return has_machine(&taken->rows) ? taking_end(change) : RESULT_OK;
}

enum result taking_next(struct registry_change *change, const struct membership *membership,
                        const struct taking_change *taken)
{
    TRY(taking_step(change, membership, taken));
    return taking_end(change);
}

/* Whom to believe, while all rows are new. */
struct trust {
    struct store_txn *txn;
    bool placed; /* what this machine has counts */
    const struct membership *membership;
    const struct rowset *rows;
};

/* The machine as the new rows have it. NOT_FOUND. */
static enum result find_machine(const struct trust *trust, const char *name, struct machine *out)
{
    for (size_t i = 0; i < trust->rows->count; i++) {
        const struct registry_fleet_row *row = &trust->rows->list[i];
        if (row->name.kind == LEDGERROW_MACHINE && !row->gone && row->name.len == strlen(name) &&
            memcmp(row->name.octets, name, row->name.len) == 0) {
            return machine_decode(out, (struct octets){ row->name.octets, row->name.len },
                                  row->value);
        }
    }
    return RESULT_NOT_FOUND;
}

/* True if the machine is an admin by what this machine knew before, or by vouchers that lead to an
 * admin whom it knew, or to the founder. */
static bool is_admin(const struct trust *trust, struct machine machine)
{
    struct machine known = { .role = 0 }, voucher;
    for (unsigned i = 0; i < MACHINES_MAX && machine.role == MACHINE_ADMIN; i++) {
        /* by its key, since rows can give it another name */
        if (trust->placed &&
            registry_machine_of_key(trust->txn, machine.key, &known) != RESULT_NOT_FOUND) {
            return known.role == MACHINE_ADMIN && known.evicted_at == 0;
        }
        if (memcmp(machine.key, trust->membership->founder, sizeof(machine.key)) == 0) {
            return true;
        }
        if (find_machine(trust, machine.voucher_of, &voucher) != RESULT_OK ||
            !machine_is_vouched(&machine, trust->membership->ledger, voucher.key)) {
            return false;
        }
        machine = voucher;
    }
    return false;
}

static enum result check_head(const struct trust *trust, const struct ledgerhead *head,
                              struct diag *diag)
{
    struct machine writer;
    enum result result = find_machine(trust, head->writer, &writer);
    if (result == RESULT_NEWER) {
        return diag_fail(diag, RESULT_NEWER, "the machine %s was added by a newer ntspool",
                         head->writer);
    }
    if (result != RESULT_OK || !is_by(head, trust->membership, &writer)) {
        return refuse(diag, head, "is no admin, or has not signed it");
    }
    return is_admin(trust, writer) ? RESULT_OK
                                   : refuse(diag, head, "is no admin whom this machine knows");
}

bool taking_lacks(const struct ledgerhead *mine, const struct taking_change *taken)
{
    const struct ledgerhead *head = &taken->after.head;
    uint64_t began = head->seq - 1; /* unless a row says it better */
    for (size_t i = 0; i < taken->rows.count; i++) {
        if (registry_began(&taken->rows.list[i], &began)) {
            break;
        }
    }
    return ledgerhead_relate(mine, head) == LEDGERHEAD_NEW_EPOCH && began < mine->seq;
}

/* Compares the new head with this machine's. */
static enum result check_place(const struct ledgerhead *mine, const struct taking_change *taken,
                               bool accept, struct diag *diag)
{
    const struct ledgerhead *head = &taken->after.head;
    enum ledgerhead_relation relation = ledgerhead_relate(mine, head);
    if (relation == LEDGERHEAD_BEHIND || relation == LEDGERHEAD_FORKED) {
        return taking_lost(diag);
    }
    if (!accept && taking_lacks(mine, taken)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the ledger was made anew from a copy that lacks changes which this "
                         "machine has, up to number %llu: `ntspool fleet accept` gives them up",
                         (unsigned long long)mine->seq);
    }
    return RESULT_OK;
}

enum result taking_whole(struct registry_change *change, const struct membership *membership,
                         const struct taking_change *taken, bool accept)
{
    struct ledgerhead_position mine = { .cluster = 0 };
    enum result result = registry_position(change->txn, &mine);
    struct trust trust = { change->txn, result == RESULT_OK, membership, &taken->rows };
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    if (trust.placed) {
        TRY(check_place(&mine.head, taken, accept, change->diag));
    }
    TRY(check_head(&trust, &taken->after.head, change->diag));
    TRY(registry_fleet_take(change, taken->rows.list, taken->rows.count, true));
    TRY(registry_ledger_build(change));
    TRY(registry_put_position(change, &taken->after));
    return taking_end(change);
}

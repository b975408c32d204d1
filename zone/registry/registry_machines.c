/* The machines of a fleet (TABLE_MACHINES). */
#include "zone/registry/machine.h"
#include "zone/registry/registry_private.h"

enum {
    LAYOUT = 1,
    ENCODED_MAX = 1 + 1 + MACHINE_KEY + 8 + 8 + 2 + MACHINE_ROOM + MACHINE_VOUCHER,
    ROW_ROOM = 512 /* also for layouts to come */
};

enum result machine_decode(struct machine *out, struct octets name, struct octets row)
{
    struct machine machine = { .name = "" };
    struct reader r = reader_of(row.data, row.len);
    uint8_t layout = read_u8(&r);
    if (!r.failed && layout > LAYOUT) {
        return RESULT_NEWER;
    }
    machine.role = (enum machine_role)read_u8(&r);
    read_into(&r, machine.key, sizeof(machine.key));
    machine.added_at = read_u64(&r);
    machine.evicted_at = read_u64(&r);
    read_text(&r, machine.voucher_of, sizeof(machine.voucher_of));
    read_into(&r, machine.voucher, sizeof(machine.voucher));
    if (!reader_done(&r) || layout != LAYOUT || name.len >= sizeof(machine.name) ||
        memchr(name.data, 0, name.len) != NULL || machine_role_text(machine.role) == NULL) {
        return RESULT_DAMAGED;
    }
    memcpy(machine.name, name.data, name.len);
    if (!machine_name_fine(machine.name) || !machine_name_fine(machine.voucher_of)) {
        return RESULT_DAMAGED;
    }
    *out = machine;
    return RESULT_OK;
}

enum result registry_machine(struct store_txn *txn, const char *name, struct machine *out)
{
    uint8_t data[ROW_ROOM];
    struct store_item item = { .data = data, .room = sizeof(data) };
    TRY(store_get(txn, TABLE_MACHINES, name, strlen(name), &item));
    return machine_decode(out, (struct octets){ (const uint8_t *)name, strlen(name) },
                          (struct octets){ data, item.len });
}

struct key_search {
    const uint8_t *key;
    struct machine *out;
};

static enum result match_key(const struct machine *machine, void *arg)
{
    const struct key_search *search = arg;
    if (memcmp(machine->key, search->key, sizeof(machine->key)) != 0) {
        return RESULT_OK;
    }
    *search->out = *machine;
    return RESULT_EXISTS;
}

enum result registry_machine_of_key(struct store_txn *txn, const uint8_t key[MACHINE_KEY],
                                    struct machine *out)
{
    struct key_search search = { key, out };
    enum result result = registry_machines(txn, match_key, &search);
    return result == RESULT_EXISTS ? RESULT_OK : result == RESULT_OK ? RESULT_NOT_FOUND : result;
}

static enum result count_present(const struct machine *machine, void *arg)
{
    *(unsigned *)arg += machine->evicted_at == 0;
    return RESULT_OK;
}

/* Is there room for one more, which is new? */
static enum result check_room(const struct registry_change *change)
{
    unsigned present = 0;
    TRY(registry_machines(change->txn, count_present, &present));
    if (present >= MACHINES_MAX) {
        return diag_fail(change->diag, RESULT_FULL, "there are %d machines already", MACHINES_MAX);
    }
    return store_count(change->txn, TABLE_MACHINES) < MACHINES_KNOWN_MAX
               ? RESULT_OK
               : diag_fail(change->diag, RESULT_FULL,
                           "%d names of machines are used up, those of evicted ones among them",
                           MACHINES_KNOWN_MAX);
}

enum result registry_put_machine(struct registry_change *change, const struct machine *machine)
{
    uint8_t data[ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    struct machine other;
    if (!machine_name_fine(machine->name)) {
        return diag_fail(change->diag, RESULT_INVALID,
                         "a machine's name is 1 to %d of a-z, 0-9 and hyphens, no hyphen at either "
                         "end",
                         MACHINE_ROOM - 1);
    }
    ASSERT(machine_role_text(machine->role) != NULL && machine_name_fine(machine->voucher_of));
    if (registry_machine(change->txn, machine->name, &other) == RESULT_NOT_FOUND) {
        TRY(check_room(change));
    }
    /* Each machine signs as itself, so no two may share a key. */
    if (registry_machine_of_key(change->txn, machine->key, &other) == RESULT_OK &&
        strcmp(other.name, machine->name) != 0) {
        return diag_fail(change->diag, RESULT_EXISTS, "another machine has this key already");
    }
    write_u8(&w, LAYOUT);
    write_u8(&w, (uint8_t)machine->role);
    write_octets(&w, machine->key, sizeof(machine->key));
    write_u64(&w, machine->added_at);
    write_u64(&w, machine->evicted_at);
    write_text(&w, machine->voucher_of);
    write_octets(&w, machine->voucher, sizeof(machine->voucher));
    return registry_put(change, TABLE_MACHINES, machine->name, strlen(machine->name), &w);
}

enum result registry_remove_machine(struct registry_change *change, const char *name)
{
    enum result result = store_delete(change->txn, TABLE_MACHINES, name, strlen(name));
    return result == RESULT_NOT_FOUND ? result : registry_written(change->diag, result);
}

enum result registry_key_leader(struct store_txn *txn, char out[MACHINE_ROOM])
{
    uint8_t data[MACHINE_ROOM - 1];
    struct machine machine;
    struct reader r;
    TRY(registry_row(txn, REGISTRY_KEY_LEADER, data, sizeof(data), &r));
    size_t len = reader_left(&r);
    memcpy(out, data, len);
    out[len] = '\0';
    return registry_machine(txn, out, &machine);
}

enum result registry_put_key_leader(struct registry_change *change, const char *name)
{
    struct machine machine;
    enum result result = registry_machine(change->txn, name, &machine);
    if (result != RESULT_OK || machine.role != MACHINE_ADMIN || machine.evicted_at != 0) {
        return diag_fail(change->diag, RESULT_REFUSED,
                         "only an admin can lead the keys of a fleet");
    }
    return registry_put_text(change, REGISTRY_KEY_LEADER, name);
}

struct each {
    machine_visit *visit;
    void *arg;
};

static enum result each_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                            size_t value_len, void *arg)
{
    const struct each *each = arg;
    struct machine machine;
    TRY(machine_decode(&machine, (struct octets){ key, key_len },
                       (struct octets){ value, value_len }));
    return each->visit(&machine, each->arg);
}

enum result registry_machines(struct store_txn *txn, machine_visit *visit, void *arg)
{
    struct each each = { visit, arg };
    return store_each(txn, TABLE_MACHINES, each_row, &each);
}

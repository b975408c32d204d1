#include "tools/fleetmachines.h"

#include <stdio.h>

#include "tools/fleet/etcd.h"
#include "zone/base/u64.h"
#include "zone/fleet/letter.h"

enum {
    KEY_ROOM = MEMBERSHIP_PREFIX_ROOM + LETTER_KEY_ROOM
};

static enum result add(const struct machine *machine, void *arg)
{
    struct fleetmachines *machines = arg;
    if (machines->count < MACHINES_KNOWN_MAX) {
        machines->list[machines->count++] = (struct fleetmachine){ .machine = *machine };
    }
    return RESULT_OK;
}

enum result fleetmachines_list(struct fleetmachines *out, struct store_txn *registry)
{
    out->count = 0;
    return registry_machines(registry, add, out);
}

bool fleetmachines_is_silent(const struct fleetmachine *machine, uint64_t now)
{
    return machine->heard_at + HELLO_SILENT_S < now;
}

/* A machine has what it ever said it has: its hello may be older than its ack. */
static void note_has(struct fleetmachine *one, const struct letter *letter, const struct ack *has)
{
    if (!ack_has(&one->has, has->epoch, has->seq)) {
        one->has = *has;
    }
    one->heard_at = u64_max(one->heard_at, letter->made_at);
}

static void take_letter(struct fleetmachine *one, const struct letter *letter)
{
    struct hello hello;
    struct ack ack;
    if (letter->kind == LETTER_ACK && ack_decode(&ack, letter->text) == RESULT_OK) {
        note_has(one, letter, &ack);
    } else if (letter->kind == LETTER_HELLO && hello_decode(&hello, letter->text) == RESULT_OK) {
        one->greeted = true;
        one->hello = hello;
        note_has(one, letter, &(struct ack){ hello.epoch, hello.seq });
    }
}

/* Takes a row, if it is a letter of one of the machines and lies at its own key. */
static void take_row(struct fleetmachines *machines, const struct membership *membership,
                     const struct etcdreply_row *row)
{
    struct letter letter;
    char name[LETTER_KEY_ROOM], key[KEY_ROOM];
    if (letter_read(&letter, row->value) != RESULT_OK) {
        return;
    }
    int len = snprintf(key, sizeof key, "%s%s", membership->prefix, letter_key(&letter, name));
    if ((size_t)len != row->key.len || memcmp(key, row->key.data, row->key.len) != 0) {
        return;
    }
    for (unsigned i = 0; i < machines->count; i++) {
        struct fleetmachine *one = &machines->list[i];
        if (strcmp(one->machine.name, letter.machine) == 0 &&
            letter_open(&letter, row->value, membership->ledger, one->machine.key) == RESULT_OK) {
            take_letter(one, &letter);
        }
    }
}

bool fleetmachines_may_read_acks(const struct membership *membership)
{
    return membership->role == MACHINE_ADMIN;
}

static enum result ask(struct fleetmachines *machines, struct etcd *etcd,
                       const struct membership *membership, const struct protobuf *request,
                       struct diag *diag)
{
    const struct etcd_plan plan = { .method = ETCD_TXN, .request = request, .node = ETCD_ANY_NODE };
    struct etcdreply_txn reply;
    struct etcdreply_part part;
    struct etcdreply_row row;
    struct etcd_call *call = etcd_call_start(etcd, &plan);
    enum result result = etcd_call_wait(call, diag);
    if (result == RESULT_OK) {
        result = etcdreply_txn(&reply, etcd_call_reply(call), diag);
    }
    while (result == RESULT_OK && etcdreply_next_part(&reply, &part)) {
        while (part.kind == ETCDREPLY_GOT && etcdreply_next_row(&part.got, &row)) {
            take_row(machines, membership, &row);
        }
    }
    etcd_call_free(call);
    return result;
}

static void get_hello(struct protobuf *request, const struct membership *membership,
                      const char *machine)
{
    struct letter letter = { .kind = LETTER_HELLO };
    char name[LETTER_KEY_ROOM], key[KEY_ROOM];
    (void)snprintf(letter.machine, sizeof letter.machine, "%s", machine);
    (void)snprintf(key, sizeof key, "%s%s", membership->prefix, letter_key(&letter, name));
    etcdrequest_get(request, false,
                    &(struct etcdrequest_range){ .keys.from = etcdrequest_text(key) });
}

static void get_acks(struct protobuf *request, const struct membership *membership)
{
    char prefix[KEY_ROOM];
    uint8_t end[KEY_ROOM];
    (void)snprintf(prefix, sizeof prefix, "%sa/", membership->prefix);
    etcdrequest_get(
        request, false,
        &(struct etcdrequest_range){ .keys = etcdrequest_prefix(etcdrequest_text(prefix), end) });
}

enum result fleetmachines_ask(struct fleetmachines *machines, struct etcd *etcd,
                              const struct membership *membership, struct diag *diag)
{
    struct protobuf request = { .data = NULL };
    for (unsigned i = 0; i < machines->count; i++) {
        const struct machine *one = &machines->list[i].machine;
        if (one->evicted_at == 0) {
            get_hello(&request, membership, one->name);
        }
    }
    if (fleetmachines_may_read_acks(membership)) {
        get_acks(&request, membership);
    }
    enum result result = ask(machines, etcd, membership, &request, diag);
    protobuf_free(&request);
    return result;
}

enum result fleetmachines_ask_acks(struct fleetmachines *machines, struct etcd *etcd,
                                   const struct membership *membership, struct diag *diag)
{
    struct protobuf request = { .data = NULL };
    get_acks(&request, membership);
    enum result result = ask(machines, etcd, membership, &request, diag);
    protobuf_free(&request);
    return result;
}

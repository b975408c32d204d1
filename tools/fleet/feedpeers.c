#include "tools/fleet/feedpeers.h"

#include <stdlib.h>

#include "tools/fleet/following.h"
#include "tools/fleet/membership.h"
#include "zone/fleet/letters.h"
#include "zone/registry/machine.h"

#define PREFIX "e/"

struct feedpeers {
    struct feeder *feeder;
    struct following *following;
    struct store_txn *change, *registry; /* of this turn; NULL: none yet */
    uint64_t purge_at;
    struct log_once refused, trouble;
};

/* Begins the transactions of this turn. */
static enum result open_turn(struct feedpeers *peers, struct diag *diag)
{
    if (peers->change == NULL) {
        TRY(store_write(peers->feeder->fleet, &peers->change, diag));
    }
    if (peers->registry == NULL) {
        TRY(store_read(peers->feeder->registry, &peers->registry, diag));
    }
    return RESULT_OK;
}

static void close_turn(struct feedpeers *peers)
{
    struct diag diag = { "" };
    struct feeder *feeder = peers->feeder;
    enum result result = RESULT_OK;
    if (peers->registry != NULL) {
        store_abort(peers->registry);
    }
    if (peers->change != NULL) {
        feeder->stirred = true;
        result = store_commit(peers->change, &diag);
    }
    peers->registry = NULL;
    peers->change = NULL;
    if (result != RESULT_OK) { /* each letter comes again, with the next number */
        log_once(&peers->trouble, feeder->log, LOG_ERR, NULL,
                 "what other machines say can't be kept: %s", diag.text);
    } else {
        log_once_over(&peers->trouble, feeder->log, "what other machines say is kept again");
    }
}

/* What this machine counted is in its own store. */
static bool is_own_count(const struct feedpeers *peers, struct octets key)
{
    const char *machine = peers->feeder->machine;
    size_t len = strlen(machine);
    static const char hello[] = "/hello";
    return key.len > len && memcmp(key.data, machine, len) == 0 && key.data[len] == '/' &&
           (key.len != len + strlen(hello) || memcmp(key.data + len, hello, strlen(hello)) != 0);
}

/* Whose right it is to write that key. */
static const char *machine_of(struct octets key, char out[MACHINE_ROOM])
{
    size_t len = 0;
    while (len < key.len && len < MACHINE_ROOM - 1 && key.data[len] != '/') {
        out[len] = (char)key.data[len];
        len++;
    }
    out[len] = '\0';
    return machine_name_fine(out) ? out : "a node";
}

/* What can't be taken is told and passed by: it must not hold up what comes after it. */
static enum result take_letter(void *arg, struct octets key, struct octets value, struct diag *diag)
{
    struct feedpeers *peers = arg;
    char place[LETTER_KEY_ROOM] = PREFIX, machine[MACHINE_ROOM];
    struct diag why = { "" };
    size_t len = sizeof(PREFIX) - 1 + key.len;
    if (len >= sizeof(place) || is_own_count(peers, key)) {
        return RESULT_OK;
    }
    memcpy(place + sizeof(PREFIX) - 1, key.data, key.len);
    TRY(open_turn(peers, diag));
    enum result result = letters_take(peers->change, peers->registry, peers->feeder->ledger,
                                      (struct octets){ (const uint8_t *)place, len }, value, &why);
    switch (result) {
    case RESULT_OK:
    case RESULT_EXISTS:
        return RESULT_OK;
    case RESULT_REFUSED:
    case RESULT_INVALID:
    case RESULT_NEWER:
        log_once(&peers->refused, peers->feeder->log, LOG_WARNING, NULL,
                 "what %s has put into the engine is passed by: %s", machine_of(key, machine),
                 why.text);
        return RESULT_OK;
    default:
        return diag_fail(diag, result, "a letter can't be kept: %s", result_text(result));
    }
}

/* What a machine has said stays until it leaves: the engine may have been made anew. */
static enum result letter_gone(void *, struct octets, struct diag *)
{
    return RESULT_OK;
}

static void *begin(struct feeder *feeder)
{
    static const struct following_reader reader = { .row = take_letter, .gone = letter_gone };
    if (feeder->membership->role == MACHINE_VANTAGE) {
        return NULL;
    }
    struct feedpeers *peers = xcalloc(1, sizeof(*peers));
    *peers = (struct feedpeers){ .feeder = feeder };
    peers->following = following_new(feeder, PREFIX, &reader, peers);
    return peers;
}

static void end(void *channel)
{
    struct feedpeers *peers = channel;
    following_free(peers->following);
    free(peers);
}

static bool is_in_fleet(const char *name, void *arg)
{
    struct machine machine;
    enum result result = registry_machine(arg, name, &machine);
    return result != RESULT_NOT_FOUND && (result != RESULT_OK || machine.evicted_at == 0);
}

static void purge(struct feedpeers *peers)
{
    struct diag diag = { "" };
    enum result result = open_turn(peers, &diag);
    if (result == RESULT_OK) {
        result = letters_purge(peers->change, is_in_fleet, peers->registry);
        (void)diag_fail(&diag, result, "%s", result_text(result));
    }
    if (result != RESULT_OK) {
        log_once(&peers->trouble, peers->feeder->log, LOG_ERR, NULL,
                 "letters of machines that left can't be removed: %s", diag.text);
    }
    peers->purge_at = peers->feeder->now_ms + FEEDPEERS_PURGE_MS;
}

static unsigned turn(void *channel)
{
    struct feedpeers *peers = channel;
    unsigned wait_ms = following_turn(peers->following);
    if (peers->feeder->now_ms >= peers->purge_at) {
        purge(peers);
    }
    if (peers->change != NULL || peers->registry != NULL) {
        close_turn(peers);
    }
    return wait_ms;
}

const struct feeder_channel feedpeers_channel = { "peers", begin, turn, end };

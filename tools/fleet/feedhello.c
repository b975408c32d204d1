#include "tools/fleet/feedhello.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/fleet/feedletter.h"
#include "zone/base/clock.h"
#include "zone/base/instance.h"
#include "zone/base/u64.h"
#include "zone/base/version.h"
#include "zone/fleet/ack.h"
#include "zone/registry/machine.h"

enum {
    KEYS = 2 /* hello, ack */
};

struct feedhello {
    struct feeder *feeder;
    struct sending *sending;
    uint64_t hello_at, ack_at; /* of the steady clock, when they are due */
    struct hello said;         /* last */
    uint64_t said_at;          /* 0: nothing yet */
    struct ack acked;
    struct log_once trouble;
};

static void *begin(struct feeder *feeder)
{
    struct feedhello *hello = xcalloc(1, sizeof(*hello));
    *hello = (struct feedhello){ .feeder = feeder, .sending = sending_new(feeder, KEYS) };
    return hello;
}

static void end(void *channel)
{
    struct feedhello *hello = channel;
    sending_free(hello->sending);
    free(hello);
}

static enum result count_one(const struct machine *machine, void *arg)
{
    *(unsigned *)arg += machine->evicted_at == 0;
    return RESULT_OK;
}

/* The more machines there are, the rarer each acknowledges. */
static unsigned ack_pause_ms(const struct feeder *feeder)
{
    unsigned machines = 0;
    struct store_txn *txn = NULL;
    if (store_read(feeder->registry, &txn, NULL) == RESULT_OK) {
        enum result result = registry_machines(txn, count_one, &machines);
        machines = result == RESULT_OK ? machines : MACHINES_MAX;
        store_abort(txn);
    }
    unsigned pause = machines * 1000 / FEEDHELLO_ACKS_S;
    return pause > FEEDHELLO_ACK_MS ? pause : FEEDHELLO_ACK_MS;
}

static void acknowledge(struct feedhello *hello)
{
    struct feeder *feeder = hello->feeder;
    struct ack ack = { .epoch = feeder->epoch, .seq = feeder->seq };
    uint8_t text[ACK_MAX];
    if (ack.seq == 0 || (ack.epoch == hello->acked.epoch && ack.seq == hello->acked.seq) ||
        feeder->now_ms < hello->ack_at) {
        return;
    }
    struct octets octets = { text, ack_encode(&ack, text) };
    if (feedletter_send(feeder, hello->sending, LETTER_ACK, "", octets) == RESULT_OK) {
        hello->acked = ack;
        hello->ack_at = feeder->now_ms + ack_pause_ms(feeder);
    }
}

static struct hello make_hello(const struct feeder *feeder)
{
    struct instance_facts facts;
    struct hello hello = { .started_at = feeder->started_at,
                           .schema = store_schema(STORE_REGISTRY),
                           .epoch = feeder->epoch,
                           .seq = feeder->seq,
                           .has_identity = feeder->has_identity,
                           .package = feeder->package };
    (void)snprintf(hello.version, sizeof(hello.version), "%s", NTSPOOL_VERSION);
    memcpy(hello.identity, feeder->identity, sizeof(hello.identity));
    hello.answers =
        instance_read(&facts, feeder->state_dir, SERVER_NAME, NULL) == RESULT_OK && facts.running;
    return hello;
}

/* What others wait for is said at once, a position that moves now and then. */
static bool is_due(const struct feedhello *hello)
{
    const struct feeder *feeder = hello->feeder;
    const struct hello *said = &hello->said;
    uint64_t silent_ms = feeder->now_ms - hello->said_at;
    bool moved = said->seq != feeder->seq || said->epoch != feeder->epoch;
    bool keys = said->package != feeder->package || said->has_identity != feeder->has_identity ||
                memcmp(said->identity, feeder->identity, sizeof(said->identity)) != 0;
    return hello->said_at == 0 || keys || feeder->now_ms >= hello->hello_at ||
           (moved && silent_ms >= FEEDHELLO_MOVED_MS);
}

static void say_hello(struct feedhello *hello)
{
    struct feeder *feeder = hello->feeder;
    struct diag diag = { "" };
    uint8_t text[HELLO_MAX];
    hello->said = make_hello(feeder);
    struct octets octets = { text, hello_encode(&hello->said, text) };
    enum result result = feedletter_send(feeder, hello->sending, LETTER_HELLO, "", octets);
    if (result == RESULT_OK) {
        result = feedletter_note(feeder, &diag);
    }
    if (result != RESULT_OK) {
        log_once(&hello->trouble, feeder->log, LOG_ERR, NULL, "%s", diag.text);
    } else {
        log_once_over(&hello->trouble, feeder->log, "hellos are noted again");
    }
    hello->said_at = feeder->now_ms;
    hello->hello_at = feeder->now_ms + HELLO_MS;
}

static unsigned turn(void *channel)
{
    struct feedhello *hello = channel;
    acknowledge(hello);
    if (is_due(hello)) {
        say_hello(hello);
    }
    unsigned wait_ms = sending_turn(hello->sending);
    uint64_t now = hello->feeder->now_ms;
    bool waits = hello->acked.seq != hello->feeder->seq && hello->ack_at > now;
    return waits ? (unsigned)u64_min(wait_ms, hello->ack_at - now) : wait_ms;
}

const struct feeder_channel feedhello_channel = { "hello", begin, turn, end };

/* channeltalk: the channels of verdicts and traffic of ntspool-feedd, without the rest of it, for
 * test_feed_verdicts.py. They run until SIGTERM.
 *
 * use: channeltalk CA CERTIFICATE KEY PREFIX STATE MACHINE NODE... */
#include <signal.h>
#include <stdio.h>

#include <sodium.h>

#include "tools/fleet/feedtraffic.h"
#include "tools/fleet/membership.h"
#include "tools/fleet/verdictsin.h"
#include "tools/fleet/verdictsout.h"
#include "zone/base/clock.h"

enum {
    CHANNELS = 3
};

static const struct feeder_channel *const kinds[CHANNELS] = { &verdictsout_channel,
                                                              &verdictsin_channel,
                                                              &feedtraffic_channel };

static volatile sig_atomic_t stopped;

static void stop(int)
{
    stopped = 1;
}

static void log_line(int, const struct log_fields *, const char *text)
{
    (void)fprintf(stderr, "%s\n", text);
}

/* A store that the state has. */
static enum result open_one(struct store **out, const struct feeder *feeder, enum store_kind kind,
                            struct diag *diag)
{
    return store_is_in(feeder->state_dir, kind)
               ? store_open(out, feeder->state_dir, kind, kind == STORE_HEALTH, diag)
               : RESULT_OK;
}

static enum result open_stores(struct feeder *feeder, struct diag *diag)
{
    TRY(open_one(&feeder->registry, feeder, STORE_REGISTRY, diag));
    TRY(open_one(&feeder->health, feeder, STORE_HEALTH, diag));
    return open_one(&feeder->traffic, feeder, STORE_TRAFFIC, diag);
}

static unsigned turn(struct feeder *feeder, void *const channels[CHANNELS])
{
    unsigned wait_ms = FEEDER_IDLE_MS;
    feeder->now_ms = clock_steady_ms();
    feeder->stirred = false;
    for (unsigned i = 0; i < CHANNELS; i++) {
        unsigned one_ms = channels[i] != NULL ? kinds[i]->turn(channels[i]) : wait_ms;
        wait_ms = one_ms < wait_ms ? one_ms : wait_ms;
    }
    return feeder->stirred ? 0 : wait_ms;
}

static enum result run(struct feeder *feeder, struct diag *diag)
{
    void *channels[CHANNELS];
    enum result result = RESULT_OK;
    feeder->now_ms = clock_steady_ms();
    for (unsigned i = 0; i < CHANNELS; i++) {
        channels[i] = kinds[i]->begin(feeder);
    }
    while (result == RESULT_OK && stopped == 0) {
        result = etcd_turn(feeder->etcd, NULL, 0, turn(feeder, channels), diag);
    }
    for (unsigned i = 0; i < CHANNELS; i++) {
        if (channels[i] != NULL) {
            kinds[i]->end(channels[i]);
        }
    }
    return result;
}

int main(int argc, char **argv)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
    uint8_t open[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    struct diag diag = { "" };
    if (argc < 8 || sodium_init() < 0 || crypto_sign_seed_keypair(open, secret, seed) != 0) {
        return 2;
    }
    struct etcd_config config = { .ca = argv[1], .certificate = argv[2], .key = argv[3] };
    const struct membership membership = { .role = MACHINE_EDGE };
    struct feeder feeder = { .prefix = argv[4],
                             .state_dir = argv[5],
                             .machine = argv[6],
                             .membership = &membership,
                             .ledger = "pool.test./0123",
                             .secret = secret,
                             .log = log_line };
    for (int i = 7; i < argc && config.node_count < ETCD_NODES_MAX; i++) {
        if (endpoint_parse(&config.nodes[config.node_count++], argv[i], ETCD_PORT) != RESULT_OK) {
            return 2;
        }
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, stop);
    enum result result = etcd_new(&feeder.etcd, &config, &diag);
    if (result == RESULT_OK) {
        result = open_stores(&feeder, &diag);
    }
    if (result == RESULT_OK) {
        result = run(&feeder, &diag);
    }
    if (result != RESULT_OK) {
        (void)fprintf(stderr, "channeltalk: %s\n", diag.text);
    }
    store_close(feeder.registry);
    store_close(feeder.health);
    store_close(feeder.traffic);
    etcd_free(feeder.etcd);
    return result == RESULT_OK ? 0 : 1;
}

/* zone export: writes the zone as served, as a zone file.
 *
 * One pass over the nodes in canonical order. An NSEC needs the next name, so it is printed with
 * the next node. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnssec/signing/nsec.h"
#include "tools/commands.h"
#include "tools/outfile.h"
#include "tools/session.h"
#include "tools/zoneprinter.h"
#include "zone/registry/service.h"
#include "zone/steering/deck_srv.h"
#include "zone/steering/steering.h"

static_assert((int)NODE_SCRATCH >= KEYRING_SCRATCH && (int)NODE_SCRATCH >= DECK_SRV_SCRATCH,
              "one scratch serves all RRsets");

enum {
    TYPES_MAX = NODE_TYPES_MAX + 3
};

struct export
{
    struct zoneprinter *printer;
    const struct settings *settings;
    const struct candidates *candidates;
    struct steering *steering;
    struct keyring *keyring; /* NULL: unsigned */
    struct dname owner;      /* of the previous node; len 0: none yet */
    uint16_t types[TYPES_MAX];
    size_t type_count;
    uint8_t scratch[NODE_SCRATCH];
    uint8_t nsec[NSEC_RDATA_MAX + 2];
};

/* Prints the NSEC of the previous node. `next` is its next name. */
static enum result print_nsec(struct export *ex, const struct dname *next)
{
    struct rrset nsec;
    /* RFC 9077 3: the lesser of SOA MINIMUM and SOA TTL */
    uint32_t negative = ex->settings->negative_ttl_s;
    uint32_t ttl = negative < ex->settings->ttl_s ? negative : ex->settings->ttl_s;
    if (!nsec_rdata(next, ex->types, ex->type_count, ttl, ex->nsec, &nsec)) {
        return RESULT_TOO_LONG;
    }
    return zoneprinter_add(ex->printer, &ex->owner, &nsec);
}

/* The SRV set of a service name: the first set of a deal, for the world or for the name's region.
 */
static void find_srv(struct export *ex, const struct dname *owner, struct rrset *out)
{
    const uint8_t *label = owner->wire + SERVICE_LABELS_LEN;
    uint16_t area = 0;
    struct deck deck = { .count = 0 };
    if (owner->len - SERVICE_LABELS_LEN > ex->settings->apex.len) {
        area = ex->steering->of_region[region_of_label((const char *)label + 1, label[0])];
    }
    if (area != STEERING_NONE) {
        (void)steering_deal(ex->steering, area, 0, &deck);
    }
    deck_srv(deck.count > 0 ? &deck.sets[0] : NULL, ex->candidates, ex->settings->srv_weights,
             ex->settings->srv_ttl_s, ex->scratch, out);
    deck_done(&deck);
}

static enum result print_type(struct export *ex, const struct node *node, const struct dname *owner,
                              uint16_t type)
{
    struct rrset set;
    if (node->kind == NODE_SERVICE && type == RR_SRV) {
        find_srv(ex, owner, &set);
        return zoneprinter_add(ex->printer, owner, &set);
    }
    uint8_t left_out =
        node->kind == NODE_MEMBER ? candidates_left_out(ex->candidates, node->member_id) : 0;
    bool found = node_rrset(node, ex->settings, type, left_out, ex->scratch, &set);
    if (!found && ex->keyring != NULL && node->kind == NODE_APEX) {
        found = keyring_rrset(ex->keyring, &ex->settings->apex, type, ex->settings->ttl_s,
                              ex->scratch, &set);
    }
    return found ? zoneprinter_add(ex->printer, owner, &set) : RESULT_DAMAGED;
}

static int compare_types(const void *a, const void *b)
{
    uint16_t x = *(const uint16_t *)a;
    uint16_t y = *(const uint16_t *)b;
    return (x > y) - (x < y);
}

static void find_types(struct export *ex, const struct node *node)
{
    static const uint16_t key_types[] = { RR_DNSKEY, RR_CDS, RR_CDNSKEY };
    uint8_t left_out =
        node->kind == NODE_MEMBER ? candidates_left_out(ex->candidates, node->member_id) : 0;
    ex->type_count = node_types(node, ex->settings, left_out, ex->types);
    if (node->kind == NODE_APEX && ex->keyring != NULL) {
        for (size_t i = 0; i < sizeof key_types / sizeof key_types[0]; i++) {
            ex->types[ex->type_count++] = key_types[i];
        }
        qsort(ex->types, ex->type_count, sizeof ex->types[0], compare_types);
    }
}

static enum result print_node(struct export *ex, const struct node *node, const struct dname *owner)
{
    /* A zone file begins with its SOA. */
    if (node->kind == NODE_APEX) {
        TRY(print_type(ex, node, owner, RR_SOA));
    }
    for (size_t i = 0; i < ex->type_count; i++) {
        TRY(ex->types[i] != RR_SOA ? print_type(ex, node, owner, ex->types[i]) : RESULT_OK);
    }
    return RESULT_OK;
}

static enum result export_node(const struct dname_key *key, const struct node *node, void *arg)
{
    struct export *ex = arg;
    struct dname owner;
    TRY(dname_of_key(&owner, key, &ex->settings->apex));
    if (ex->keyring != NULL && ex->owner.len > 0) {
        TRY(print_nsec(ex, &owner));
    }
    find_types(ex, node);
    ex->owner = owner;
    return print_node(ex, node, &owner);
}

static enum result export_zone(struct export *ex, struct session *session, FILE *file,
                               struct diag *diag)
{
    struct candidates candidates;
    struct steering steering;
    struct store_txn *registry = session->txn[STORE_REGISTRY];
    const struct candidates_sources from = { .registry = registry,
                                             .health = session->txn[STORE_HEALTH],
                                             .settings = ex->settings,
                                             .now = session_now() };
    TRY(candidates_build(&candidates, &from, diag));
    struct steering_input input = { .candidates = &candidates,
                                    .settings = ex->settings,
                                    .seed = ex->settings->serial };
    input.cells = locations_cells(NULL, &input.cell_count);
    steering_init(&steering, &input);
    ex->candidates = &candidates;
    ex->steering = &steering;
    const struct zoneprinter_plan plan = { .file = file,
                                           .keyring = ex->keyring,
                                           .apex = &ex->settings->apex,
                                           .validity_s = ex->settings->signature_validity_s,
                                           .now = from.now,
                                           .threads = zoneprinter_threads() };
    ex->printer = zoneprinter_new(&plan);
    enum result result = registry_nodes(registry, export_node, ex);
    if (result == RESULT_OK && ex->keyring != NULL) {
        result = print_nsec(ex, &ex->settings->apex);
    }
    enum result printed = zoneprinter_flush(ex->printer);
    zoneprinter_free(ex->printer);
    steering_done(&steering);
    candidates_done(&candidates);
    return printed != RESULT_OK ? printed : result;
}

static enum result open_keys(struct export *ex, struct session *session, struct cli *cli)
{
    struct seal *seal = NULL;
    TRY(session_read(session, cli, STORE_KEYS));
    TRY(seal_open(&seal, cli->state_dir, cli->config->seal_key, &cli->diag));
    enum result result = keyring_load(&ex->keyring, session->txn[STORE_KEYS], seal, &cli->diag);
    seal_free(seal);
    return result;
}

int cmd_zone_export(struct cli *cli, int argc, char **argv)
{
    struct session session = { 0 };
    struct settings settings;
    struct outfile out;
    enum result result = outfile_begin(&out, argc > 0 ? argv[0] : NULL, &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    struct export *ex = xcalloc(1, sizeof *ex);
    ex->settings = &settings;
    result = session_zone(&session, cli, &settings);
    if (result == RESULT_OK) {
        result = session_read(&session, cli, STORE_HEALTH);
    }
    if (result == RESULT_OK && cli_flag(cli, "signed")) {
        result = open_keys(ex, &session, cli);
    }
    if (result == RESULT_OK) {
        result = export_zone(ex, &session, out.file, &cli->diag);
    }
    keyring_unref(ex->keyring);
    session_done(&session);
    enum result end = outfile_end(&out, result == RESULT_OK, &cli->diag);
    result = result == RESULT_OK ? end : result;
    free(ex);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}

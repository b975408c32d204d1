/* fleetsum: what it costs an edge to add up the traffic of MACHINES others. Each has told its
 * demand (TALLY_CELLS_MAX cells, the most that fit) and the answers of MEMBERS members in all
 * slices. Prints one line of JSON: the octets of the letters, the milliseconds of both sums (the
 * median of ROUNDS), and the most memory, in MB, before and after.
 *
 * use: fleetsum DIRECTORY MACHINES MEMBERS (the directory is empty, and is left full) */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <sodium.h>

#include "zone/fleet/fleettraffic.h"

enum {
    ROUNDS = 5,
    HOUR_S = 3600
};

static const char ledger[] = "pool.test/0123";

static void must(enum result result, const struct diag *diag)
{
    if (result != RESULT_OK) {
        (void)fprintf(stderr, "fleetsum: %s: %s\n", result_text(result), diag->text);
        exit(1);
    }
}

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double most_mb(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static size_t put(struct store_txn *txn, const struct letter *letter)
{
    static uint8_t octets[LETTER_MAX];
    uint8_t key[LETTER_KEY], secret[LETTER_SECRET];
    char place[LETTER_PLACE_ROOM];
    struct diag none = { "" };
    const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
    (void)crypto_sign_seed_keypair(key, secret, seed);
    size_t len = letter_seal(letter, ledger, secret, octets);
    (void)letter_place(letter, place);
    must(store_put(txn, TABLE_PEERS, place, strlen(place), octets, len), &none);
    return len;
}

/* All letters of one machine. Returns their octets. */
static size_t write_machine(struct store_txn *txn, unsigned number, unsigned members, uint64_t now)
{
    static uint8_t text[TALLY_ANSWERS_MAX];
    struct traffic_cell cells[TALLY_CELLS_MAX];
    struct traffic asked = { .cells = cells, .cell_count = TALLY_CELLS_MAX }, given = { 0 };
    struct letter letter = { .kind = LETTER_DEMAND, .number = now, .made_at = now };
    (void)snprintf(letter.machine, sizeof letter.machine, "edge%u", number);
    for (unsigned i = 0; i < TALLY_CELLS_MAX; i++) {
        cells[i] = (struct traffic_cell){ .queries = 1000 + number + i, .at = now };
        cells[i].country[0] = (char)('A' + i / 26);
        cells[i].country[1] = (char)('A' + i % 26);
    }
    letter.text = (struct octets){ text, tally_write_demand(text, &asked, now) };
    size_t octets = put(txn, &letter);
    for (unsigned i = 0; i < members; i++) {
        const struct traffic_count count = { i + 1, 100 + number + i };
        traffic_add_answers(&given, &count, 1, now - HOUR_S);
    }
    letter.kind = LETTER_ANSWERS;
    for (unsigned slice = 0; slice < TALLY_SLICES; slice++) {
        (void)tally_slice_name(slice, letter.subject);
        letter.text = (struct octets){ text, tally_write_answers(text, &given, slice, now) };
        octets += put(txn, &letter);
    }
    traffic_done(&given);
    return octets;
}

/* Milliseconds of one sum. */
static double add_up(struct store *store, unsigned machines, unsigned members, uint64_t now)
{
    struct diag diag = { "" };
    struct store_txn *txn = NULL;
    struct fleettraffic fleet = { .machines = 0 };
    struct fleettraffic_answers answers = { .list = NULL };
    double began = now_ms();
    must(store_read(store, &txn, &diag), &diag);
    must(fleettraffic_read(&fleet, txn, NULL, 1000, now), &diag);
    must(fleettraffic_answers(&answers, txn, NULL, now), &diag);
    store_abort(txn);
    double took = now_ms() - began;
    CHECK(fleet.machines == machines && answers.machines == machines && answers.count == members);
    fleettraffic_done(&fleet);
    fleettraffic_answers_done(&answers);
    return took;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    struct diag diag = { "" };
    struct store *store = NULL;
    struct store_txn *txn = NULL;
    uint64_t now = (uint64_t)time(NULL);
    double taken[ROUNDS], before;
    size_t octets = 0;
    if (argc != 4 || sodium_init() < 0) {
        return 2;
    }
    unsigned machines = (unsigned)strtoul(argv[2], NULL, 10);
    unsigned members = (unsigned)strtoul(argv[3], NULL, 10);
    must(store_create(argv[1], STORE_FLEET, &diag), &diag);
    must(store_open(&store, argv[1], STORE_FLEET, true, &diag), &diag);
    must(store_write(store, &txn, &diag), &diag);
    for (unsigned i = 0; i < machines; i++) {
        octets += write_machine(txn, i, members, now);
    }
    must(store_commit(txn, &diag), &diag);
    before = most_mb();
    for (unsigned i = 0; i < ROUNDS; i++) {
        taken[i] = add_up(store, machines, members, now);
    }
    qsort(taken, ROUNDS, sizeof *taken, by_size);
    printf("{\"octets\": %zu, \"ms\": %.1f, \"before_mb\": %.1f, \"after_mb\": %.1f}\n", octets,
           taken[ROUNDS / 2], before, most_mb());
    store_close(store);
    return 0;
}

/* intaketalk: takes in reports of another machine as ntspool-feedd does, for test_vantages.py.
 *
 * use: intaketalk STATE < REPORTS
 *
 * It writes what the pool in STATE has taken in, as JSON, and to standard error what was refused.
 * The exit status is 1 if something failed, or if no report was taken in, now or earlier. */
#include <stdio.h>
#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/base/clock.h"
#include "zone/verdicts/intake.h"

enum {
    READ_LEN = 1 << 16
};

/* Returns the number of octets. */
static size_t read_all(uint8_t **out)
{
    size_t len = 0, room = 0, count = 0;
    do {
        ARRAY_RESERVE(*out, room, len + READ_LEN);
        count = fread(*out + len, 1, READ_LEN, stdin);
        len += count;
    } while (count > 0);
    return len;
}

static enum result open_stores(struct intake_stores *stores, const char *state, struct diag *diag)
{
    TRY(store_open(&stores->registry, state, STORE_REGISTRY, false, diag));
    return store_open(&stores->health, state, STORE_HEALTH, true, diag);
}

static void tell(const struct intake_sum *sum)
{
    printf("{\"vantage\": \"%s\", \"reports\": %zu, \"known\": %zu, \"rows\": %zu, "
           "\"skipped\": %zu, \"refused\": %llu}\n",
           sum->vantage, sum->reports, sum->known, sum->verdicts, sum->skipped,
           (unsigned long long)sum->refusal.count);
    if (sum->refusal.count > 0) {
        (void)fprintf(stderr, "%s: %s\n", sum->refusal.source, sum->refusal.text);
    } else if (sum->reports + sum->known == 0) {
        (void)fputs("there is no report in it\n", stderr);
    }
}

int main(int argc, char **argv)
{
    struct intake_stores stores = { .history = NULL };
    struct intake_sum sum = { .reports = 0 };
    struct diag diag = { "" };
    uint8_t *octets = NULL;
    if (argc != 2) {
        (void)fputs("use: intaketalk STATE < REPORTS\n", stderr);
        return 2;
    }
    size_t len = read_all(&octets);
    enum result result = open_stores(&stores, argv[1], &diag);
    if (result == RESULT_OK) {
        result = intake_import(&stores, octets, len, clock_now(), &sum, &diag);
    }
    if (result == RESULT_OK) {
        tell(&sum);
    } else {
        (void)fprintf(stderr, "intaketalk: %s\n", diag.text);
    }
    store_close(stores.registry);
    store_close(stores.health);
    free(octets);
    return result == RESULT_OK && sum.reports + sum.known > 0 ? 0 : 1;
}

/* reporter: reports what a vantage point might have seen, as a probe would report it, for a pool
 * whose members need not exist.
 *
 * use: reporter STATE VANTAGE < LINES
 *
 * It reads the registry in STATE and writes the journal of VANTAGE there. The lines, in this order
 * for each member:
 *
 *     member LABEL [stage=] [since=] [weight=] [frozen=]
 *     address ADDRESS [score=] [failure=] [detail=] [probes=] [failures=] [cert=] [warnings=] ...
 *     sample ADDRESS AT [failure=] [score=] [offset=] [rtt=]
 *     event AT TEXT
 *     self [frozen=] [down=]                                of the vantage point
 *     pool AT [eligible=] [ineligible=] [v4=] [v6=]         what the server counted then
 *
 * Samples of more than two days ago are in no report: they go to the pool's history, as if they had
 * been reported in time. Numbers are decimal. DETAIL and TEXT are in hexadecimal digits: any octets
 * but 0 may be in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/overview/poolhistory.h"
#include "zone/registry/registry.h"
#include "zone/verdicts/journal.h"

enum {
    WORDS = 24,
    DAY_S = 86400
};

struct reporter {
    const char *state;
    struct store *store;
    struct store_txn *registry;
    struct store *history; /* NULL until it is needed, as `past` */
    struct store_txn *past;
    struct journal *journal;
    struct report_head head;
    uint64_t now;
    struct member member;
    struct member_health health; /* of `member`; address_count 0: nothing to write yet */
    bool written;
    char *words[WORDS];
    struct diag diag;
};

#define MUST(reporter, call)                                                                       \
    do {                                                                                           \
        if ((call) != RESULT_OK) {                                                                 \
            (void)fprintf(stderr, "reporter: %s: %s\n", #call, (reporter)->diag.text);             \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* The value of KEY=VALUE; NULL if there is none. */
static const char *value(const struct reporter *reporter, const char *key)
{
    size_t len = strlen(key);
    for (unsigned i = 0; i < WORDS && reporter->words[i] != NULL; i++) {
        if (strncmp(reporter->words[i], key, len) == 0 && reporter->words[i][len] == '=') {
            return reporter->words[i] + len + 1;
        }
    }
    return NULL;
}

/* Word number `at` of the line; "" if it has fewer. */
static const char *word(const struct reporter *reporter, unsigned at)
{
    for (unsigned i = 0; i < at; i++) {
        if (reporter->words[i] == NULL) {
            return "";
        }
    }
    return reporter->words[at] == NULL ? "" : reporter->words[at];
}

static long long number(const struct reporter *reporter, const char *key, long long otherwise)
{
    const char *text = value(reporter, key);
    return text == NULL ? otherwise : strtoll(text, NULL, 10);
}

static void octets(char *out, size_t room, const char *hex)
{
    size_t len = 0;
    for (char pair[3] = ""; hex != NULL && hex[0] != 0 && hex[1] != 0 && len + 1 < room; hex += 2) {
        memcpy(pair, hex, 2);
        out[len++] = (char)strtol(pair, NULL, 16);
    }
    out[len] = 0;
}

static enum failure failure_named(const char *id)
{
    for (enum failure failure = FAILURE_NONE; id != NULL && failure < FAILURE_COUNT; failure++) {
        if (strcmp(failure_id(failure), id) == 0) {
            return failure;
        }
    }
    return FAILURE_NONE;
}

/* Writes the verdict on the member, before anything else of it: samples need its addresses. */
static void write_verdict(struct reporter *reporter)
{
    if (!reporter->written) {
        journal_verdict(reporter->journal, reporter->member.label, &reporter->health);
        reporter->written = true;
    }
}

static void read_member(struct reporter *reporter)
{
    struct member_health *health = &reporter->health;
    MUST(reporter, registry_member(reporter->registry, word(reporter, 1), &reporter->member));
    enum stage stage = (enum stage)number(reporter, "stage", STAGE_ELIGIBLE);
    uint64_t since = (uint64_t)number(reporter, "since", (long long)reporter->now);
    *health =
        (struct member_health){ .member_id = reporter->member.id,
                                .stage = stage,
                                .stage_since = since,
                                .weight = (uint16_t)number(reporter, "weight", HEALTH_WEIGHT_MAX) };
    memcpy(health->vantage, reporter->head.vantage, sizeof(health->vantage));
    health->last_eligible_at = stage_is_in(stage) ? reporter->now : 0;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        health->family[i] = (struct family_health){
            .stage = stage,
            .stage_since = since,
            .frozen_at = (uint64_t)number(reporter, "frozen", 0),
            .weight = health->weight,
        };
    }
    reporter->written = false;
}

static void read_address(struct reporter *reporter)
{
    struct member_health *health = &reporter->health;
    struct address_health *each = &health->addresses[health->address_count++];
    MUST(reporter, address_parse(&each->address, word(reporter, 1)));
    each->failure = failure_named(value(reporter, "failure"));
    each->working = each->failure == FAILURE_NONE;
    each->score_milli = (int32_t)number(reporter, "score", HEALTH_SCORE_MAX);
    each->probes = (uint32_t)number(reporter, "probes", 1000);
    each->failures = (uint32_t)number(reporter, "failures", each->working ? 0 : 10);
    each->first_probe_at = reporter->now - 60ULL * each->probes;
    each->last_probe_at = (uint64_t)number(reporter, "at", (long long)reporter->now);
    each->last_good_at = each->last_probe_at - 60ULL * each->failures;
    each->cert_not_after = (uint64_t)number(reporter, "cert", 0);
    each->certified_at = each->operational_at = each->first_probe_at;
    each->warnings = (uint16_t)number(reporter, "warnings", 0);
    each->aead = (uint16_t)number(reporter, "aead", 15);
    each->stratum = (uint8_t)number(reporter, "stratum", 2);
    each->offset_us = number(reporter, "offset", 150);
    each->rtt_us = (uint32_t)number(reporter, "rtt", 12000);
    octets(each->detail, sizeof(each->detail), value(reporter, "detail"));
}

static void open_past(struct reporter *reporter)
{
    if (reporter->past == NULL) {
        MUST(reporter,
             store_open(&reporter->history, reporter->state, STORE_HISTORY, true, &reporter->diag));
        MUST(reporter, store_write(reporter->history, &reporter->past, &reporter->diag));
    }
}

static void read_sample(struct reporter *reporter)
{
    const struct member_health *health = &reporter->health;
    struct history_subject subject = { .member_id = health->member_id };
    struct history_sample sample = { .at = strtoull(word(reporter, 2), NULL, 10),
                                     .failure = failure_named(value(reporter, "failure")),
                                     .score_milli =
                                         (int32_t)number(reporter, "score", HEALTH_SCORE_MAX),
                                     .offset_us = (int32_t)number(reporter, "offset", 150),
                                     .rtt_us = (uint32_t)number(reporter, "rtt", 12000) };
    MUST(reporter, address_parse(&subject.address, word(reporter, 1)));
    memcpy(subject.vantage, health->vantage, sizeof(subject.vantage));
    if (sample.at + 2ULL * DAY_S > reporter->now) {
        journal_sample(reporter->journal, reporter->member.label, &subject, &sample);
        return;
    }
    open_past(reporter);
    MUST(reporter, history_note(reporter->past, &subject, &sample, reporter->now, &reporter->diag));
}

static void read_event(struct reporter *reporter)
{
    struct history_event event = { .at = strtoull(word(reporter, 1), NULL, 10) };
    memcpy(event.who, reporter->head.vantage, sizeof(event.who));
    octets(event.text, sizeof(event.text), word(reporter, 2));
    journal_event(reporter->journal, reporter->member.label, &event);
}

static void read_self(struct reporter *reporter)
{
    struct vantage vantage = { .interval_s = 60,
                               .started_at = reporter->now - DAY_S,
                               .well_at = reporter->now,
                               .state_since = reporter->now - DAY_S,
                               .members = 100,
                               .down = (uint32_t)number(reporter, "down", 0),
                               .frozen_since = (uint64_t)number(reporter, "frozen", 0) };
    memcpy(vantage.name, reporter->head.vantage, sizeof(vantage.name));
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        vantage.family[i] = (struct vantage_family){ .state = FAMILY_ON,
                                                     .state_since = vantage.state_since,
                                                     .well_at = reporter->now,
                                                     .frozen_since = vantage.frozen_since,
                                                     .addresses = 100 };
    }
    journal_self(reporter->journal, &vantage);
}

static void read_pool(struct reporter *reporter)
{
    struct poolhistory_counts counts = { .hour = { .at = strtoull(word(reporter, 1), NULL, 10),
                                                   .eligible = (uint32_t)number(reporter,
                                                                                "eligible", 0) } };
    counts.day.at = counts.hour.at;
    counts.hour.states[STAGE_ELIGIBLE] = counts.hour.eligible;
    counts.hour.states[STAGE_INELIGIBLE] = (uint32_t)number(reporter, "ineligible", 0);
    counts.hour.family[ADDRESS_IPV4].eligible = (uint32_t)number(reporter, "v4", 0);
    counts.hour.family[ADDRESS_IPV6].eligible = (uint32_t)number(reporter, "v6", 0);
    open_past(reporter);
    MUST(reporter, poolhistory_note(reporter->past, &counts));
}

static void read_line(struct reporter *reporter, char *line)
{
    static const struct {
        const char *word;
        void (*read)(struct reporter *reporter);
    } kinds[] = { { "member", read_member }, { "address", read_address }, { "sample", read_sample },
                  { "event", read_event },   { "self", read_self },       { "pool", read_pool } };
    char *rest = line;
    unsigned count = 0;
    for (char *each = NULL; count < WORDS - 1 && (each = strtok_r(rest, " \n", &rest)) != NULL;) {
        reporter->words[count++] = each;
    }
    reporter->words[count] = NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && count > 0; i++) {
        if (strcmp(reporter->words[0], kinds[i].word) == 0) {
            if (strcmp(kinds[i].word, "address") != 0) {
                write_verdict(reporter);
            }
            kinds[i].read(reporter);
        }
    }
}

static void no_verdict(const char *, const struct member_health *, void *)
{
}

static void open_all(struct reporter *reporter, char **argv)
{
    struct report_visit nothing = { .verdict = no_verdict };
    struct settings settings;
    reporter->state = argv[1];
    MUST(reporter, store_open(&reporter->store, argv[1], STORE_REGISTRY, false, &reporter->diag));
    MUST(reporter, store_read(reporter->store, &reporter->registry, &reporter->diag));
    MUST(reporter, registry_settings(reporter->registry, &settings, &reporter->diag));
    MUST(reporter, registry_id(reporter->registry, reporter->head.registry, &reporter->diag));
    (void)snprintf(reporter->head.vantage, sizeof(reporter->head.vantage), "%s", argv[2]);
    MUST(reporter, journal_open(&reporter->journal, argv[1], &reporter->head, &nothing, NULL,
                                &reporter->diag));
    journal_begin(reporter->journal, &settings.apex, reporter->now);
}

static void close_all(struct reporter *reporter)
{
    write_verdict(reporter);
    MUST(reporter, journal_end(reporter->journal, &reporter->diag));
    journal_free(reporter->journal);
    if (reporter->past != NULL) {
        MUST(reporter, store_commit(reporter->past, &reporter->diag));
        store_close(reporter->history);
    }
    store_abort(reporter->registry);
    store_close(reporter->store);
}

int main(int argc, char **argv)
{
    struct reporter reporter = { .written = true, .now = (uint64_t)time(NULL) };
    char *line = NULL;
    size_t room = 0;
    if (argc != 3) {
        (void)fputs("use: reporter STATE VANTAGE < LINES\n", stderr);
        return 2;
    }
    open_all(&reporter, argv);
    while (getline(&line, &room, stdin) >= 0) {
        read_line(&reporter, line);
    }
    close_all(&reporter);
    free(line);
    return 0;
}

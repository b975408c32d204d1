/* A pool for each test, with the stores that intake writes to: members alice (192.0.2.1,
 * 2001:db8::1), bob (192.0.2.2) and own, which has a target. The vantage point far is named. */
#ifndef TESTS_UNIT_INTAKE_FIXTURE_H
#define TESTS_UNIT_INTAKE_FIXTURE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/reports.h"
#include "zone/verdicts/intake.h"

static char dir[64];
static struct diag diag;
static struct intake_stores stores;
static struct reports_key key;
static uint64_t now;
static uint8_t registry_is[REGISTRY_ID_LEN];

/* The reports, one after another. */
static struct report_writer made;
static uint8_t *octets;
static size_t octets_len;

static struct intake *intake;
static struct intake_sum sum;
static bool more;

static inline void begin_registry(struct registry_change *out)
{
    struct store_txn *txn = NULL;
    assert_ok(store_write(stores.registry, &txn, &diag));
    registry_begin(out, txn, REPORTS_NOW, &diag);
}

static inline void name_vantage(const char *name, const struct reports_key *by)
{
    struct registry_change change;
    struct vantage_key row = { .added_at = REPORTS_NOW };
    (void)snprintf(row.name, sizeof(row.name), "%s", name);
    memcpy(row.key, by->open, sizeof(row.key));
    begin_registry(&change);
    assert_ok(registry_put_vantage(&change, &row));
    assert_ok(registry_commit(&change));
}

static inline void add_member(struct registry_change *change, const char *label, const char *v4,
                              const char *v6)
{
    struct member member;
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "%s", label);
    if (v4 == NULL) {
        member.target = name_of("ntp.example.net");
    } else {
        assert_ok(address_parse(&member.addresses[member.address_count++], v4));
    }
    if (v6 != NULL) {
        assert_ok(address_parse(&member.addresses[member.address_count++], v6));
    }
    assert_ok(registry_add(change, &member, true));
}

static inline void make_store(struct store **out, enum store_kind kind)
{
    assert_ok(store_create(dir, kind, &diag));
    assert_ok(store_open(out, dir, kind, true, &diag));
}

static inline int set_up(void **)
{
    struct registry_change change;
    struct settings settings;
    struct name_server ns = { .name = name_of("ns.example.net") };
    key = reports_key_of(1);
    now = REPORTS_NOW;
    (void)snprintf(dir, sizeof(dir), "test_intake.XXXXXX");
    assert_non_null(mkdtemp(dir));
    make_store(&stores.registry, STORE_REGISTRY);
    make_store(&stores.health, STORE_HEALTH);
    make_store(&stores.history, STORE_HISTORY);
    settings_defaults(&settings);
    settings.apex = name_of("pool.test");
    settings.mailbox = name_of("hostmaster.pool.test");
    begin_registry(&change);
    assert_ok(registry_init(&change, &settings, &ns, 1));
    add_member(&change, "alice", "192.0.2.1", "2001:db8::1");
    add_member(&change, "bob", "192.0.2.2", NULL);
    add_member(&change, "own", NULL, NULL);
    assert_ok(registry_id(change.txn, registry_is, &diag));
    assert_ok(registry_commit(&change));
    name_vantage("far", &key);
    intake = intake_new(dir);
    octets_len = 0;
    return 0;
}

static inline int tear_down(void **)
{
    char command[128];
    intake_free(intake);
    store_close(stores.registry);
    store_close(stores.health);
    store_close(stores.history);
    free(octets);
    octets = NULL;
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

/* -- making reports -- */

static inline struct report_head head_of(uint64_t number)
{
    struct report_head head = reports_head(&key, number);
    memcpy(head.registry, registry_is, sizeof(head.registry));
    return head;
}

static inline void forget_made(void)
{
    octets_len = 0;
}

static inline void start(uint64_t number)
{
    const struct report_head head = head_of(number);
    report_begin(&made, &head);
}

static inline void finish_by(const struct reports_key *by)
{
    size_t len = report_end(&made, by->secret);
    octets = realloc(octets, octets_len + len);
    assert_non_null(octets);
    memcpy(octets + octets_len, made.octets, len);
    octets_len += len;
}

static inline void finish(void)
{
    finish_by(&key);
}

static inline struct member member_row(const char *label)
{
    struct store_txn *txn = NULL;
    struct member member;
    assert_ok(store_read(stores.registry, &txn, &diag));
    assert_ok(registry_member(txn, label, &member));
    store_abort(txn);
    return member;
}

static inline struct member_health verdict_of(const char *label, const char *address)
{
    return reports_verdict(member_row(label).id, address);
}

static inline void note_sample(const char *label, const char *address, uint64_t at)
{
    const struct history_subject subject = reports_subject(member_row(label).id, address);
    const struct history_sample sample = { .at = at, .score_milli = 1000, .rtt_us = 1000 };
    assert_true(report_sample(&made, label, &subject, &sample));
}

/* -- taking them in -- */

static inline enum result import(void)
{
    sum = (struct intake_sum){ .reports = 0 };
    return intake_import(&stores, octets, octets_len, now, &sum, &diag);
}

/* Replaces the journal with a file of these octets. */
static inline void put_octets(const char *name, const uint8_t *data, size_t len)
{
    char path[128], made_aside[140];
    (void)snprintf(path, sizeof(path), "%s/" JOURNAL_DIR, dir);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof(path), "%s/" JOURNAL_DIR "/%s.verdicts", dir, name);
    (void)snprintf(made_aside, sizeof(made_aside), "%s.new", path);
    int fd = open(made_aside, O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_true(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    (void)close(fd);
    assert_int_equal(rename(made_aside, path), 0);
}

static inline void put_journal(const char *name)
{
    put_octets(name, octets, octets_len);
}

static inline void look(void)
{
    sum = (struct intake_sum){ .reports = 0 };
    assert_ok(intake_look(intake, &stores, now, &more, &sum, &diag));
}

static inline bool is_due(void)
{
    struct store_txn *registry = NULL, *health = NULL;
    assert_ok(store_read(stores.registry, &registry, &diag));
    assert_ok(store_read(stores.health, &health, &diag));
    bool due = intake_is_due(dir, registry, health);
    store_abort(registry);
    store_abort(health);
    return due;
}

/* -- results -- */

/* The row of the vantage point far. */
static inline bool verdict_is(const char *label, struct member_health *out)
{
    struct store_txn *txn = NULL;
    assert_ok(store_read(stores.health, &txn, &diag));
    struct store_txn *registry = NULL;
    struct member member;
    assert_ok(store_read(stores.registry, &registry, &diag));
    bool found = registry_member(registry, label, &member) == RESULT_OK &&
                 health_get(txn, member.id, "far", out) == RESULT_OK;
    store_abort(registry);
    store_abort(txn);
    return found;
}

static inline struct vantage vantage_row(const char *name)
{
    struct store_txn *txn = NULL;
    struct vantage vantage = { .position = 0 };
    assert_ok(store_read(stores.health, &txn, &diag));
    enum result result = vantage_get(txn, name, &vantage);
    assert_true(result == RESULT_OK || result == RESULT_NOT_FOUND);
    store_abort(txn);
    return vantage;
}

static inline void count_sample(const struct history_sample *, void *arg)
{
    ++*(unsigned *)arg;
}

static inline unsigned samples_of(const char *label, const char *address)
{
    struct store_txn *txn = NULL;
    unsigned count = 0;
    const struct history_subject subject = reports_subject(member_row(label).id, address);
    assert_ok(store_read(stores.history, &txn, &diag));
    assert_ok(history_samples(txn, &subject, 0, now + 60, count_sample, &count));
    store_abort(txn);
    return count;
}

static struct history_event last_event;

static inline void count_event(const struct history_event *event, void *arg)
{
    last_event = *event;
    ++*(unsigned *)arg;
}

static inline unsigned events_of(const char *label)
{
    struct store_txn *txn = NULL;
    unsigned count = 0;
    assert_ok(store_read(stores.health, &txn, &diag));
    assert_ok(history_events(txn, label, count_event, &count));
    store_abort(txn);
    return count;
}

/* The source's refusal; empty if no report was refused. */
static inline struct refusal refusal_of(const char *source)
{
    struct store_txn *txn = NULL;
    struct refusal refusals[INTAKE_REFUSALS_MAX], found = { .count = 0 };
    unsigned count = 0;
    assert_ok(store_read(stores.health, &txn, &diag));
    assert_ok(intake_refusals(txn, refusals, &count));
    store_abort(txn);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(refusals[i].source, source) == 0) {
            found = refusals[i];
        }
    }
    return found;
}

#endif

/* Any octets as a row of any store: every reader of that kind of row accepts it or reports damage,
 * and accepted values are within their bounds.
 *
 * Input: table, key choice, length of the key, key, value. Key choice 0 means the key in the input.
 * Other choices mean one of the table's own keys, so that readers of a certain key find the
 * row. */
#include "tests/pool_fixture.h"
#include "zone/overview/poolhistory.h"
#include "zone/registry/audit.h"
#include "zone/registry/machine.h"
#include "zone/steering/traffic.h"
#include "zone/verdicts/consensus.h"
#include "zone/verdicts/history.h"
#include "zone/verdicts/intake.h"
#include "zone/verdicts/notice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pool_fixture pool;
static struct store *stores[STORE_KINDS];

static struct history_subject subject_of(uint64_t member_id)
{
    struct history_subject subject = { .member_id = member_id, .vantage = "far" };
    CHECK(address_parse(&subject.address, "192.0.2.1") == RESULT_OK);
    return subject;
}

static bool is_intact(enum result result)
{
    ASSERT(result == RESULT_OK || result == RESULT_NOT_FOUND || result == RESULT_DAMAGED ||
           result == RESULT_NEWER || result == RESULT_MISSING);
    return result == RESULT_OK;
}

/* The same for a call that gives its reason in the diag. */
static bool is_intact_or_told(enum result result, struct diag *diag)
{
    ASSERT(result == RESULT_OK || diag->text[0] != '\0');
    diag->text[0] = '\0';
    return is_intact(result);
}

/* -- a row for each table -- */

static void fill_registry(void)
{
    const struct vantage_key key = { .name = "far", .added_at = FIXTURE_NOW };
    const struct audit_entry entry = { .at = FIXTURE_NOW,
                                       .who = "root",
                                       .from = "192.0.2.9",
                                       .command = "member set",
                                       .subject = "alice",
                                       .change = "country NL -> DE" };
    struct machine machine = { .name = "ams1", .role = MACHINE_EDGE, .added_at = FIXTURE_NOW };
    static const uint8_t secret[MACHINE_SECRET] = { 1 };
    struct member leaving;
    struct registry_change change;
    struct diag diag;
    member_defaults(&leaving);
    (void)snprintf(leaving.label, sizeof(leaving.label), "erin");
    (void)snprintf(leaving.contact, sizeof(leaving.contact), "ops@example.net");
    leaving.target = fixture_name("erin.example.net");
    leaving.leave_at = FIXTURE_NOW + 86400;
    leaving.unlisted = true;
    machine_vouch(&machine, "pool.test/1", machine.name, secret);
    fixture_begin(stores[STORE_REGISTRY], &change, &diag);
    fixture_member(&change, "gone", "192.0.2.9", NULL, NULL);
    FIXTURE_OK(registry_add(&change, &leaving, true));
    FIXTURE_OK(registry_remove(&change, "gone", FIXTURE_NOW + 86400));
    FIXTURE_OK(registry_put_vantage(&change, &key));
    FIXTURE_OK(registry_put_machine(&change, &machine));
    FIXTURE_OK(registry_delegation_seen(&change));
    FIXTURE_OK(audit_add(change.txn, &entry));
    FIXTURE_OK(registry_commit(&change));
}

static void fill_health(struct store_txn *txn)
{
    const struct vantage vantage = { .name = "far", .interval_s = 60, .well_at = FIXTURE_NOW };
    const struct history_event event = { FIXTURE_NOW, "far", "eligible" };
    const struct notice_memory told = { .member_id = 1, .told_at = FIXTURE_NOW };
    struct member_health health = { .member_id = 1, .vantage = "far", .stage = STAGE_ELIGIBLE };
    struct diag diag;
    health.address_count = 1;
    health.addresses[0] = (struct address_health){ .address = subject_of(1).address,
                                                   .probes = 77,
                                                   .detail = "certificate is for another name" };
    FIXTURE_OK(health_put(txn, &health, &diag));
    FIXTURE_OK(vantage_put(txn, &vantage, &diag));
    FIXTURE_OK(notice_put(txn, &told, &diag));
    FIXTURE_OK(history_log(txn, "alice", &event, &diag));
    FIXTURE_OK(store_commit(txn, &diag));
}

static void fill_traffic(struct store_txn *txn)
{
    const struct cell cells[] = { { .country = "NL", .subdivision = "NH" } };
    const uint32_t queries[] = { 1000 };
    const struct traffic_count count = { 1, 1000 };
    struct traffic traffic = { .cells = NULL };
    struct diag diag;
    traffic_add_queries(&traffic, cells, queries, 1, FIXTURE_NOW);
    traffic_add_answers(&traffic, &count, 1, FIXTURE_NOW - 3600);
    traffic_add_answers(&traffic, &count, 1, FIXTURE_NOW);
    traffic_add_totals(&traffic, 2000, 1000, FIXTURE_NOW);
    traffic_add_over_budget(&traffic, 5, FIXTURE_NOW);
    FIXTURE_OK(traffic_save(&traffic, txn, &diag));
    traffic_done(&traffic);
    FIXTURE_OK(store_commit(txn, &diag));
}

static void fill_history(struct store_txn *txn)
{
    const uint64_t lap_before = FIXTURE_NOW - (HISTORY_FAR_DAYS + 1) * UINT64_C(86400);
    struct poolhistory_counts counts = { .hour = { .at = FIXTURE_NOW, .eligible = 3 },
                                         .day = { .at = FIXTURE_NOW, .count = 1 } };
    struct history_subject subject = subject_of(1);
    struct diag diag;
    for (uint64_t at = FIXTURE_NOW - 7200; at <= FIXTURE_NOW; at += 60) {
        const struct history_sample sample = { at, FAILURE_NONE, 12300, -1500, 2000 };
        FIXTURE_OK(history_note(txn, &subject, &sample, FIXTURE_NOW, &diag));
    }
    subject.far = true;
    for (uint64_t at = lap_before; at <= FIXTURE_NOW; at += FIXTURE_NOW - lap_before) {
        const struct history_sample sample = { at, FAILURE_NONE, 12300, -1500, 2000 };
        FIXTURE_OK(history_note(txn, &subject, &sample, FIXTURE_NOW + 3600, &diag));
    }
    FIXTURE_OK(poolhistory_note(txn, &counts));
    FIXTURE_OK(store_commit(txn, &diag));
}

/* A report signed with a key that the operator has not named. */
static void fill_refusals(void)
{
    static struct report_writer made;
    static const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
    const struct intake_stores to = { stores[STORE_REGISTRY], stores[STORE_HEALTH],
                                      stores[STORE_HISTORY] };
    struct report_head head = { .number = 1, .vantage = "strange", .made_at = FIXTURE_NOW };
    struct intake_sum sum = { .reports = 0 };
    uint8_t secret[REPORT_SECRET_LEN];
    struct diag diag;
    CHECK(crypto_sign_seed_keypair(head.key, secret, seed) == 0);
    head.apex = fixture_name("pool.test");
    report_begin(&made, &head);
    size_t len = report_end(&made, secret);
    FIXTURE_OK(intake_import(&to, made.octets, len, FIXTURE_NOW, &sum, &diag));
}

static void tidy(void)
{
    store_close(stores[STORE_TRAFFIC]);
    store_close(stores[STORE_HISTORY]);
    pool_fixture_done(&pool);
}

static void set_up(void)
{
    static const enum store_kind further[] = { STORE_TRAFFIC, STORE_HISTORY };
    struct store_txn *txn = NULL;
    struct diag diag;
    pool_fixture_init(&pool, NULL);
    CHECK(atexit(tidy) == 0);
    for (int i = 0; i < 3; i++) {
        store_rest(pool.txns[i]);
    }
    stores[STORE_REGISTRY] = pool.stores[0];
    stores[STORE_HEALTH] = pool.stores[1];
    stores[STORE_KEYS] = pool.stores[2];
    for (size_t i = 0; i < 2; i++) {
        FIXTURE_OK(store_create(pool.state, further[i], &diag));
        FIXTURE_OK(store_open(&stores[further[i]], pool.state, further[i], true, &diag));
    }
    fill_refusals(); /* this ties the health store to the registry */
    fill_registry();
    FIXTURE_OK(store_write(stores[STORE_HEALTH], &txn, &diag));
    fill_health(txn);
    FIXTURE_OK(store_write(stores[STORE_TRAFFIC], &txn, &diag));
    fill_traffic(txn);
    FIXTURE_OK(store_write(stores[STORE_HISTORY], &txn, &diag));
    fill_history(txn);
}

/* -- all readers of a store -- */

static void check_member(const struct member *member)
{
    struct dname target;
    ASSERT(strlen(member->label) < LABEL_ROOM && member->address_count <= MEMBER_ADDRESSES_MAX);
    ASSERT(strlen(member->operator_name) < MEMBER_OPERATOR_ROOM);
    ASSERT(strlen(member->accounturi) < MEMBER_ACCOUNTURI_ROOM && strlen(member->country) < 3);
    ASSERT(override_text(member->override) != NULL);
    ASSERT(member->contact[0] == '\0' || contact_fits(member->contact));
    member_target(&target, member, &pool.zone->settings.apex);
}

static enum result see_member(const struct member *member, void *)
{
    check_member(member);
    return RESULT_OK;
}

static enum result see_tombstone(const char *label, const struct tombstone *tombstone, void *)
{
    ASSERT(strlen(label) < LABEL_ROOM && strlen(tombstone->operator_name) < MEMBER_OPERATOR_ROOM);
    if (tombstone->kept) {
        check_member(&tombstone->member);
    }
    return RESULT_OK;
}

static enum result see_change(const struct audit_entry *entry, void *)
{
    ASSERT(strlen(entry->change) < AUDIT_CHANGE_ROOM && strlen(entry->who) < AUDIT_WHO_ROOM);
    return RESULT_OK;
}

/* Checks every RRset that would be served. */
static enum result see_node(const struct dname_key *, const struct node *node, void *)
{
    static uint8_t scratch[NODE_SCRATCH];
    uint16_t types[NODE_TYPES_MAX];
    size_t count = node_types(node, &pool.zone->settings, 0, types);
    ASSERT(count <= NODE_TYPES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct rrset set;
        if (node_rrset(node, &pool.zone->settings, types[i], 0, scratch, &set)) {
            ASSERT(set.type == types[i] && rrset_check(&set));
        }
    }
    return RESULT_OK;
}

static enum result see_machine(const struct machine *machine, void *)
{
    ASSERT(machine_name_fine(machine->name) && machine_role_text(machine->role) != NULL);
    return RESULT_OK;
}

static void read_registry(struct store_txn *txn)
{
    static struct vantage_keys vantages;
    struct settings settings;
    struct name_servers servers;
    struct registry_marks marks;
    struct diag diag = { "" };
    uint64_t changes[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    if (is_intact_or_told(registry_settings(txn, &settings, &diag), &diag)) {
        ASSERT(settings.apex.len > 0 && settings.srv_count > 0);
    }
    if (is_intact_or_told(registry_servers(txn, &servers, &diag), &diag)) {
        ASSERT(servers.count <= REGISTRY_NS_MAX);
    }
    if (is_intact_or_told(registry_delegation(txn, &servers, &diag), &diag)) {
        ASSERT(servers.count <= REGISTRY_NS_MAX);
    }
    if (is_intact_or_told(registry_vantages(txn, &vantages, &diag), &diag)) {
        ASSERT(vantages.count <= VANTAGES_MAX);
    }
    if (is_intact(registry_changes(txn, 1, changes, &count))) {
        ASSERT(count <= REGISTRY_CHANGES_MAX);
    }
    (void)is_intact_or_told(registry_marks(txn, &marks, &diag), &diag);
    (void)is_intact(registry_each(txn, see_member, NULL));
    (void)is_intact(registry_tombstones(txn, see_tombstone, NULL));
    (void)is_intact(registry_nodes(txn, see_node, NULL));
    (void)is_intact(audit_each(txn, see_change, NULL));
    (void)is_intact(registry_machines(txn, see_machine, NULL));
}

static enum result see_verdict(const struct member_health *health, void *)
{
    ASSERT(health->address_count <= MEMBER_ADDRESSES_MAX && stage_text(health->stage) != NULL);
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *each = &health->addresses[i];
        ASSERT(strlen(each->detail) < HEALTH_DETAIL_ROOM && failure_id(each->failure) != NULL);
        ASSERT(each->score_milli >= HEALTH_SCORE_MIN && each->score_milli <= HEALTH_SCORE_MAX);
    }
    return RESULT_OK;
}

static void see_event(const struct history_event *event, void *)
{
    ASSERT(strlen(event->text) < HISTORY_EVENT_ROOM && strlen(event->who) < VANTAGE_ROOM);
}

static void read_health(struct store_txn *txn)
{
    static struct refusal refusals[INTAKE_REFUSALS_MAX];
    static struct vantages vantages;
    struct notice_memory told;
    unsigned count = 0;
    (void)is_intact(notice_get(txn, 1, "ops@example.net", &told));
    (void)is_intact(health_each(txn, see_verdict, NULL));
    (void)is_intact(history_events(txn, "alice", see_event, NULL));
    if (is_intact(intake_refusals(txn, refusals, &count))) {
        ASSERT(count <= INTAKE_REFUSALS_MAX);
    }
    if (is_intact(vantages_read(&vantages, txn, 600, FIXTURE_NOW))) {
        static struct member_health rows[VANTAGES_MAX];
        struct consensus consensus;
        struct member member = { .id = 1, .address_count = 1 };
        ASSERT(vantages.count <= VANTAGES_MAX);
        member.addresses[0] = subject_of(1).address;
        if (is_intact(consensus_rows(rows, &count, txn, 1, &vantages))) {
            consensus_of(&consensus, &member, rows, count, &vantages, &pool.zone->settings);
        }
    }
}

static enum result see_key(const struct key_record *record, void *)
{
    uint8_t dnskey[KEY_DNSKEY_MAX];
    ASSERT(record->public_len <= KEY_PUBLIC_MAX);
    ASSERT(key_record_dnskey(record, dnskey) <= KEY_DNSKEY_MAX);
    return RESULT_OK;
}

static void read_keys(struct store_txn *txn)
{
    struct keyring *keyring = NULL;
    struct cookie_secrets secrets;
    struct diag diag = { "" };
    (void)is_intact(keystore_each(txn, see_key, NULL));
    enum result result = keyring_load(&keyring, txn, pool.seal, &diag);
    ASSERT((result == RESULT_OK) == (keyring != NULL));
    ASSERT(result == RESULT_OK || diag.text[0] != '\0');
    keyring_unref(keyring);
    diag.text[0] = '\0';
    result = cookie_secrets_get(txn, pool.seal, &secrets, &diag);
    ASSERT(result == RESULT_OK || diag.text[0] != '\0');
}

static void see_pool_hour(const struct traffic_hour *hour, void *)
{
    ASSERT(hour->at <= FIXTURE_NOW);
}

static void read_traffic(struct store_txn *txn)
{
    struct traffic traffic = { .cells = NULL };
    struct diag diag = { "" };
    uint64_t days[TRAFFIC_DAYS];
    (void)is_intact(traffic_hours(txn, 0, FIXTURE_NOW, see_pool_hour, NULL));
    if (is_intact_or_told(traffic_load(&traffic, txn, &diag), &diag)) {
        const struct cell cells[] = { { .country = "NL", .addresses = 1 }, { .country = "DE" } };
        double demand[2];
        traffic_demand(&traffic, cells, 2, FIXTURE_NOW, demand);
        ASSERT(demand[0] >= 0 && demand[1] >= 0 && traffic_total(&traffic, FIXTURE_NOW) >= 0);
        (void)traffic_answers(&traffic, 1, 24, FIXTURE_NOW);
        traffic_days(&traffic, 1, FIXTURE_NOW, days);
    }
    traffic_done(&traffic);
}

static void see_sample(const struct history_sample *sample, void *)
{
    ASSERT(failure_id(sample->failure) != NULL);
}

static void see_hour(const struct history_hour *hour, void *)
{
    ASSERT(failure_id(hour->failure) != NULL && hour->failures <= hour->probes);
}

static void see_count(const struct poolhistory_hour *hour, void *)
{
    ASSERT(hour->at <= FIXTURE_NOW);
}

static void see_day(const struct poolhistory_day *day, void *)
{
    ASSERT(day->count <= POOLHISTORY_COUNTRIES);
}

static void read_history(struct store_txn *txn)
{
    const struct history_subject subject = subject_of(1);
    static const struct vantages vantages = { .count = 0 };
    struct history_fold fold = { .vantages = &vantages };
    struct diag diag = { "" };
    bool more = true;
    (void)is_intact(poolhistory_hours(txn, 0, FIXTURE_NOW, see_count, NULL));
    (void)is_intact(poolhistory_days(txn, 0, FIXTURE_NOW, see_day, NULL));
    (void)is_intact(history_samples(txn, &subject, 0, FIXTURE_NOW, see_sample, NULL));
    (void)is_intact(history_hours(txn, &subject, 0, FIXTURE_NOW, see_hour, NULL));
    for (int i = 0; more && i < 4; i++) {
        FIXTURE_OK(history_fold(txn, &fold, FIXTURE_NOW + 7200, 1000, &more, &diag));
    }
    (void)is_intact(history_hours(txn, &subject, 0, FIXTURE_NOW, see_hour, NULL));
}

/* -- the input -- */

static const struct {
    enum store_kind first, last; /* the stores that have the table */
} owners[TABLE_COUNT] = {
    [TABLE_META] = { STORE_REGISTRY, STORE_HISTORY },
    [TABLE_SETTINGS] = { STORE_REGISTRY, STORE_REGISTRY },
    [TABLE_NAMES] = { STORE_REGISTRY, STORE_REGISTRY },
    [TABLE_MEMBERS] = { STORE_REGISTRY, STORE_REGISTRY },
    [TABLE_ADDRESSES] = { STORE_REGISTRY, STORE_REGISTRY },
    [TABLE_TOMBSTONES] = { STORE_REGISTRY, STORE_REGISTRY },
    [TABLE_VANTAGE_KEYS] = { STORE_REGISTRY, STORE_REGISTRY },
    [TABLE_AUDIT] = { STORE_REGISTRY, STORE_REGISTRY },
    [TABLE_HEALTH] = { STORE_HEALTH, STORE_HEALTH },
    [TABLE_VANTAGES] = { STORE_HEALTH, STORE_HEALTH },
    [TABLE_EVENTS] = { STORE_HEALTH, STORE_HEALTH },
    [TABLE_REFUSALS] = { STORE_HEALTH, STORE_HEALTH },
    [TABLE_NOTICES] = { STORE_HEALTH, STORE_HEALTH },
    [TABLE_KEYS] = { STORE_KEYS, STORE_KEYS },
    [TABLE_TRAFFIC] = { STORE_TRAFFIC, STORE_TRAFFIC },
    [TABLE_SAMPLES] = { STORE_HISTORY, STORE_HISTORY },
    [TABLE_DAYS] = { STORE_HISTORY, STORE_HISTORY },
    [TABLE_POOL] = { STORE_HISTORY, STORE_HISTORY },
    [TABLE_MACHINES] = { STORE_REGISTRY, STORE_REGISTRY },
};

static void (*const readers[STORE_KINDS])(struct store_txn *txn) = {
    [STORE_REGISTRY] = read_registry, [STORE_HEALTH] = read_health,   [STORE_KEYS] = read_keys,
    [STORE_TRAFFIC] = read_traffic,   [STORE_HISTORY] = read_history,
};

/* The table's key with this number; wraps around after the last key. */
static void find_key(struct store_txn *txn, enum store_table table, unsigned number,
                     struct store_item *key)
{
    enum result result = store_find(txn, table, SEEK_FIRST, key, NULL);
    for (; result == RESULT_OK && number > 0; number--) {
        if (store_find(txn, table, SEEK_AFTER, key, NULL) != RESULT_OK) {
            result = store_find(txn, table, SEEK_FIRST, key, NULL);
        }
    }
    key->len = result == RESULT_OK ? key->len : 0;
}

static void try_row(enum store_kind kind, enum store_table table, unsigned choice, struct reader r)
{
    struct store_txn *txn = NULL;
    struct diag diag;
    uint8_t octets[STORE_KEY_MAX];
    struct store_item key = { .len = read_u8(&r), .data = octets, .room = sizeof(octets) };
    key.len = key.len < reader_left(&r) ? key.len : reader_left(&r);
    read_into(&r, octets, key.len);
    FIXTURE_OK(store_write(stores[kind], &txn, &diag));
    if (choice > 0) {
        find_key(txn, table, choice - 1, &key);
    }
    size_t len = reader_left(&r) < STORE_VALUE_MAX ? reader_left(&r) : STORE_VALUE_MAX;
    if (key.len > 0 &&
        store_put(txn, table, octets, key.len, read_octets(&r, len), len) == RESULT_OK) {
        readers[kind](txn);
    }
    store_abort(txn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(data, size);
    enum store_table table = (enum store_table)(read_u8(&r) % (TABLE_MACHINES + 1));
    unsigned choice = read_u8(&r);
    if (pool.zone == NULL) {
        set_up();
    }
    if (r.failed) {
        return 0;
    }
    for (int kind = (int)owners[table].first; kind <= (int)owners[table].last; kind++) {
        try_row((enum store_kind)kind, table, choice, r);
    }
    return 0;
}

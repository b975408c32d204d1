/* The row `fleet` of TABLE_META in state/keys: u8 layout, then struct fleetkeys in its order: times
 * and numbers u64, the others u8, names with u8 length. One of an older layout counts as none.
 * `without:NAME`: u64, the package that the machine need not have. */
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "dnssec/offline/fleetkeys_private.h"
#include "zone/base/u64.h"
#include "zone/fleet/letters.h"

_Static_assert((int)KEYTRANSFER_MAX <= (int)LETTER_TEXT_MAX, "a package is the text of a letter");
_Static_assert((int)HELLO_IDENTITY == (int)SEAL_PUBLIC_LEN, "a hello has the identity of a seal");

enum {
    LAYOUT = 2,
    ROW_MAX = 1 + 10 * 8 + 5 + FLEETKEYS_PARTS * FLEETKEYS_DIGEST + 1 + 1 + MACHINE_ROOM,
    LIFE_ROOM = 256
};

static const char row_key[] = "fleet";

static void write_state(struct writer *w, const struct fleetkeys *state)
{
    const uint64_t numbers[] = { state->number,     state->made_at,  state->decided,
                                 state->decided_at, state->had_at,   state->scheduled,
                                 state->roll_after, state->rolls_at, state->signs_at,
                                 state->evicted_at };
    write_u8(w, LAYOUT);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        write_u64(w, numbers[i]);
    }
    write_u8(w, state->schedule_had);
    write_u8(w, state->rolling);
    write_u8(w, (uint8_t)state->held);
    write_u8(w, state->cookie_rolls);
    write_octets(w, state->digests, sizeof state->digests);
    write_u8(w, state->missing);
    write_u8(w, (uint8_t)strlen(state->waits_for));
    write_octets(w, state->waits_for, strlen(state->waits_for));
}

static bool read_state(struct reader *r, struct fleetkeys *state)
{
    uint64_t *const numbers[] = { &state->number,     &state->made_at,  &state->decided,
                                  &state->decided_at, &state->had_at,   &state->scheduled,
                                  &state->roll_after, &state->rolls_at, &state->signs_at,
                                  &state->evicted_at };
    uint8_t layout = read_u8(r);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        *numbers[i] = read_u64(r);
    }
    state->schedule_had = read_u8(r) != 0;
    state->rolling = read_u8(r) != 0;
    state->held = read_u8(r) & KEY_CSK;
    state->cookie_rolls = read_u8(r) != 0;
    read_into(r, state->digests, sizeof state->digests);
    state->missing = read_u8(r);
    size_t len = read_u8(r);
    r->failed = r->failed || len >= sizeof state->waits_for;
    if (!r->failed) {
        read_into(r, state->waits_for, len);
    }
    return reader_done(r) && layout == LAYOUT;
}

enum result fleetkeys_get(struct store_txn *keys, struct fleetkeys *out)
{
    uint8_t row[ROW_MAX];
    struct store_item value = { .data = row, .room = sizeof row };
    *out = (struct fleetkeys){ .number = 0 };
    enum result result = store_get(keys, TABLE_META, row_key, sizeof row_key - 1, &value);
    if (result != RESULT_OK) {
        return result == RESULT_NOT_FOUND ? RESULT_OK : RESULT_DAMAGED;
    }
    struct reader r = reader_of(row, value.len);
    if (value.len > 0 && row[0] < LAYOUT) {
        return RESULT_OK;
    }
    return read_state(&r, out) ? RESULT_OK : RESULT_DAMAGED;
}

enum result fleetkeys_put(struct store_txn *keys, const struct fleetkeys *state, struct diag *diag)
{
    uint8_t row[ROW_MAX];
    struct writer w = writer_of(row, sizeof row);
    write_state(&w, state);
    ASSERT(!w.failed);
    enum result result = store_put(keys, TABLE_META, row_key, sizeof row_key - 1, row, w.at);
    return result == RESULT_OK ? result
                               : diag_fail(diag, result, "what other machines have can't be noted");
}

void fleetkeys_renumber(struct fleetkeys *state, uint64_t now)
{
    state->number = u64_max(state->number + 1, now);
    state->made_at = now;
}

bool fleetkeys_differs(const struct fleetkeys *state,
                       uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST], size_t part)
{
    return memcmp(state->digests[part], digests[part], FLEETKEYS_DIGEST) != 0;
}

bool fleetkeys_waits(const struct fleetkeys *state)
{
    return state->number != 0 && state->had_at == 0;
}

char *fleetkeys_who_text(const struct fleetkeys *state, char out[FLEETKEYS_WHO_ROOM])
{
    int len = snprintf(out, FLEETKEYS_WHO_ROOM, "%s",
                       state->missing > 0 ? state->waits_for : "all other machines");
    if (state->missing > 1) {
        (void)snprintf(out + len, FLEETKEYS_WHO_ROOM - (size_t)len, " and %u other%s",
                       state->missing - 1U, state->missing > 2 ? "s" : "");
    }
    return out;
}

char *fleetkeys_what_text(const struct fleetkeys *state, char out[FLEETKEYS_WHAT_ROOM])
{
    bool ksk = (state->held & KEY_KSK) != 0, zsk = (state->held & KEY_ZSK) != 0;
    (void)snprintf(out, FLEETKEYS_WHAT_ROOM, "%s%s%s%s%s", ksk ? "KSK" : "", ksk && zsk ? ", " : "",
                   zsk ? "ZSK" : "", (ksk || zsk) && state->cookie_rolls ? ", " : "",
                   state->cookie_rolls ? "cookie secret" : "");
    if (*out == '\0') {
        (void)snprintf(out, FLEETKEYS_WHAT_ROOM, "the next rollover of the ZSK");
    }
    return out;
}

/* What a machine has said last, if that has its identity. `octets` has LETTER_MAX. */
static enum result read_hello(struct store_txn *fleet, const char *machine, uint8_t *octets,
                              struct hello *out)
{
    struct letter letter;
    TRY(letters_get(fleet, LETTER_HELLO, machine, "", octets, &letter));
    TRY(hello_decode(out, letter.text));
    return out->has_identity ? RESULT_OK : RESULT_NOT_FOUND;
}

enum result fleetkeys_identity(struct store_txn *fleet, const char *machine,
                               uint8_t out[SEAL_PUBLIC_LEN])
{
    uint8_t *octets = xmalloc(LETTER_MAX);
    struct hello hello;
    bool said = read_hello(fleet, machine, octets, &hello) == RESULT_OK;
    free(octets);
    if (!said) {
        return RESULT_NOT_FOUND;
    }
    memcpy(out, hello.identity, SEAL_PUBLIC_LEN);
    return RESULT_OK;
}

struct peers_read {
    struct fleetkeys_peers *out;
    struct store_txn *fleet;
    const uint8_t *identity;
    uint8_t *octets; /* LETTER_MAX */
};

static enum result read_peer(const struct machine *machine, void *arg)
{
    struct peers_read *read = arg;
    struct fleetkeys_peers *out = read->out;
    struct hello hello;
    if (machine->role == MACHINE_VANTAGE) {
        return RESULT_OK; /* it knows no key */
    }
    out->evicted_at = u64_max(out->evicted_at, machine->evicted_at);
    if (machine->evicted_at != 0 || out->count == MACHINES_MAX ||
        read_hello(read->fleet, machine->name, read->octets, &hello) != RESULT_OK ||
        memcmp(hello.identity, read->identity, SEAL_PUBLIC_LEN) == 0) {
        return RESULT_OK;
    }
    struct fleetkeys_peer *peer = &out->list[out->count++];
    (void)snprintf(peer->name, sizeof peer->name, "%s", machine->name);
    memcpy(peer->identity, hello.identity, sizeof peer->identity);
    peer->package = hello.package;
    return RESULT_OK;
}

enum result fleetkeys_peers(struct fleetkeys_peers *out, struct store_txn *registry,
                            struct store_txn *fleet, const uint8_t identity[SEAL_PUBLIC_LEN])
{
    struct peers_read read = {
        .out = out, .fleet = fleet, .identity = identity, .octets = xmalloc(LETTER_MAX)
    };
    out->count = 0;
    out->evicted_at = 0;
    enum result result = registry_machines(registry, read_peer, &read);
    free(read.octets);
    return result;
}

static void hash_key(crypto_generichash_state *hash, const struct key_record *key)
{
    uint8_t room[LIFE_ROOM];
    struct writer w = writer_of(room, sizeof room);
    write_u8(&w, (uint8_t)key->algorithm);
    write_u8(&w, (uint8_t)key->role);
    key_life_write(&w, &key->life);
    write_octets(&w, key->public_key, key->public_len);
    ASSERT(!w.failed);
    (void)crypto_generichash_update(hash, room, w.at);
}

static void hash_rest(crypto_generichash_state *hash, const struct rollover_memory *memory,
                      const struct cookie_secrets *cookies)
{
    uint8_t room[LIFE_ROOM];
    struct writer w = writer_of(room, sizeof room);
    write_u8(&w, memory->insecure);
    write_u8(&w, cookies->present);
    cookie_secrets_write(&w, cookies);
    ASSERT(!w.failed);
    (void)crypto_generichash_update(hash, room, w.at);
    sodium_memzero(room, sizeof room);
}

/* The bundle of an offline KSK has the rollovers of the ZSK. */
static enum result hash_bundle(crypto_generichash_state *hash, const struct key_timeline *timeline,
                               struct store_txn *keys, struct diag *diag)
{
    uint8_t room[2 * 8];
    struct slices slices = { .count = 0 };
    struct writer w = writer_of(room, sizeof room);
    if (!rollover_has_offline_ksk(&timeline->keys)) {
        return RESULT_OK;
    }
    TRY(slices_read(&slices, keys, &timeline->keys, diag));
    write_u64(&w, slices.made_at);
    write_u64(&w, slices.begin_at);
    slices_done(&slices);
    (void)crypto_generichash_update(hash, room, w.at);
    return RESULT_OK;
}

static void write_plan(uint8_t out[FLEETKEYS_DIGEST], const struct settings *settings)
{
    struct writer w = writer_of(out, FLEETKEYS_DIGEST);
    write_u32(&w, settings->ttl_s);
    write_u32(&w, settings->signature_validity_s);
    write_u32(&w, settings->propagation_s);
    write_u32(&w, settings->zsk_lifetime_s);
    ASSERT(!w.failed && w.at == FLEETKEYS_DIGEST);
}

struct settings fleetkeys_settings(const struct fleetkeys *state, const struct settings *present)
{
    struct reader r = reader_of(state->digests[FLEETKEYS_PART_PLAN], FLEETKEYS_DIGEST);
    struct settings settings = *present;
    settings.ttl_s = read_u32(&r);
    settings.signature_validity_s = read_u32(&r);
    settings.propagation_s = read_u32(&r);
    settings.zsk_lifetime_s = read_u32(&r);
    return settings;
}

enum result fleetkeys_digest(uint8_t out[FLEETKEYS_PARTS][FLEETKEYS_DIGEST],
                             const struct key_timeline *timeline, const struct fleetkeys_work *work,
                             struct diag *diag)
{
    crypto_generichash_state hashes[FLEETKEYS_PARTS];
    struct cookie_secrets cookies;
    for (size_t i = 0; i < FLEETKEYS_PARTS; i++) {
        (void)crypto_generichash_init(&hashes[i], NULL, 0, FLEETKEYS_DIGEST);
    }
    for (size_t i = 0; i < timeline->keys.count; i++) {
        const struct key_record *key = &timeline->keys.list[i];
        hash_key(&hashes[(key->role & KEY_KSK) != 0 ? FLEETKEYS_PART_KSK : FLEETKEYS_PART_ZSK],
                 key);
    }
    TRY(hash_bundle(&hashes[FLEETKEYS_PART_ZSK], timeline, work->keys, diag));
    TRY(cookie_secrets_get(work->keys, work->seal, &cookies, diag));
    hash_rest(&hashes[FLEETKEYS_PART_REST], &timeline->memory, &cookies);
    for (size_t i = 0; i < FLEETKEYS_PARTS; i++) {
        (void)crypto_generichash_final(&hashes[i], out[i], FLEETKEYS_DIGEST);
    }
    write_plan(out[FLEETKEYS_PART_PLAN], work->settings);
    sodium_memzero(&cookies, sizeof cookies);
    return RESULT_OK;
}

void fleetkeys_without_key(char out[STORE_KEY_MAX], const char *machine)
{
    (void)snprintf(out, STORE_KEY_MAX, "without:%s", machine);
}

enum result fleetkeys_without(struct store_txn *keys, const char *machine)
{
    char key[STORE_KEY_MAX];
    fleetkeys_without_key(key, machine);
    return store_put(keys, TABLE_META, key, strlen(key), "", 1);
}

bool fleetkeys_is_without(struct store_txn *keys, const char *machine)
{
    char key[STORE_KEY_MAX];
    fleetkeys_without_key(key, machine);
    return store_get(keys, TABLE_META, key, strlen(key), NULL) != RESULT_NOT_FOUND;
}

/* Who has what. True if that changed anything. */
bool fleetkeys_judge(struct fleetkeys *state, const struct fleetkeys_work *work)
{
    const struct fleetkeys before = *state;
    unsigned missing = 0;
    bool schedule_had = true;
    state->waits_for[0] = 0;
    for (size_t i = 0; i < work->peers->count; i++) {
        const struct fleetkeys_peer *peer = &work->peers->list[i];
        if (peer->package >= state->decided || fleetkeys_is_without(work->keys, peer->name)) {
            continue;
        }
        schedule_had = schedule_had && peer->package >= state->scheduled;
        if (missing++ == 0) {
            memcpy(state->waits_for, peer->name, sizeof state->waits_for);
        }
    }
    state->missing = (uint8_t)u64_min(missing, UINT8_MAX);
    state->had_at = missing > 0 ? state->had_at : state->had_at != 0 ? state->had_at : work->now;
    state->schedule_had = state->schedule_had || schedule_had;
    return state->missing != before.missing || state->had_at != before.had_at ||
           state->schedule_had != before.schedule_had ||
           strcmp(state->waits_for, before.waits_for) != 0;
}

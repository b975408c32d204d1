#include "server/keys/keyfleet.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/fleet/letters.h"
#include "zone/registry/registry_ledger.h"

enum {
    FILE_MODE = 0644
};

static const char suffix[] = KEYFILES_SUFFIX;

/* The machine that the fleet has named to lead. */
struct named {
    bool is, known; /* `known`: it has said its identity */
    char name[MACHINE_ROOM];
    uint8_t identity[SEAL_PUBLIC_LEN];
};

struct keyfleet {
    struct keyfleet_sources sources;
    struct fleetkeys_peers *peers;
    bool leads;    /* ... in a fleet */
    uint64_t seen; /* the number of the letter that was taken or refused last */
    struct named named;
    bool superseded;
    struct log_once packing, taking, leading;
};

struct keyfleet *keyfleet_new(const struct keyfleet_sources *sources)
{
    struct keyfleet *keyfleet = xcalloc(1, sizeof(*keyfleet));
    keyfleet->sources = *sources;
    keyfleet->peers = xcalloc(1, sizeof(*keyfleet->peers));
    return keyfleet;
}

void keyfleet_free(struct keyfleet *keyfleet)
{
    if (keyfleet != NULL) {
        free(keyfleet->peers);
        free(keyfleet);
    }
}

/* True if the file begins with these octets. */
static bool begins_with(int dir, const char *name, const uint8_t *head, size_t len)
{
    uint8_t there[KEYFILES_HEAD];
    ASSERT(len <= sizeof(there));
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    bool same = fd >= 0 && read(fd, there, len) == (ssize_t)len && memcmp(there, head, len) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return same;
}

/* No fsync: after a power failure the file is damaged at worst, and is written again. */
static enum result replace(int dir, const char *name, const uint8_t *data, size_t len,
                           struct diag *diag)
{
    char made[MACHINE_ROOM + 16];
    (void)snprintf(made, sizeof(made), "%s.new", name);
    int fd = openat(dir, made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    bool done = fd >= 0 && file_write_all(fd, data, len) && fchmod(fd, FILE_MODE) == 0;
    done = fd >= 0 && close(fd) == 0 && done && renameat(dir, made, dir, name) == 0;
    return done ? RESULT_OK
                : diag_fail(diag, RESULT_SYSTEM, "the file " KEYFILES_DIR "/%s can't be written",
                            name);
}

/* Says who we are, and which package we have. */
static enum result note_identity(const struct keyfleet *keyfleet, int dir,
                                 const struct keyfleet_look *look, struct diag *diag)
{
    uint8_t file[KEYFILES_IDENTITY_LEN];
    struct writer w = writer_of(file, sizeof(file));
    struct package_taken taken = { .number = 0 };
    struct fleetkeys state;
    seal_public(keyfleet->sources.seal, write_room(&w, SEAL_PUBLIC_LEN));
    if (look->follows) {
        (void)keytransfer_taken(look->keys, &taken);
    } else {
        TRY(fleetkeys_get(look->keys, &state));
        taken.number = state.number;
    }
    write_u64(&w, taken.number);
    return begins_with(dir, KEYFILES_IDENTITY, file, sizeof(file))
               ? RESULT_OK
               : replace(dir, KEYFILES_IDENTITY, file, sizeof(file), diag);
}

static enum result write_box(const struct fleetkeys_work *work, int dir,
                             const struct fleetkeys_peer *peer, uint64_t number, struct diag *diag)
{
    uint8_t *file = xmalloc(KEYFILES_HEAD + KEYTRANSFER_MAX);
    char name[MACHINE_ROOM + sizeof(suffix)];
    struct writer w = writer_of(file, KEYFILES_HEAD);
    struct store_item box = { .data = file + KEYFILES_HEAD, .room = KEYTRANSFER_MAX };
    (void)snprintf(name, sizeof(name), "%s%s", peer->name, suffix);
    write_u64(&w, number);
    write_octets(&w, peer->identity, sizeof(peer->identity));
    enum result result = RESULT_OK;
    if (!begins_with(dir, name, file, KEYFILES_HEAD)) {
        result = fleetkeys_pack(work, peer, &box, diag);
        if (result == RESULT_OK) {
            result = replace(dir, name, file, KEYFILES_HEAD + box.len, diag);
        }
    }
    free(file);
    return result;
}

static bool is_peer(const struct fleetkeys_peers *peers, const char *file)
{
    size_t len = strlen(file), end = sizeof(suffix) - 1;
    for (size_t i = 0; i < peers->count; i++) {
        size_t name = strlen(peers->list[i].name);
        if (len == name + end && memcmp(file, peers->list[i].name, name) == 0 &&
            strcmp(file + name, suffix) == 0) {
            return true;
        }
    }
    return false;
}

/* Removes packages for machines that are gone. */
static void sweep(int dir, const struct fleetkeys_peers *peers)
{
    DIR *list = fdopendir(dup(dir));
    if (list == NULL) {
        return;
    }
    rewinddir(list);
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        size_t len = strlen(entry->d_name);
        if (len > sizeof(suffix) && strcmp(entry->d_name + len - sizeof(suffix) + 1, suffix) == 0 &&
            !is_peer(peers, entry->d_name)) {
            (void)unlinkat(dir, entry->d_name, 0);
        }
    }
    (void)closedir(list);
}

static enum result write_boxes(struct keyfleet *keyfleet, int dir,
                               const struct fleetkeys_work *work, struct diag *diag)
{
    struct fleetkeys state;
    TRY(fleetkeys_get(work->keys, &state));
    sweep(dir, keyfleet->peers);
    for (size_t i = 0; i < keyfleet->peers->count; i++) {
        TRY(write_box(work, dir, &keyfleet->peers->list[i], state.number, diag));
    }
    return RESULT_OK;
}

unsigned keyfleet_held(const struct keyfleet *keyfleet, const struct fleetkeys_work *work)
{
    unsigned by_others = keyfleet->leads ? fleetkeys_held(work) : 0;
    return keyfleet->superseded ? KEY_CSK : by_others;
}

bool keyfleet_may_roll(const struct keyfleet *keyfleet, const struct fleetkeys_work *work,
                       enum key_role role)
{
    struct fleetkeys state;
    if (keyfleet->superseded || !keyfleet->leads) {
        return !keyfleet->superseded;
    }
    return fleetkeys_get(work->keys, &state) == RESULT_OK &&
           (role == KEY_ZSK ? fleetkeys_may_roll(&state, work->now) : state.held == 0);
}

bool keyfleet_work(const struct keyfleet *keyfleet, struct store_txn *keys,
                   const struct settings *settings, uint64_t now, struct fleetkeys_work *out)
{
    *out = (struct fleetkeys_work){ .keys = keys,
                                    .seal = keyfleet->sources.seal,
                                    .settings = settings,
                                    .peers = keyfleet->peers,
                                    .now = now };
    return keyfleet->leads;
}

static enum result settle(const struct keyfleet *keyfleet, const struct keyfleet_look *look,
                          struct diag *diag)
{
    struct fleetkeys_work work;
    struct store_txn *txn = NULL;
    struct diag what = { "" };
    TRY(store_write(keyfleet->sources.keys, &txn, diag));
    (void)keyfleet_work(keyfleet, txn, look->settings, look->now, &work);
    enum result result = fleetkeys_settle(&work, &what, diag);
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    TRY(store_commit(txn, diag));
    if (what.text[0] != '\0') {
        log_say(keyfleet->sources.log, LOG_WARNING, "%s", what.text);
    }
    return RESULT_OK;
}

static enum result lead(struct keyfleet *keyfleet, int dir, const struct keyfleet_look *look,
                        bool *changed, struct diag *diag)
{
    struct fleetkeys_work work;
    struct diag why = { "" };
    (void)keyfleet_work(keyfleet, look->keys, look->settings, look->now, &work);
    if (fleetkeys_is_due(&work)) {
        TRY(settle(keyfleet, look, diag));
        TRY(store_renew(look->keys));
        *changed = true;
    }
    if (write_boxes(keyfleet, dir, &work, &why) != RESULT_OK) {
        log_once(&keyfleet->packing, keyfleet->sources.log, LOG_ERR, NULL,
                 "no packages of keys for the other machines: %s", why.text);
    } else {
        log_once_over(&keyfleet->packing, keyfleet->sources.log,
                      "there are packages of keys for the other machines again");
    }
    return RESULT_OK;
}

struct newest {
    const struct named *named;
    uint64_t number;
    uint8_t *data; /* KEYTRANSFER_MAX */
    size_t len;
};

static enum result find_newest(const struct letter *letter, void *arg)
{
    struct newest *newest = arg;
    bool counts = !newest->named->is || strcmp(letter->machine, newest->named->name) == 0;
    if (counts && letter->number > newest->number && letter->text.len <= KEYTRANSFER_MAX) {
        newest->number = letter->number;
        newest->len = letter->text.len;
        memcpy(newest->data, letter->text.data, letter->text.len);
    }
    return RESULT_OK;
}

/* Takes a package, and the steps that are due by it since it was made, so that no server ever
 * serves what is over. */
static enum result take_in(const struct keyfleet *keyfleet, struct store_txn *txn,
                           const struct newest *newest, const struct keyfleet_look *look,
                           struct diag *diag)
{
    const struct named *named = &keyfleet->named;
    const struct package_import import = { .data = newest->data,
                                           .len = newest->len,
                                           .from = named->is ? named->identity : NULL,
                                           .named = named->is };
    struct key_timeline timeline;
    struct package_taken taken;
    struct slices slices = { .count = 0 };
    TRY(keytransfer_unpack(txn, keyfleet->sources.seal, &look->settings->apex, &import, diag));
    TRY(key_timeline_read(&timeline, txn, diag));
    TRY(keytransfer_taken(txn, &taken));
    TRY(slices_read(&slices, txn, &timeline.keys, diag));
    const struct key_timeline before = timeline;
    (void)keytransfer_catch_up(&timeline, &slices, &taken, look->settings, look->now);
    slices_done(&slices);
    return key_timeline_write(&timeline, &before, txn, keyfleet->sources.seal, look->now, diag);
}

static enum result take_newest(struct keyfleet *keyfleet, const struct newest *newest,
                               const struct keyfleet_look *look, bool *changed, struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct diag why = { "" };
    if (newest->number == 0 || newest->number == keyfleet->seen) {
        return RESULT_OK;
    }
    TRY(store_write(keyfleet->sources.keys, &txn, diag));
    enum result result = take_in(keyfleet, txn, newest, look, &why);
    keyfleet->seen = newest->number;
    if (result != RESULT_OK) {
        store_abort(txn);
        log_once(&keyfleet->taking, keyfleet->sources.log, LOG_ERR, NULL,
                 "a package of keys came and is not taken: %s", why.text);
        return RESULT_OK;
    }
    log_once_over(&keyfleet->taking, keyfleet->sources.log, "packages of keys are taken again");
    *changed = true;
    return store_commit(txn, diag);
}

static enum result take(struct keyfleet *keyfleet, struct store_txn *fleet,
                        const struct keyfleet_look *look, bool *changed, struct diag *diag)
{
    if (keyfleet->named.is && !keyfleet->named.known) {
        return RESULT_OK; /* whose packages are its own is not known yet */
    }
    struct newest newest = { .named = &keyfleet->named, .data = xmalloc(KEYTRANSFER_MAX) };
    enum result result = letters_each(fleet, LETTER_PACKAGE, find_newest, &newest);
    if (result == RESULT_OK) {
        result = take_newest(keyfleet, &newest, look, changed, diag);
    }
    free(newest.data);
    return result == RESULT_OK ? store_renew(look->keys) : result;
}

static void read_named(struct keyfleet *keyfleet, struct store_txn *fleet,
                       const struct keyfleet_look *look)
{
    struct named named = { .is = false };
    named.is = registry_key_leader(look->registry, named.name) == RESULT_OK;
    named.known = named.is && fleetkeys_identity(fleet, named.name, named.identity) == RESULT_OK;
    if (memcmp(named.identity, keyfleet->named.identity, sizeof(named.identity)) != 0) {
        keyfleet->seen = 0; /* what was refused may be good now */
    }
    keyfleet->named = named;
}

static void judge_standing(struct keyfleet *keyfleet, const uint8_t identity[SEAL_PUBLIC_LEN],
                           bool follows)
{
    const struct named *named = &keyfleet->named;
    keyfleet->superseded =
        !follows && named->known && memcmp(named->identity, identity, SEAL_PUBLIC_LEN) != 0;
    if (keyfleet->superseded) {
        log_once(&keyfleet->leading, keyfleet->sources.log, LOG_WARNING, NULL,
                 "%s leads the keys of the fleet, and this machine has its own: they take no step "
                 "until it follows (`ntspool key import --package --from`)",
                 named->name);
    } else {
        log_once_over(&keyfleet->leading, keyfleet->sources.log,
                      "no other machine is named to lead the keys of this one");
    }
}

static enum result in_fleet(struct keyfleet *keyfleet, struct store_txn *fleet,
                            const struct keyfleet_look *look, bool *changed, struct diag *diag)
{
    uint8_t identity[SEAL_PUBLIC_LEN];
    enum result result = RESULT_OK;
    int dir = -1;
    TRY(keyfiles_open_dir(keyfleet->sources.state_dir, &dir, diag));
    seal_public(keyfleet->sources.seal, identity);
    read_named(keyfleet, fleet, look);
    judge_standing(keyfleet, identity, look->follows);
    if (look->follows || keyfleet->superseded) {
        keyfleet->leads = false;
        keyfleet->peers->count = 0;
        sweep(dir, keyfleet->peers);
        result = look->follows ? take(keyfleet, fleet, look, changed, diag) : RESULT_OK;
    } else {
        result = fleetkeys_peers(keyfleet->peers, look->registry, fleet, identity);
        keyfleet->leads = result == RESULT_OK;
        if (result == RESULT_OK) {
            result = lead(keyfleet, dir, look, changed, diag);
        }
    }
    if (result == RESULT_OK) {
        result = note_identity(keyfleet, dir, look, diag);
    }
    (void)close(dir);
    return result;
}

enum result keyfleet_look(struct keyfleet *keyfleet, const struct keyfleet_look *look,
                          bool *changed, struct diag *diag)
{
    struct ledgerhead_position position;
    struct store_txn *fleet = NULL;
    *changed = false;
    if (keyfleet->sources.fleet == NULL) {
        return RESULT_OK;
    }
    struct store *store = fleetstore_get(keyfleet->sources.fleet);
    if (store == NULL || registry_position(look->registry, &position) != RESULT_OK) {
        keyfleet->leads = keyfleet->superseded = false;
        return RESULT_OK;
    }
    keyfleet->leads = keyfleet->leads && !look->follows;
    TRY(store_read(store, &fleet, diag));
    enum result result = in_fleet(keyfleet, fleet, look, changed, diag);
    store_abort(fleet);
    return result;
}

#include "zone/fleet/letters.h"

#include <stdio.h>
#include <stdlib.h>

#include "zone/registry/machine.h"

_Static_assert((int)LETTER_NAME_ROOM == MACHINE_ROOM && (int)LETTER_KEY == MACHINE_KEY,
               "letters are of machines");
_Static_assert((int)LETTER_MAX <= STORE_VALUE_MAX, "a letter is a value");

/* Packages of keys come from an admin. Vantage points have no answers and no demand. */
static bool may_say(enum machine_role role, enum letter_kind kind)
{
    switch (kind) {
    case LETTER_PACKAGE:
        return role == MACHINE_ADMIN;
    case LETTER_DEMAND:
    case LETTER_ANSWERS:
        return role != MACHINE_VANTAGE;
    default:
        return true;
    }
}

static bool is_slice(const char *subject)
{
    unsigned slice = 0;
    char text[LETTER_NAME_ROOM];
    while (slice < LETTERS_SLICES) {
        (void)snprintf(text, sizeof(text), "%u", slice++);
        if (strcmp(text, subject) == 0) {
            return true;
        }
    }
    return false;
}

/* So that no machine can fill the store of another. */
static bool is_bounded(const struct letter *letter)
{
    switch (letter->kind) {
    case LETTER_PACKAGE:
        return machine_name_fine(letter->subject);
    case LETTER_ANSWERS:
        return is_slice(letter->subject) && letter->text.len <= LETTERS_ANSWERS_MAX;
    default:
        return *letter->subject == '\0' && letter->text.len <= LETTERS_TEXT_MAX;
    }
}

static enum result check_place(const struct letter *letter, struct octets key, struct diag *diag)
{
    char place[LETTER_KEY_ROOM];
    size_t len = strlen(letter_key(letter, place));
    return len == key.len && memcmp(place, key.data, len) == 0
               ? RESULT_OK
               : diag_fail(diag, RESULT_REFUSED, "a letter of %s lies where it does not belong",
                           letter->machine);
}

static enum result check_machine(struct store_txn *registry, const struct letter *letter,
                                 uint8_t key[LETTER_KEY], struct diag *diag)
{
    struct machine machine;
    enum result result = registry_machine(registry, letter->machine, &machine);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(diag, RESULT_REFUSED, "a letter of %s, which is no machine of the fleet",
                         letter->machine);
    }
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "the machine %s: %s", letter->machine, result_text(result));
    }
    if (machine.evicted_at > 0) {
        return diag_fail(diag, RESULT_REFUSED, "a letter of %s, which is evicted", letter->machine);
    }
    if (!may_say(machine.role, letter->kind)) {
        return diag_fail(diag, RESULT_REFUSED, "a letter of %s, which has no right to such a one",
                         letter->machine);
    }
    memcpy(key, machine.key, LETTER_KEY);
    return RESULT_OK;
}

/* Of the letter that is kept; 0: none, or one that can't be read. */
static enum result last_number(struct store_txn *txn, const struct letter *letter, uint64_t *out)
{
    uint8_t *octets = xmalloc(LETTER_MAX);
    struct letter last;
    enum result result =
        letters_get(txn, letter->kind, letter->machine, letter->subject, octets, &last);
    free(octets);
    *out = result == RESULT_OK ? last.number : 0;
    return result == RESULT_SYSTEM ? result : RESULT_OK;
}

/* Reads a letter, and whether it may be where it is and is newer than what is kept. */
static enum result look_at(struct store_txn *txn, struct octets key, struct octets octets,
                           struct letter *out, struct diag *diag)
{
    uint64_t last = 0;
    enum result result = letter_read(out, octets);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "a letter can't be read: %s", result_text(result));
    }
    TRY(check_place(out, key, diag));
    if (!is_bounded(out)) {
        return diag_fail(diag, RESULT_INVALID,
                         "a letter of %s is longer than it may be, or about what it may not",
                         out->machine);
    }
    TRY(last_number(txn, out, &last));
    return out->number > last ? RESULT_OK : RESULT_EXISTS;
}

enum result letters_take(struct store_txn *change, struct store_txn *registry, const char *ledger,
                         struct octets key, struct octets octets, struct diag *diag)
{
    struct letter letter;
    uint8_t signer[LETTER_KEY];
    char place[LETTER_PLACE_ROOM];
    TRY(look_at(change, key, octets, &letter, diag));
    TRY(check_machine(registry, &letter, signer, diag));
    if (letter_open(&letter, octets, ledger, signer) != RESULT_OK) {
        return diag_fail(diag, RESULT_REFUSED,
                         "a letter that says it is of %s has a wrong signature", letter.machine);
    }
    (void)letter_place(&letter, place);
    return store_put(change, TABLE_PEERS, place, strlen(place), octets.data, octets.len);
}

enum result letters_get(struct store_txn *txn, enum letter_kind kind, const char *machine,
                        /* NOLINTNEXTLINE(readability-non-const-parameter): the store writes it */
                        const char *subject, uint8_t *octets, struct letter *out)
{
    struct letter wanted = { .kind = kind };
    char place[LETTER_PLACE_ROOM];
    struct store_item value = { .data = octets, .room = LETTER_MAX };
    ASSERT(strlen(machine) < LETTER_NAME_ROOM && strlen(subject) < LETTER_NAME_ROOM);
    memcpy(wanted.machine, machine, strlen(machine) + 1);
    memcpy(wanted.subject, subject, strlen(subject) + 1);
    (void)letter_place(&wanted, place);
    TRY(store_get(txn, TABLE_PEERS, place, strlen(place), &value));
    return letter_read(out, (struct octets){ octets, value.len });
}

enum result letters_each(struct store_txn *txn, enum letter_kind kind, letters_visit *visit,
                         void *arg)
{
    uint8_t name[STORE_KEY_MAX] = { (uint8_t)kind, '/' };
    struct store_item key = { .data = name, .len = 2, .room = sizeof(name) };
    struct store_item value = { .data = xmalloc(LETTER_MAX), .room = LETTER_MAX };
    struct letter letter;
    enum result result = store_find(txn, TABLE_PEERS, SEEK_AT_OR_AFTER, &key, &value);
    while (result == RESULT_OK && name[0] == (uint8_t)kind) {
        /* what a newer program has kept is left alone */
        if (letter_read(&letter, (struct octets){ value.data, value.len }) == RESULT_OK) {
            result = visit(&letter, arg);
        }
        if (result == RESULT_OK) {
            result = store_find(txn, TABLE_PEERS, SEEK_AFTER, &key, &value);
        }
    }
    free(value.data);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* The machine of a place; false if it is none. */
static bool machine_of(const struct store_item *key, char out[LETTER_NAME_ROOM])
{
    const uint8_t *name = key->data + 2;
    size_t left = key->len < 2 ? 0 : key->len - 2;
    const uint8_t *slash = left > 0 ? memchr(name, '/', left) : NULL;
    size_t len = slash != NULL ? (size_t)(slash - name) : left;
    if (len == 0 || len >= LETTER_NAME_ROOM) {
        return false;
    }
    memcpy(out, name, len);
    out[len] = '\0';
    return true;
}

enum result letters_purge(struct store_txn *change,
                          bool (*is_known)(const char *machine, void *arg), void *arg)
{
    uint8_t name[STORE_KEY_MAX];
    char machine[LETTER_NAME_ROOM];
    struct store_item key = { .data = name, .room = sizeof(name) };
    enum result result = store_find(change, TABLE_PEERS, SEEK_FIRST, &key, NULL);
    while (result == RESULT_OK) {
        if (!machine_of(&key, machine) || !is_known(machine, arg)) {
            TRY(store_delete(change, TABLE_PEERS, name, key.len));
        }
        result = store_find(change, TABLE_PEERS, SEEK_AFTER, &key, NULL);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* The row: u8 layout, then sealed: u8 bits (1: has next, 2: has previous), u64 changed_at, the
 * three secrets. The seal also authenticates the row's key and layout. */
#include "dnssec/keys/cookie_secrets.h"

#include <sodium.h>

enum {
    LAYOUT = 1,
    HAS_NEXT = 1,
    HAS_PREVIOUS = 2,
    ROW_LEN = 1 + COOKIE_SECRETS_LEN + SEAL_OVERHEAD
};

static const char row_key[] = "cookie-secrets";

/* The data that the seal authenticates: the row's key, then the layout. */
static void bound_of(uint8_t out[sizeof row_key])
{
    memcpy(out, row_key, sizeof row_key);
    out[sizeof row_key - 1] = LAYOUT;
}

void cookie_secrets_write(struct writer *w, const struct cookie_secrets *secrets)
{
    write_u8(w, (uint8_t)((secrets->has_next ? HAS_NEXT : 0) |
                          (secrets->has_previous ? HAS_PREVIOUS : 0)));
    write_u64(w, secrets->changed_at);
    write_octets(w, secrets->current, COOKIE_SECRET_LEN);
    write_octets(w, secrets->next, COOKIE_SECRET_LEN);
    write_octets(w, secrets->previous, COOKIE_SECRET_LEN);
}

struct cookie_secrets cookie_secrets_read(struct reader *r)
{
    struct cookie_secrets secrets = { .present = true };
    uint8_t bits = read_u8(r);
    r->failed = r->failed || (bits & ~(HAS_NEXT | HAS_PREVIOUS)) != 0;
    secrets.has_next = (bits & HAS_NEXT) != 0;
    secrets.has_previous = (bits & HAS_PREVIOUS) != 0;
    secrets.changed_at = read_u64(r);
    read_into(r, secrets.current, COOKIE_SECRET_LEN);
    read_into(r, secrets.next, COOKIE_SECRET_LEN);
    read_into(r, secrets.previous, COOKIE_SECRET_LEN);
    return secrets;
}

static enum result decode(struct cookie_secrets *out, const uint8_t plain[COOKIE_SECRETS_LEN])
{
    struct reader r = reader_of(plain, COOKIE_SECRETS_LEN);
    struct cookie_secrets secrets = cookie_secrets_read(&r);
    bool good = reader_done(&r);
    if (good) {
        *out = secrets;
    }
    sodium_memzero(&secrets, sizeof secrets);
    return good ? RESULT_OK : RESULT_DAMAGED;
}

enum result cookie_secrets_get(struct store_txn *txn, const struct seal *seal,
                               struct cookie_secrets *out, struct diag *diag)
{
    uint8_t row[ROW_LEN], bound[sizeof row_key], plain[COOKIE_SECRETS_LEN];
    struct store_item value = { .data = row, .room = sizeof row };
    enum result result = store_get(txn, TABLE_META, row_key, sizeof row_key - 1, &value);
    if (result == RESULT_NOT_FOUND) {
        *out = (struct cookie_secrets){ .present = false };
        return RESULT_OK;
    }
    if (result == RESULT_OK && value.len > 0 && row[0] > LAYOUT) {
        return diag_fail(diag, RESULT_NEWER, "the cookie secrets were written by a newer ntspool");
    }
    if (result != RESULT_OK || value.len != sizeof row || row[0] != LAYOUT) {
        return diag_fail(diag, RESULT_DAMAGED,
                         "the row of the cookie secrets is damaged: `ntspool cookie set random` "
                         "makes a new one");
    }
    bound_of(bound);
    result = seal_unwrap(seal, row + 1, sizeof row - 1, bound, sizeof bound, plain);
    if (result != RESULT_OK) {
        return diag_fail(diag, result,
                         "the cookie secrets cannot be opened: they were sealed with another "
                         "sealing key, or the store is damaged");
    }
    result = decode(out, plain);
    sodium_memzero(plain, sizeof plain);
    return result == RESULT_OK ? result : diag_fail(diag, result, "the cookie secrets are damaged");
}

enum result cookie_secrets_put(struct store_txn *txn, const struct seal *seal,
                               const struct cookie_secrets *secrets, struct diag *diag)
{
    uint8_t row[ROW_LEN] = { LAYOUT }, bound[sizeof row_key], plain[COOKIE_SECRETS_LEN];
    struct writer w = writer_of(plain, sizeof plain);
    cookie_secrets_write(&w, secrets);
    bound_of(bound);
    enum result result = seal_wrap(seal, plain, sizeof plain, bound, sizeof bound, row + 1);
    sodium_memzero(plain, sizeof plain);
    if (result == RESULT_OK) {
        result = store_put(txn, TABLE_META, row_key, sizeof row_key - 1, row, sizeof row);
    }
    return result == RESULT_OK ? result
                               : diag_fail(diag, result, "the cookie secrets cannot be stored: %s",
                                           result_text(result));
}

enum result cookie_secret_parse(uint8_t out[COOKIE_SECRET_LEN], const char *text, struct diag *diag)
{
    uint8_t secret[COOKIE_SECRET_LEN];
    size_t len = 0;
    const char *end = NULL;
    if (strcmp(text, "random") == 0) {
        randombytes_buf(out, COOKIE_SECRET_LEN);
        return RESULT_OK;
    }
    if (strlen(text) != 2 * sizeof secret ||
        sodium_hex2bin(secret, sizeof secret, text, strlen(text), NULL, &len, &end) != 0 ||
        len != sizeof secret || *end != '\0') {
        /* Without the text: it may be most of a secret. */
        return diag_fail(diag, RESULT_INVALID,
                         "a cookie secret is %d hexadecimal digits, or the word random",
                         2 * COOKIE_SECRET_LEN);
    }
    memcpy(out, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
    return RESULT_OK;
}

void cookie_secrets_roll(struct cookie_secrets *secrets, uint64_t now)
{
    memcpy(secrets->previous, secrets->current, COOKIE_SECRET_LEN);
    secrets->has_previous = true;
    if (secrets->has_next) {
        memcpy(secrets->current, secrets->next, COOKIE_SECRET_LEN);
    } else {
        randombytes_buf(secrets->current, COOKIE_SECRET_LEN);
    }
    sodium_memzero(secrets->next, COOKIE_SECRET_LEN);
    secrets->has_next = false;
    secrets->changed_at = now;
}

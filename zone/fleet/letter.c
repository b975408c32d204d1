#include "zone/fleet/letter.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "zone/base/clock.h"
#include "zone/base/u64.h"

enum {
    LAYOUT = 1,
    LEDGER_MAX = 512
};

/* 1 to 63 octets of printable ASCII without a slash: it is a part of a key. */
static bool is_name(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '/') {
            return false;
        }
    }
    return len > 0;
}

uint64_t letter_number(uint64_t last)
{
    struct timespec now = clock_exact();
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    return u64_max(last + 1, ms);
}

static void write_body(struct writer *w, const struct letter *letter)
{
    write_u8(w, LAYOUT);
    write_u8(w, (uint8_t)letter->kind);
    write_text(w, letter->machine);
    write_text(w, letter->subject);
    write_u64(w, letter->number);
    write_u64(w, letter->made_at);
    write_u32(w, (uint32_t)letter->text.len);
    write_octets(w, letter->text.data, letter->text.len);
}

/* What is signed: a digest of which ledger it is for, and of all of the letter but the
 * signature. */
static void signed_digest(const char *ledger, const uint8_t *body, size_t len,
                          uint8_t out[crypto_generichash_BYTES])
{
    uint8_t head[LEDGER_MAX + 32];
    struct writer w = writer_of(head, sizeof(head));
    crypto_generichash_state state;
    write_text(&w, "ntspool letter");
    write_text(&w, ledger);
    ASSERT(!w.failed);
    CHECK(crypto_generichash_init(&state, NULL, 0, crypto_generichash_BYTES) == 0);
    CHECK(crypto_generichash_update(&state, head, w.at) == 0);
    CHECK(crypto_generichash_update(&state, body, len) == 0);
    CHECK(crypto_generichash_final(&state, out, crypto_generichash_BYTES) == 0);
}

size_t letter_seal(const struct letter *letter, const char *ledger,
                   const uint8_t secret[LETTER_SECRET], uint8_t *out)
{
    uint8_t digest[crypto_generichash_BYTES];
    struct writer w = writer_of(out, LETTER_MAX);
    ASSERT(is_name(letter->machine) && letter->text.len <= LETTER_TEXT_MAX);
    ASSERT(*letter->subject == '\0' || is_name(letter->subject));
    write_body(&w, letter);
    ASSERT(!w.failed);
    signed_digest(ledger, out, w.at, digest);
    uint8_t *signature = write_room(&w, LETTER_SIGNATURE);
    ASSERT(signature != NULL);
    CHECK(crypto_sign_detached(signature, NULL, digest, sizeof(digest), secret) == 0);
    return w.at;
}

static bool is_kind(uint8_t kind)
{
    static const uint8_t kinds[] = { LETTER_HELLO, LETTER_DEMAND, LETTER_ANSWERS, LETTER_ACK,
                                     LETTER_PACKAGE };
    return memchr(kinds, kind, sizeof(kinds)) != NULL;
}

enum result letter_read(struct letter *out, struct octets octets)
{
    struct reader r = reader_of(octets.data, octets.len);
    struct letter letter = { .number = 0 };
    uint8_t layout = read_u8(&r), kind = read_u8(&r);
    if (!r.failed && (layout > LAYOUT || (layout == LAYOUT && !is_kind(kind)))) {
        return RESULT_NEWER;
    }
    letter.kind = (enum letter_kind)kind;
    read_text(&r, letter.machine, sizeof(letter.machine));
    read_text(&r, letter.subject, sizeof(letter.subject));
    letter.number = read_u64(&r);
    letter.made_at = read_u64(&r);
    letter.text.len = read_u32(&r);
    letter.text.data = read_octets(&r, letter.text.len);
    (void)read_octets(&r, LETTER_SIGNATURE);
    if (!reader_done(&r) || layout != LAYOUT || letter.number == 0 ||
        letter.text.len > LETTER_TEXT_MAX || !is_name(letter.machine) ||
        (*letter.subject != '\0' && !is_name(letter.subject))) {
        return RESULT_INVALID;
    }
    *out = letter;
    return RESULT_OK;
}

enum result letter_open(struct letter *out, struct octets octets, const char *ledger,
                        const uint8_t key[LETTER_KEY])
{
    uint8_t digest[crypto_generichash_BYTES];
    struct letter letter;
    TRY(letter_read(&letter, octets));
    size_t body = octets.len - LETTER_SIGNATURE;
    signed_digest(ledger, octets.data, body, digest);
    if (crypto_sign_verify_detached(octets.data + body, digest, sizeof(digest), key) != 0) {
        return RESULT_REFUSED;
    }
    *out = letter;
    return RESULT_OK;
}

char *letter_place(const struct letter *letter, char out[LETTER_PLACE_ROOM])
{
    const char *slash = *letter->subject != '\0' ? "/" : "";
    (void)snprintf(out, LETTER_PLACE_ROOM, "%c/%s%s%s", (char)letter->kind, letter->machine, slash,
                   letter->subject);
    return out;
}

char *letter_key(const struct letter *letter, char out[LETTER_KEY_ROOM])
{
    const char *machine = letter->machine, *subject = letter->subject;
    switch (letter->kind) {
    case LETTER_HELLO:
        (void)snprintf(out, LETTER_KEY_ROOM, "e/%s/hello", machine);
        break;
    case LETTER_DEMAND:
        (void)snprintf(out, LETTER_KEY_ROOM, "e/%s/demand", machine);
        break;
    case LETTER_ANSWERS:
        (void)snprintf(out, LETTER_KEY_ROOM, "e/%s/answers/%s", machine, subject);
        break;
    case LETTER_ACK:
        (void)snprintf(out, LETTER_KEY_ROOM, "a/%s", machine);
        break;
    case LETTER_PACKAGE:
        (void)snprintf(out, LETTER_KEY_ROOM, "k/%s", subject);
        break;
    }
    return out;
}

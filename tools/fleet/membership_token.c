#include <stdio.h>

#include <sodium.h>

#include "tools/fleet/membership_private.h"

#define HEAD           "ntspool-token "
#define VERSION        "1"
#define END            "end"
#define BEGIN_OF(what) "-----BEGIN " what "-----"
#define END_OF(what)   "-----END " what "-----"
#define CERTIFICATE    "CERTIFICATE"
#define PRIVATE_KEY    "PRIVATE KEY"

enum {
    LINE_ROOM = DNAME_TEXT_MAX + 32, /* the longest is the pool's name */
    KEY_HEX = 2 * LEDGERHEAD_KEY,
    SEED = crypto_sign_SEEDBYTES
};

/* -- the key -- */

/* PrivateKeyInfo of an Ed25519 key up to its seed (RFC 8410 7). */
static const uint8_t key_der[] = { 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                   0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20 };

enum {
    KEY_DER = sizeof key_der + SEED,
    KEY_TEXT = sodium_base64_ENCODED_LEN(KEY_DER, sodium_base64_VARIANT_ORIGINAL)
};

void membership_key_pem(const uint8_t secret[LEDGERHEAD_SECRET], char out[MEMBERSHIP_KEY_PEM_ROOM])
{
    uint8_t der[KEY_DER];
    char text[KEY_TEXT];
    memcpy(der, key_der, sizeof key_der);
    memcpy(der + sizeof key_der, secret, SEED);
    sodium_bin2base64(text, sizeof text, der, sizeof der, sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(out, MEMBERSHIP_KEY_PEM_ROOM,
                   BEGIN_OF(PRIVATE_KEY) "\n%s\n" END_OF(PRIVATE_KEY) "\n", text);
    sodium_memzero(der, sizeof der);
    sodium_memzero(text, sizeof text);
}

enum result membership_key_of_pem(const char *pem, uint8_t out[LEDGERHEAD_SECRET],
                                  struct diag *diag)
{
    static const char begin[] = BEGIN_OF(PRIVATE_KEY) "\n";
    static const char end[] = "\n" END_OF(PRIVATE_KEY) "\n";
    uint8_t der[KEY_DER], key[LEDGERHEAD_KEY];
    size_t len = 0;
    const char *text = pem + sizeof begin - 1, *stop = NULL;
    bool good = strlen(pem) == sizeof begin - 1 + KEY_TEXT - 1 + sizeof end - 1 &&
                strncmp(pem, begin, sizeof begin - 1) == 0 &&
                strcmp(text + KEY_TEXT - 1, end) == 0 &&
                sodium_base642bin(der, sizeof der, text, KEY_TEXT - 1, NULL, &len, &stop,
                                  sodium_base64_VARIANT_ORIGINAL) == 0 &&
                stop == text + KEY_TEXT - 1 && len == sizeof der &&
                memcmp(der, key_der, sizeof key_der) == 0;
    if (good) {
        CHECK(crypto_sign_seed_keypair(key, out, der + sizeof key_der) == 0);
    }
    sodium_memzero(der, sizeof der);
    return good ? RESULT_OK
                : diag_fail(diag, RESULT_INVALID, "the private key is no Ed25519 key of ntspool's");
}

/* -- writing -- */

static void add(char *out, size_t *len, const char *name, const char *text)
{
    int more = snprintf(out + *len, MEMBERSHIP_TOKEN_MAX - *len, "%s%s\n", name, text);
    ASSERT(more > 0 && (size_t)more < MEMBERSHIP_TOKEN_MAX - *len);
    *len += (size_t)more;
}

/* All lines but the last. */
static size_t add_lines(const struct membership *membership, char *out)
{
    size_t len = 0;
    char text[LINE_ROOM], hex[KEY_HEX + 1], address[ADDRESS_TEXT_MAX];
    add(out, &len, HEAD, VERSION);
    add(out, &len, "name ", membership->name);
    add(out, &len, "role ", machine_role_text(membership->role));
    add(out, &len, "pool ", membership->apex);
    add(out, &len, "registry ",
        sodium_bin2hex(hex, sizeof hex, membership->registry_id, REGISTRY_ID_LEN));
    for (unsigned i = 0; i < membership->node_count; i++) {
        const struct endpoint *node = &membership->nodes[i];
        (void)snprintf(text, sizeof text, "%s@%u", address_text(&node->address, address),
                       (unsigned)node->port);
        add(out, &len, "node ", text);
    }
    add(out, &len, "founder ",
        sodium_bin2hex(hex, sizeof hex, membership->founder, LEDGERHEAD_KEY));
    return len;
}

size_t membership_lines(const struct membership *membership, char *out)
{
    size_t len = add_lines(membership, out);
    add(out, &len, END, "");
    return len;
}

size_t membership_token(const struct membership *membership, const struct membership_papers *papers,
                        char *out)
{
    const char *const blocks[] = { papers->certificate, papers->ca, papers->key, papers->ca_key };
    size_t len = add_lines(membership, out);
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        size_t more = strlen(blocks[i]); /* with its line feeds */
        ASSERT(len + more < MEMBERSHIP_TOKEN_MAX);
        memcpy(out + len, blocks[i], more);
        len += more;
    }
    add(out, &len, END, "");
    return len;
}

/* -- reading -- */

struct token_reader {
    const char *at, *line, *next; /* `line` up to `at`, without its line feed */
    unsigned number;
    char text[LINE_ROOM]; /* of the line */
    struct diag *diag;
};

static enum result bad(const struct token_reader *in, const char *why)
{
    return diag_fail(in->diag, RESULT_INVALID, "line %u of the token: %s", in->number, why);
}

/* The next line. A token ends with `end`, so that one that is cut off is seen. */
static enum result next_line(struct token_reader *in)
{
    const char *end = strchr(in->next, '\n');
    in->number++;
    if (end == NULL) {
        return bad(in, "it is cut off here: the last line of a token is \"" END "\"");
    }
    size_t len = (size_t)(end - in->next);
    in->line = in->next;
    in->next = end + 1;
    len -= len > 0 && in->line[len - 1] == '\r';
    if (len >= sizeof in->text) {
        return bad(in, "it is too long");
    }
    memcpy(in->text, in->line, len);
    in->text[len] = '\0';
    return RESULT_OK;
}

/* The line's text behind `name`; NULL if it is another line. */
static const char *value_of(const struct token_reader *in, const char *name)
{
    size_t len = strlen(name);
    return strncmp(in->text, name, len) == 0 ? in->text + len : NULL;
}

static bool read_hex(const char *text, uint8_t *out, size_t len)
{
    size_t got = 0;
    const char *end = NULL;
    return strlen(text) == 2 * len &&
           sodium_hex2bin(out, len, text, 2 * len, NULL, &got, &end) == 0 && got == len;
}

static enum result read_name(struct token_reader *in, struct membership *out)
{
    TRY(next_line(in));
    const char *name = value_of(in, "name ");
    if (name == NULL || !machine_name_fine(name)) {
        return bad(in, "there should be the machine's name");
    }
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    TRY(next_line(in));
    const char *role = value_of(in, "role ");
    if (role == NULL || !machine_role_parse(&out->role, role)) {
        return bad(in, "there should be its role: admin, edge or vantage");
    }
    return RESULT_OK;
}

static enum result read_pool(struct token_reader *in, struct membership *out)
{
    struct dname apex;
    TRY(next_line(in));
    const char *pool = value_of(in, "pool ");
    if (pool == NULL || dname_parse(&apex, pool, NULL) != RESULT_OK) {
        return bad(in, "there should be the pool's name");
    }
    (void)dname_text(&apex, out->apex);
    TRY(next_line(in));
    const char *id = value_of(in, "registry ");
    if (id == NULL || !read_hex(id, out->registry_id, REGISTRY_ID_LEN)) {
        return bad(in, "there should be the registry's id");
    }
    return RESULT_OK;
}

static enum result read_nodes(struct token_reader *in, struct membership *out)
{
    const char *node = NULL;
    TRY(next_line(in));
    while ((node = value_of(in, "node ")) != NULL) {
        if (out->node_count == ETCD_NODES_MAX ||
            endpoint_parse(&out->nodes[out->node_count], node, ETCD_PORT) != RESULT_OK) {
            return bad(in, "this is no address of a node, or one too many");
        }
        out->node_count++;
        TRY(next_line(in));
    }
    return out->node_count > 0 ? RESULT_OK : bad(in, "there should be a node of the engine");
}

/* Ends with the line behind it. */
static enum result read_founder(struct token_reader *in, struct membership *out)
{
    const char *key = value_of(in, "founder ");
    if (key == NULL || !read_hex(key, out->founder, LEDGERHEAD_KEY)) {
        return bad(in, "there should be the key of the fleet's founder");
    }
    return next_line(in);
}

/* All lines up to the papers or the end; that line is then the present one. */
static enum result read_lines(struct token_reader *in, struct membership *out)
{
    TRY(next_line(in));
    const char *version = value_of(in, HEAD);
    if (version == NULL) {
        return bad(in, "this is no token of `ntspool fleet token`");
    }
    if (strcmp(version, VERSION) != 0) {
        return diag_fail(in->diag, RESULT_NEWER, "the token was made by a newer ntspool");
    }
    TRY(read_name(in, out));
    TRY(read_pool(in, out));
    TRY(read_nodes(in, out));
    TRY(read_founder(in, out));
    membership_complete(out);
    return RESULT_OK;
}

static enum result read_end(struct token_reader *in)
{
    if (strcmp(in->text, END) != 0) {
        return bad(in, "there should be \"" END "\"");
    }
    return in->next[strspn(in->next, "\r\n ")] == '\0' ? RESULT_OK
                                                       : bad(in, "something follows it");
}

enum result membership_lines_read(struct membership *out, const char *text, struct diag *diag)
{
    struct token_reader in = { .next = text, .diag = diag };
    struct membership read = { .name = "" };
    TRY(read_lines(&in, &read));
    TRY(read_end(&in));
    *out = read;
    return RESULT_OK;
}

/* A block that begins with the present line. Ends with the line behind it. */
static enum result read_block(struct token_reader *in, const char *begin, const char *end,
                              char *out, size_t room)
{
    struct writer w = writer_of(out, room - 1);
    bool last = false;
    if (strcmp(in->text, begin) != 0) {
        return bad(in, "there should be a certificate or key");
    }
    while (!last) {
        last = strcmp(in->text, end) == 0;
        write_octets(&w, in->text, strlen(in->text));
        write_u8(&w, '\n');
        if (w.failed) {
            return bad(in, "the certificate or key is too long");
        }
        TRY(next_line(in));
    }
    out[w.at] = '\0';
    return RESULT_OK;
}

static enum result read_papers(struct token_reader *in, struct membership *out,
                               struct membership_papers *papers)
{
    static const char begin[] = BEGIN_OF(CERTIFICATE), end[] = END_OF(CERTIFICATE);
    static const char key_begin[] = BEGIN_OF(PRIVATE_KEY), key_end[] = END_OF(PRIVATE_KEY);
    uint8_t ca_secret[LEDGERHEAD_SECRET];
    enum result result = RESULT_OK;
    TRY(read_block(in, begin, end, papers->certificate, sizeof papers->certificate));
    TRY(read_block(in, begin, end, papers->ca, sizeof papers->ca));
    TRY(read_block(in, key_begin, key_end, papers->key, sizeof papers->key));
    TRY(membership_key_of_pem(papers->key, out->secret, in->diag));
    if (out->role == MACHINE_ADMIN) {
        TRY(read_block(in, key_begin, key_end, papers->ca_key, sizeof papers->ca_key));
        result = membership_key_of_pem(papers->ca_key, ca_secret, in->diag);
        sodium_memzero(ca_secret, sizeof ca_secret);
    }
    return result;
}

enum result membership_token_read(struct membership *out, struct membership_papers *papers,
                                  const char *text, size_t len, struct diag *diag)
{
    struct token_reader in = { .next = text, .diag = diag };
    struct membership read = { .name = "" };
    struct membership_papers read_in = { .ca_key = "" };
    if (len > MEMBERSHIP_TOKEN_MAX || memchr(text, 0, len) != NULL) {
        return diag_fail(diag, RESULT_INVALID, "this is no token of `ntspool fleet token`");
    }
    enum result result = read_lines(&in, &read);
    result = result == RESULT_OK ? read_papers(&in, &read, &read_in) : result;
    result = result == RESULT_OK ? read_end(&in) : result;
    if (result == RESULT_OK) {
        *out = read;
        *papers = read_in;
    }
    sodium_memzero(&read, sizeof read);
    sodium_memzero(&read_in, sizeof read_in);
    sodium_memzero(in.text, sizeof in.text);
    return result;
}

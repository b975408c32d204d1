#include "zone/names/dname.h"

#include "zone/base/escape.h"

static inline uint8_t lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

#define EACH_OCTET(value) (UINT64_C(0x0101010101010101) * (value))

/* Eight octets at once: adding 0x80 minus a letter to an octet below 128 sets its top bit from that
 * letter on. */
static inline uint64_t lower_word(uint64_t word)
{
    uint64_t low = word & EACH_OCTET(0x7f);
    uint64_t from_a = low + EACH_OCTET(0x80 - 'A'), past_z = low + EACH_OCTET(0x80 - 'Z' - 1);
    return word | (~word & (from_a ^ past_z) & EACH_OCTET(0x80)) >> 2;
}

static inline uint64_t word_at(const uint8_t *octets)
{
    uint64_t word = 0;
    memcpy(&word, octets, sizeof(word));
    return word;
}

void dname_read(struct reader *r, struct dname *out)
{
    const uint8_t *name = r->data + r->at;
    size_t left = reader_left(r), len = 0, label = 0;
    left = left < DNAME_MAX ? left : DNAME_MAX;
    do {
        label = len < left ? name[len] : UINT8_MAX;
        len += 1 + label;
        if (label > 63 || len > left) { /* 64 and up: pointers and reserved types, RFC 1035 4.1.4 */
            r->failed = true;
            return;
        }
    } while (label > 0);
    r->at += len;
    out->len = (uint8_t)len;
    memcpy(out->wire, name, len);
}

/* Ends the label that started at `label`; the next one starts at w->at. */
static enum result end_label(struct writer *w, size_t label)
{
    size_t len = w->at - label - 1;
    if (w->failed || len > 63) {
        return RESULT_TOO_LONG;
    }
    if (len == 0) {
        return RESULT_INVALID;
    }
    w->data[label] = (uint8_t)len;
    return RESULT_OK;
}

enum result dname_parse(struct dname *out, const char *text, const struct dname *origin)
{
    struct dname name = { .len = 0 };
    struct writer w = writer_of(name.wire, sizeof(name.wire));
    bool absolute = false;
    if (strcmp(text, ".") == 0) {
        text++;
        absolute = true;
    } else if (*text == '\0') {
        return RESULT_INVALID;
    }
    while (*text != '\0') {
        size_t label = wire_mark(&w);
        write_u8(&w, 0);
        while (*text != '\0' && *text != '.') {
            uint8_t octet = 0;
            size_t taken = escape_read(text, strnlen(text, ESCAPE_MAX), &octet);
            if (taken == 0) {
                return RESULT_INVALID;
            }
            text += taken;
            write_u8(&w, octet);
        }
        TRY(end_label(&w, label));
        if (*text == '.') {
            text++;
            absolute = *text == '\0';
        }
    }
    if (absolute || origin == NULL) {
        write_u8(&w, 0);
    } else {
        dname_write(&w, origin);
    }
    if (w.failed) {
        return RESULT_TOO_LONG;
    }
    name.len = (uint8_t)w.at;
    *out = name;
    return RESULT_OK;
}

/* Writes what all name servers read: besides letters and digits, Knot takes only - _ * / unescaped,
 * and NSD reads an escaped # or \ differently. */
static char *put_octet(char *p, uint8_t octet)
{
    bool letter = (octet | 0x20) >= 'a' && (octet | 0x20) <= 'z';
    if (letter || (octet >= '0' && octet <= '9') || (octet != 0 && strchr("-_*/", octet) != NULL)) {
        *p++ = (char)octet;
        return p;
    }
    return strchr(".\"();@$", octet) != NULL ? escape_write(p, octet, ".\"();@$")
                                             : escape_decimal(p, octet);
}

char *dname_text(const struct dname *name, char *out)
{
    char *p = out;
    for (size_t at = 0; name->wire[at] != 0; at += name->wire[at] + 1u) {
        for (unsigned i = 1; i <= name->wire[at]; i++) {
            p = put_octet(p, name->wire[at + i]);
        }
        *p++ = '.';
    }
    if (p == out) {
        *p++ = '.';
    }
    *p = '\0';
    return out;
}

void dname_lower(struct dname *name)
{
    /* Length octets are below 64, and so below 'A': the whole name can be treated alike. */
    for (unsigned i = 0; i < name->len; i++) {
        name->wire[i] = lower(name->wire[i]);
    }
}

/* Most clients write names as we do, so equal words come first. */
static bool equal_words(const uint8_t *a, const uint8_t *b)
{
    uint64_t left = word_at(a), right = word_at(b);
    return left == right || lower_word(left) == lower_word(right);
}

/* Both ranges have `len` octets. */
static bool equal_octets(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len < 8) {
        size_t at = 0;
        while (at < len && lower(a[at]) == lower(b[at])) {
            at++;
        }
        return at == len;
    }
    for (size_t at = 0; at + 8 <= len; at += 8) {
        if (!equal_words(a + at, b + at)) {
            return false;
        }
    }
    /* The last eight octets, some of them perhaps compared already. */
    return equal_words(a + len - 8, b + len - 8);
}

bool dname_equal(const struct dname *a, const struct dname *b)
{
    return a->len == b->len && equal_octets(a->wire, b->wire, a->len);
}

bool dname_under(const struct dname *name, const struct dname *apex)
{
    if (name->len < apex->len) {
        return false;
    }
    /* The tail must start at a label boundary. */
    size_t tail = (size_t)name->len - apex->len, at = 0;
    while (at < tail) {
        at += name->wire[at] + 1u;
    }
    return at == tail && equal_octets(name->wire + tail, apex->wire, apex->len);
}

unsigned dname_labels(const struct dname *name)
{
    unsigned count = 0;
    for (size_t at = 0; name->wire[at] != 0; at += name->wire[at] + 1u) {
        count++;
    }
    return count;
}

struct dname dname_parent(const struct dname *name, unsigned count)
{
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        ASSERT(name->wire[at] != 0);
        at += name->wire[at] + 1u;
    }
    struct dname parent = { .len = (uint8_t)(name->len - at) };
    memcpy(parent.wire, name->wire + at, parent.len);
    return parent;
}

enum result dname_prepend(struct dname *out, const char *label, size_t len,
                          const struct dname *parent)
{
    if (len == 0 || len > 63 || len + 1 + parent->len > DNAME_MAX) {
        return RESULT_TOO_LONG;
    }
    struct dname name = { .len = (uint8_t)(len + 1 + parent->len) };
    name.wire[0] = (uint8_t)len;
    memcpy(name.wire + 1, label, len);
    memcpy(name.wire + 1 + len, parent->wire, parent->len);
    *out = name;
    return RESULT_OK;
}

/* Sets where each label starts, leftmost first. Returns their number. */
static unsigned label_starts(const struct dname *name, uint8_t starts[DNAME_LABELS_MAX])
{
    unsigned count = 0;
    for (size_t at = 0; name->wire[at] != 0; at += name->wire[at] + 1u) {
        starts[count++] = (uint8_t)at;
    }
    return count;
}

static int compare_labels(const uint8_t *a, const uint8_t *b)
{
    unsigned shorter = a[0] < b[0] ? a[0] : b[0];
    for (unsigned i = 1; i <= shorter; i++) {
        int difference = lower(a[i]) - lower(b[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return a[0] - b[0];
}

int dname_compare(const struct dname *a, const struct dname *b)
{
    uint8_t starts_a[DNAME_LABELS_MAX], starts_b[DNAME_LABELS_MAX];
    unsigned na = label_starts(a, starts_a), nb = label_starts(b, starts_b);
    while (na > 0 && nb > 0) {
        int difference = compare_labels(a->wire + starts_a[--na], b->wire + starts_b[--nb]);
        if (difference != 0) {
            return difference;
        }
    }
    return (int)na - (int)nb;
}

void dname_key_of(struct dname_key *out, const struct dname *name, const struct dname *apex)
{
    uint8_t starts[DNAME_LABELS_MAX];
    unsigned relative = 0;
    size_t at = 0;
    ASSERT(name->len >= apex->len);
    while (at < (size_t)name->len - apex->len) {
        starts[relative++] = (uint8_t)at;
        at += name->wire[at] + 1u;
    }
    /* a cheap check that it is under the apex */
    ASSERT(at == (size_t)name->len - apex->len);
    uint8_t *p = out->octets;
    /* At most 504 octets: 250 octets in four labels of 63, each octet doubled, and four ends. */
    while (relative > 0) {
        const uint8_t *label = name->wire + starts[--relative];
        for (unsigned i = 1; i <= label[0]; i++) {
            uint8_t octet = lower(label[i]);
            if (octet <= 1) {
                *p++ = 1;
                octet++;
            }
            *p++ = octet;
        }
        *p++ = 0;
    }
    out->len = (uint16_t)(p - out->octets);
}

/* Reads one label of a key and its end; false if malformed. dname_prepend refuses an empty one. */
static bool read_key_label(const struct dname_key *key, size_t *at, char label[63], size_t *len)
{
    *len = 0;
    while (*at < key->len && key->octets[*at] != 0) {
        uint8_t octet = key->octets[(*at)++];
        if (octet == 1) {
            if (*at == key->len || key->octets[*at] < 1 || key->octets[*at] > 2) {
                return false;
            }
            octet = (uint8_t)(key->octets[(*at)++] - 1);
        }
        if (*len == 63) {
            return false;
        }
        label[(*len)++] = (char)octet;
    }
    return (*at)++ < key->len;
}

enum result dname_of_key(struct dname *out, const struct dname_key *key, const struct dname *apex)
{
    struct dname name = *apex;
    size_t at = 0;
    while (at < key->len) {
        char label[63];
        size_t len = 0;
        struct dname parent = name;
        if (!read_key_label(key, &at, label, &len) ||
            dname_prepend(&name, label, len, &parent) != RESULT_OK) {
            return RESULT_DAMAGED;
        }
    }
    *out = name;
    return RESULT_OK;
}

uint64_t dname_key_hash(const struct dname_key *key)
{
    uint64_t h = key->len;
    for (size_t at = 0; at < key->len; at += 8) {
        uint64_t word = 0;
        size_t left = key->len - at;
        memcpy(&word, key->octets + at, left < 8 ? left : 8);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return h;
}

int dname_key_compare(const struct dname_key *a, const struct dname_key *b)
{
    size_t shorter = a->len < b->len ? a->len : b->len;
    int difference = memcmp(a->octets, b->octets, shorter);
    return difference != 0 ? difference : (int)a->len - (int)b->len;
}

bool dname_key_under(const struct dname_key *key, const struct dname_key *ancestor)
{
    return key->len >= ancestor->len && memcmp(key->octets, ancestor->octets, ancestor->len) == 0;
}

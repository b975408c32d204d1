/* Domain names in uncompressed wire form (RFC 1035 3.1) and their canonical order (RFC 4034 6.1).
 *
 * A struct dname always holds a valid, absolute name: labels of 1 to 63 octets, the root label
 * last, at most 255 octets. Comparisons ignore case (RFC 4343); dname_lower makes the canonical
 * form. */
#ifndef ZONE_DNAME_H
#define ZONE_DNAME_H

#include "zone/base/result.h"
#include "zone/base/wire.h"

enum {
    DNAME_MAX = 255,
    DNAME_TEXT_MAX = 1024, /* presentation form: up to 4 characters per octet, and NUL */
    DNAME_LABELS_MAX = 127,
    DNAME_KEY_MAX = 511 /* also LMDB's largest key */
};

struct dname {
    uint8_t len; /* octets, the root label included; the root itself is 1 */
    uint8_t wire[DNAME_MAX];
};

/* A name relative to an apex, as an octet string whose memcmp order is the canonical order: labels
 * reversed, lower case, each ended by 00; octets 00 and 01 inside a label are written 01 01 and 01
 * 02. The apex is the empty key. */
struct dname_key {
    uint16_t len;
    uint8_t octets[DNAME_KEY_MAX];
};

/* Reads an uncompressed name; a compression pointer or a reserved label type fails the reader. */
void dname_read(struct reader *r, struct dname *out);
static inline void dname_write(struct writer *w, const struct dname *name)
{
    write_octets(w, name->wire, name->len);
}

/* Parses presentation form (RFC 1035 5.1: \X and \DDD escapes). `origin` (the root if NULL) is
 * appended to a name without a final dot. INVALID or TOO_LONG on failure. */
enum result dname_parse(struct dname *out, const char *text, const struct dname *origin);
/* Writes presentation form with the final dot; `out` has room for DNAME_TEXT_MAX. Returns `out`. */
char *dname_text(const struct dname *name, char *out);

void dname_lower(struct dname *name);
bool dname_equal(const struct dname *a, const struct dname *b);
/* True if `name` is `apex` or under it. */
bool dname_under(const struct dname *name, const struct dname *apex);
/* Number of labels without the root. RFC 4034 3.1.3 counts like this, except that the caller must
 * leave out `*`. */
unsigned dname_labels(const struct dname *name);
/* The name without its first `count` labels; `count` is at most dname_labels(name). */
struct dname dname_parent(const struct dname *name, unsigned count);
/* Puts `label` (len octets) before `parent`. TOO_LONG if the name gets too long. */
enum result dname_prepend(struct dname *out, const char *label, size_t len,
                          const struct dname *parent);
/* <0, 0, >0 in canonical order. */
int dname_compare(const struct dname *a, const struct dname *b);

/* The key of `name`, which must be under `apex` (asserted). */
void dname_key_of(struct dname_key *out, const struct dname *name, const struct dname *apex);
/* The name of a key. DAMAGED if the octets are not a key. */
enum result dname_of_key(struct dname *out, const struct dname_key *key, const struct dname *apex);
/* Order of memcmp; a prefix of a key comes before it. */
int dname_key_compare(const struct dname_key *a, const struct dname_key *b);
/* A hash for tables in memory; it depends on the byte order of the machine. Not for keys that an
 * attacker chooses and that must not collide. */
uint64_t dname_key_hash(const struct dname_key *key);
/* True if `key` is `ancestor` or under it. */
bool dname_key_under(const struct dname_key *key, const struct dname_key *ancestor);

#endif

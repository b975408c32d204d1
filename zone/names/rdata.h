/* The structure of rdata by type, and its text form (RFC 1035 5.1).
 *
 * One table holds the fields of each type. It drives parsing, printing and checking, also of known
 * types written in the generic form of RFC 3597 5, `\# <length> <hex>`. A type that is not in the
 * table is any octets, in that form only. Names in rdata are uncompressed. */
#ifndef ZONE_RDATA_H
#define ZONE_RDATA_H

#include <stdio.h>

#include "zone/names/rrset.h"

enum {
    RDATA_MAX = 65535,
    RDATA_TTL_MAX = 0x7fffffff, /* RFC 2181 8 */
    RDATA_TYPE_ROOM = 16        /* for the name of a type */
};

/* True if the octets are valid rdata of the type. */
bool rdata_check(uint16_t type, const uint8_t *rdata, size_t len);
/* True if that holds for each record of the set. */
bool rdata_check_set(const struct rrset *set);
/* True if a name has at most one record of the type. */
bool rdata_is_single(uint16_t type);
/* Converts names to lower case where DNSSEC requires it (RFC 4034 6.2, RFC 6840 5.1). `rdata` must
 * be valid. */
void rdata_lower(uint16_t type, uint8_t *rdata, size_t len);

/* Writes the rdata of `text`: one line without comments and parentheses; the only blanks outside
 * quotes are spaces. Relative names are under `origin`. The result is checked, with names as
 * rdata_lower leaves them. INVALID, with the reason in `why`. */
enum result rdata_parse(uint16_t type, const char *text, const struct dname *origin,
                        struct writer *out, struct diag *why);
/* Prints rdata so that rdata_parse and other name servers can read it: in the generic form if it is
 * not valid for its type, or has a text form that some of them don't know. */
void rdata_print(FILE *file, uint16_t type, const uint8_t *rdata, size_t len);

/* Of "SRV" or "TYPE65", in any case. NOT_FOUND if unknown. */
enum result rdata_type_parse(uint16_t *out, const char *text);
/* Writes the name of a type; `out` has room for RDATA_TYPE_ROOM. It is TYPE and the number (RFC
 * 3597 5) if the type has no name, or one that some servers don't know. Returns `out`. */
char *rdata_type_text(uint16_t type, char *out);

/* A word of the text, or a quoted string without its quotes. */
struct rdata_word {
    const char *text;
    size_t len;
    bool quoted;
};
/* Reads the next word at `*text` and moves behind it. False at the end. */
bool rdata_word(const char **text, struct rdata_word *out);
/* Parses a name; without a final dot it is relative to `origin`. `@` is the origin. */
bool rdata_name_parse(struct dname *out, const struct rdata_word *word, const struct dname *origin);
/* Parses "3600", "1h" or "1h30m", as in BIND. False if it is not a TTL or above RDATA_TTL_MAX. */
bool rdata_ttl_parse(uint32_t *out, const char *text, size_t len);

#endif

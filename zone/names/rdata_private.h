/* Internal to zone/names/rdata*.c: the table of types, and iteration over the fields of rdata. */
#ifndef ZONE_RDATA_PRIVATE_H
#define ZONE_RDATA_PRIVATE_H

#include "zone/names/rdata.h"

/* A field is one letter. The last field of a type may be followed by `?`: optional, `*`: any number
 * of them, or `+`: at least one. */
enum rdata_kind {
    FIELD_U8 = '1',
    FIELD_U16 = '2',
    FIELD_U32 = '4',
    FIELD_PERIOD = 't',    /* u32 seconds, in text also as 1h30m */
    FIELD_TIME = 'T',      /* u32 Unix seconds, in text as 20261231235959 (RFC 4034 3.2) */
    FIELD_TYPE = 'y',      /* u16 */
    FIELD_ALGORITHM = 'g', /* u8, a DNSSEC algorithm (RFC 4034 A.1) */
    FIELD_CERT = 'C',      /* u16, a certificate type (RFC 4398 2.1) */
    FIELD_IPV4 = 'a',
    FIELD_IPV6 = 'A',
    FIELD_NAME = 'n', /* lower case for DNSSEC */
    FIELD_NAME_AS_IS = 'N',
    FIELD_STRING = 's',   /* <character-string> */
    FIELD_VALUE = 'v',    /* a string to the end, of any length */
    FIELD_URI = 'u',      /* the same, but not empty (RFC 7553 4.4) */
    FIELD_TAG = 'c',      /* letters and digits (RFC 8659 4.1) */
    FIELD_HEX = 'x',      /* to the end, not empty */
    FIELD_SERVICES = 'w', /* protocol and a bitmap of ports, to the end (RFC 1035 3.4.2) */
    FIELD_NSAP = 'O',     /* hex after 0x with dots anywhere, to the end (RFC 1706 7) */
    FIELD_BASE64 = '6',   /* to the end, not empty */
    FIELD_SALT = 'X',     /* hex, after its length (RFC 5155 3.3) */
    FIELD_HASH = 'b',     /* base32hex, after its length */
    FIELD_BITMAP = 'B',   /* of types, to the end (RFC 4034 4.1.2) */
    FIELD_EUI48 = 'e',    /* RFC 7043 */
    FIELD_EUI64 = 'E',
    FIELD_LOCATOR = 'i',   /* 64 bits in four groups (RFC 6742 2) */
    FIELD_LOC = 'L',       /* RFC 1876 2 */
    FIELD_PREFIX = 'l',    /* RFC 3123 4 */
    FIELD_PARAMETER = 'p', /* of SVCB (RFC 9460 2.1) */
    FIELD_HIT = 'H',       /* of HIP: algorithm, tag and public key (RFC 8005 5) */
    FIELD_RELAY = 'D',     /* of AMTRELAY: flag and type in one octet (RFC 8777 4.2) */
    FIELD_GATEWAY = 'G'    /* of the gateway type in rdata[1] (RFC 4025 2.5, RFC 8777 4.2.4) */
};

enum {
    /* Some name servers don't know its name or its text: it is printed in the generic form. */
    RDATA_RARE = 1,
    /* Has the generic form only. */
    RDATA_NO_TEXT = 2,
    /* A name has at most one (RFC 1034 3.6.2, RFC 2181 10.1, RFC 6672 2.4; BIND refuses to load two
     * of the others marked so). */
    RDATA_SINGLE = 4
};
struct rdata_type {
    const char *name;
    /* NULL: any octets, generic form only. */
    const char *fields;
    uint16_t number;
    unsigned traits;
    /* A further check, or NULL. */
    bool (*rule)(const uint8_t *rdata, size_t len);
};
/* NULL: unknown type. */
const struct rdata_type *rdata_type_of(uint16_t type);

struct rdata_field {
    enum rdata_kind kind;
    const uint8_t *data;
    size_t len;
};
struct rdata_fields {
    struct reader reader;
    const char *next;
    unsigned repeated;
};
struct rdata_fields rdata_fields_of(const struct rdata_type *type, const uint8_t *rdata,
                                    size_t len);
/* Reads the next field. False at the end, or if the octets do not fit the type
 * (rdata_fields_good). */
bool rdata_next(struct rdata_fields *fields, struct rdata_field *out);
/* True if everything was read and nothing failed. */
bool rdata_fields_good(const struct rdata_fields *fields);

struct rdata_parsing {
    const char *at; /* the rest of the text */
    const struct dname *origin;
    struct writer *out;
    size_t begin; /* where the rdata starts in `out` */
    struct diag *why;
};
/* Sets `why` to "<word>" <what>. Returns false. */
bool rdata_bad(struct rdata_parsing *p, const struct rdata_word *word, const char *what);
/* Parses a whole number of digits only, at most `most`. */
bool rdata_number(uint32_t *out, const char *text, size_t len, uint32_t most);
/* Resolves escapes. False if one is malformed or there is no room. */
bool rdata_unescape(const struct rdata_word *word, uint8_t *out, size_t room, size_t *len);
bool rdata_find_type(const struct rdata_word *word, uint16_t *type);
int rdata_hex_digit(char c); /* -1: not a hex digit */
/* Appends the octets of an even number of hex digits, or of base64 (at least one octet). */
bool rdata_hex(struct writer *out, const char *text, size_t len);
bool rdata_base64(struct writer *out, const char *text, size_t len);
void rdata_put_base64(FILE *file, const uint8_t *data, size_t len);
void rdata_put_quoted(FILE *file, const uint8_t *data, size_t len);

/* Appends the octets of a field that starts with the word. */
typedef bool rdata_parse_field(struct rdata_parsing *p, const struct rdata_word *word);
rdata_parse_field rdata_parse_ipv4, rdata_parse_ipv6, rdata_parse_name, rdata_parse_salt,
    rdata_parse_hash, rdata_parse_bitmap, rdata_parse_eui48, rdata_parse_eui64, rdata_parse_locator,
    rdata_parse_prefix, rdata_parse_hit, rdata_parse_services, rdata_parse_relay,
    rdata_parse_gateway, rdata_parse_parameter;

/* RFC 1876. */
bool rdata_loc_check(const uint8_t *rdata);
bool rdata_loc_parse(struct rdata_parsing *p);
void rdata_loc_print(FILE *file, const uint8_t *rdata);
/* RFC 9460. */
bool rdata_svcb_check(const uint8_t *rdata, size_t len);
/* Sorts the parameters of the rdata in `out` by key. */
bool rdata_svcb_order(struct rdata_parsing *p);
/* True if the text needs no escape inside a list, since other servers read these differently. */
bool rdata_parameter_is_plain(const uint8_t *data, size_t len);
void rdata_parameter_print(FILE *file, const uint8_t *data, size_t len);

#endif

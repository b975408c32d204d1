#include "zone/names/rdata.h"

#include <stdlib.h>
#include <strings.h>

#include "zone/names/rdata_private.h"
#include "zone/names/rrset.h"

/* ---- rules beyond the fields ---- */

/* True if a digest of this number has the right length; 0: any. */
static bool digest_is(const uint8_t *lengths, size_t count, uint8_t number, size_t len)
{
    return number >= count || lengths[number] == 0 || lengths[number] == len;
}

static bool ds_rule(const uint8_t *rdata, size_t len)
{
    static const uint8_t lengths[] = { 0, 20, 32, 32, 48 }; /* RFC 3658, 4509, 5933, 6605 */
    return digest_is(lengths, sizeof lengths, rdata[3], len - 4);
}

static bool sshfp_rule(const uint8_t *rdata, size_t len)
{
    static const uint8_t lengths[] = { 0, 20, 32 }; /* RFC 4255 3.1.2, RFC 6594 4.1 */
    return digest_is(lengths, sizeof lengths, rdata[1], len - 2);
}

static bool tlsa_rule(const uint8_t *rdata, size_t len)
{
    static const uint8_t lengths[] = { 0, 32, 64 }; /* RFC 6698 2.1.3 */
    return digest_is(lengths, sizeof lengths, rdata[2], len - 3);
}

static bool zonemd_rule(const uint8_t *rdata, size_t len)
{
    static const uint8_t lengths[] = { 0, 48, 64 }; /* RFC 8976 2.2.3 */
    return digest_is(lengths, sizeof lengths, rdata[5], len - 6) && len - 6 >= 12;
}

/* RFC 2874 3.1: the suffix of an address, and the name that has its prefix. */
static bool a6_rule(const uint8_t *rdata, size_t len)
{
    struct reader r = reader_of(rdata, len);
    struct dname name;
    uint8_t bits = read_u8(&r);
    if (bits > 128) {
        return false;
    }
    (void)read_octets(&r, (128 - bits + 7U) / 8);
    if (bits > 0) {
        dname_read(&r, &name);
    }
    return reader_done(&r);
}

/* RFC 3403 4.1: a substitution with three delimiters and flags; or empty. */
static bool naptr_rule(const uint8_t *rdata, size_t len)
{
    struct reader r = reader_of(rdata, len);
    (void)read_u32(&r);
    (void)read_octets(&r, read_u8(&r));
    (void)read_octets(&r, read_u8(&r));
    size_t left = read_u8(&r);
    const uint8_t *at = read_octets(&r, left);
    if (r.failed || left == 0) {
        return !r.failed;
    }
    unsigned delimiters = 0;
    for (size_t i = 0; i < left; i++) {
        if (at[i] == 0) {
            return false;
        }
        if (at[i] == '\\') {
            i++;
        } else if (at[i] == at[0]) {
            delimiters++;
        } else if (delimiters == 3 && at[i] != 'i') {
            return false;
        }
    }
    bool delimits = at[0] != '\\' && at[0] != 'i' && (at[0] < '0' || at[0] > '9');
    return delimits && delimiters == 3;
}

/* RFC 2535 3.1.2: a record without a key says so. RFC 4034 A.1.1: the key of a private algorithm
 * starts with its owner. */
static bool key_rule(const uint8_t *rdata, size_t len)
{
    enum {
        NO_KEY = 0xc0,
        PRIVATE_DNS = 253,
        PRIVATE_OID = 254
    };
    struct dname name;
    struct reader r = reader_of(rdata + 4, len - 4);
    if ((rdata[0] & NO_KEY) == NO_KEY || len == 4) {
        return (rdata[0] & NO_KEY) == NO_KEY && len == 4;
    }
    if (rdata[3] == PRIVATE_DNS) {
        dname_read(&r, &name);
    } else if (rdata[3] == PRIVATE_OID) {
        (void)read_octets(&r, read_u8(&r));
    }
    return !r.failed;
}

static bool x25_rule(const uint8_t *rdata, size_t len)
{
    for (size_t i = 1; i < len; i++) { /* RFC 1183 3.1 */
        if (rdata[i] < '0' || rdata[i] > '9') {
            return false;
        }
    }
    return len >= 5;
}

/* ---- the table ---- */

enum {
    RARE = RDATA_RARE,
    NO_TEXT = RDATA_NO_TEXT,
    SINGLE = RDATA_SINGLE
};

/* clang-format off */
static const struct rdata_type types[] = {
    { "A",          "a",         1,     0,              NULL },
    { "NS",         "n",         2,     0,              NULL },
    { "MD",         "n",         3,     RARE,           NULL },
    { "MF",         "n",         4,     RARE,           NULL },
    { "CNAME",      "n",         5,     SINGLE,         NULL },
    { "SOA",        "nn4tttt",   6,     SINGLE,         NULL },
    { "MB",         "n",         7,     RARE,           NULL },
    { "MG",         "n",         8,     RARE,           NULL },
    { "MR",         "n",         9,     RARE,           NULL },
    { "NULL",       NULL,        10,    RARE | NO_TEXT, NULL },
    { "WKS",        "aw",        11,    RARE,           NULL },
    { "PTR",        "n",         12,    0,              NULL },
    { "HINFO",      "ss",        13,    0,              NULL },
    { "MINFO",      "nn",        14,    0,              NULL },
    { "MX",         "2n",        15,    0,              NULL },
    { "TXT",        "s+",        16,    0,              NULL },
    { "RP",         "nn",        17,    0,              NULL },
    { "AFSDB",      "2n",        18,    0,              NULL },
    { "X25",        "s",         19,    RARE,           x25_rule },
    { "ISDN",       "ss?",       20,    RARE,           NULL },
    { "RT",         "2n",        21,    0,              NULL },
    { "NSAP",       "O",         22,    RARE,           NULL },
    { "NSAP-PTR",   "n",         23,    RARE | SINGLE,  NULL },
    { "SIG",        "yg14TT2n6", 24,    RARE,           NULL },
    { "KEY",        "21g6?",     25,    RARE,           key_rule },
    { "PX",         "2nn",       26,    RARE,           NULL },
    { "GPOS",       "sss",       27,    RARE,           NULL },
    { "AAAA",       "A",         28,    0,              NULL },
    { "LOC",        "L",         29,    0,              NULL },
    { "NXT",        "nx",        30,    RARE | NO_TEXT, NULL },
    { "EID",        "x",         31,    RARE,           NULL },
    { "NIMLOC",     "x",         32,    RARE,           NULL },
    { "SRV",        "222n",      33,    0,              NULL },
    { "ATMA",       "1x",        34,    RARE | NO_TEXT, NULL },
    { "NAPTR",      "22sssn",    35,    0,              naptr_rule },
    { "KX",         "2n",        36,    0,              NULL },
    { "CERT",       "C2g6",      37,    0,              NULL },
    { "A6",         "x",         38,    RARE | NO_TEXT, a6_rule },
    { "DNAME",      "n",         39,    SINGLE,         NULL },
    { "SINK",       "11x",       40,    RARE | NO_TEXT, NULL },
    { "APL",        "l*",        42,    0,              NULL },
    { "DS",         "2g1x",      43,    0,              ds_rule },
    { "SSHFP",      "11x",       44,    0,              sshfp_rule },
    { "IPSECKEY",   "111G6?",    45,    0,              NULL },
    { "RRSIG",      "yg14TT2n6", 46,    0,              NULL },
    { "NSEC",       "NB",        47,    0,              NULL },
    { "DNSKEY",     "21g6",      48,    0,              key_rule },
    { "DHCID",      "6",         49,    0,              NULL },
    { "NSEC3",      "112XbB",    50,    0,              NULL },
    { "NSEC3PARAM", "112X",      51,    0,              NULL },
    { "TLSA",       "111x",      52,    0,              tlsa_rule },
    { "SMIMEA",     "111x",      53,    0,              tlsa_rule },
    { "HIP",        "HN*",       55,    RARE,           NULL },
    { "NINFO",      "s+",        56,    RARE,           NULL },
    { "RKEY",       "21g6",      57,    RARE,           NULL },
    { "TALINK",     "NN",        58,    RARE,           NULL },
    { "CDS",        "2g1x",      59,    0,              ds_rule },
    { "CDNSKEY",    "21g6",      60,    0,              key_rule },
    { "OPENPGPKEY", "6",         61,    0,              NULL },
    { "CSYNC",      "42B",       62,    0,              NULL },
    { "ZONEMD",     "411x",      63,    0,              zonemd_rule },
    { "SVCB",       "2Np*",      64,    0,              rdata_svcb_check},
    { "HTTPS",      "2Np*",      65,    0,              rdata_svcb_check},
    { "DSYNC",      "y12N",      66,    RARE,           NULL },
    { "NXNAME",     NULL,        128,   RARE | NO_TEXT, NULL },
    { "SPF",        "s+",        99,    0,              NULL },
    { "NID",        "2i",        104,   0,              NULL },
    { "L32",        "2a",        105,   0,              NULL },
    { "L64",        "2i",        106,   0,              NULL },
    { "LP",         "2N",        107,   0,              NULL },
    { "EUI48",      "e",         108,   0,              NULL },
    { "EUI64",      "E",         109,   0,              NULL },
    { "URI",        "22u",       256,   0,              NULL },
    { "CAA",        "1cv",       257,   0,              NULL },
    { "AVC",        "s+",        258,   RARE,           NULL },
    { "AMTRELAY",   "1DG",       260,   RARE,           NULL },
    { "RESINFO",    "s+",        261,   RARE | SINGLE,  NULL },
    { "WALLET",     "s+",        262,   RARE,           NULL },
    { "TA",         "2g1x",      32768, RARE,           ds_rule },
    { "DLV",        "2g1x",      32769, RARE,           ds_rule },
};
/* clang-format on */

const struct rdata_type *rdata_type_of(uint16_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].number == type) {
            return &types[i];
        }
    }
    return NULL;
}

bool rdata_is_single(uint16_t type)
{
    const struct rdata_type *known = rdata_type_of(type);
    return known != NULL && (known->traits & SINGLE) != 0;
}

enum result rdata_type_parse(uint16_t *out, const char *text)
{
    uint32_t number = 0;
    if (strncasecmp(text, "TYPE", 4) == 0) { /* RFC 3597 5 */
        if (!rdata_number(&number, text + 4, strlen(text + 4), UINT16_MAX) || number == 0) {
            return RESULT_NOT_FOUND;
        }
        *out = (uint16_t)number;
        return RESULT_OK;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcasecmp(types[i].name, text) == 0) {
            *out = types[i].number;
            return RESULT_OK;
        }
    }
    return RESULT_NOT_FOUND;
}

char *rdata_type_text(uint16_t type, char *out)
{
    const struct rdata_type *known = rdata_type_of(type);
    if (known != NULL && (known->traits & RARE) == 0) {
        (void)snprintf(out, RDATA_TYPE_ROOM, "%s", known->name);
    } else {
        (void)snprintf(out, RDATA_TYPE_ROOM, "TYPE%u", type);
    }
    return out;
}

/* ---- octets by fields ---- */

/* RFC 4034 4.1.2: windows ascend; none is empty or ends with zeros. */
static void skip_bitmap(struct reader *r)
{
    int last = -1;
    while (reader_left(r) > 0) {
        uint8_t window = read_u8(r);
        uint8_t len = read_u8(r);
        const uint8_t *bits = read_octets(r, len);
        if (bits == NULL || len == 0 || len > 32 || bits[len - 1] == 0 || window <= last) {
            r->failed = true;
            return;
        }
        last = window;
    }
}

static void skip_tag(struct reader *r)
{
    uint8_t len = read_u8(r);
    const uint8_t *tag = read_octets(r, len);
    for (size_t i = 0; tag != NULL && i < len; i++) {
        bool letter = (tag[i] | 0x20) >= 'a' && (tag[i] | 0x20) <= 'z';
        r->failed = r->failed || !(letter || (tag[i] >= '0' && tag[i] <= '9'));
    }
    r->failed = r->failed || len == 0;
}

/* The bitmap has at most one bit per port. */
static void skip_services(struct reader *r)
{
    (void)read_u8(r);
    r->failed = r->failed || reader_left(r) > 65536 / 8;
    (void)read_octets(r, reader_left(r));
}

/* RFC 3123 4: family, prefix length, negation and length, octets of the address without trailing
 * zeros. */
static void skip_prefix(struct reader *r)
{
    uint16_t family = read_u16(r);
    uint8_t bits = read_u8(r);
    uint8_t len = read_u8(r) & 0x7f;
    const uint8_t *octets = read_octets(r, len);
    unsigned most = family == 1 ? 4 : family == 2 ? 16 : 0;
    if (octets == NULL || len > most || bits > most * 8 || (len > 0 && octets[len - 1] == 0)) {
        r->failed = true;
    }
}

static void skip_hit(struct reader *r)
{
    uint8_t tag_len = read_u8(r);
    (void)read_u8(r);
    uint16_t key_len = read_u16(r);
    (void)read_octets(r, (size_t)tag_len + key_len);
    r->failed = r->failed || tag_len == 0 || key_len == 0;
}

static void skip_gateway(struct reader *r)
{
    struct dname name;
    switch (r->data[1] & 0x7f) {
    case 0:
        break;
    case 1:
        (void)read_octets(r, 4);
        break;
    case 2:
        (void)read_octets(r, 16);
        break;
    case 3:
        dname_read(r, &name);
        break;
    default:
        r->failed = true;
    }
}

/* The length of a field of fixed length; 0: it varies. */
static size_t fixed_length(enum rdata_kind kind)
{
    switch (kind) {
    case FIELD_U8:
    case FIELD_ALGORITHM:
    case FIELD_RELAY:
        return 1;
    case FIELD_U16:
    case FIELD_TYPE:
    case FIELD_CERT:
        return 2;
    case FIELD_U32:
    case FIELD_PERIOD:
    case FIELD_TIME:
    case FIELD_IPV4:
        return 4;
    case FIELD_EUI48:
        return 6;
    case FIELD_EUI64:
    case FIELD_LOCATOR:
        return 8;
    case FIELD_IPV6:
    case FIELD_LOC:
        return 16;
    default:
        return 0;
    }
}

static void skip_rest(struct reader *r, bool may_be_empty)
{
    r->failed = r->failed || (!may_be_empty && reader_left(r) == 0);
    (void)read_octets(r, reader_left(r));
}

static void skip_field(struct reader *r, enum rdata_kind kind)
{
    struct dname name;
    size_t fixed = fixed_length(kind);
    if (fixed > 0) {
        const uint8_t *octets = read_octets(r, fixed);
        r->failed = r->failed || (kind == FIELD_LOC && !rdata_loc_check(octets));
        return;
    }
    switch (kind) {
    case FIELD_NAME:
    case FIELD_NAME_AS_IS:
        dname_read(r, &name);
        break;
    case FIELD_STRING:
    case FIELD_SALT:
    case FIELD_HASH:
        (void)read_octets(r, read_u8(r));
        break;
    case FIELD_TAG:
        skip_tag(r);
        break;
    case FIELD_BITMAP:
        skip_bitmap(r);
        break;
    case FIELD_PREFIX:
        skip_prefix(r);
        break;
    case FIELD_PARAMETER:
        (void)read_u16(r);
        (void)read_octets(r, read_u16(r));
        break;
    case FIELD_HIT:
        skip_hit(r);
        break;
    case FIELD_SERVICES:
        skip_services(r);
        break;
    case FIELD_GATEWAY:
        skip_gateway(r);
        break;
    default:
        skip_rest(r, kind == FIELD_VALUE);
    }
}

struct rdata_fields rdata_fields_of(const struct rdata_type *type, const uint8_t *rdata, size_t len)
{
    return (struct rdata_fields){ .reader = reader_of(rdata, len), .next = type->fields };
}

bool rdata_next(struct rdata_fields *fields, struct rdata_field *out)
{
    struct reader *r = &fields->reader;
    char kind = fields->next[0];
    if (kind == 0 || r->failed) {
        return false;
    }
    char times = fields->next[1];
    bool repeats = times == '*' || times == '+';
    bool may_end = times == '?' || times == '*' || (times == '+' && fields->repeated > 0);
    if (may_end && reader_left(r) == 0) {
        fields->next += 2;
        return false;
    }
    size_t at = r->at;
    skip_field(r, (enum rdata_kind)kind);
    if (r->failed) {
        return false;
    }
    fields->repeated = repeats ? fields->repeated + 1 : 0;
    fields->next += repeats ? 0 : times == '?' ? 2 : 1;
    *out = (struct rdata_field){ (enum rdata_kind)kind, r->data + at, r->at - at };
    return true;
}

bool rdata_fields_good(const struct rdata_fields *fields)
{
    return fields->next[0] == 0 && reader_done(&fields->reader);
}

bool rdata_check(uint16_t type, const uint8_t *rdata, size_t len)
{
    const struct rdata_type *known = rdata_type_of(type);
    struct rdata_field field;
    if (known == NULL || known->fields == NULL) {
        return true;
    }
    struct rdata_fields fields = rdata_fields_of(known, rdata, len);
    while (rdata_next(&fields, &field)) {
    }
    return rdata_fields_good(&fields) && (known->rule == NULL || known->rule(rdata, len));
}

bool rdata_check_set(const struct rrset *set)
{
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (size_t at = 0; rrset_next(set, &at, &rdata, &len);) {
        if (!rdata_check(set->type, rdata, len)) {
            return false;
        }
    }
    return true;
}

void rdata_lower(uint16_t type, uint8_t *rdata, size_t len)
{
    const struct rdata_type *known = rdata_type_of(type);
    struct rdata_field field;
    if (known == NULL || known->fields == NULL) {
        return;
    }
    struct rdata_fields fields = rdata_fields_of(known, rdata, len);
    while (rdata_next(&fields, &field)) {
        for (size_t i = 0; field.kind == FIELD_NAME && i < field.len; i++) {
            uint8_t *octet = &rdata[field.data - rdata + (ptrdiff_t)i];
            *octet = *octet >= 'A' && *octet <= 'Z' ? (uint8_t)(*octet | 0x20) : *octet;
        }
    }
}

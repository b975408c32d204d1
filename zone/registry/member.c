#include "zone/registry/member.h"

#include <strings.h>

#include "zone/names/hostname.h"
#include "zone/places/country.h"

enum {
    LAYOUT_UNPLACED = 1, /* without the position */
    LAYOUT_PLAIN = 2,    /* without contact, leave_at and unlisted */
    LAYOUT = 3
};

void member_defaults(struct member *out)
{
    memset(out, 0, sizeof(*out));
    out->capacity_mbit = MEMBER_CAPACITY_PRESET;
    out->port = MEMBER_PORT;
}

static bool printable(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p < ' ' || *p == 0x7f) {
            return false;
        }
    }
    return true;
}

static enum result check_addresses(const struct member *member, bool allow_private,
                                   struct diag *diag)
{
    char text[ADDRESS_TEXT_MAX];
    for (unsigned i = 0; i < member->address_count; i++) {
        const struct address *address = &member->addresses[i];
        const char *special = address_special(address);
        if (special != NULL && !allow_private) {
            return diag_fail(diag, RESULT_INVALID,
                             "%s: %s is %s, nobody on the internet can reach it; --allow-private "
                             "takes it all the same",
                             member->label, address_text(address, text), special);
        }
        for (unsigned j = 0; j < i; j++) {
            if (address_equal(address, &member->addresses[j])) {
                return diag_fail(diag, RESULT_INVALID, "%s: the address %s is given twice",
                                 member->label, address_text(address, text));
            }
        }
    }
    return RESULT_OK;
}

/* The accounturi is a parameter of a CAA value, which `;` ends (RFC 8659 4.2, RFC 8657 3). */
static bool accounturi_fits(const char *uri)
{
    for (const char *p = uri; *p != '\0'; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == ';') {
            return false;
        }
    }
    return *uri == '\0' || strstr(uri, "://") != NULL;
}

/* An internationalized name is written in A-labels (RFC 5890 2.3.2.1). */
static enum result check_host_name(const struct member *member, struct diag *diag)
{
    const uint8_t *last = member->target.wire;
    switch (hostname_look(&member->target)) {
    case HOSTNAME_CHARACTERS:
        return diag_fail(diag, RESULT_INVALID,
                         "%s: --target takes a host name: letters, digits and hyphens, an "
                         "internationalized one as xn--",
                         member->label);
    case HOSTNAME_NUMBER:
        return diag_fail(diag, RESULT_INVALID,
                         "%s: --target takes a host name, not an address: give that by --address",
                         member->label);
    case HOSTNAME_LOCAL:
        while (last[1 + *last] != 0) {
            last += 1 + *last;
        }
        return diag_fail(diag, RESULT_INVALID, "%s: --target: .%.*s is not in the DNS",
                         member->label, (int)*last, (const char *)last + 1);
    case HOSTNAME_FINE:
        break;
    }
    return RESULT_OK;
}

static enum result check_target(const struct member *member, const struct dname *apex,
                                struct diag *diag)
{
    if (member->target.len == 0) {
        return member->address_count > 0
                   ? RESULT_OK
                   : diag_fail(diag, RESULT_INVALID,
                               "%s: give it an address, or --target with its own name",
                               member->label);
    }
    if (member->address_count > 0) {
        return diag_fail(
            diag, RESULT_INVALID,
            "%s: with --target the pool serves no address for it; give one or the other",
            member->label);
    }
    TRY(check_host_name(member, diag));
    return dname_labels(&member->target) > 1 && !dname_under(&member->target, apex)
               ? RESULT_OK
               : diag_fail(diag, RESULT_INVALID,
                           "%s: --target takes a host name outside the pool's zone", member->label);
}

enum result member_check(const struct member *member, const struct dname *apex, bool allow_private,
                         struct diag *diag)
{
    char label[LABEL_ROOM], country[3];
    struct dname name;
    TRY(label_check(label, member->label, diag));
    if (strcmp(label, member->label) != 0 ||
        dname_prepend(&name, label, strlen(label), apex) != RESULT_OK) {
        return diag_fail(diag, RESULT_INVALID, "%s: the name does not fit under the pool's", label);
    }
    if (member->country[0] != '\0' && !country_code(country, member->country)) {
        return diag_fail(diag, RESULT_INVALID, "%s: a country is two letters (ISO 3166)", label);
    }
    if (!printable(member->operator_name)) {
        return diag_fail(diag, RESULT_INVALID, "%s: the operator's name has a control character",
                         label);
    }
    if (!accounturi_fits(member->accounturi)) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: --accounturi takes the account's URL from the ACME server", label);
    }
    if (member->contact[0] != '\0' && !contact_fits(member->contact)) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: a contact is one mail address, as in ops@example.net, of letters, "
                         "digits and . _ + = - before the @",
                         label);
    }
    if (member->capacity_mbit > MEMBER_CAPACITY_MAX || member->port == 0) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: capacity goes from 0 to %d Mbit/s, the port from 1 to 65535", label,
                         MEMBER_CAPACITY_MAX);
    }
    TRY(check_target(member, apex, diag));
    return check_addresses(member, allow_private, diag);
}

void member_target(struct dname *out, const struct member *member, const struct dname *apex)
{
    if (member->target.len > 0) {
        *out = member->target;
        return;
    }
    CHECK(dname_prepend(out, member->label, strlen(member->label), apex) == RESULT_OK);
}

/* A member without contact, leave and flag keeps the earlier layout: a probe of an earlier version
 * reads the feed. */
void member_encode(struct writer *w, const struct member *member)
{
    bool plain = member->contact[0] == '\0' && member->leave_at == 0 && !member->unlisted;
    write_u8(w, plain ? LAYOUT_PLAIN : LAYOUT);
    write_u64(w, member->id);
    write_text(w, member->label);
    write_text(w, member->country);
    write_text(w, member->operator_name);
    write_text(w, member->accounturi);
    write_u32(w, member->capacity_mbit);
    write_u16(w, member->port);
    write_u8(w, (uint8_t)member->override);
    write_u8(w, member->suspended);
    write_u64(w, member->added_at);
    write_u64(w, member->changed_at);
    write_u8(w, member->address_count);
    for (unsigned i = 0; i < member->address_count; i++) {
        write_octets(w, member->addresses[i].octets, sizeof(member->addresses[i].octets));
    }
    write_u8(w, member->target.len);
    write_octets(w, member->target.wire, member->target.len);
    write_u8(w, member->placed);
    if (member->placed) {
        int32_t latitude = 0, longitude = 0;
        position_parts(member->position, &latitude, &longitude);
        write_u32(w, (uint32_t)latitude);
        write_u32(w, (uint32_t)longitude);
    }
    if (!plain) {
        write_text(w, member->contact);
        write_u64(w, member->leave_at);
        write_u8(w, member->unlisted);
    }
}

static void read_position(struct reader *r, struct member *out)
{
    uint8_t placed = read_u8(r);
    out->placed = placed == 1;
    if (out->placed) {
        int32_t latitude = (int32_t)read_u32(r), longitude = (int32_t)read_u32(r);
        r->failed = r->failed || !position_of_parts(&out->position, latitude, longitude);
    }
    r->failed = r->failed || placed > 1;
}

static void read_life(struct reader *r, struct member *out)
{
    read_text(r, out->contact, sizeof(out->contact));
    out->leave_at = read_u64(r);
    uint8_t unlisted = read_u8(r);
    out->unlisted = unlisted == 1;
    r->failed =
        r->failed || unlisted > 1 || (out->contact[0] != '\0' && !contact_fits(out->contact));
}

/* What some layouts or members lack. The rest is read in any case; clearing the room of texts would
 * cost more than that. */
static void clear(struct member *out)
{
    out->contact[0] = '\0';
    out->leave_at = 0;
    out->unlisted = false;
    out->placed = false;
    memset(&out->position, 0, sizeof(out->position));
    memset(out->addresses, 0, sizeof(out->addresses));
    out->target.len = out->target.wire[0] = 0;
}

enum result member_decode(struct member *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct member member;
    clear(&member);
    uint8_t layout = read_u8(&r);
    if (layout < LAYOUT_UNPLACED || layout > LAYOUT) {
        return layout > LAYOUT ? RESULT_NEWER : RESULT_DAMAGED;
    }
    member.id = read_u64(&r);
    read_text(&r, member.label, sizeof(member.label));
    read_text(&r, member.country, sizeof(member.country));
    read_text(&r, member.operator_name, sizeof(member.operator_name));
    read_text(&r, member.accounturi, sizeof(member.accounturi));
    member.capacity_mbit = read_u32(&r);
    member.port = read_u16(&r);
    uint8_t override = read_u8(&r), suspended = read_u8(&r);
    member.added_at = read_u64(&r);
    member.changed_at = read_u64(&r);
    member.address_count = read_u8(&r);
    if (r.failed || override > OVERRIDE_INELIGIBLE || suspended > 1 ||
        member.address_count > MEMBER_ADDRESSES_MAX) {
        return RESULT_DAMAGED;
    }
    member.override = (enum override) override;
    member.suspended = suspended == 1;
    for (unsigned i = 0; i < member.address_count; i++) {
        read_into(&r, member.addresses[i].octets, sizeof(member.addresses[i].octets));
    }
    uint8_t target_len = read_u8(&r);
    if (target_len > 0) {
        size_t start = r.at;
        dname_read(&r, &member.target);
        r.failed = r.failed || r.at - start != target_len;
    }
    if (layout >= LAYOUT_PLAIN) {
        read_position(&r, &member);
    }
    if (layout >= LAYOUT) {
        read_life(&r, &member);
    }
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    *out = member;
    return RESULT_OK;
}

static const char *const override_names[] = { "auto", "eligible", "ineligible" };

const char *override_text(enum override override)
{
    return override_names[override];
}

enum result override_parse(enum override *out, const char *text)
{
    for (unsigned i = 0; i <= OVERRIDE_INELIGIBLE; i++) {
        if (strcmp(text, override_names[i]) == 0) {
            *out = (enum override)i;
            return RESULT_OK;
        }
    }
    return RESULT_INVALID;
}

#include "tools/membertext.h"

#include <stdio.h>
#include <string.h>

#include "tools/output.h"
#include "zone/base/isotime.h"
#include "zone/places/country.h"

static const char *const names[COLUMN_COUNT] = {
    "name",      "country",  "ipv4",    "ipv6",       "capacity_mbit",
    "operator",  "port",     "target",  "accounturi", "override",
    "suspended", "position", "contact", "leave",      "unlisted",
};

const char *column_name(enum column column)
{
    return names[column];
}

static void addresses_text(const struct member *member, bool ipv4, char *out)
{
    size_t used = 0;
    for (unsigned i = 0; i < member->address_count; i++) {
        char text[ADDRESS_TEXT_MAX];
        if (address_is_ipv4(&member->addresses[i]) == ipv4) {
            used +=
                (size_t)snprintf(out + used, MEMBERTEXT_ROOM - used, "%s%s", used > 0 ? " " : "",
                                 address_text(&member->addresses[i], text));
        }
    }
}

static void put(char *out, const char *text)
{
    (void)snprintf(out, MEMBERTEXT_ROOM, "%s", text);
}

char *membertext(const struct member *member, enum column column, char out[MEMBERTEXT_ROOM])
{
    char name[DNAME_TEXT_MAX], position[POSITION_TEXT_MAX];
    out[0] = 0;
    switch (column) {
    case COLUMN_NAME:
        put(out, member->label);
        break;
    case COLUMN_COUNTRY:
        put(out, member->country);
        break;
    case COLUMN_IPV4:
    case COLUMN_IPV6:
        addresses_text(member, column == COLUMN_IPV4, out);
        break;
    case COLUMN_CAPACITY:
        (void)snprintf(out, MEMBERTEXT_ROOM, "%u", member->capacity_mbit);
        break;
    case COLUMN_OPERATOR:
        put(out, member->operator_name);
        break;
    case COLUMN_PORT:
        (void)snprintf(out, MEMBERTEXT_ROOM, "%u", member->port);
        break;
    case COLUMN_TARGET:
        if (member->target.len > 0) {
            (void)snprintf(out, MEMBERTEXT_ROOM, "%.*s", MEMBERTEXT_ROOM - 1,
                           dname_text(&member->target, name));
        }
        break;
    case COLUMN_ACCOUNTURI:
        put(out, member->accounturi);
        break;
    case COLUMN_OVERRIDE:
        put(out, member->override != OVERRIDE_AUTO ? override_text(member->override) : "");
        break;
    case COLUMN_SUSPENDED:
        put(out, member->suspended ? "yes" : "");
        break;
    case COLUMN_POSITION:
        put(out, member->placed ? position_text(member->position, position) : "");
        break;
    case COLUMN_CONTACT:
        put(out, member->contact);
        break;
    case COLUMN_LEAVE:
        put(out, member->leave_at != 0 ? isotime_text(member->leave_at, name) : "");
        break;
    case COLUMN_UNLISTED:
        put(out, member->unlisted ? "yes" : "");
        break;
    case COLUMN_COUNT:
        break;
    }
    return out;
}

static enum result set_addresses(struct member *member, bool ipv4, const char *list,
                                 struct diag *diag)
{
    while (*(list += strspn(list, " ")) != 0) {
        size_t len = strcspn(list, " ");
        char text[ADDRESS_TEXT_MAX] = "";
        struct address address;
        if (member->address_count == MEMBER_ADDRESSES_MAX) {
            return diag_fail(diag, RESULT_INVALID, "a member has at most %d addresses",
                             MEMBER_ADDRESSES_MAX);
        }
        if (len < sizeof text) {
            memcpy(text, list, len);
        }
        if (address_parse(&address, text) != RESULT_OK || address_is_ipv4(&address) != ipv4) {
            return diag_fail(diag, RESULT_INVALID, "\"%.*s\" is no IPv%s address",
                             (int)(len < 60 ? len : 60), list, ipv4 ? "4" : "6");
        }
        member->addresses[member->address_count++] = address;
        list += len;
    }
    return RESULT_OK;
}

static enum result set_text(char *field, size_t room, enum column column, const char *text,
                            struct diag *diag)
{
    if (strlen(text) >= room) {
        return diag_fail(diag, RESULT_INVALID, "%s has at most %zu octets", names[column],
                         room - 1);
    }
    memcpy(field, text, strlen(text) + 1);
    return RESULT_OK;
}

static enum result set_number(uint32_t *field, uint32_t least, uint32_t most, enum column column,
                              const char *text, struct diag *diag)
{
    return output_number(text, least, most, field)
               ? RESULT_OK
               : diag_fail(diag, RESULT_INVALID, "%s is a whole number from %u to %u",
                           names[column], least, most);
}

static enum result set_yes(bool *field, enum column column, const char *text, struct diag *diag)
{
    if (strcmp(text, "yes") != 0) {
        return diag_fail(diag, RESULT_INVALID, "%s is yes or empty", names[column]);
    }
    *field = true;
    return RESULT_OK;
}

static enum result set_port(struct member *member, const char *text, struct diag *diag)
{
    uint32_t port = 0;
    TRY(set_number(&port, 1, UINT16_MAX, COLUMN_PORT, text, diag));
    member->port = (uint16_t)port;
    return RESULT_OK;
}

static enum result set_target(struct member *member, const char *text, struct diag *diag)
{
    if (dname_parse(&member->target, text, NULL) != RESULT_OK || member->target.len == 1) {
        return diag_fail(diag, RESULT_INVALID, "target is no domain name");
    }
    dname_lower(&member->target);
    return RESULT_OK;
}

static enum result set_position(struct member *member, const char *text, struct diag *diag)
{
    member->placed = position_parse(&member->position, text) == RESULT_OK;
    return member->placed ? RESULT_OK
                          : diag_fail(diag, RESULT_INVALID,
                                      "position takes latitude,longitude in degrees, as in "
                                      "52.37,4.90; in a table it needs quotes");
}

enum result membertext_set(struct member *member, enum column column, const char *text,
                           struct diag *diag)
{
    if (text[0] == 0 && column != COLUMN_NAME) {
        return RESULT_OK;
    }
    switch (column) {
    case COLUMN_NAME:
        return label_check(member->label, text, diag);
    case COLUMN_COUNTRY:
        return country_parse(member->country, text, diag);
    case COLUMN_IPV4:
    case COLUMN_IPV6:
        return set_addresses(member, column == COLUMN_IPV4, text, diag);
    case COLUMN_CAPACITY:
        return set_number(&member->capacity_mbit, 0, MEMBER_CAPACITY_MAX, column, text, diag);
    case COLUMN_OPERATOR:
        return set_text(member->operator_name, sizeof member->operator_name, column, text, diag);
    case COLUMN_PORT:
        return set_port(member, text, diag);
    case COLUMN_TARGET:
        return set_target(member, text, diag);
    case COLUMN_ACCOUNTURI:
        return set_text(member->accounturi, sizeof member->accounturi, column, text, diag);
    case COLUMN_OVERRIDE:
        return override_parse(&member->override, text) == RESULT_OK
                   ? RESULT_OK
                   : diag_fail(diag, RESULT_INVALID,
                               "override is eligible, ineligible, auto or empty");
    case COLUMN_SUSPENDED:
        return set_yes(&member->suspended, column, text, diag);
    case COLUMN_POSITION:
        return set_position(member, text, diag);
    case COLUMN_CONTACT:
        return contact_fits(text)
                   ? set_text(member->contact, sizeof member->contact, column, text, diag)
                   : diag_fail(diag, RESULT_INVALID,
                               "contact is one mail address, as in ops@example.net");
    case COLUMN_LEAVE:
        return isotime_parse_day(text, &member->leave_at) == RESULT_OK
                   ? RESULT_OK
                   : diag_fail(diag, RESULT_INVALID,
                               "leave is 2027-01-31, 2027-01-31T10:00:00Z or empty");
    case COLUMN_UNLISTED:
        return set_yes(&member->unlisted, column, text, diag);
    case COLUMN_COUNT:
        break;
    }
    return RESULT_OK;
}

static const char *shown(const char *text)
{
    return text[0] != 0 ? text : "-";
}

/* "country NL -> DE", or "country NL" if the member is new or removed. */
static size_t write_change(char *out, size_t room, enum column column, const char *old,
                           const char *new)
{
    if (column == COLUMN_CONTACT) { /* more people read the audit trail, and for longer */
        bool removed = new != NULL &&new[0] == 0;
        return (size_t)snprintf(out, room, "contact %s", removed ? "removed" : "set");
    }
    bool both = old != NULL && new != NULL;
    ASSERT(old != NULL || new != NULL);
    return (size_t)snprintf(out, room, "%s %s%s%s", names[column], shown(old != NULL ? old : new),
                            both ? " -> " : "", both ? shown(new) : "");
}

char *membertext_change(const struct member *before, const struct member *after,
                        char out[MEMBERTEXT_CHANGE_ROOM])
{
    size_t used = 0;
    out[0] = 0;
    for (enum column column = COLUMN_COUNTRY; column < COLUMN_COUNT; column++) {
        char old[MEMBERTEXT_ROOM] = "", new[MEMBERTEXT_ROOM] = "";
        if (before != NULL) {
            membertext(before, column, old);
        }
        if (after != NULL) {
            membertext(after, column, new);
        }
        if (strcmp(old, new) == 0 || used + 2 >= MEMBERTEXT_CHANGE_ROOM) {
            continue;
        }
        if (used > 0) {
            memcpy(out + used, ", ", 3);
            used += 2;
        }
        used += write_change(out + used, MEMBERTEXT_CHANGE_ROOM - used, column,
                             before != NULL ? old : NULL, after != NULL ? new : NULL);
    }
    return out;
}

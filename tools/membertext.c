#include "tools/membertext.h"

#include <stdio.h>
#include <string.h>

#include "zone/base/isotime.h"

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

static const char *shown(const char *text)
{
    return text[0] != 0 ? text : "-";
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
        if (strcmp(old, new) == 0 || used >= MEMBERTEXT_CHANGE_ROOM) {
            continue;
        }
        const char *sep = used > 0 ? ", " : "";
        if (column == COLUMN_CONTACT) { /* more people read the audit trail, and for longer */
            bool set = after == NULL || new[0] != 0;
            used += (size_t)snprintf(out + used, MEMBERTEXT_CHANGE_ROOM - used, "%scontact %s", sep,
                                     set ? "set" : "removed");
            continue;
        }
        bool both = before != NULL && after != NULL;
        used += (size_t)snprintf(out + used, MEMBERTEXT_CHANGE_ROOM - used, "%s%s %s%s%s", sep,
                                 names[column], shown(before != NULL ? old : new),
                                 both ? " -> " : "", both ? shown(new) : "");
    }
    return out;
}

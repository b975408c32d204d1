#include "zone/overview/delegation.h"

#include <stdio.h>

char *delegation_addresses(const struct name_server *server, char out[DELEGATION_ADDRESSES_ROOM])
{
    char text[ADDRESS_TEXT_MAX];
    size_t used = 0;
    (void)snprintf(out, DELEGATION_ADDRESSES_ROOM, "-");
    for (unsigned i = 0; i < server->address_count && used < DELEGATION_ADDRESSES_ROOM; i++) {
        used += (size_t)snprintf(out + used, DELEGATION_ADDRESSES_ROOM - used, "%s%s",
                                 i > 0 ? "," : "", address_text(&server->addresses[i], text));
    }
    return out;
}

static void tell(struct delegation_changes *changes, const char *what,
                 const struct name_server *server, const char *with)
{
    char name[DNAME_TEXT_MAX], addresses[DELEGATION_ADDRESSES_ROOM];
    bool glue = server->address_count > 0 && with != NULL;
    (void)snprintf(changes->text[changes->count++], DELEGATION_CHANGE_ROOM, "%s %s%s%s", what,
                   dname_text(&server->name, name), glue ? with : "",
                   glue ? delegation_addresses(server, addresses) : "");
}

static bool same_addresses(const struct name_server *a, const struct name_server *b)
{
    bool same = a->address_count == b->address_count;
    for (unsigned i = 0; i < a->address_count && same; i++) {
        same = name_server_has(b, &a->addresses[i]);
    }
    return same;
}

enum result delegation_read(struct delegation_changes *out, struct store_txn *registry,
                            struct diag *diag)
{
    struct name_servers now, parent;
    TRY(registry_servers(registry, &now, diag));
    TRY(registry_delegation(registry, &parent, diag));
    out->count = 0;
    for (size_t i = 0; i < now.count; i++) {
        const struct name_server *had = name_servers_find(&parent, &now.list[i].name);
        if (had == NULL) {
            tell(out, "add NS", &now.list[i], " with glue ");
        } else if (!same_addresses(had, &now.list[i])) {
            tell(out, "change the glue of", &now.list[i], " to ");
        }
    }
    for (size_t i = 0; i < parent.count; i++) {
        if (name_servers_find(&now, &parent.list[i].name) == NULL) {
            tell(out, "remove NS", &parent.list[i], NULL);
        }
    }
    return RESULT_OK;
}

void delegation_warn(const struct delegation_changes *changes, struct concerns *concerns)
{
    for (size_t i = 0; i < changes->count; i++) {
        concern_add(concerns, CONCERN_DELEGATION_DIFFERS, NULL, 0,
                    "the parent zone has to %.400s; `ntspool zone ns seen` says that it has",
                    changes->text[i]);
    }
}

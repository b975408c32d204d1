#include "tools/servertext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/output.h"
#include "zone/names/hostname.h"

enum {
    ADDRESSES_TEXT_MAX = MEMBER_ADDRESSES_MAX * (ADDRESS_TEXT_MAX + 1)
};

static enum result parse_addresses(struct name_server *server, const char *list, struct diag *diag)
{
    while (*list != 0) {
        size_t len = strcspn(list, ",");
        char text[ADDRESS_TEXT_MAX] = "";
        if (server->address_count == MEMBER_ADDRESSES_MAX) {
            return diag_fail(diag, RESULT_INVALID, "a name server has at most %d addresses",
                             MEMBER_ADDRESSES_MAX);
        }
        if (len < sizeof text) {
            memcpy(text, list, len);
        }
        if (address_parse(&server->addresses[server->address_count], text) != RESULT_OK) {
            return diag_fail(diag, RESULT_INVALID, "name server: \"%.*s\" is no IP address",
                             (int)(len < 80 ? len : 80), list);
        }
        if (name_server_has(server, &server->addresses[server->address_count])) {
            return diag_fail(diag, RESULT_INVALID, "name server: the address %s is given twice",
                             text);
        }
        server->address_count++;
        list += len + (list[len] == ',');
    }
    return RESULT_OK;
}

enum result servertext_parse(struct name_server *out, const char *text, struct diag *diag)
{
    struct name_server server = { .address_count = 0 };
    const char *list = strchr(text, '=');
    char *name = xstrdup(text);
    name[strcspn(name, "=")] = 0;
    enum result result = dname_parse(&server.name, name, NULL);
    free(name);
    if (result != RESULT_OK || server.name.len == 1) {
        return diag_fail(diag, RESULT_INVALID,
                         list != NULL ? "name server %.80s: no domain name before the ="
                                      : "name server: \"%.80s\" is no domain name",
                         text);
    }
    dname_lower(&server.name);
    TRY(parse_addresses(&server, list != NULL ? list + 1 : "", diag));
    *out = server;
    return RESULT_OK;
}

char *servertext_addresses(const struct name_server *server, char *out, size_t room)
{
    char text[ADDRESS_TEXT_MAX];
    size_t used = 0;
    (void)snprintf(out, room, "-");
    for (unsigned i = 0; i < server->address_count && used < room; i++) {
        used += (size_t)snprintf(out + used, room - used, "%s%s", i > 0 ? "," : "",
                                 address_text(&server->addresses[i], text));
    }
    return out;
}

/* True of an address that no host has: unspecified or multicast. Private addresses are allowed. */
static bool is_of_no_host(const struct address *address)
{
    const uint8_t *v4 = address->octets + 12;
    return address_is_ipv4(address)
               ? v4[0] == 0 || v4[0] >= 224
               : address->octets[0] == 0xff || address_equal(address, &(struct address){ { 0 } });
}

enum result servertext_check(const struct name_server *server, const char *text, struct diag *diag)
{
    struct address address;
    char name[DNAME_TEXT_MAX], shown[ADDRESS_TEXT_MAX];
    enum hostname look = hostname_look(&server->name);
    (void)dname_text(&server->name, name);
    if (look == HOSTNAME_NUMBER || address_parse(&address, text) == RESULT_OK) {
        return diag_fail(diag, RESULT_INVALID,
                         "name server %.80s: that is an address: give it behind a name, "
                         "NAME=ADDRESS",
                         text);
    }
    if (look == HOSTNAME_CHARACTERS) {
        return diag_fail(diag, RESULT_INVALID,
                         "name server %s: a host name has letters, digits and hyphens, an "
                         "internationalized one as xn--",
                         name);
    }
    if (dname_labels(&server->name) < 2) {
        return diag_fail(diag, RESULT_INVALID,
                         "name server %s: give its whole name, with the domain", name);
    }
    for (unsigned i = 0; i < server->address_count; i++) {
        if (is_of_no_host(&server->addresses[i])) {
            return diag_fail(diag, RESULT_INVALID, "name server %s: no host has the address %s",
                             name, address_text(&server->addresses[i], shown));
        }
    }
    return RESULT_OK;
}

json_t *servertext_json(const struct name_server *server)
{
    char name[DNAME_TEXT_MAX], text[ADDRESS_TEXT_MAX];
    json_t *addresses = json_array();
    for (unsigned i = 0; i < server->address_count; i++) {
        json_array_append_new(addresses, json_text(address_text(&server->addresses[i], text)));
    }
    return json_pack("{s:o, s:o}", "name", json_text(dname_text(&server->name, name)), "addresses",
                     addresses);
}

static void tell(json_t *list, const char *what, const struct name_server *server, const char *with)
{
    char name[DNAME_TEXT_MAX], addresses[ADDRESSES_TEXT_MAX];
    char text[DNAME_TEXT_MAX + ADDRESSES_TEXT_MAX + 64];
    bool glue = server->address_count > 0 && with != NULL;
    (void)snprintf(text, sizeof text, "%s %s%s%s", what, dname_text(&server->name, name),
                   glue ? with : "",
                   glue ? servertext_addresses(server, addresses, sizeof addresses) : "");
    json_array_append_new(list, json_text(text));
}

static bool same_addresses(const struct name_server *a, const struct name_server *b)
{
    bool same = a->address_count == b->address_count;
    for (unsigned i = 0; i < a->address_count && same; i++) {
        same = name_server_has(b, &a->addresses[i]);
    }
    return same;
}

enum result servertext_changes(struct store_txn *registry, json_t **out, struct diag *diag)
{
    struct name_servers now, parent;
    TRY(registry_servers(registry, &now, diag));
    TRY(registry_delegation(registry, &parent, diag));
    json_t *list = json_array();
    for (size_t i = 0; i < now.count; i++) {
        const struct name_server *had = name_servers_find(&parent, &now.list[i].name);
        if (had == NULL) {
            tell(list, "add NS", &now.list[i], " with glue ");
        } else if (!same_addresses(had, &now.list[i])) {
            tell(list, "change the glue of", &now.list[i], " to ");
        }
    }
    for (size_t i = 0; i < parent.count; i++) {
        if (name_servers_find(&now, &parent.list[i].name) == NULL) {
            tell(list, "remove NS", &parent.list[i], NULL);
        }
    }
    *out = list;
    return RESULT_OK;
}

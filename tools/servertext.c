#include "tools/servertext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/output.h"
#include "zone/names/hostname.h"

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

json_t *servertext_changes(const struct delegation_changes *changes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < changes->count; i++) {
        json_array_append_new(list, json_text(changes->text[i]));
    }
    return list;
}

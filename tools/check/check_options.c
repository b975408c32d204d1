#include "tools/check/check_options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "tools/output.h"
#include "zone/names/zonefile.h"

enum {
    DNS_PORT = 53,
    LIST_ROOM = 512,
    IPV4_BITS = 32,
    IPV6_BITS = 128,
    MEMBERS_MAX = 100000
};

/* The root servers of the internet, as of 2026 (https://www.iana.org/domains/root/servers). */
static const char *const root_servers[] = {
    "198.41.0.4",     "2001:503:ba3e::2:30", "170.247.170.2", "2801:1b8:10::b",
    "192.33.4.12",    "2001:500:2::c",       "199.7.91.13",   "2001:500:2d::d",
    "192.203.230.10", "2001:500:a8::e",      "192.5.5.241",   "2001:500:2f::f",
    "192.36.148.17",  "2001:7fe::53",        "192.58.128.30", "2001:503:c27::2:30",
    "193.0.14.129",   "2001:7fd::1",         "199.7.83.42",   "2001:500:9f::42",
    "202.12.27.33",   "2001:dc3::35",
};

static enum result add_endpoint(struct endpoints *out, const char *text, const char *option,
                                struct diag *diag)
{
    if (out->count == CHECK_ADDRESSES_MAX) {
        return diag_fail(diag, RESULT_USAGE, "--%s: at most %d addresses", option,
                         CHECK_ADDRESSES_MAX);
    }
    if (endpoint_parse(&out->list[out->count], text, DNS_PORT) != RESULT_OK) {
        return diag_fail(diag, RESULT_USAGE, "--%s takes ADDRESS[@PORT], not \"%.80s\"", option,
                         text);
    }
    out->count++;
    return RESULT_OK;
}

/* An option that repeats, each value a list with commas. */
static enum result read_endpoints(struct cli *cli, const char *option, struct endpoints *out)
{
    for (size_t i = 0; i < cli_count(cli, option); i++) {
        char text[LIST_ROOM], *rest = text;
        (void)snprintf(text, sizeof(text), "%s", cli_value(cli, option, i));
        for (const char *one = strsep(&rest, ","); one != NULL; one = strsep(&rest, ",")) {
            TRY(add_endpoint(out, one, option, &cli->diag));
        }
    }
    return RESULT_OK;
}

static enum result visit_hint(const struct zonefile_record *record, void *arg, struct diag *diag)
{
    struct endpoints *out = arg;
    char text[ADDRESS_TEXT_MAX];
    struct address address;
    if (record->type == RR_A && record->rdata_len == 4) {
        address = address_from_ipv4(record->rdata);
    } else if (record->type == RR_AAAA && record->rdata_len == sizeof(address.octets)) {
        memcpy(address.octets, record->rdata, sizeof(address.octets));
    } else {
        return RESULT_OK;
    }
    /* A file may have more; these are enough. */
    return out->count == CHECK_ADDRESSES_MAX
               ? RESULT_OK
               : add_endpoint(out, address_text(&address, text), "root-hints", diag);
}

static enum result read_roots(struct check_options *options, struct diag *diag)
{
    if (options->root_hints == NULL) {
        for (size_t i = 0; i < sizeof(root_servers) / sizeof(root_servers[0]); i++) {
            TRY(add_endpoint(&options->roots, root_servers[i], "root-hints", diag));
        }
        return RESULT_OK;
    }
    FILE *file = fopen(options->root_hints, "re");
    if (file == NULL) {
        return diag_fail(diag, RESULT_SYSTEM, "can't read %.200s: %s", options->root_hints,
                         strerror(errno));
    }
    const struct zonefile_source source = {
        .file = file, .path = options->root_hints, .origin = { .len = 1 }, .default_ttl = 3600
    };
    enum result result = zonefile_read(&source, visit_hint, &options->roots, diag);
    (void)fclose(file);
    if (result == RESULT_OK && options->roots.count == 0) {
        return diag_fail(diag, RESULT_INVALID, "%.200s has no address", options->root_hints);
    }
    return result;
}

static enum result read_subnet(struct dns_subnet *out, const char *text, struct diag *diag)
{
    char address[LIST_ROOM];
    size_t len = strcspn(text, "/");
    uint32_t bits = 0;
    (void)snprintf(address, sizeof(address), "%.*s", (int)(len < LIST_ROOM ? len : LIST_ROOM - 1),
                   text);
    bool good = address_parse(&out->address, address) == RESULT_OK;
    uint32_t most = good && address_is_ipv4(&out->address) ? IPV4_BITS : IPV6_BITS;
    bits = most == IPV4_BITS ? 24 : 56; /* RFC 7871 11.1 */
    if (!good || (text[len] == '/' && !output_number(text + len + 1, 0, most, &bits))) {
        return diag_fail(diag, RESULT_USAGE, "--subnet takes ADDRESS[/BITS], not \"%.80s\"", text);
    }
    out->present = true;
    out->source_bits = (uint8_t)bits;
    return RESULT_OK;
}

/* NAME=ADDRESS[@PORT] */
static enum result read_server(struct check *check, const char *text, struct diag *diag)
{
    struct check_server *server = &check->servers[check->server_count];
    const char *equals = strchr(text, '=');
    char name[DNAME_TEXT_MAX];
    if (check->server_count == CHECK_SERVERS_MAX) {
        return diag_fail(diag, RESULT_USAGE, "--server: at most %d", CHECK_SERVERS_MAX);
    }
    size_t len = equals != NULL ? (size_t)(equals - text) : 0;
    (void)snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : 0), text);
    if (len == 0 || dname_parse(&server->name, name, NULL) != RESULT_OK ||
        endpoint_parse(&server->endpoint, equals + 1, DNS_PORT) != RESULT_OK) {
        return diag_fail(diag, RESULT_USAGE, "--server takes NAME=ADDRESS[@PORT], not \"%.80s\"",
                         text);
    }
    server->delegated = true;
    check->server_count++;
    return RESULT_OK;
}

static enum result read_groups(struct check_options *options, struct cli *cli)
{
    for (size_t i = 0; i < cli_count(cli, "only"); i++) {
        const char *text = cli_value(cli, "only", i);
        unsigned group = 0;
        while (group < check_group_count && strcmp(check_groups[group].name, text) != 0) {
            group++;
        }
        if (group == check_group_count) {
            return diag_fail(&cli->diag, RESULT_USAGE, "--only %.40s: there is no such group",
                             text);
        }
        options->groups |= 1U << group;
    }
    if (options->groups != 0) {
        return RESULT_OK;
    }
    options->groups = UINT_MAX;
    /* Resolvers do not ask the servers of --server, but those that are delegated. */
    bool others = cli_count(cli, "server") > 0 && cli_count(cli, "parent") == 0 &&
                  cli_count(cli, "resolver") == 0;
    for (unsigned i = 0; i < check_group_count; i++) {
        bool left_out = others && check_groups[i].run == check_resolvers;
        options->groups &= left_out ? ~(1U << i) : UINT_MAX;
    }
    return RESULT_OK;
}

static enum result read_subnets(struct check_options *options, struct cli *cli)
{
    for (size_t i = 0; i < cli_count(cli, "subnet"); i++) {
        if (options->subnet_count == CHECK_SUBNETS_MAX) {
            return diag_fail(&cli->diag, RESULT_USAGE, "--subnet: at most %d", CHECK_SUBNETS_MAX);
        }
        TRY(read_subnet(&options->subnets[options->subnet_count++], cli_value(cli, "subnet", i),
                        &cli->diag));
    }
    return RESULT_OK;
}

static enum result read_servers(struct check *check, struct cli *cli)
{
    for (size_t i = 0; i < cli_count(cli, "server"); i++) {
        TRY(read_server(check, cli_value(cli, "server", i), &cli->diag));
    }
    return RESULT_OK;
}

/* Whom to ask, and for how long. */
static enum result read_rest(struct check *check, struct cli *cli)
{
    struct check_options *options = &check->options;
    options->wait_s = CHECK_WAIT_S;
    options->timeout_s = CHECK_TIMEOUT_S;
    TRY(cli_number(cli, "wait", 1, CHECK_WAIT_MAX_S, &options->wait_s));
    TRY(cli_number(cli, "timeout", 1, CHECK_TIMEOUT_MAX_S, &options->timeout_s));
    TRY(read_groups(options, cli));
    TRY(read_endpoints(cli, "parent", &options->parents));
    TRY(read_endpoints(cli, "resolver", &options->resolvers));
    TRY(read_roots(options, &cli->diag));
    TRY(read_subnets(options, cli));
    return read_servers(check, cli);
}

enum result check_options_read(struct check *check, struct cli *cli)
{
    struct check_options *options = &check->options;
    const struct config *config = cli->config;
    const char *members = cli_value(cli, "members", 0), *trust = cli_value(cli, "trust", 0);
    options->root_hints = cli_value(cli, "root-hints", 0);
    options->anchor = cli_value(cli, "anchor", 0);
    options->metrics = cli_value(cli, "metrics", 0);
    options->nagios = cli_flag(cli, "nagios");
    options->trust = trust != NULL ? trust : config->trust;
    options->allow_private =
        cli_flag(cli, "allow-private") || (config->allow_private != NULL && *config->allow_private);
    if (members != NULL && strcmp(members, "all") == 0) {
        options->members = UINT32_MAX;
    } else {
        TRY(cli_number(cli, "members", 0, MEMBERS_MAX, &options->members));
    }
    return read_rest(check, cli);
}

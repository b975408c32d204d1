#include "tools/memberoptions.h"

#include <stdio.h>
#include <string.h>

#include "tools/session.h"
#include "zone/places/country.h"

static enum result fill_text(struct cli *cli, const char *option, char *field, size_t room)
{
    const char *text = cli_value(cli, option, 0);
    if (text == NULL) {
        return RESULT_OK;
    }
    if (strlen(text) >= room) {
        return diag_fail(&cli->diag, RESULT_INVALID, "--%s has at most %zu octets", option,
                         room - 1);
    }
    (void)snprintf(field, room, "%s", text);
    return RESULT_OK;
}

static enum result fill_addresses(struct cli *cli, struct member *member)
{
    size_t count = cli_count(cli, "address");
    if (count == 0) {
        return RESULT_OK;
    }
    if (count > MEMBER_ADDRESSES_MAX) {
        return diag_fail(&cli->diag, RESULT_INVALID, "a member has at most %d addresses",
                         MEMBER_ADDRESSES_MAX);
    }
    member->address_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *text = cli_value(cli, "address", i);
        if (address_parse(&member->addresses[i], text) != RESULT_OK) {
            return diag_fail(&cli->diag, RESULT_INVALID, "--address: \"%.80s\" is no IP address",
                             text);
        }
        member->address_count++;
    }
    return RESULT_OK;
}

static enum result fill_numbers(struct cli *cli, struct member *member)
{
    uint32_t port = member->port;
    enum result result =
        cli_number(cli, "capacity", 0, MEMBER_CAPACITY_MAX, &member->capacity_mbit);
    if (result == RESULT_OK) {
        result = cli_number(cli, "port", 1, UINT16_MAX, &port);
    }
    member->port = (uint16_t)port;
    return result;
}

static enum result fill_country(struct cli *cli, struct member *member)
{
    const char *country = cli_value(cli, "country", 0);
    struct diag why;
    if (country != NULL && country_parse(member->country, country, &why) != RESULT_OK) {
        return diag_fail(&cli->diag, RESULT_INVALID, "--country: %.200s", why.text);
    }
    return RESULT_OK;
}

static enum result fill_position(struct cli *cli, struct member *member)
{
    const char *position = cli_value(cli, "position", 0);
    if (position == NULL) {
        return RESULT_OK;
    }
    if (position_parse(&member->position, position) != RESULT_OK) {
        return diag_fail(&cli->diag, RESULT_INVALID,
                         "--position takes LATITUDE,LONGITUDE in degrees, as in 52.37,4.90, not "
                         "\"%.80s\"",
                         position);
    }
    member->placed = true;
    return RESULT_OK;
}

static enum result fill_target(struct cli *cli, struct member *member)
{
    const char *target = cli_value(cli, "target", 0);
    if (target == NULL) {
        return RESULT_OK;
    }
    if (dname_parse(&member->target, target, NULL) != RESULT_OK || member->target.len == 1) {
        return diag_fail(&cli->diag, RESULT_INVALID, "--target: \"%.80s\" is no domain name",
                         target);
    }
    dname_lower(&member->target);
    return RESULT_OK;
}

static enum result fill_leave(struct cli *cli, struct member *member)
{
    uint64_t now = session_now();
    TRY(cli_time(cli, "leave", now, CLI_FUTURE, &member->leave_at));
    return !cli_flag(cli, "leave") || member->leave_at > now
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_INVALID,
                           "--leave takes a time to come; `ntspool member remove` removes a "
                           "member now");
}

enum result memberoptions_fill(struct cli *cli, struct member *member)
{
    TRY(fill_addresses(cli, member));
    TRY(fill_numbers(cli, member));
    TRY(fill_country(cli, member));
    TRY(fill_position(cli, member));
    TRY(fill_target(cli, member));
    TRY(fill_leave(cli, member));
    member->unlisted = cli_flag(cli, "unlisted") || member->unlisted;
    TRY(fill_text(cli, "contact", member->contact, sizeof member->contact));
    TRY(fill_text(cli, "operator", member->operator_name, sizeof member->operator_name));
    return fill_text(cli, "accounturi", member->accounturi, sizeof member->accounturi);
}

const char *memberoptions_contradiction(const struct cli *cli, const char **other)
{
    static const char *const fields[][2] = {
        { "country", "no-country" },   { "position", "no-position" },
        { "operator", "no-operator" }, { "accounturi", "no-accounturi" },
        { "target", "no-target" },     { "contact", "no-contact" },
        { "leave", "no-leave" },       { "unlisted", "listed" },
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (cli_flag(cli, fields[i][0]) && cli_flag(cli, fields[i][1])) {
            *other = fields[i][1];
            return fields[i][0];
        }
    }
    return NULL;
}

void memberoptions_clear(const struct cli *cli, struct member *member)
{
    bool address = cli_flag(cli, "address");
    bool target = cli_flag(cli, "target");
    if (cli_flag(cli, "no-country")) {
        member->country[0] = 0;
    }
    if (cli_flag(cli, "no-position")) {
        member->placed = false;
    }
    if (cli_flag(cli, "no-operator")) {
        member->operator_name[0] = 0;
    }
    if (cli_flag(cli, "no-accounturi")) {
        member->accounturi[0] = 0;
    }
    if (cli_flag(cli, "no-contact")) {
        member->contact[0] = 0;
    }
    if (cli_flag(cli, "no-leave")) {
        member->leave_at = 0;
    }
    if (cli_flag(cli, "listed")) {
        member->unlisted = false;
    }
    if (cli_flag(cli, "no-target") || (address && !target)) {
        member->target.len = 0;
    }
    if (target) {
        member->address_count = 0;
    }
}

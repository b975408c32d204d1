#include "tools/check/check_subnets.h"

#include <stdio.h>

/* Networks of research networks and registries, which stay where they are. RFC 7871 11.1: /24 and
 * /56. */
static const struct preset {
    const char *country, *address;
    uint8_t bits;
} presets[] = {
    { "NL", "145.97.0.0", 24 },    { "NL", "2001:610::", 56 },  /* SURF */
    { "US", "128.2.0.0", 24 },     { "US", "2001:468::", 56 },  /* CMU, Internet2 */
    { "BR", "200.160.0.0", 24 },   { "BR", "2001:12ff::", 56 }, /* NIC.br */
    { "JP", "203.178.128.0", 24 }, { "JP", "2001:200::", 56 },  /* WIDE */
    { "ZA", "196.21.0.0", 24 },    { "ZA", "2001:4200::", 56 }, /* TENET */
    { "AU", "202.12.29.0", 24 },   { "AU", "2001:dc0::", 56 },  /* APNIC */
};

enum {
    PRESETS = sizeof(presets) / sizeof(presets[0])
};
_Static_assert((int)PRESETS <= (int)CHECK_SUBNETS_MAX, "all presets fit");

static struct dns_subnet of_preset(const struct preset *preset)
{
    struct dns_subnet subnet = { .present = true, .source_bits = preset->bits };
    CHECK(address_parse(&subnet.address, preset->address) == RESULT_OK);
    return subnet;
}

void check_subnets_preset(struct check_options *options)
{
    for (unsigned i = 0; i < PRESETS; i++) {
        options->subnets[options->subnet_count++] = of_preset(&presets[i]);
    }
}

char *check_subnet_text(const struct dns_subnet *subnet, char *out)
{
    char address[ADDRESS_TEXT_MAX];
    (void)snprintf(out, CHECK_SUBJECT_ROOM, "%s/%u", address_text(&subnet->address, address),
                   subnet->source_bits);
    return out;
}

char *check_subnet_place(const struct dns_subnet *subnet, char *out)
{
    for (unsigned i = 0; i < PRESETS; i++) {
        struct dns_subnet preset = of_preset(&presets[i]);
        if (address_equal(&preset.address, &subnet->address)) {
            (void)snprintf(out, CHECK_SUBJECT_ROOM, "%s", presets[i].country);
            return out;
        }
    }
    return check_subnet_text(subnet, out);
}

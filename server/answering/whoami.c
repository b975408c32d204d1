#include "server/answering/whoami.h"

#include <stdio.h>

/* Adds a string KEY=VALUE of at most 255 octets to the rdata. */
static void add(struct writer *w, const char *key, const char *value)
{
    size_t key_len = strlen(key), value_len = strnlen(value, 255 - key_len - 1);
    write_u8(w, (uint8_t)(key_len + 1 + value_len));
    write_octets(w, key, key_len);
    write_u8(w, '=');
    write_octets(w, value, value_len);
}

static void add_subnet(struct writer *w, const struct client_subnet *subnet)
{
    char text[ADDRESS_TEXT_MAX], value[ADDRESS_TEXT_MAX + 4];
    bool mapped = subnet->family == 2 && address_is_ipv4(&subnet->address);
    (void)snprintf(value, sizeof(value), "%s/%u", address_text(&subnet->address, text),
                   subnet->source - (mapped ? 96U : 0U));
    add(w, "subnet", value);
}

static void add_place(struct writer *w, const struct zone_state *zone, struct location location)
{
    size_t count = 0;
    const struct cell *cells =
        locations_cells(zone->places == NULL ? NULL : zone->places->locations, &count);
    const struct cell *cell = &cells[location.cell];
    char text[REGION_LABEL_ROOM], continent[REGION_LABEL_ROOM];
    (void)snprintf(text, sizeof(text), "%u", location.scope);
    add(w, "scope", text);
    (void)snprintf(text, sizeof(text), "%s%s%s", cell->country,
                   cell->subdivision[0] == '\0' ? "" : "-", cell->subdivision);
    const char *name = cell->country[0] == '\0' ? "world" : text;
    add(w, "cell", name);
    switch (steering_extent(&zone->deal->shared->steering, cells, location.cell)) {
    case STEERING_WORLD:
        name = "world";
        break;
    case STEERING_CONTINENT:
        name = region_label(region_around(cell->country), continent);
        break;
    case STEERING_COUNTRY:
        name = cell->country;
        break;
    case STEERING_CELL:
        break;
    }
    add(w, "area", name);
}

/* The record for one client. */
static struct rrset make(struct whoami *whoami, const struct client_subnet *subnet,
                         const struct address *source, struct location location)
{
    struct writer w = writer_of(whoami->rdata + 2, WHOAMI_RDATA - 2);
    char text[ADDRESS_TEXT_MAX];
    add(&w, "source", address_text(source, text));
    if (subnet != NULL) {
        add_subnet(&w, subnet);
    }
    add_place(&w, whoami->snapshot->zone, location);
    if (whoami->server != NULL) {
        add(&w, "server", whoami->server);
    }
    ASSERT(!w.failed);
    wire_put_u16(whoami->rdata, (uint16_t)w.at);
    return (struct rrset){
        .type = RR_TXT, .count = 1, .ttl = 0, .rdata = whoami->rdata, .rdata_len = w.at + 2
    };
}

enum result whoami_add(struct answer *answer, struct whoami *whoami, const struct query *query,
                       const struct address *source, const struct dname *owner)
{
    const struct snapshot *snapshot = whoami->snapshot;
    const struct places *places = snapshot->zone->places;
    const struct client_subnet *subnet = query_subnet(query);
    struct location location = locations_find(places == NULL ? NULL : places->locations,
                                              subnet != NULL ? &subnet->address : source);
    struct rrset set = make(whoami, subnet, source, location);
    const struct block *block = NULL;
    if (query->dnssec_ok) {
        uint8_t scratch[SIGNER_SCRATCH];
        struct rrset signatures;
        TRY(signer_sign(snapshot->limited_signer, owner, &set, snapshot->now, scratch,
                        &signatures));
        const struct block_parts parts = { .owner = owner == &query->qname ? NULL : owner,
                                           .set = &set,
                                           .signatures = &signatures };
        CHECK(block_make(&whoami->block, whoami->wire, sizeof(whoami->wire),
                         &snapshot->zone->settings.apex, &parts));
        block = &whoami->block;
    }
    /* The text shows the whole subnet, so it is for no other one. */
    answer->scope = subnet != NULL ? subnet->source : 0;
    return answer_add(answer, owner, &set, block) ? RESULT_OK : RESULT_TOO_LONG;
}

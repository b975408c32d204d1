#include "tools/memberview.h"

#include <stdio.h>

#include "probe/aead.h"

enum {
    LINE_ROOM = 1024
};

enum result memberview_begin(struct memberview_source *source, uint64_t now)
{
    return source->health == NULL ? RESULT_OK
                                  : vantages_read(&source->vantages, source->health,
                                                  source->settings.verdict_fresh_s, now);
}

enum result memberview_make(struct memberview *out, const struct member *member,
                            const struct memberview_source *source)
{
    out->member = *member;
    out->row_count = 0;
    if (source->health != NULL) {
        TRY(consensus_rows(out->rows, &out->row_count, source->health, member->id,
                           &source->vantages));
    }
    consensus_of(&out->consensus, member, out->rows, out->row_count, &source->vantages,
                 &source->settings);
    out->standing = lifecycle_standing(&out->member, &out->consensus);
    return RESULT_OK;
}

bool memberview_score(const struct memberview *view, int32_t *milli)
{
    const struct address_health *best = health_best(&view->consensus.health);
    if (best != NULL) {
        *milli = best->score_milli;
    }
    return best != NULL;
}

/* The addresses to show: the registered ones, or for a member with its own name those that the
 * probe found. */
static unsigned shown_addresses(const struct memberview *view,
                                struct address out[MEMBER_ADDRESSES_MAX])
{
    unsigned count = view->member.address_count;
    for (unsigned i = 0; i < count; i++) {
        out[i] = view->member.addresses[i];
    }
    if (count == 0) {
        count = view->consensus.health.address_count;
        for (unsigned i = 0; i < count; i++) {
            out[i] = view->consensus.health.addresses[i].address;
        }
    }
    return count;
}

static json_t *milli_json(int32_t milli)
{
    return json_real(milli / 1000.0);
}

static char *fqdn(const struct memberview *view, const struct dname *apex, char out[DNAME_TEXT_MAX])
{
    struct dname name;
    member_target(&name, &view->member, apex);
    return dname_text(&name, out);
}

/* The first of its certificates to end; 0: none was seen. */
static uint64_t certificate_end(const struct memberview *view)
{
    uint64_t first = 0;
    for (unsigned i = 0; i < view->consensus.health.address_count; i++) {
        uint64_t end = view->consensus.health.addresses[i].cert_not_after;
        first = end != 0 && (first == 0 || end < first) ? end : first;
    }
    return first;
}

static json_t *position_json(const struct member *m)
{
    int32_t latitude = 0, longitude = 0;
    position_parts(m->position, &latitude, &longitude);
    return m->placed ? json_pack("[f, f]", latitude / 1e4, longitude / 1e4) : json_null();
}

json_t *memberview_brief(const struct memberview *view, const struct dname *apex)
{
    const struct member *m = &view->member;
    char text[DNAME_TEXT_MAX];
    struct address addresses[MEMBER_ADDRESSES_MAX];
    int32_t score = 0;
    bool scored = memberview_score(view, &score);
    json_t *list = json_array();
    unsigned count = shown_addresses(view, addresses);
    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(list, json_text(address_text(&addresses[i], text)));
    }
    json_t *out = json_object();
    json_object_set_new(out, "name", json_text(m->label));
    json_object_set_new(out, "fqdn", json_text(fqdn(view, apex, text)));
    json_object_set_new(out, "state", json_text(view->standing.state));
    json_object_set_new(out, "reason", json_text(view->standing.reason));
    json_object_set_new(out, "eligible", json_boolean(view->standing.eligible));
    json_object_set_new(out, "score", scored ? milli_json(score) : json_null());
    json_object_set_new(out, "weight", json_integer(view->standing.weight));
    json_object_set_new(out, "override", json_text(override_text(m->override)));
    json_object_set_new(out, "suspended", json_boolean(m->suspended));
    json_object_set_new(out, "country", json_text_or_null(m->country));
    json_object_set_new(out, "position", position_json(m));
    json_object_set_new(out, "operator", json_text_or_null(m->operator_name));
    json_object_set_new(out, "capacity_mbit", json_integer(m->capacity_mbit));
    json_object_set_new(out, "cert_not_after", json_time(certificate_end(view)));
    json_object_set_new(out, "addresses", list);
    return out;
}

static json_t *warnings_json(const struct address_health *seen)
{
    json_t *list = json_array();
    for (unsigned bit = 1; bit <= seen->warnings; bit <<= 1) {
        if ((seen->warnings & bit) != 0) {
            json_array_append_new(list, json_text(warning_text((enum warning)bit)));
        }
    }
    return list;
}

static void add_seen(json_t *out, const struct address_health *seen)
{
    json_object_set_new(out, "score", milli_json(seen->score_milli));
    json_object_set_new(out, "working", json_boolean(seen->working));
    json_object_set_new(out, "failure", json_text(failure_id(seen->failure)));
    json_object_set_new(out, "advice", json_text(failure_advice(seen->failure)));
    json_object_set_new(out, "source", json_text_or_null(failure_source(seen->failure)));
    json_object_set_new(out, "detail", json_text_or_null(seen->detail));
    json_object_set_new(out, "probes", json_integer(seen->probes));
    json_object_set_new(out, "first_probe_at", json_time(seen->first_probe_at));
    json_object_set_new(out, "last_probe_at", json_time(seen->last_probe_at));
    json_object_set_new(out, "last_good_at", json_time(seen->last_good_at));
    json_object_set_new(out, "cert_not_after", json_time(seen->cert_not_after));
    json_object_set_new(out, "certified_at", json_time(seen->certified_at));
    json_object_set_new(out, "operational_at", json_time(seen->operational_at));
    json_object_set_new(out, "warnings", warnings_json(seen));
    json_object_set_new(out, "aead", seen->aead != 0 ? json_integer(seen->aead) : json_null());
    bool timed = seen->operational_at != 0;
    json_object_set_new(out, "stratum", timed ? json_integer(seen->stratum) : json_null());
    json_object_set_new(out, "offset_ms",
                        timed ? json_real((double)seen->offset_us / 1000.0) : json_null());
    json_object_set_new(out, "rtt_ms", timed ? json_real(seen->rtt_us / 1000.0) : json_null());
}

/* What the vantage points say of each family that the member has. */
static json_t *families_json(const struct memberview *view, const struct address *addresses,
                             unsigned count)
{
    json_t *out = json_object();
    bool has[ADDRESS_FAMILIES] = { false };
    for (unsigned i = 0; i < count; i++) {
        has[address_family(&addresses[i])] = true;
    }
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        const struct family_health *own = &view->consensus.health.family[i];
        const struct votes *votes = &view->consensus.family[i];
        if (has[i]) {
            json_object_set_new(out, i == ADDRESS_IPV4 ? "ipv4" : "ipv6",
                                json_pack("{s:s, s:o, s:i, s:i}", "stage", stage_text(own->stage),
                                          "since", json_time(own->stage_since), "votes",
                                          (int)votes->all, "votes_in", (int)votes->in));
        }
    }
    return out;
}

/* What each vantage point says by itself. */
static json_t *votes_json(const struct memberview *view)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < view->row_count; i++) {
        const struct member_health *row = &view->rows[i];
        json_array_append_new(list,
                              json_pack("{s:o, s:s, s:o, s:i}", "name", json_text(row->vantage),
                                        "stage", stage_text(row->stage), "since",
                                        json_time(row->stage_since), "weight", (int)row->weight));
    }
    return list;
}

json_t *memberview_full(const struct memberview *view, const struct dname *apex)
{
    static const char *const never_seen[] = { "score", "failure", "detail", "last_probe_at",
                                              "cert_not_after" };
    const struct member *m = &view->member;
    char text[DNAME_TEXT_MAX];
    struct address addresses[MEMBER_ADDRESSES_MAX];
    unsigned count = shown_addresses(view, addresses);
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        const struct address_health *seen = health_address(&view->consensus.health, &addresses[i]);
        json_t *row = json_object();
        json_object_set_new(row, "address", json_text(address_text(&addresses[i], text)));
        json_object_set_new(row, "left_out", json_boolean((view->standing.left_out >> i & 1) != 0));
        if (seen != NULL) {
            add_seen(row, seen);
        } else {
            json_object_set_new(row, "working", json_false());
            for (size_t k = 0; k < sizeof never_seen / sizeof never_seen[0]; k++) {
                json_object_set_new(row, never_seen[k], json_null());
            }
        }
        json_array_append_new(list, row);
    }
    json_t *out = memberview_brief(view, apex);
    bool has_target = m->target.len > 0;
    json_object_set_new(out, "target",
                        has_target ? json_text(dname_text(&m->target, text)) : json_null());
    json_object_set_new(out, "port", json_integer(m->port));
    json_object_set_new(out, "accounturi", json_text_or_null(m->accounturi));
    json_object_set_new(out, "added_at", json_time(m->added_at));
    json_object_set_new(out, "changed_at", json_time(m->changed_at));
    json_object_set_new(out, "state_since", json_time(view->consensus.health.stage_since));
    json_object_set_new(out, "hold",
                        view->consensus.hold != HOLD_NONE
                            ? json_text(hold_text(view->consensus.hold))
                            : json_null());
    json_object_set_new(out, "votes", json_integer(view->consensus.votes.all));
    json_object_set_new(out, "votes_in", json_integer(view->consensus.votes.in));
    json_object_set_new(out, "families", families_json(view, addresses, count));
    json_object_set_new(out, "last_eligible_at",
                        json_time(view->consensus.health.last_eligible_at));
    json_object_set_new(out, "vantages", votes_json(view));
    json_object_set_new(out, "last_cert_not_after",
                        json_time(view->consensus.health.last_cert_not_after));
    json_object_set_new(out, "addresses", list);
    return out;
}

static void print_line(const char *name, const char *value)
{
    char safe[LINE_ROOM];
    if (value[0] != 0) {
        printf("%-14s %s\n", name, output_escape(safe, sizeof safe, value));
    }
}

static void print_time(const char *name, uint64_t at)
{
    char text[OUTPUT_TIME_ROOM];
    print_line(name, at != 0 ? output_time(at, text) : "");
}

static void print_address(const struct memberview *view, const struct address *address,
                          bool left_out)
{
    const struct address_health *seen = health_address(&view->consensus.health, address);
    char text[ADDRESS_TEXT_MAX];
    printf("\naddress        %s%s\n", address_text(address, text),
           left_out ? " (left out of the name until it works again)" : "");
    if (seen == NULL || seen->probes == 0) {
        print_line("  probed", "not yet");
        return;
    }
    printf("  score        %.1f, %s, %u probes\n", seen->score_milli / 1000.0,
           seen->working ? "working" : "not working", seen->probes);
    print_line("  last probe", failure_id(seen->failure));
    print_line("  detail", seen->detail);
    if (seen->failure != FAILURE_NONE) {
        print_line("  advice", failure_advice(seen->failure));
        print_line("  source", failure_source(seen->failure));
    }
    print_time("  probed", seen->last_probe_at);
    print_time("  last good", seen->last_good_at);
    print_time("  certificate", seen->cert_not_after);
    if (seen->aead != 0) {
        printf("  AEAD         %u, %s\n", seen->aead, aead_text(seen->aead));
    }
    if (seen->operational_at != 0) {
        printf("  time         offset %+.3f ms, round trip %.3f ms, stratum %u\n",
               (double)seen->offset_us / 1000.0, seen->rtt_us / 1000.0, seen->stratum);
    }
    for (unsigned bit = 1; bit <= seen->warnings; bit <<= 1) {
        if ((seen->warnings & bit) != 0) {
            char words[LINE_ROOM];
            (void)snprintf(words, sizeof words, "%s: %s", warning_text((enum warning)bit),
                           warning_advice((enum warning)bit));
            print_line("  warning", words);
        }
    }
}

/* Only where there are several: one has no other to differ from. */
static void print_votes(const struct memberview *view)
{
    char text[OUTPUT_TIME_ROOM];
    if (view->row_count < 2) {
        return;
    }
    for (unsigned i = ADDRESS_FAMILIES; i-- > 0;) {
        if (health_has_family(&view->consensus.health, (enum address_family)i)) {
            printf("%-14s %u of %u vantage points have its %s in\n", "votes",
                   view->consensus.family[i].in, view->consensus.family[i].all,
                   address_family_text((enum address_family)i));
        }
    }
    for (unsigned i = 0; i < view->row_count; i++) {
        const struct member_health *row = &view->rows[i];
        printf("  %-12s %s since %s\n", row->vantage, stage_text(row->stage),
               output_time(row->stage_since, text));
    }
}

void memberview_print(const struct memberview *view, const struct dname *apex)
{
    const struct member *m = &view->member;
    char text[DNAME_TEXT_MAX], place[POSITION_TEXT_MAX];
    struct address addresses[MEMBER_ADDRESSES_MAX];
    print_line("member", m->label);
    print_line("name", fqdn(view, apex, text));
    printf("%-14s %s: %s\n", "state", view->standing.state, view->standing.reason);
    print_time("since", view->consensus.health.stage_since);
    print_votes(view);
    print_line("override", m->override != OVERRIDE_AUTO ? override_text(m->override) : "");
    print_line("country", m->country);
    print_line("position", m->placed ? position_text(m->position, place) : "");
    print_line("operator", m->operator_name);
    printf("%-14s %u Mbit/s\n%-14s %u\n", "capacity", m->capacity_mbit, "port", m->port);
    print_line("accounturi", m->accounturi);
    print_time("added", m->added_at);
    print_time("changed", m->changed_at);
    unsigned count = shown_addresses(view, addresses);
    for (unsigned i = 0; i < count; i++) {
        print_address(view, &addresses[i], (view->standing.left_out >> i & 1) != 0);
    }
}

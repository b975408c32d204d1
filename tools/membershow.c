#include "tools/membershow.h"

#include <stdio.h>

#include "probe/aead.h"
#include "tools/output.h"

enum {
    LINE_ROOM = 1024
};

/* The addresses to show: those registered, or those that the probe found for a member with its own
 * name. */
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

static json_t *position_json(const struct member *m)
{
    int32_t latitude = 0, longitude = 0;
    position_parts(m->position, &latitude, &longitude);
    return m->placed ? json_pack("[f, f]", latitude / 1e4, longitude / 1e4) : json_null();
}

json_t *membershow_brief(const struct memberview *view, const struct dname *apex)
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
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:b, s:o, s:I, s:o, s:b, s:o, s:o, s:o, s:I, s:o, s:b, s:o, s:o, "
        "s:o}",
        "name", json_text(m->label), "fqdn", json_text(fqdn(view, apex, text)), "state",
        json_text(view->standing.state), "reason", json_text(view->standing.reason), "eligible",
        view->standing.eligible, "score", scored ? milli_json(score) : json_null(), "weight",
        (json_int_t)view->standing.weight, "override", json_text(override_text(m->override)),
        "suspended", m->suspended, "country", json_text_or_null(m->country), "position",
        position_json(m), "operator", json_text_or_null(m->operator_name), "capacity_mbit",
        (json_int_t)m->capacity_mbit, "leave_at", json_time(m->leave_at), "unlisted", m->unlisted,
        "cert_not_after", json_time(memberview_certificate_end(view)), "last_probe_at",
        json_time(memberview_probed_at(view)), "addresses", list);
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

/* The last probe of an address, and the times that count for its stage. */
static json_t *probe_json(const struct address_health *seen)
{
    bool timed = seen->operational_at != 0;
    return json_pack(
        "{s:o, s:b, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o}",
        "score", milli_json(seen->score_milli), "working", seen->working, "failure",
        json_text(failure_id(seen->failure)), "advice", json_text(failure_advice(seen->failure)),
        "source", json_text_or_null(failure_source(seen->failure)), "detail",
        json_text_or_null(seen->detail), "probes", (json_int_t)seen->probes, "first_probe_at",
        json_time(seen->first_probe_at), "last_probe_at", json_time(seen->last_probe_at),
        "last_good_at", json_time(seen->last_good_at), "cert_not_after",
        json_time(seen->cert_not_after), "certified_at", json_time(seen->certified_at),
        "operational_at", json_time(seen->operational_at), "warnings", warnings_json(seen), "aead",
        seen->aead != 0 ? json_integer(seen->aead) : json_null(), "stratum",
        timed ? json_integer(seen->stratum) : json_null(), "offset_ms",
        timed ? json_real((double)seen->offset_us / 1000.0) : json_null(), "rtt_ms",
        timed ? json_real(seen->rtt_us / 1000.0) : json_null());
}

static json_t *address_json(const struct memberview *view, const struct address *address,
                            bool left_out)
{
    const struct address_health *seen = health_address(&view->consensus.health, address);
    char text[ADDRESS_TEXT_MAX];
    json_t *row = json_pack("{s:o, s:b}", "address", json_text(address_text(address, text)),
                            "left_out", left_out);
    json_t *probe = seen != NULL
                        ? probe_json(seen)
                        : json_pack("{s:b, s:n, s:n, s:n, s:n, s:n}", "working", 0, "score",
                                    "failure", "detail", "last_probe_at", "cert_not_after");
    json_object_update(row, probe);
    json_decref(probe);
    return row;
}

/* The vantage points' votes on each family of the member. */
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

/* The stage as each vantage point sees it. */
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

json_t *membershow_full(const struct memberview *view, const struct dname *apex)
{
    const struct member *m = &view->member;
    const struct consensus *consensus = &view->consensus;
    char text[DNAME_TEXT_MAX];
    struct address addresses[MEMBER_ADDRESSES_MAX];
    unsigned count = shown_addresses(view, addresses);
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(
            list, address_json(view, &addresses[i], (view->standing.left_out >> i & 1) != 0));
    }
    json_t *out = membershow_brief(view, apex);
    json_t *rest = json_pack(
        "{s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "target",
        m->target.len > 0 ? json_text(dname_text(&m->target, text)) : json_null(), "port",
        (int)m->port, "accounturi", json_text_or_null(m->accounturi), "contact",
        json_text_or_null(m->contact), "added_at", json_time(m->added_at), "changed_at",
        json_time(m->changed_at), "state_since", json_time(consensus->health.stage_since), "hold",
        json_text_or_null(consensus->hold != HOLD_NONE ? hold_text(consensus->hold) : ""), "votes",
        (json_int_t)consensus->votes.all, "votes_in", (json_int_t)consensus->votes.in, "families",
        families_json(view, addresses, count), "last_eligible_at",
        json_time(consensus->health.last_eligible_at), "vantages", votes_json(view),
        "last_cert_not_after", json_time(consensus->health.last_cert_not_after), "addresses", list);
    json_object_update(out, rest);
    json_decref(rest);
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

/* Prints votes if there are several vantage points. */
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

void membershow_print(const struct memberview *view, const struct dname *apex)
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
    print_line("contact", m->contact);
    print_time("leaves", m->leave_at);
    print_line("unlisted", m->unlisted ? "yes" : "");
    print_time("added", m->added_at);
    print_time("changed", m->changed_at);
    unsigned count = shown_addresses(view, addresses);
    for (unsigned i = 0; i < count; i++) {
        print_address(view, &addresses[i], (view->standing.left_out >> i & 1) != 0);
    }
}

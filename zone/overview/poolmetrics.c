#include "zone/overview/poolmetrics.h"

#include <math.h>

enum {
    MBIT = 125000 /* octets */
};

static const char *const families[ADDRESS_FAMILIES] = {
    [ADDRESS_IPV6] = "ipv6", [ADDRESS_IPV4] = "ipv4"
};

static void gauge(struct openmetrics *om, const char *name, const char *help)
{
    openmetrics_family(om, OPENMETRICS_GAUGE, name, help);
}

static void write_members(struct openmetrics *om, const struct census *census)
{
    gauge(om, "ntspool_members", "Members of the pool, by the state that `ntspool status` shows.");
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        openmetrics_sample(om, (double)census->states[i], "state", census_state_text(i), NULL);
    }
    gauge(om, "ntspool_members_held", "Members whose removal waits, by reason.");
    for (unsigned hold = HOLD_WAITING; hold < HOLDS; hold++) {
        openmetrics_sample(om, (double)census->vantages.held[hold], "why",
                           hold_text((enum hold)hold), NULL);
    }
    gauge(om, "ntspool_member_warnings", "Members with a warning of `ntspool member show`.");
    for (unsigned i = 0; i < WARNINGS; i++) {
        openmetrics_sample(om, (double)census->warnings[i], "warning",
                           warning_text((enum warning)(1U << i)), NULL);
    }
    gauge(om, "ntspool_capacity_bytes_per_second",
          "Registered capacity, of all members and of those that are handed out.");
    openmetrics_sample(om, (double)census->capacity_mbit * MBIT, "of", "all", NULL);
    openmetrics_sample(om, (double)census->eligible_mbit * MBIT, "of", "eligible", NULL);
}

static void write_addresses(struct openmetrics *om, const struct census *census)
{
    gauge(om, "ntspool_addresses", "Addresses of members that were probed.");
    for (unsigned family = 0; family < ADDRESS_FAMILIES; family++) {
        openmetrics_sample(om, (double)census->addresses[family][true], "family", families[family],
                           "working", "true", NULL);
        openmetrics_sample(om, (double)census->addresses[family][false], "family", families[family],
                           "working", "false", NULL);
    }
    gauge(om, "ntspool_addresses_failing",
          "Addresses of members whose last probe failed, by class of failure.");
    for (unsigned failure = FAILURE_NONE + 1; failure < FAILURE_COUNT; failure++) {
        for (unsigned family = 0; family < ADDRESS_FAMILIES; family++) {
            openmetrics_sample(om, (double)census->failing[failure][family], "failure",
                               failure_id((enum failure)failure), "family", families[family], NULL);
        }
    }
}

static void write_certificates(struct openmetrics *om, const struct census *census)
{
    static const char *const withins[CENSUS_WITHINS] = { "7d", "14d", "30d" };
    gauge(om, "ntspool_certificates_ending",
          "Members whose certificate ends within that time, or has ended.");
    openmetrics_sample(om, (double)census->ended, "within", "ended", NULL);
    for (unsigned i = 0; i < CENSUS_WITHINS; i++) {
        openmetrics_sample(om, (double)census->ends_within[i], "within", withins[i], NULL);
    }
    gauge(om, "ntspool_certificate_next_end_timestamp_seconds",
          "When the next certificate of a member ends, in Unix seconds.");
    if (census->next_end != 0) {
        openmetrics_sample(om, (double)census->next_end, NULL);
    }
}

static void write_shares(struct openmetrics *om, const struct shareview *shares)
{
    const struct openmetrics_quantiles quantiles = {
        .quantiles = shareview_quantiles,
        .values = shares->quantiles,
        .count = SHAREVIEW_QUANTILES,
        .sum = shares->sum,
        .observations = shares->members,
    };
    openmetrics_family(om, OPENMETRICS_SUMMARY, "ntspool_share_ratio",
                       "What the members that are handed out got of the last day's answers, to "
                       "their part of the capacity.");
    if (shares->members > 0) {
        openmetrics_summary(om, &quantiles, NULL);
    }
}

static void write_vantage(struct openmetrics *om, const struct vantages *vantages, const char *name,
                          const char *help, double (*value)(const struct vantage *))
{
    gauge(om, name, help);
    for (unsigned i = 0; i < vantages->count; i++) {
        openmetrics_sample(om, value(&vantages->list[i]), "vantage", vantages->list[i].name, NULL);
    }
}

static double last_word_of(const struct vantage *vantage)
{
    return vantage->well_at != 0 ? (double)vantage->well_at : NAN; /* left out */
}

static double members_of(const struct vantage *vantage)
{
    return vantage->members;
}

static double down_of(const struct vantage *vantage)
{
    return vantage->down;
}

static double unsynchronised_of(const struct vantage *vantage)
{
    return vantage->unsynchronised;
}

static void write_frozen(struct openmetrics *om, const struct vantage *vantage)
{
    bool members = vantage->frozen_since != 0 && vantage->released_at < vantage->frozen_since;
    openmetrics_sample(om, members, "vantage", vantage->name, "what", "members", NULL);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        uint64_t since = vantage->family[i].frozen_since;
        openmetrics_sample(om, since != 0 && vantage->released_at < since, "vantage", vantage->name,
                           "what", families[i], NULL);
    }
}

void poolmetrics_write_vantages(struct openmetrics *om, const struct vantages *vantages,
                                const struct vantageview *seen)
{
    gauge(om, "ntspool_vantage_asked", "1: the vantage point reports, so its verdicts count.");
    for (unsigned i = 0; i < vantages->count; i++) {
        openmetrics_sample(om, vantages->asked[i], "vantage", vantages->list[i].name, NULL);
    }
    gauge(om, "ntspool_vantage_dissents",
          "Members on which the vantage point has long disagreed with the others.");
    for (unsigned i = 0; i < vantages->count; i++) {
        openmetrics_sample(om, (double)seen->dissent[i], "vantage", vantages->list[i].name, NULL);
    }
    gauge(om, "ntspool_vantage_state", "The state of the vantage point by its own word: 1.");
    for (unsigned i = 0; i < vantages->count; i++) {
        for (unsigned state = VANTAGE_WELL; state <= VANTAGE_HELD_UP; state++) {
            openmetrics_sample(om, vantages->list[i].state == state, "vantage",
                               vantages->list[i].name, "state",
                               vantage_state_text((enum vantage_state)state), NULL);
        }
    }
    gauge(om, "ntspool_vantage_frozen",
          "1: too much fails at once there, so no member is taken out, or no address of a family.");
    for (unsigned i = 0; i < vantages->count; i++) {
        write_frozen(om, &vantages->list[i]);
    }
    write_vantage(om, vantages, "ntspool_vantage_last_word_timestamp_seconds",
                  "The last report while the vantage point trusted itself, in Unix seconds.",
                  last_word_of);
    write_vantage(om, vantages, "ntspool_vantage_eligible_members",
                  "Members that the vantage point holds eligible.", members_of);
    write_vantage(om, vantages, "ntspool_vantage_down_members",
                  "Eligible members that do not answer the vantage point.", down_of);
    write_vantage(om, vantages, "ntspool_vantage_unsynchronised",
                  "1: nothing keeps the clock of the vantage point in time, says its kernel.",
                  unsynchronised_of);
}

void poolmetrics_write_probes(struct openmetrics *om, const struct runview *run)
{
    openmetrics_family(om, OPENMETRICS_COUNTER, "ntspool_probes_total",
                       "Probes made by a vantage point on this machine, by result.");
    for (unsigned i = 0; i < run->probe_count; i++) {
        const struct running_probe *probe = &run->probes[i];
        for (unsigned failure = FAILURE_NONE; failure < FAILURE_COUNT && probe->counted;
             failure++) {
            openmetrics_sample(om, (double)probe->totals.results[failure], "vantage",
                               probe->vantage, "result", failure_id((enum failure)failure), NULL);
        }
    }
    openmetrics_family(om, OPENMETRICS_HISTOGRAM, "ntspool_probe_seconds",
                       "Time that each step of these probes took, of those that succeeded.");
    for (unsigned i = 0; i < run->probe_count; i++) {
        const struct running_probe *probe = &run->probes[i];
        for (unsigned step = 0; step < PROBE_STEPS && probe->counted; step++) {
            const struct openmetrics_buckets buckets = {
                .bounds = probe_totals_bounds,
                .buckets = probe->totals.steps[step].buckets,
                .count = PROBE_BUCKETS,
                .sum = (double)probe->totals.steps[step].sum_us / 1e6,
            };
            openmetrics_histogram(om, &buckets, "vantage", probe->vantage, "step",
                                  probe_step_text((enum probe_step)step), NULL);
        }
    }
}

static void write_stores(struct openmetrics *om, const struct storeview stores[STORE_KINDS])
{
    static const struct {
        const char *name, *help;
    } rows[] = { { "ntspool_store_readable", "1: the store can be read." },
                 { "ntspool_store_used_bytes", "Size of the store's data." },
                 { "ntspool_store_map_bytes",
                   "Address space that this program has for the store; it grows as needed." },
                 { "ntspool_store_readers", "Slots of readers in use." } };
    for (unsigned row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        gauge(om, rows[row].name, rows[row].help);
        for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
            const struct storeview *view = &stores[kind];
            const double values[] = { view->readable, (double)view->usage.used_bytes,
                                      (double)view->usage.map_bytes, view->usage.readers };
            if (view->readable || (row == 0 && storeview_applies(view, (enum store_kind)kind))) {
                openmetrics_sample(om, values[row], "store", store_kind_text((enum store_kind)kind),
                                   NULL);
            }
        }
    }
}

static void write_machines(struct openmetrics *om, const struct fleetview *fleet)
{
    gauge(
        om, "ntspool_fleet_machine_lag_changes",
        "Changes of the fleet that this machine has, and the other did not have when it last said "
        "hello.");
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->machines[i].said_at != 0) {
            openmetrics_sample(om, (double)fleet->machines[i].lag, "machine",
                               fleet->machines[i].name, NULL);
        }
    }
    gauge(om, "ntspool_fleet_machine_hello_timestamp_seconds",
          "When the machine last said hello, in Unix seconds by its clock.");
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->machines[i].said_at != 0) {
            openmetrics_sample(om, (double)fleet->machines[i].said_at, "machine",
                               fleet->machines[i].name, NULL);
        }
    }
}

void poolmetrics_write_fleet(struct openmetrics *om, const struct fleetview *fleet)
{
    const struct feedstate *feed = &fleet->feed;
    if (!fleet->is_in_fleet) {
        return;
    }
    gauge(om, "ntspool_fleet_feed_state", "How this machine follows its fleet: 1 for what holds.");
    for (unsigned i = 0; i < FEEDSTATE_TROUBLES; i++) {
        openmetrics_sample(om, feed->trouble == i, "state",
                           feedstate_text((enum feedstate_trouble)i), NULL);
    }
    gauge(om, "ntspool_fleet_change", "The change of the fleet that this machine has taken last.");
    openmetrics_sample(om, (double)feed->seq, NULL);
    gauge(om, "ntspool_fleet_engine_change", "The newest change that the engine has told of.");
    openmetrics_sample(om, (double)feed->engine_seq, NULL);
    openmetrics_family(om, OPENMETRICS_COUNTER, "ntspool_fleet_resyncs_total",
                       "How often ntspool-feedd read all rows anew since it started.");
    openmetrics_sample(om, (double)feed->resyncs, NULL);
    write_machines(om, fleet);
}

void poolmetrics_write(struct openmetrics *om, const struct overview *overview)
{
    if (overview->judged) { /* no sample is better than "nobody is eligible" */
        write_members(om, &overview->census);
        write_addresses(om, &overview->census);
        write_certificates(om, &overview->census);
        write_shares(om, &overview->shares);
    }
    poolmetrics_write_vantages(om, &overview->source.vantages, &overview->census.vantages);
    poolmetrics_write_probes(om, &overview->run);
    write_stores(om, overview->stores);
    poolmetrics_write_fleet(om, &overview->fleet);
}

void poolmetrics_write_warnings(struct openmetrics *om, const struct concerns *concerns)
{
    bool there[CONCERN_IDS] = { false };
    for (size_t i = 0; i < concerns->count; i++) {
        there[concerns->list[i].id] = true;
    }
    gauge(om, "ntspool_warning", "1: `ntspool status` shows a warning with that id.");
    for (unsigned id = 0; id < CONCERN_IDS; id++) {
        openmetrics_sample(om, there[id], "id", concern_id_text((enum concern_id)id), "severity",
                           concern_severity_text(concern_severity((enum concern_id)id)), NULL);
    }
}

#include "tools/notices/noticelist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/session.h"
#include "zone/base/array.h"
#include "zone/overview/memberview.h"
#include "zone/verdicts/history.h"

/* Who writes the events in members' logs. */
#define AUTHOR "notices"

struct contacts {
    char (*list)[CONTACT_ROOM];
    size_t count, room;
};

struct reading {
    struct noticelist *list;
    struct store_txn *registry, *health;
    struct memberview_source source;
    struct memberview view;
    struct contacts resting; /* were sent a mail lately */
};

static enum result stop_at_eligible(const struct member *member, void *arg)
{
    struct reading *reading = arg;
    TRY(memberview_make(&reading->view, member, &reading->source));
    return reading->view.standing.eligible ? RESULT_EXISTS : RESULT_OK;
}

/* While nobody is eligible, clients are sent to members that are out. */
static enum result look_for_trust(struct reading *reading)
{
    reading->list->trusted = false;
    if (!notice_trusts(&reading->source.vantages)) {
        return RESULT_OK;
    }
    enum result result = registry_each(reading->registry, stop_at_eligible, reading);
    reading->list->trusted = result == RESULT_EXISTS;
    return result == RESULT_EXISTS ? RESULT_OK : result;
}

static void note_known(struct noticelist *list, uint64_t id)
{
    ARRAY_PUSH(list->known, list->known_count, list->known_room, id);
}

static void note_resting(struct contacts *resting, const char *contact)
{
    ARRAY_RESERVE(resting->list, resting->room, resting->count + 1);
    memcpy(resting->list[resting->count++], contact, CONTACT_ROOM);
}

/* Sets what is due, and adds the item if anything is. `item` has the member and the facts. */
static enum result add_item(struct reading *reading, struct noticeitem *item)
{
    struct noticelist *list = reading->list;
    const struct member *member = &item->member;
    TRY(notice_get(reading->health, member->id, member->contact, &item->memory));
    if (!notice_gap_is_over(item->memory.told_at, list->now)) {
        note_resting(&reading->resting, member->contact);
        return RESULT_OK;
    }
    item->due = notice_due(&item->facts, &item->memory, list->now);
    if (item->due != 0) {
        ARRAY_PUSH(list->items, list->count, list->room, *item);
    }
    return RESULT_OK;
}

static enum result take_member(const struct member *member, void *arg)
{
    struct reading *reading = arg;
    struct noticelist *list = reading->list;
    struct memberview *view = &reading->view;
    note_known(list, member->id);
    if (!contact_fits(member->contact)) {
        return RESULT_OK;
    }
    TRY(memberview_make(view, member, &reading->source));
    struct noticeitem item = { .member = *member,
                               .reason = view->standing.reason,
                               .health = view->consensus.health };
    notice_facts_of(&item.facts, member, &view->consensus, list->trusted, &list->settings,
                    list->now);
    return add_item(reading, &item);
}

/* A tombstone stays while a name is quarantined, also if its member was restored or added again. */
static enum result take_tombstone(const char *label, const struct tombstone *tombstone, void *arg)
{
    struct reading *reading = arg;
    const struct member *member = &tombstone->member;
    struct member present;
    if (!tombstone->kept || registry_member(reading->registry, label, &present) == RESULT_OK) {
        return RESULT_OK;
    }
    note_known(reading->list, member->id);
    if (!contact_fits(member->contact)) {
        return RESULT_OK;
    }
    struct noticeitem item = { .member = *member,
                               .facts = { .removed_at = tombstone->removed_at },
                               .reason = "" };
    return add_item(reading, &item);
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static int compare_contacts(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int compare_items(const void *a, const void *b)
{
    const struct member *first = &((const struct noticeitem *)a)->member;
    const struct member *second = &((const struct noticeitem *)b)->member;
    int by_contact = strcmp(first->contact, second->contact);
    return by_contact != 0 ? by_contact : strcmp(first->label, second->label);
}

static bool is_known(uint64_t id, const void *arg)
{
    const struct noticelist *list = arg;
    return list->known_count > 0 &&
           bsearch(&id, list->known, list->known_count, sizeof *list->known, compare_ids) != NULL;
}

static void drop_resting(struct noticelist *list, struct contacts *resting)
{
    size_t kept = 0;
    if (resting->count == 0) {
        return;
    }
    qsort(resting->list, resting->count, sizeof *resting->list, compare_contacts);
    for (size_t i = 0; i < list->count; i++) {
        if (bsearch(list->items[i].member.contact, resting->list, resting->count,
                    sizeof *resting->list, compare_contacts) == NULL) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

static enum result read_all(struct reading *reading)
{
    struct noticelist *list = reading->list;
    reading->source.settings = list->settings;
    reading->source.health = reading->health;
    TRY(memberview_begin(&reading->source, list->now));
    TRY(look_for_trust(reading));
    TRY(registry_each(reading->registry, take_member, reading));
    TRY(registry_tombstones(reading->registry, take_tombstone, reading));
    drop_resting(list, &reading->resting);
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare_items);
    }
    if (list->known_count > 0) {
        qsort(list->known, list->known_count, sizeof *list->known, compare_ids);
    }
    return notice_is_stale(reading->health, is_known, list, &list->stale);
}

enum result noticelist_read(struct noticelist *out, struct cli *cli)
{
    struct session session = { 0 };
    struct reading *reading = xcalloc(1, sizeof *reading);
    reading->list = out;
    out->now = session_now();
    enum result result = session_zone(&session, cli, &out->settings);
    if (result == RESULT_OK) {
        result = session_read(&session, cli, STORE_HEALTH);
    }
    if (result == RESULT_OK) {
        reading->registry = session.txn[STORE_REGISTRY];
        reading->health = session.txn[STORE_HEALTH];
        result = read_all(reading);
    }
    session_done(&session);
    free(reading->resting.list);
    free(reading);
    return result;
}

char *noticelist_ids(unsigned due, char out[NOTICELIST_IDS_ROOM])
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < NOTICES; i++) {
        if ((due >> i & 1) != 0) {
            (void)snprintf(out + len, NOTICELIST_IDS_ROOM - len, "%s%s", len > 0 ? ", " : "",
                           notice_id((enum notice)i));
            len = strlen(out);
        }
    }
    return out;
}

/* The log is shown to everybody, so it does not have the address. */
static enum result note_told(struct store_txn *health, const struct noticelist *list,
                             const struct noticeitem *item, struct diag *diag)
{
    char ids[NOTICELIST_IDS_ROOM];
    struct notice_memory memory = item->memory;
    struct history_event event = { .at = list->now, .who = AUTHOR };
    notice_told(&memory, &item->facts, item->due, list->now);
    (void)snprintf(event.text, sizeof event.text, "its contact was sent a mail: %s",
                   noticelist_ids(item->due, ids));
    TRY(notice_put(health, &memory, diag));
    return history_log(health, item->member.label, &event, diag);
}

/* The reports of probes were taken in before. */
static enum result begin_writing(struct session *session, struct cli *cli)
{
    *session = (struct session){ .taken_in = true };
    return session_write(session, cli, STORE_HEALTH);
}

static enum result end_writing(struct session *session, enum result result, struct cli *cli)
{
    if (result == RESULT_OK) {
        struct store_txn *health = session->txn[STORE_HEALTH];
        session->txn[STORE_HEALTH] = NULL;
        result = store_commit(health, &cli->diag);
    }
    session_done(session);
    return result;
}

enum result noticelist_ready(const struct noticeitem *items, size_t count, struct cli *cli)
{
    struct session session;
    enum result result = begin_writing(&session, cli);
    for (size_t i = 0; result == RESULT_OK && i < count; i++) {
        result = notice_put(session.txn[STORE_HEALTH], &items[i].memory, &cli->diag);
    }
    return end_writing(&session, result, cli);
}

enum result noticelist_told(const struct noticelist *list, const struct noticeitem *items,
                            size_t count, struct cli *cli)
{
    struct session session;
    enum result result = begin_writing(&session, cli);
    for (size_t i = 0; result == RESULT_OK && i < count; i++) {
        result = note_told(session.txn[STORE_HEALTH], list, &items[i], &cli->diag);
    }
    return end_writing(&session, result, cli);
}

enum result noticelist_purge(const struct noticelist *list, struct cli *cli)
{
    struct session session;
    if (!list->stale) {
        return RESULT_OK;
    }
    enum result result = begin_writing(&session, cli);
    if (result == RESULT_OK) {
        result = notice_purge(session.txn[STORE_HEALTH], is_known, list, &cli->diag);
    }
    return end_writing(&session, result, cli);
}

size_t noticelist_same_contact(const struct noticelist *list, size_t first)
{
    size_t count = 1;
    while (first + count < list->count && strcmp(list->items[first].member.contact,
                                                 list->items[first + count].member.contact) == 0) {
        count++;
    }
    return count;
}

void noticelist_done(struct noticelist *list)
{
    free(list->items);
    free(list->known);
    *list = (struct noticelist){ .count = 0 };
}

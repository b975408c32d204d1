#include "tools/fleet/follow.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/fleet/agree.h"
#include "tools/fleet/backoff.h"
#include "tools/fleet/enginehead.h"
#include "tools/fleet/followstart.h"
#include "tools/fleet/joining.h"
#include "zone/base/clock.h"

enum {
    KEY_ROOM = MEMBERSHIP_PREFIX_ROOM + 16,
    IDLE_MS = 1000,
    MESSAGES = 64,      /* of the watch in one turn, and in one transaction */
    REST_MS = 30000,    /* after what time alone does not cure */
    PROGRESS_MS = 5000, /* a watch that is silent for so long, while there is something, is dead */
    TURN_MS = 50,
    PACE_MS = 20, /* at least, between two transactions: what comes fast is taken together */
    PACE_MAX_MS = 200
};

enum state {
    LOOKING, /* at the head */
    WATCHING,
    JOINING
};

struct follow {
    struct etcd *etcd;
    const struct membership *membership;
    struct store *registry;
    log_sink *log;
    uint64_t now_ms;
    enum state state;
    struct etcd_call *look, *pulse; /* at the head: to begin, and past the watch */
    struct ledgerhead looked_from;  /* this machine's, when the look began */
    struct etcd_watch *watch;
    struct joining *joining;
    struct taking_change coming; /* of the watch, not complete yet */
    bool has_head;               /* `coming` has */
    uint64_t pulse_at;           /* the next */
    uint64_t rest_until;
    bool one_by_one;   /* a change can't be taken: commit each that comes before it by itself */
    uint64_t began_ms; /* to hear nobody */
    struct backoff backoff;
    struct follow_facts facts;
    struct log_once away, stuck;
    /* a transaction under way, from the first taken change of a turn to its end */
    struct store_txn *txn;
    struct registry_change change;
    uint64_t paced_until; /* the next one begins then */
};

/* Reads where this machine is. */
static void read_position(struct follow *follow)
{
    struct store_txn *txn = NULL;
    struct ledgerhead_position position;
    if (store_read(follow->registry, &txn, NULL) != RESULT_OK) {
        return;
    }
    follow->facts.placed = registry_position(txn, &position) == RESULT_OK;
    if (follow->facts.placed) {
        follow->facts.position = position;
    }
    store_abort(txn);
}

struct follow *follow_new(struct etcd *etcd, const struct membership *membership,
                          struct store *registry, log_sink *log)
{
    struct follow *follow = xcalloc(1, sizeof(*follow));
    follow->etcd = etcd;
    follow->membership = membership;
    follow->registry = registry;
    follow->log = log;
    read_position(follow);
    return follow;
}

const struct follow_facts *follow_facts(const struct follow *follow)
{
    return &follow->facts;
}

static void give_up_transaction(struct follow *follow)
{
    if (follow->txn != NULL) {
        store_abort(follow->txn);
        follow->txn = NULL;
    }
}

static void stop(struct follow *follow)
{
    give_up_transaction(follow);
    etcd_call_free(follow->look);
    etcd_call_free(follow->pulse);
    etcd_watch_free(follow->watch);
    joining_free(follow->joining);
    taking_free(&follow->coming);
    follow->look = NULL;
    follow->pulse = NULL;
    follow->watch = NULL;
    follow->joining = NULL;
    follow->coming = (struct taking_change){ .rows = { .list = NULL } };
    follow->has_head = false;
    follow->state = LOOKING;
}

void follow_free(struct follow *follow)
{
    if (follow != NULL) {
        stop(follow);
        free(follow);
    }
}

/* Starts anew after a failure. What the engine's absence or a full disk explains is over when it
 * is; all else rests longer. */
static void fail(struct follow *follow, enum result result, const struct diag *why)
{
    struct follow_facts *facts = &follow->facts;
    bool others = follow->txn != NULL && !follow->one_by_one; /* that may be fine go with it */
    stop(follow);
    facts->level = false;
    backoff_fail(&follow->backoff, follow->now_ms);
    if (result == RESULT_UNREACHABLE || result == RESULT_UNCERTAIN) {
        log_once(&follow->away, follow->log, LOG_WARNING, NULL, "the fleet's engine: %s",
                 why->text);
        return;
    }
    facts->trouble = result;
    facts->why = *why;
    bool rests = !others && result != RESULT_FULL && result != RESULT_SYSTEM;
    follow->rest_until = rests ? follow->now_ms + REST_MS : 0;
    follow->one_by_one = true;
    log_once(&follow->stuck, follow->log, LOG_ERR, NULL, "the fleet is not followed: %s",
             why->text);
}

/* -- the head -- */

/* What a look at the head has found. `out->revision` is the one at which it was the head. */
static enum result read_head(struct follow *follow, const struct etcd_call *call,
                             struct ledgerhead_position *out, struct diag *diag)
{
    struct etcdreply_range range;
    struct etcdreply_row row;
    TRY(etcd_call_result(call, diag));
    follow->facts.heard_ms = follow->now_ms;
    follow->facts.cut_off = false;
    log_once_over(&follow->away, follow->log, "the fleet's engine answers again");
    TRY(etcdreply_range(&range, etcd_call_reply(call), diag));
    out->cluster = range.header.cluster;
    out->revision = range.header.revision;
    if (!etcdreply_next_row(&range, &row)) {
        return diag_fail(diag, RESULT_DAMAGED, "the engine has no ledger of this pool");
    }
    TRY(agree_decode_head(&out->head, row.value, diag));
    follow->facts.engine_seq = out->head.seq;
    follow->facts.engine_epoch = out->head.epoch;
    return RESULT_OK;
}

/* This machine has what the engine has, or not. */
static void note_level(struct follow *follow, bool level)
{
    struct follow_facts *facts = &follow->facts;
    facts->level = level;
    if (level) {
        facts->behind_since_ms = 0;
        facts->trouble = RESULT_OK;
        follow->one_by_one = false;
        facts->why.text[0] = '\0';
        backoff_over(&follow->backoff);
        log_once_over(&follow->stuck, follow->log, "the fleet is followed again");
    } else if (facts->behind_since_ms == 0) {
        facts->behind_since_ms = follow->now_ms > 0 ? follow->now_ms : 1;
    }
}

static void begin_watch(struct follow *follow, uint64_t after, unsigned node)
{
    char from[KEY_ROOM], to[KEY_ROOM];
    (void)snprintf(from, sizeof(from), "%sr/", follow->membership->prefix);
    (void)snprintf(to, sizeof(to), "%sr%c", follow->membership->prefix, '/' + 1);
    struct etcdrequest_watch plan = {
        .keys = { etcdrequest_text(from), etcdrequest_text(to) },
        .revision = after + 1,
        .progress = true,
    };
    follow->watch = etcd_watch_start(follow->etcd, &plan, (int)node);
    follow->state = WATCHING;
}

static void begin_joining(struct follow *follow)
{
    stop(follow);
    follow->joining = joining_new(follow->etcd, follow->membership);
    follow->state = JOINING;
}

/* The first look says how to go on. */
static enum result decide(struct follow *follow, const struct ledgerhead_position *found,
                          unsigned node, struct diag *diag)
{
    const struct ledgerhead_position *mine = &follow->facts.position;
    read_position(follow);
    enum followstart start = followstart_of(&follow->looked_from, mine, found);
    if (start == FOLLOWSTART_LOST) {
        return taking_lost(diag);
    }
    if (start == FOLLOWSTART_LOOK_AGAIN) {
        return RESULT_OK;
    }
    note_level(follow, start == FOLLOWSTART_LEVEL);
    if (start == FOLLOWSTART_JOIN) {
        begin_joining(follow);
    } else {
        begin_watch(follow, (start == FOLLOWSTART_LEVEL ? found : mine)->revision, node);
    }
    return RESULT_OK;
}

static void look(struct follow *follow)
{
    struct ledgerhead_position found;
    struct diag diag = { "" };
    if (follow->look == NULL) {
        read_position(follow);
        follow->looked_from = follow->facts.position.head;
        follow->look = enginehead_ask(follow->etcd, follow->membership);
    }
    if (!etcd_call_has_ended(follow->look)) {
        return;
    }
    unsigned node = etcd_call_node(follow->look);
    enum result result = read_head(follow, follow->look, &found, &diag);
    etcd_call_free(follow->look);
    follow->look = NULL;
    if (result == RESULT_OK) {
        follow->pulse_at = follow->now_ms + FOLLOW_PULSE_MS;
        result = decide(follow, &found, node, &diag);
    }
    if (result != RESULT_OK) {
        fail(follow, result, &diag);
    }
}

/* -- changes -- */

static enum result begin_transaction(struct follow *follow, struct diag *diag)
{
    if (follow->txn == NULL) {
        TRY(store_write(follow->registry, &follow->txn, diag));
        registry_begin(&follow->change, follow->txn, clock_now(), diag);
    }
    follow->change.diag = diag;
    return RESULT_OK;
}

static enum result commit(struct follow *follow, struct diag *diag)
{
    struct store_txn *txn = follow->txn;
    if (txn == NULL) {
        return RESULT_OK;
    }
    follow->change.diag = diag;
    TRY(taking_end(&follow->change));
    follow->txn = NULL;
    TRY(store_commit(txn, diag));
    read_position(follow);
    note_level(follow, follow->facts.position.head.seq >= follow->facts.engine_seq);
    return RESULT_OK;
}

/* Several changes come at once: the newest that was seen counts. */
static void note_engine(struct follow *follow, const struct ledgerhead *head)
{
    struct follow_facts *facts = &follow->facts;
    if (head->epoch > facts->engine_epoch ||
        (head->epoch == facts->engine_epoch && head->seq > facts->engine_seq)) {
        facts->engine_epoch = head->epoch;
        facts->engine_seq = head->seq;
    }
}

/* The rows of one revision are there. */
static enum result take(struct follow *follow, struct diag *diag)
{
    if (follow->coming.rows.count == 0 && !follow->has_head) {
        return RESULT_OK;
    }
    if (!follow->has_head) {
        return diag_fail(diag, RESULT_STALE, "rows of the ledger were changed without a head");
    }
    TRY(begin_transaction(follow, diag));
    enum result result = taking_step(&follow->change, follow->membership, &follow->coming);
    if (result == RESULT_OK) {
        note_engine(follow, &follow->coming.after.head);
    }
    taking_free(&follow->coming);
    follow->has_head = false;
    if (result == RESULT_OK && follow->one_by_one) {
        return commit(follow, diag);
    }
    return result == RESULT_EXISTS ? RESULT_OK : result;
}

static bool is_head(const struct follow *follow, struct octets key)
{
    char text[KEY_ROOM];
    int len = snprintf(text, sizeof(text), "%s" AGREE_HEAD_KEY, follow->membership->prefix);
    return key.len == (size_t)len && memcmp(key.data, text, key.len) == 0;
}

static enum result add_event(struct follow *follow, const struct etcdreply_event *event,
                             struct diag *diag)
{
    struct ledgerhead_position *after = &follow->coming.after;
    if (event->row.modified != after->revision) {
        TRY(take(follow, diag));
        after->revision = event->row.modified;
    }
    if (!is_head(follow, event->row.key)) {
        return rowset_add_reply(&follow->coming.rows, follow->membership->prefix, &event->row,
                                event->deleted, diag);
    }
    if (event->deleted) {
        return diag_fail(diag, RESULT_DAMAGED, "the engine has lost the ledger's head");
    }
    TRY(agree_decode_head(&after->head, event->row.value, diag));
    follow->has_head = true;
    return RESULT_OK;
}

static enum result take_message(struct follow *follow, struct etcdreply_events *events,
                                struct diag *diag)
{
    struct etcdreply_event event;
    follow->coming.after.cluster = events->header.cluster;
    while (etcdreply_next_event(events, &event)) {
        TRY(add_event(follow, &event, diag));
    }
    return events->more ? RESULT_OK : take(follow, diag);
}

/* Takes what the watch has, in one transaction. Returns true if there may be more at once. */
static bool drain(struct follow *follow)
{
    struct diag diag = { "" };
    struct etcdreply_events events;
    enum result result = RESULT_OK;
    for (unsigned i = 0; i < MESSAGES && result == RESULT_OK; i++) {
        result = etcd_watch_next(follow->watch, &events, &diag);
        if (result == RESULT_OK) {
            follow->facts.heard_ms = follow->now_ms;
            result = take_message(follow, &events, &diag);
        }
    }
    bool more = result == RESULT_OK, taken = follow->txn != NULL;
    if (result == RESULT_OK || result == RESULT_EXHAUSTED) {
        result = commit(follow, &diag);
    }
    if (taken && !more) { /* rest as long as it took, so that a busy machine takes more at once */
        uint64_t now = clock_steady_ms(), took_ms = u64_min(now - follow->now_ms, PACE_MAX_MS);
        follow->paced_until = now + (took_ms > PACE_MS ? took_ms : PACE_MS);
    }
    switch (result) {
    case RESULT_OK:
        break;
    case RESULT_NOT_FOUND: /* the history is compacted */
    case RESULT_STALE:     /* something is missing */
    case RESULT_REFUSED:   /* what was once forged stays in the history. What is there by now may */
    case RESULT_DAMAGED:   /* be right again, and is checked as well. */
        begin_joining(follow);
        break;
    default:
        fail(follow, result, &diag);
    }
    return more;
}

static void join(struct follow *follow)
{
    struct taking_change rows;
    struct diag diag = { "" };
    enum result result = joining_turn(follow->joining, &rows, &diag);
    if (result == RESULT_EXHAUSTED) {
        return;
    }
    if (result == RESULT_OK) {
        result = joining_take(follow->registry, follow->membership, &rows, false, &diag);
        taking_free(&rows);
    }
    if (result != RESULT_OK) {
        fail(follow, result, &diag);
        return;
    }
    follow->facts.resyncs++;
    stop(follow); /* and look at the head again */
    read_position(follow);
}

/* -- the pulse -- */

static enum result compare(struct follow *follow, const struct ledgerhead_position *found,
                           struct diag *diag)
{
    read_position(follow);
    switch (ledgerhead_relate(&follow->facts.position.head, &found->head)) {
    case LEDGERHEAD_SAME:
        note_level(follow, true);
        return RESULT_OK;
    case LEDGERHEAD_NEXT:
    case LEDGERHEAD_AHEAD:
    case LEDGERHEAD_NEW_EPOCH:
        note_level(follow, false);
        return RESULT_OK;
    case LEDGERHEAD_BEHIND: /* the watch may have been faster than this look */
        return found->revision >= follow->facts.position.revision ? taking_lost(diag) : RESULT_OK;
    default:
        return taking_lost(diag);
    }
}

static void feel_pulse(struct follow *follow)
{
    struct ledgerhead_position found;
    struct diag diag = { "" };
    if (follow->pulse == NULL && follow->now_ms >= follow->pulse_at) {
        follow->pulse = enginehead_ask(follow->etcd, follow->membership);
    }
    if (follow->pulse == NULL || !etcd_call_has_ended(follow->pulse)) {
        return;
    }
    enum result result = read_head(follow, follow->pulse, &found, &diag);
    etcd_call_free(follow->pulse);
    follow->pulse = NULL;
    follow->pulse_at = follow->now_ms + FOLLOW_PULSE_MS;
    if (result == RESULT_OK) {
        result = compare(follow, &found, &diag);
    } else if (result == RESULT_UNREACHABLE && !follow->facts.cut_off) {
        return; /* the watch may still be fine */
    }
    const struct follow_facts *facts = &follow->facts;
    if (result == RESULT_OK && facts->behind_since_ms != 0 && follow->watch != NULL &&
        follow->now_ms - facts->behind_since_ms >= PROGRESS_MS &&
        etcd_watch_silent_ms(follow->watch) >= PROGRESS_MS) {
        result = diag_fail(&diag, RESULT_UNREACHABLE, "changes do not come in");
    }
    if (result != RESULT_OK) {
        fail(follow, result, &diag);
    }
}

static void note_silence(struct follow *follow)
{
    struct follow_facts *facts = &follow->facts;
    uint64_t heard = facts->heard_ms > follow->began_ms ? facts->heard_ms : follow->began_ms;
    facts->cut_off = follow->now_ms - heard >= FOLLOW_CUT_OFF_MS;
}

unsigned follow_turn(struct follow *follow, uint64_t now_ms)
{
    follow->began_ms = follow->began_ms == 0 ? now_ms : follow->began_ms;
    follow->now_ms = now_ms;
    note_silence(follow);
    bool busy = follow->look != NULL || follow->state != LOOKING;
    unsigned wait_ms = backoff_wait(&follow->backoff, now_ms);
    if (!busy && (wait_ms > 0 || now_ms < follow->rest_until)) {
        return wait_ms > 0 && wait_ms < IDLE_MS ? wait_ms : IDLE_MS;
    }
    bool more = false;
    switch (follow->state) {
    case LOOKING:
        look(follow);
        break;
    case JOINING:
        join(follow);
        break;
    case WATCHING:
        more = now_ms >= follow->paced_until && drain(follow);
        break;
    }
    if (follow->state == WATCHING) {
        feel_pulse(follow);
    }
    if (now_ms < follow->paced_until) {
        return (unsigned)(follow->paced_until - now_ms);
    }
    return more ? 0 : follow->state == WATCHING ? IDLE_MS : TURN_MS;
}

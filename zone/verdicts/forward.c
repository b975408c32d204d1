#include "zone/verdicts/forward.h"

#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/verdicts/outline.h"

enum {
    SLOTS_MIN = 64,
    ID_BITS = 64
};

/* A member, and the last report with its verdict. */
struct known {
    uint64_t member_id; /* 0: a free slot */
    uint64_t outline, number;
    uint32_t whole; /* the last beginning of a file that it was in */
};

struct sent {
    uint64_t number, made_at;
    size_t len;
    size_t uses; /* members whose last verdict is in it, and the last word of the vantage point */
};

struct forward {
    /* Open addressing, at most half full. */
    struct known *slots;
    size_t slot_count, known_count;
    struct sent *sent; /* by number */
    size_t sent_count, sent_room, octets;
    uint64_t last;      /* number of the last report sent */
    uint64_t self_last; /* of the last one with a word of the vantage point about itself */
    uint64_t self_at;
    uint32_t self_state;
    uint32_t whole; /* counts the beginnings of files */
    uint64_t whole_number, whole_at;
    bool in_whole; /* the beginning of a file is being read */
};

struct forward *forward_new(void)
{
    struct forward *forward = xcalloc(1, sizeof(*forward));
    forward->slot_count = SLOTS_MIN;
    forward->slots = xcalloc(forward->slot_count, sizeof(forward->slots[0]));
    return forward;
}

void forward_free(struct forward *forward)
{
    if (forward != NULL) {
        free(forward->slots);
        free(forward->sent);
        free(forward);
    }
}

uint64_t forward_last(const struct forward *forward)
{
    return forward->last;
}

/* -- members -- */

/* The slot of the member, or the free one where it belongs. */
static struct known *slot_of(struct known *slots, size_t slot_count, uint64_t id)
{
    /* Ids count up, so their product with an odd number near 2^64 / golden ratio spreads them. */
    const uint64_t spread = UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)((id * spread) >> (ID_BITS / 2)) % slot_count;
    while (slots[at].member_id != 0 && slots[at].member_id != id) {
        at = (at + 1) % slot_count;
    }
    return &slots[at];
}

static struct known *find_known(const struct forward *forward, uint64_t id)
{
    struct known *slot = slot_of(forward->slots, forward->slot_count, id);
    return id != 0 && slot->member_id == id ? slot : NULL;
}

/* Moves the members for which `keeps` holds to a new table. */
static void rebuild(struct forward *forward, size_t slot_count,
                    bool (*keeps)(struct forward *forward, const struct known *known))
{
    struct known *slots = xcalloc(slot_count, sizeof(slots[0]));
    size_t count = 0;
    for (size_t i = 0; i < forward->slot_count; i++) {
        const struct known *known = &forward->slots[i];
        if (known->member_id != 0 && keeps(forward, known)) {
            *slot_of(slots, slot_count, known->member_id) = *known;
            count++;
        }
    }
    free(forward->slots);
    forward->slots = slots;
    forward->slot_count = slot_count;
    forward->known_count = count;
}

static bool keeps_all(struct forward *forward, const struct known *known)
{
    (void)forward, (void)known;
    return true;
}

/* A slot for the member; NULL if there are too many. */
static struct known *enter_known(struct forward *forward, uint64_t id)
{
    struct known *known = find_known(forward, id);
    if (known != NULL || id == 0 || forward->known_count >= FORWARD_MEMBERS_MAX) {
        return known;
    }
    if (forward->known_count >= forward->slot_count / 2) {
        rebuild(forward, 2 * forward->slot_count, keeps_all);
    }
    known = slot_of(forward->slots, forward->slot_count, id);
    *known = (struct known){ .member_id = id };
    forward->known_count++;
    return known;
}

/* -- sent reports -- */

struct sent_search {
    const struct sent *sent;
    uint64_t number;
};

static bool is_before(const void *context, size_t i)
{
    const struct sent_search *search = context;
    return search->sent[i].number < search->number;
}

/* NULL if it was not sent, or is no longer needed. */
static struct sent *find_sent(const struct forward *forward, uint64_t number)
{
    const struct sent_search search = { forward->sent, number };
    size_t at = array_count_before(forward->sent_count, is_before, &search);
    return at < forward->sent_count && forward->sent[at].number == number ? &forward->sent[at]
                                                                          : NULL;
}

static void unuse(struct forward *forward, uint64_t number)
{
    struct sent *sent = find_sent(forward, number);
    if (sent != NULL) {
        ASSERT(sent->uses > 0);
        sent->uses--;
    }
}

bool forward_take_done(struct forward *forward, uint64_t *number)
{
    bool crowded =
        forward->sent_count > FORWARD_REPORTS_MAX || forward->octets > FORWARD_OCTETS_MAX;
    for (size_t i = 0; i < forward->sent_count; i++) {
        struct sent *sent = &forward->sent[i];
        if (sent->uses > 0 && !crowded) {
            continue;
        }
        *number = sent->number;
        forward->octets -= sent->len;
        forward->sent_count--;
        memmove(sent, sent + 1, (forward->sent_count - i) * sizeof(*sent));
        return true;
    }
    return false;
}

/* -- judging -- */

/* What of the vantage point's word weighs at once in a consensus. */
static uint32_t state_of(const struct vantage *vantage)
{
    uint32_t state = (uint32_t)vantage->state << 1 | (vantage->frozen_since != 0);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        const struct vantage_family *family = &vantage->family[i];
        state = state << 3 | (uint32_t)family->state << 1 | (family->frozen_since != 0);
    }
    return state;
}

/* True if `at` is so much later than `before`, or the clock went back. */
static bool is_over(uint64_t before, uint64_t at, uint64_t pause_s)
{
    return at < before || at - before >= pause_s;
}

struct judging {
    struct forward *forward;
    const struct report *report;
    bool wanted;
};

static void judge_self(const struct vantage *vantage, void *arg)
{
    struct judging *judging = arg;
    const struct forward *forward = judging->forward;
    judging->wanted =
        judging->wanted || forward->self_last == 0 || state_of(vantage) != forward->self_state ||
        is_over(forward->self_at, judging->report->head.made_at, vantage->interval_s / 2);
}

static void judge_verdict(const char *label, const struct member_health *health, void *arg)
{
    (void)label;
    struct judging *judging = arg;
    struct forward *forward = judging->forward;
    struct known *known = find_known(forward, health->member_id);
    if (known == NULL) {
        judging->wanted = judging->wanted ||
                          (health->member_id != 0 && forward->known_count < FORWARD_MEMBERS_MAX);
        return;
    }
    if (forward->in_whole) {
        known->whole = forward->whole;
    }
    const struct sent *sent = find_sent(forward, known->number);
    judging->wanted = judging->wanted || sent == NULL || outline_of(health) != known->outline ||
                      is_over(sent->made_at, judging->report->head.made_at, FORWARD_REFRESH_S);
}

static void judge_event(const char *label, const struct history_event *event, void *arg)
{
    (void)label, (void)event;
    struct judging *judging = arg;
    judging->wanted = true;
}

/* False for members that the beginning of the file is without; one that came later is kept. */
static bool keeps_seen(struct forward *forward, const struct known *known)
{
    bool gone = known->number < forward->whole_number && known->whole != forward->whole;
    if (gone) {
        unuse(forward, known->number);
    }
    return !gone;
}

/* All reports of one writing have one time. */
static void follow_file(struct forward *forward, const struct report_head *head, bool first)
{
    if (first) {
        forward->whole++;
        forward->whole_number = head->number;
        forward->whole_at = head->made_at;
        forward->in_whole = true;
    } else if (forward->in_whole && head->made_at != forward->whole_at) {
        forward->in_whole = false;
        rebuild(forward, forward->slot_count, keeps_seen);
    }
}

bool forward_wants(struct forward *forward, const struct report *report, bool first)
{
    static const struct report_visit visit = { .self = judge_self,
                                               .verdict = judge_verdict,
                                               .event = judge_event };
    struct judging judging = { .forward = forward, .report = report };
    follow_file(forward, &report->head, first);
    enum result result = report_each(report, &visit, &judging);
    return result == RESULT_OK && judging.wanted && report->head.number > forward->last;
}

/* -- entering -- */

static void enter_self(const struct vantage *vantage, void *arg)
{
    struct judging *judging = arg;
    struct forward *forward = judging->forward;
    unuse(forward, forward->self_last);
    forward->self_last = judging->report->head.number;
    forward->self_at = judging->report->head.made_at;
    forward->self_state = state_of(vantage);
    forward->sent[forward->sent_count - 1].uses++;
}

static void enter_verdict(const char *label, const struct member_health *health, void *arg)
{
    (void)label;
    struct judging *judging = arg;
    struct forward *forward = judging->forward;
    struct known *known = enter_known(forward, health->member_id);
    if (known != NULL) {
        unuse(forward, known->number);
        known->outline = outline_of(health);
        known->number = judging->report->head.number;
        forward->sent[forward->sent_count - 1].uses++;
    }
}

void forward_sent(struct forward *forward, const struct report *report)
{
    static const struct report_visit visit = { .self = enter_self, .verdict = enter_verdict };
    struct judging judging = { .forward = forward, .report = report };
    if (report->head.number <= forward->last) {
        return;
    }
    forward->last = report->head.number;
    ARRAY_PUSH(forward->sent, forward->sent_count, forward->sent_room,
               (struct sent){ .number = report->head.number,
                              .made_at = report->head.made_at,
                              .len = report->len });
    forward->octets += report->len;
    enum result result = report_each(report, &visit, &judging);
    (void)result; /* the readable part is entered */
}

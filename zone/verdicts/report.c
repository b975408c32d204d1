#include "zone/verdicts/report.h"

#include <sodium.h>

enum {
    LAYOUT = 1,
    LENGTH_LEN = 4,
    ITEM_HEAD_LEN = 3
};

enum item {
    ITEM_SELF = 1,
    ITEM_VERDICT = 2,
    ITEM_SAMPLE = 3,
    ITEM_EVENT = 4
};

/* -- writing -- */

void report_begin(struct report_writer *report, const struct report_head *head)
{
    struct writer *w = &report->w;
    *w = writer_of(report->octets, sizeof(report->octets) - REPORT_SIGNATURE_LEN);
    write_u32(w, 0); /* the length, set by report_end */
    write_u64(w, head->number);
    write_u8(w, LAYOUT);
    write_octets(w, head->key, VANTAGE_KEY_LEN);
    dname_write(w, &head->apex);
    write_octets(w, head->registry, REGISTRY_ID_LEN);
    write_text(w, head->vantage);
    write_u64(w, head->made_at);
    ASSERT(!w->failed);
}

static size_t begin_item(struct report_writer *report, enum item type)
{
    size_t mark = wire_mark(&report->w);
    write_u8(&report->w, (uint8_t)type);
    write_u16(&report->w, 0);
    return mark;
}

static bool end_item(struct report_writer *report, size_t mark)
{
    struct writer *w = &report->w;
    if (w->failed || w->at - mark - ITEM_HEAD_LEN > UINT16_MAX) {
        wire_rollback(w, mark);
        return false;
    }
    wire_put_u16(report->octets + mark + 1, (uint16_t)(w->at - mark - ITEM_HEAD_LEN));
    return true;
}

bool report_self(struct report_writer *report, const struct vantage *vantage)
{
    size_t mark = begin_item(report, ITEM_SELF);
    vantage_encode(&report->w, vantage);
    return end_item(report, mark);
}

bool report_verdict(struct report_writer *report, const char *label,
                    const struct member_health *health)
{
    size_t mark = begin_item(report, ITEM_VERDICT);
    write_text(&report->w, label);
    health_encode(&report->w, health);
    return end_item(report, mark);
}

bool report_sample(struct report_writer *report, const char *label,
                   const struct history_subject *subject, const struct history_sample *sample)
{
    size_t mark = begin_item(report, ITEM_SAMPLE);
    struct writer *w = &report->w;
    write_text(w, label);
    write_u64(w, subject->member_id);
    write_octets(w, subject->address.octets, sizeof(subject->address.octets));
    write_u64(w, sample->at);
    write_u16(w, (uint16_t)sample->failure);
    write_u32(w, (uint32_t)sample->score_milli);
    write_u32(w, (uint32_t)sample->offset_us);
    write_u32(w, sample->rtt_us);
    return end_item(report, mark);
}

bool report_event(struct report_writer *report, const char *label,
                  const struct history_event *event)
{
    size_t mark = begin_item(report, ITEM_EVENT);
    write_text(&report->w, label);
    write_u64(&report->w, event->at);
    write_text(&report->w, event->text);
    return end_item(report, mark);
}

size_t report_end(struct report_writer *report, const uint8_t secret[REPORT_SECRET_LEN])
{
    size_t at = report->w.at;
    wire_put_u32(report->octets, (uint32_t)(at + REPORT_SIGNATURE_LEN - LENGTH_LEN));
    CHECK(crypto_sign_detached(report->octets + at, NULL, report->octets + LENGTH_LEN,
                               at - LENGTH_LEN, secret) == 0);
    return at + REPORT_SIGNATURE_LEN;
}

/* -- reading -- */

bool report_peek(const uint8_t octets[REPORT_HEAD_LEN], size_t *len, uint64_t *number)
{
    struct reader r = reader_of(octets, REPORT_HEAD_LEN);
    size_t rest = read_u32(&r);
    *number = read_u64(&r);
    *len = rest + LENGTH_LEN;
    return rest >= REPORT_HEAD_LEN - LENGTH_LEN + REPORT_SIGNATURE_LEN && *len <= REPORT_MAX;
}

enum result report_open(struct report *out, const uint8_t *octets, size_t len)
{
    struct report report = { .octets = octets, .len = len };
    size_t said = 0;
    if (len < REPORT_HEAD_LEN || !report_peek(octets, &said, &report.head.number) || said != len) {
        return RESULT_DAMAGED;
    }
    struct reader r = reader_of(octets, len - REPORT_SIGNATURE_LEN);
    (void)read_octets(&r, REPORT_HEAD_LEN);
    uint8_t layout = read_u8(&r);
    if (!r.failed && layout > LAYOUT) {
        return RESULT_NEWER;
    }
    read_into(&r, report.head.key, VANTAGE_KEY_LEN);
    dname_read(&r, &report.head.apex);
    read_into(&r, report.head.registry, REGISTRY_ID_LEN);
    read_text(&r, report.head.vantage, sizeof(report.head.vantage));
    report.head.made_at = read_u64(&r);
    if (r.failed || layout != LAYOUT || !vantage_name_fine(report.head.vantage)) {
        return RESULT_DAMAGED;
    }
    report.items_at = r.at;
    *out = report;
    return RESULT_OK;
}

bool report_is_by(const struct report *report, const uint8_t key[VANTAGE_KEY_LEN])
{
    size_t signed_len = report->len - REPORT_SIGNATURE_LEN;
    return sodium_memcmp(report->head.key, key, VANTAGE_KEY_LEN) == 0 &&
           crypto_sign_verify_detached(report->octets + signed_len, report->octets + LENGTH_LEN,
                                       signed_len - LENGTH_LEN, key) == 0;
}

static void read_self(struct reader *r, const struct report *report,
                      const struct report_visit *visit, void *arg)
{
    struct vantage vantage;
    if (vantage_decode(&vantage, report->head.vantage, r) != RESULT_OK || !reader_done(r)) {
        r->failed = true;
    } else if (visit->self != NULL) {
        visit->self(&vantage, arg);
    }
}

static void read_verdict(struct reader *r, const struct report *report,
                         const struct report_visit *visit, void *arg)
{
    char label[LABEL_ROOM] = "";
    struct member_health health;
    read_text(r, label, sizeof(label));
    size_t left = reader_left(r);
    const uint8_t *row = read_octets(r, left);
    if (row == NULL || health_decode(&health, row, left) != RESULT_OK) {
        r->failed = true;
    } else if (visit->verdict != NULL) {
        memcpy(health.vantage, report->head.vantage, sizeof(health.vantage));
        visit->verdict(label, &health, arg);
    }
}

static void read_sample(struct reader *r, const struct report *report,
                        const struct report_visit *visit, void *arg)
{
    char label[LABEL_ROOM] = "";
    struct history_subject subject = { 0 };
    struct history_sample sample = { 0 };
    read_text(r, label, sizeof(label));
    subject.member_id = read_u64(r);
    read_into(r, subject.address.octets, sizeof(subject.address.octets));
    memcpy(subject.vantage, report->head.vantage, sizeof(subject.vantage));
    sample.at = read_u64(r);
    sample.failure = (enum failure)read_u16(r);
    sample.score_milli = (int32_t)read_u32(r);
    sample.offset_us = (int32_t)read_u32(r);
    sample.rtt_us = read_u32(r);
    bool scored = sample.score_milli >= HEALTH_SCORE_MIN && sample.score_milli <= HEALTH_SCORE_MAX;
    r->failed = r->failed || !scored;
    if (reader_done(r) && visit->sample != NULL) {
        visit->sample(label, &subject, &sample, arg);
    }
}

static void read_event(struct reader *r, const struct report *report,
                       const struct report_visit *visit, void *arg)
{
    char label[LABEL_ROOM] = "";
    struct history_event event = { 0 };
    read_text(r, label, sizeof(label));
    event.at = read_u64(r);
    read_text(r, event.text, sizeof(event.text));
    memcpy(event.who, report->head.vantage, sizeof(event.who));
    if (reader_done(r) && visit->event != NULL) {
        visit->event(label, &event, arg);
    }
}

typedef void read_item(struct reader *r, const struct report *report,
                       const struct report_visit *visit, void *arg);

enum result report_each(const struct report *report, const struct report_visit *visit, void *arg)
{
    static read_item *const item_readers[] = {
        [ITEM_SELF] = read_self,
        [ITEM_VERDICT] = read_verdict,
        [ITEM_SAMPLE] = read_sample,
        [ITEM_EVENT] = read_event,
    };
    struct reader r = reader_of(report->octets + report->items_at,
                                report->len - REPORT_SIGNATURE_LEN - report->items_at);
    while (reader_left(&r) > 0) {
        uint8_t type = read_u8(&r);
        size_t len = read_u16(&r);
        const uint8_t *octets = read_octets(&r, len);
        if (octets == NULL) {
            return RESULT_DAMAGED;
        }
        bool known =
            type < sizeof(item_readers) / sizeof(item_readers[0]) && item_readers[type] != NULL;
        struct reader item = reader_of(octets, len);
        if (known) {
            item_readers[type](&item, report, visit, arg);
        }
        if (known && !reader_done(&item)) {
            return RESULT_DAMAGED;
        }
    }
    return RESULT_OK;
}

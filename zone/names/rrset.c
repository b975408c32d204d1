#include "zone/names/rrset.h"

void rrset_begin(struct rrset_builder *b, uint16_t type, uint32_t ttl, uint8_t *data, size_t room)
{
    *b = (struct rrset_builder){ .type = type, .ttl = ttl, .room = room };
    b->data = data;
}

void rrset_add(struct rrset_builder *b, const void *rdata, size_t len)
{
    if (b->failed || b->count == RRSET_RECORDS_MAX || len > UINT16_MAX ||
        b->room - b->used < len + 2 || b->used > UINT16_MAX) {
        b->failed = true;
        return;
    }
    uint8_t *p = b->data + b->used;
    wire_put_u16(p, (uint16_t)len);
    if (len > 0) {
        memcpy(p + 2, rdata, len);
    }
    b->offset[b->count++] = (uint16_t)b->used;
    b->used += len + 2;
}

static unsigned length_at(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* Canonical order of RRs: rdata as left-justified octet strings (RFC 4034 6.3). */
static int compare_rdata(const uint8_t *a, const uint8_t *b)
{
    unsigned la = length_at(a), lb = length_at(b);
    int difference = memcmp(a + 2, b + 2, la < lb ? la : lb);
    return difference != 0 ? difference : (int)la - (int)lb;
}

static void reverse(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        uint8_t octet = data[i];
        data[i] = data[len - 1 - i];
        data[len - 1 - i] = octet;
    }
}

/* Exchanges two neighbouring records in place. */
static void exchange(uint8_t *first, size_t first_len, size_t second_len)
{
    reverse(first, first_len);
    reverse(first + first_len, second_len);
    reverse(first, first_len + second_len);
}

/* Insertion sort in place: the sets are small and mostly sorted. */
static void sink(struct rrset_builder *b, unsigned i)
{
    while (i > 0) {
        uint8_t *left = b->data + b->offset[i - 1], *right = b->data + b->offset[i];
        if (compare_rdata(left, right) <= 0) {
            return;
        }
        size_t left_len = length_at(left) + 2u, right_len = length_at(right) + 2u;
        exchange(left, left_len, right_len);
        b->offset[i] = (uint16_t)(b->offset[i - 1] + right_len);
        i--;
    }
}

bool rrset_end(struct rrset_builder *b, struct rrset *out)
{
    if (b->failed || b->count == 0) {
        return false;
    }
    for (unsigned i = 1; i < b->count; i++) {
        sink(b, i);
    }
    /* Duplicates are neighbours now (RFC 2181 5). */
    uint16_t unique = 1;
    for (unsigned i = 1; i < b->count; i++) {
        uint8_t *last = b->data + b->offset[unique - 1], *next = b->data + b->offset[i];
        if (compare_rdata(last, next) == 0) {
            continue;
        }
        size_t at = b->offset[unique - 1] + length_at(last) + 2u;
        memmove(b->data + at, next, length_at(next) + 2u);
        b->offset[unique++] = (uint16_t)at;
    }
    size_t used = b->offset[unique - 1] + length_at(b->data + b->offset[unique - 1]) + 2u;
    *out = (struct rrset){
        .type = b->type, .count = unique, .ttl = b->ttl, .rdata = b->data, .rdata_len = used
    };
    return true;
}

bool rrset_next(const struct rrset *set, size_t *at, const uint8_t **rdata, uint16_t *len)
{
    if (*at >= set->rdata_len) {
        return false;
    }
    const uint8_t *p = set->rdata + *at;
    *len = (uint16_t)length_at(p);
    *rdata = p + 2;
    *at += *len + 2u;
    return true;
}

bool rrset_check(const struct rrset *set)
{
    struct reader r = reader_of(set->rdata, set->rdata_len);
    uint16_t count = 0;
    while (reader_left(&r) > 0) {
        (void)read_octets(&r, read_u16(&r));
        count++;
    }
    return !r.failed && count == set->count && count > 0;
}

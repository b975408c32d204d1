#include "dnssec/signing/nsec.h"

enum {
    WINDOW_TYPES = 256,
    BITMAP_MAX = 32,
    LABEL_MAX = 63
};

/* One window of the bitmap; `len` octets of it are used. */
struct window {
    unsigned number;
    size_t len;
    uint8_t bits[BITMAP_MAX];
};

/* RFC 4034 4.1.2: neither empty windows nor trailing zero octets are written. */
static void window_flush(struct writer *w, struct window *window, unsigned next)
{
    if (window->len > 0) {
        write_u8(w, (uint8_t)window->number);
        write_u8(w, (uint8_t)window->len);
        write_octets(w, window->bits, window->len);
    }
    *window = (struct window){ .number = next };
}

static void window_add(struct writer *w, struct window *window, uint16_t type)
{
    unsigned number = type / WINDOW_TYPES;
    if (number != window->number) {
        window_flush(w, window, number);
    }
    unsigned bit = type % WINDOW_TYPES;
    window->bits[bit / 8] |= (uint8_t)(0x80U >> bit % 8);
    window->len = bit / 8 + 1;
}

bool nsec_rdata(const struct dname *next, const uint16_t *types, size_t count, uint32_t ttl,
                uint8_t scratch[NSEC_RDATA_MAX + 2], struct rrset *out)
{
    struct writer w = writer_of(scratch, NSEC_RDATA_MAX + 2);
    write_u16(&w, 0);
    struct dname lower = *next;
    dname_lower(&lower);
    dname_write(&w, &lower);

    /* RFC 4034 4.1.2: the owner has at least this NSEC and its RRSIG. */
    const uint16_t always[] = { RR_RRSIG, RR_NSEC };
    struct window window = { .number = 0 };
    size_t done = 0;
    uint16_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (types[i] <= last) {
            return false;
        }
        last = types[i];
        while (done < 2 && always[done] < types[i]) {
            window_add(&w, &window, always[done++]);
        }
        if (done < 2 && always[done] == types[i]) {
            done++;
        }
        window_add(&w, &window, types[i]);
    }
    while (done < 2) {
        window_add(&w, &window, always[done++]);
    }
    window_flush(&w, &window, 0);
    if (w.failed) {
        return false;
    }
    wire_put_u16(scratch, (uint16_t)(w.at - 2));
    *out = (struct rrset){
        .type = RR_NSEC, .count = 1, .ttl = ttl, .rdata = scratch, .rdata_len = w.at
    };
    return true;
}

/* The next octet in canonical order, which has no upper-case letters; 0 after the last. */
static uint8_t octet_after(uint8_t octet)
{
    return octet == 'A' - 1 ? 'Z' + 1 : (uint8_t)(octet + 1);
}

/* Makes the first label its next sibling when no octet can be appended: increments the last octet
 * that can be and drops those after it. False if there is none. */
static bool increment_label(struct dname *name)
{
    uint8_t len = name->wire[0];
    while (len > 0 && octet_after(name->wire[len]) == 0) {
        len--;
    }
    if (len == 0) {
        return false;
    }
    size_t cut = name->wire[0] - len;
    name->wire[0] = len;
    name->wire[len] = octet_after(name->wire[len]);
    memmove(name->wire + len + 1, name->wire + len + 1 + cut, name->len - cut - len - 1);
    name->len = (uint8_t)(name->len - cut);
    return true;
}

/* Appends a zero octet to the first label. False if there is no room. */
static bool lengthen_label(struct dname *name)
{
    size_t end = name->wire[0] + 1u;
    if (name->wire[0] == LABEL_MAX || name->len == DNAME_MAX) {
        return false;
    }
    memmove(name->wire + end + 1, name->wire + end, name->len - end);
    name->wire[end] = 0;
    name->wire[0]++;
    name->len++;
    return true;
}

struct dname nsec_successor(const struct dname *name, const struct dname *apex)
{
    struct dname successor;
    if (dname_prepend(&successor, "\0", 1, name) == RESULT_OK) {
        dname_lower(&successor);
        return successor;
    }
    successor = *name;
    dname_lower(&successor);
    while (successor.len > apex->len && !lengthen_label(&successor) &&
           !increment_label(&successor)) {
        successor = dname_parent(&successor, 1);
    }
    return successor;
}

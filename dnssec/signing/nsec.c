#include "dnssec/signing/nsec.h"

enum {
    WINDOW_TYPES = 256,
    BITMAP_MAX = 32,
    LABEL_MAX = 63
};

/* The bits of one window and how many octets of them are used. */
struct window {
    unsigned number;
    size_t len;
    uint8_t bits[BITMAP_MAX];
};

/* RFC 4034 4.1.2: blocks without types must not be there, nor trailing zero octets. */
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

    /* RFC 4034 4.1.2: the owner of an NSEC has at least the NSEC itself and its RRSIG. */
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

/* The next octet in the order of canonical names, which have no capital letters; 0 behind the
 * last. */
static uint8_t octet_after(uint8_t octet)
{
    return octet == 'A' - 1 ? 'Z' + 1 : (uint8_t)(octet + 1);
}

/* The next label among its siblings, when nothing can be put behind its octets: the last one that
 * can be raised is, those behind it go. False if there is none. */
static bool raise_label(struct dname *name)
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

/* Puts a zero octet behind those of the first label. False if there is no room. */
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
    struct dname after;
    if (dname_prepend(&after, "\0", 1, name) == RESULT_OK) {
        dname_lower(&after);
        return after;
    }
    after = *name;
    dname_lower(&after);
    while (after.len > apex->len && !lengthen_label(&after) && !raise_label(&after)) {
        after = dname_parent(&after, 1);
    }
    return after;
}

#include "tests/unit/keys.h"
#include "tools/zoneprinter.h"
#include "zone/names/zonefile.h"

enum {
    NOW = 1800000000,
    VALIDITY = 604800,
    NAMES = 3000
};

struct output {
    char *text;
    size_t len;
    enum result added, flushed;
};

static struct dname apex;
static struct keyring *keyring;
static void *keys; /* struct keys_fixture */

static void make_keyring(enum algorithm algorithm)
{
    assert_int_equal(keys_set_up(&keys), 0);
    key_free(keys_add(keys, algorithm, KEY_KSK));
    key_free(keys_add(keys, algorithm, KEY_ZSK));
    assert_ok(keys_ring(&keyring, keys, NULL));
    apex = name_of("pool.test.");
}

static void drop_keyring(void)
{
    keyring_unref(keyring);
    keyring = NULL;
    assert_int_equal(keys_tear_down(&keys), 0);
}

/* The owner and the RRset of a number: an address, and now and then a long text. */
static struct rrset set_of(unsigned i, struct dname *owner, uint8_t rdata[ZONEPRINTER_SET_MAX])
{
    char label[16];
    (void)snprintf(label, sizeof(label), "m%u", i);
    assert_ok(dname_prepend(owner, label, strlen(label), &apex));
    struct writer w = writer_of(rdata, ZONEPRINTER_SET_MAX);
    if (i % 500 == 7) {
        size_t strings = 200;
        write_u16(&w, (uint16_t)(strings * 256));
        for (size_t s = 0; s < strings; s++) {
            uint8_t *string = write_room(&w, 256);
            memset(string, 'a' + (int)(i % 26), 256);
            string[0] = 255;
        }
        return (
            struct rrset){ .type = 16, .count = 1, .ttl = 60, .rdata = rdata, .rdata_len = w.at };
    }
    write_u16(&w, 4);
    write_u32(&w, i);
    return (
        struct rrset){ .type = RR_A, .count = 1, .ttl = 300, .rdata = rdata, .rdata_len = w.at };
}

static struct output print(struct keyring *with, unsigned threads, unsigned bad)
{
    static uint8_t rdata[ZONEPRINTER_SET_MAX];
    struct output out = { .added = RESULT_OK };
    FILE *file = open_memstream(&out.text, &out.len);
    assert_non_null(file);
    const struct zoneprinter_plan plan = { .file = file,
                                           .keyring = with,
                                           .apex = &apex,
                                           .validity_s = VALIDITY,
                                           .now = NOW,
                                           .threads = threads };
    struct zoneprinter *printer = zoneprinter_new(&plan);
    for (unsigned i = 0; i < NAMES && out.added == RESULT_OK; i++) {
        struct dname owner;
        struct rrset set = set_of(i, &owner, rdata);
        if (i == bad) {
            set = (struct rrset){ .type = 65000, .count = 1, .rdata = rdata, .rdata_len = 65500 };
            rdata[0] = 65498 >> 8;
            rdata[1] = 65498 & 0xff;
        }
        out.added = zoneprinter_add(printer, &owner, &set);
    }
    out.flushed = zoneprinter_flush(printer);
    zoneprinter_free(printer);
    assert_int_equal(fclose(file), 0);
    return out;
}

static void equals(const struct output *a, const struct output *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->text, b->text, a->len);
}

static size_t count(const char *text, const char *word)
{
    size_t found = 0;
    for (; (text = strstr(text, word)) != NULL; text++) {
        found++;
    }
    return found;
}

static void many_threads_print_what_one_prints(void **)
{
    make_keyring(ALGORITHM_ED25519);
    struct output one = print(keyring, 1, NAMES);
    assert_ok(one.flushed);
    assert_int_equal(count(one.text, "\tRRSIG\t"), NAMES);
    for (unsigned threads = 2; threads <= 8; threads += 3) {
        struct output many = print(keyring, threads, NAMES);
        assert_ok(many.flushed);
        equals(&one, &many);
        free(many.text);
    }
    free(one.text);
    drop_keyring();
}

/* Cuts the signature off each RRSIG: ECDSA's have a random number in them. */
static void cut_signatures(struct output *out)
{
    static const char after[] = " pool.test. ";
    char *to = out->text;
    for (char *at = out->text; *at != '\0';) {
        char *signer = strstr(at, after);
        char *from = signer != NULL ? signer + sizeof(after) - 1 : at + strlen(at);
        memmove(to, at, (size_t)(from - at));
        to += from - at;
        at = signer != NULL ? strchr(from, '\n') : from;
    }
    out->len = (size_t)(to - out->text);
}

static void expirations_do_not_depend_on_the_number_of_threads(void **)
{
    make_keyring(ALGORITHM_ECDSAP256SHA256);
    struct output one = print(keyring, 1, NAMES), many = print(keyring, 4, NAMES);
    assert_ok(one.flushed);
    assert_ok(many.flushed);
    assert_int_equal(one.len, many.len);
    assert_memory_not_equal(one.text, many.text, one.len);
    cut_signatures(&one);
    cut_signatures(&many);
    equals(&one, &many);
    free(one.text);
    free(many.text);
    drop_keyring();
}

static void an_unsigned_zone_is_printed_as_it_is(void **)
{
    static uint8_t rdata[ZONEPRINTER_SET_MAX];
    struct output plain = { .text = NULL };
    apex = name_of("pool.test.");
    FILE *file = open_memstream(&plain.text, &plain.len);
    assert_non_null(file);
    for (unsigned i = 0; i < NAMES; i++) {
        struct dname owner;
        struct rrset set = set_of(i, &owner, rdata);
        assert_ok(zonefile_print(file, &owner, &set));
    }
    assert_int_equal(fclose(file), 0);
    struct output many = print(NULL, 3, NAMES);
    assert_ok(many.flushed);
    equals(&plain, &many);
    free(plain.text);
    free(many.text);
}

/* The file ends with the text before the RRset that can't be signed. */
static void the_first_failure_is_told_and_ends_the_text(void **)
{
    make_keyring(ALGORITHM_ED25519);
    struct output one = print(keyring, 1, 2000), many = print(keyring, 4, 2000);
    assert_int_equal(one.flushed, RESULT_TOO_LONG);
    assert_int_equal(many.flushed, RESULT_TOO_LONG);
    assert_int_equal(count(one.text, "\tRRSIG\t"), 2000);
    equals(&one, &many);
    free(one.text);
    free(many.text);
    drop_keyring();
}

static void a_full_disk_is_told(void **)
{
    static uint8_t rdata[ZONEPRINTER_SET_MAX];
    apex = name_of("pool.test.");
    FILE *file = fopen("/dev/full", "w");
    assert_non_null(file);
    const struct zoneprinter_plan plan = { .file = file, .apex = &apex, .now = NOW, .threads = 2 };
    struct zoneprinter *printer = zoneprinter_new(&plan);
    enum result result = RESULT_OK;
    for (unsigned i = 0; i < NAMES && result == RESULT_OK; i++) {
        struct dname owner;
        struct rrset set = set_of(i, &owner, rdata);
        result = zoneprinter_add(printer, &owner, &set);
    }
    assert_int_equal(result, RESULT_SYSTEM);
    assert_int_equal(zoneprinter_flush(printer), RESULT_SYSTEM);
    zoneprinter_free(printer);
    (void)fclose(file);
}

static void a_printer_without_work_ends(void **)
{
    apex = name_of("pool.test.");
    const struct zoneprinter_plan plan = { .file = stdout, .apex = &apex, .threads = 8 };
    struct zoneprinter *printer = zoneprinter_new(&plan);
    assert_ok(zoneprinter_flush(printer));
    zoneprinter_free(printer);
    zoneprinter_free(NULL);
    assert_true(zoneprinter_threads() >= 1);
    assert_true(zoneprinter_threads() <= ZONEPRINTER_THREADS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_print_what_one_prints),
        cmocka_unit_test(expirations_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(an_unsigned_zone_is_printed_as_it_is),
        cmocka_unit_test(the_first_failure_is_told_and_ends_the_text),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(a_printer_without_work_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

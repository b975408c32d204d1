#include "server/keys/dsync.h"
#include "tests/unit/unit.h"
#include "zone/names/rrset.h"

/* RFC 9859 4.1: first _dsync right after the zone's own label; then, if the SOA shows that the
 * parent is further up, _dsync in front of the parent's name; last, the parent's general _dsync
 * name. */
static void names_are_asked_for_as_the_rfc_says(void **)
{
    static const struct {
        const char *zone, *parents[3], *names[4];
    } rows[] = {
        { "pool.example.",
          { "example.", "example.", "example." },
          { "pool._dsync.example.", "_dsync.example." } },
        { "time.pool.example.",
          { "example.", "example.", "example." },
          { "time._dsync.pool.example.", "time.pool._dsync.example.", "_dsync.example." } },
        { "time.pool.example.",
          { "pool.example.", "pool.example.", "pool.example." },
          { "time._dsync.pool.example.", "_dsync.pool.example." } },
        { "example.", { ".", ".", "." }, { "example._dsync.", "_dsync." } },
        { "pool.example.", { "pool.example." }, { "pool._dsync.example." } },
        { "pool.example.", { "other." }, { "pool._dsync.example." } },
        { ".", { "." }, { NULL } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct dname zone = name_of(rows[i].zone);
        struct dname lookup = { .len = 0 }, parent = { .len = 0 };
        for (unsigned k = 0; rows[i].names[k] != NULL; k++) {
            const struct dname want = name_of(rows[i].names[k]);
            assert_true(dsync_next_name(&lookup, &zone, &parent));
            assert_true(dname_equal(&lookup, &want));
            parent = name_of(rows[i].parents[k]);
        }
        assert_false(dsync_next_name(&lookup, &zone, &parent));
    }
}

static void a_name_without_room_is_not_asked_for(void **)
{
    struct dname zone = name_of("."), lookup = { .len = 0 };
    for (unsigned i = 0; i < 125; i++) {
        assert_ok(dname_prepend(&zone, "x", 1, &zone));
    }
    assert_false(dsync_next_name(&lookup, &zone, &zone));
}

static bool is_for_notify(const char *rdata, size_t len, bool validated)
{
    struct stub_response response = { .id = 7 };
    const struct stub_question question = { .name = name_of("_dsync.test."), .type = RR_DSYNC };
    struct writer w = writer_of(response.data, sizeof(response.data));
    struct dname target;
    uint16_t port = 0;
    write_u16(&w, 7);
    write_u16(&w, validated ? 0x81a0 : 0x8180);
    write_octets(&w, "\0\1\0\1\0\0\0\0", 8);
    dname_write(&w, &question.name);
    write_octets(&w, "\0\102\0\1\xc0\x0c\0\102\0\1\0\0\0\5", 14);
    write_u16(&w, (uint16_t)len);
    write_octets(&w, rdata, len);
    response.len = w.at;
    bool found = dsync_record(&response, &question, &target, &port);
    const struct dname want = name_of("n.test.");
    assert_true(!found || (port == 5300 && dname_equal(&target, &want)));
    return found;
}

static void only_what_is_for_cds_and_validated_counts(void **)
{
    assert_true(is_for_notify("\0\73\1\x14\xb4\1n\4test", 13, true));
    assert_false(is_for_notify("\0\73\1\x14\xb4\1n\4test", 13, false));
    assert_false(is_for_notify("\0\76\1\x14\xb4\1n\4test", 13, true)); /* CSYNC */
    assert_false(is_for_notify("\0\73\2\x14\xb4\1n\4test", 13, true)); /* another scheme */
    assert_false(is_for_notify("\0\73\1\0\0\1n\4test", 13, true));     /* port 0 */
    assert_false(is_for_notify("\0\73\1\x14\xb4\0", 6, true));         /* no target */
    assert_false(is_for_notify("\0\73\1\x14\xb4\1n\4test\0x", 15, true));
    for (size_t len = 0; len < 13; len++) {
        assert_false(is_for_notify("\0\73\1\x14\xb4\1n\4test", len, true));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_asked_for_as_the_rfc_says),
        cmocka_unit_test(a_name_without_room_is_not_asked_for),
        cmocka_unit_test(only_what_is_for_cds_and_validated_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

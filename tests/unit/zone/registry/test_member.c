#include <stdio.h>

#include "tests/unit/distance.h"
#include "tests/unit/unit.h"
#include "zone/registry/member.h"

static struct dname apex;

static int set_up(void **)
{
    apex = name_of("pool.test");
    return 0;
}

static struct member sample(void)
{
    struct member member;
    member_defaults(&member);
    strcpy(member.label, "alice");
    strcpy(member.country, "NL");
    strcpy(member.operator_name, "Example \xc3\xa9");
    strcpy(member.accounturi, "https://acme.test/acct/1");
    member.id = 7;
    member.added_at = 1000;
    member.changed_at = 2000;
    member.override = OVERRIDE_INELIGIBLE;
    member.suspended = true;
    strcpy(member.contact, "ops@example.net");
    member.leave_at = 3000;
    member.unlisted = true;
    member.placed = true;
    assert_ok(position_parse(&member.position, "52.3702,-4.8952"));
    assert_ok(address_parse(&member.addresses[member.address_count++], "192.0.2.1"));
    assert_ok(address_parse(&member.addresses[member.address_count++], "2001:db8::1"));
    return member;
}

static void layout_round_trips_and_every_truncation_is_damage(void **)
{
    for (int with_target = 0; with_target < 2; with_target++) {
        struct member member = sample(), back;
        uint8_t data[MEMBER_ENCODED_MAX];
        struct writer w = writer_of(data, sizeof(data));
        if (with_target == 1) {
            member.target = name_of("ntp1.example.net");
        }
        member_encode(&w, &member);
        assert_false(w.failed);
        assert_ok(member_decode(&back, data, w.at));
        assert_string_equal(back.label, member.label);
        assert_string_equal(back.operator_name, member.operator_name);
        assert_string_equal(back.accounturi, member.accounturi);
        assert_int_equal(back.id, 7);
        assert_int_equal(back.override, OVERRIDE_INELIGIBLE);
        assert_true(back.suspended);
        assert_string_equal(back.contact, member.contact);
        assert_true(back.leave_at == 3000 && back.unlisted);
        assert_int_equal(back.address_count, 2);
        assert_true(address_equal(&back.addresses[1], &member.addresses[1]));
        assert_int_equal(back.target.len, member.target.len);
        assert_true(back.placed);
        assert_true(position_km(back.position, member.position) < 0.001);
        for (size_t len = 0; len < w.at; len++) {
            assert_int_equal((int)member_decode(&back, data, len), RESULT_DAMAGED);
        }
        for (size_t bit = 0; bit < w.at * 8; bit++) { /* no flip may crash or overrun */
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            (void)!member_decode(&back, data, w.at);
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static struct member plain_sample(void)
{
    struct member member = sample();
    member.contact[0] = '\0';
    member.leave_at = 0;
    member.unlisted = false;
    return member;
}

/* Rows of the layout before members had positions. */
static void the_first_layout_is_read(void **)
{
    struct member member = plain_sample(), back;
    uint8_t data[MEMBER_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    member.placed = false;
    member_encode(&w, &member);
    data[0] = 1;
    assert_ok(member_decode(&back, data, w.at - 1));
    assert_false(back.placed);
    assert_string_equal(back.label, "alice");
    assert_int_equal((int)member_decode(&back, data, w.at), RESULT_DAMAGED);
    data[0] = 0;
    assert_int_equal((int)member_decode(&back, data, w.at), RESULT_DAMAGED);
    data[0] = 4;
    assert_int_equal((int)member_decode(&back, data, w.at), RESULT_NEWER);
}

/* Each of the fields of layout 3 alone needs it. Without them, earlier programs read the row. */
static void a_member_without_contact_leave_and_flag_keeps_the_second_layout(void **)
{
    for (int what = 0; what < 4; what++) {
        struct member member = plain_sample(), back;
        uint8_t data[MEMBER_ENCODED_MAX];
        struct writer w = writer_of(data, sizeof(data));
        (void)snprintf(member.contact, sizeof(member.contact), "%s",
                       what == 1 ? "ops@example.net" : "");
        member.leave_at = what == 2;
        member.unlisted = what == 3;
        member_encode(&w, &member);
        assert_int_equal(data[0], what == 0 ? 2 : 3);
        assert_ok(member_decode(&back, data, w.at));
        assert_string_equal(back.contact, member.contact);
        assert_true(back.leave_at == member.leave_at && back.unlisted == member.unlisted);
    }
}

/* It goes into mails and commands. */
static void a_row_with_a_contact_that_is_none_is_damage(void **)
{
    struct member member = sample(), back;
    uint8_t data[MEMBER_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    strcpy(member.contact, "a@example.net\nBcc: b@example.net");
    member_encode(&w, &member);
    assert_int_equal((int)member_decode(&back, data, w.at), RESULT_DAMAGED);
}

static void largest_member_fits_its_room(void **)
{
    struct member member = sample();
    uint8_t data[MEMBER_ENCODED_MAX];
    memset(member.label, 'a', LABEL_MAX);
    memset(member.operator_name, 'b', MEMBER_OPERATOR_ROOM - 1);
    memset(member.accounturi, 'c', MEMBER_ACCOUNTURI_ROOM - 1);
    memset(member.contact, 'd', CONTACT_MAX);
    member.address_count = MEMBER_ADDRESSES_MAX;
    member.target.len = DNAME_MAX;
    struct writer w = writer_of(data, sizeof(data));
    member_encode(&w, &member);
    assert_false(w.failed);
}

static void good_members_pass(void **)
{
    struct member member = sample();
    assert_ok(member_check(&member, &apex, true, NULL));
    assert_ok(address_parse(&member.addresses[0], "8.8.8.8"));
    assert_ok(address_parse(&member.addresses[1], "2a00::1"));
    assert_ok(member_check(&member, &apex, false, NULL));
    member.address_count = 0;
    member.target = name_of("ntp1.example.net");
    assert_ok(member_check(&member, &apex, false, NULL));
    struct dname target, own = member.target;
    member_target(&target, &member, &apex);
    assert_true(dname_equal(&target, &own));
}

/* Each case breaks one thing. */
static void spoil(struct member *member, int what)
{
    switch (what) {
    case 0:
        strcpy(member->label, "nl");
        break;
    case 1:
        strcpy(member->label, "Alice");
        break;
    case 2:
        strcpy(member->country, "N1");
        break;
    case 3:
        strcpy(member->operator_name, "a\x1b[31m");
        break;
    case 4:
        strcpy(member->accounturi, "https://x/;issue");
        break;
    case 5:
        strcpy(member->accounturi, "no-url");
        break;
    case 6:
        member->capacity_mbit = MEMBER_CAPACITY_MAX + 1;
        break;
    case 7:
        member->port = 0;
        break;
    case 8:
        member->address_count = 0;
        break;
    case 9:
        member->target = name_of("ntp1.example.net");
        break;
    case 10:
        member->address_count = 0;
        member->target = name_of("bob.pool.test");
        break;
    case 11:
        member->address_count = 0;
        member->target = name_of("single");
        break;
    case 12:
        member->addresses[1] = member->addresses[0];
        break;
    case 13:
        strcpy(member->contact, "ops@example.net\nBcc: x@example.net");
        break;
    default:
        strcpy(member->label, "al.ice");
        break;
    }
}

static void each_fault_is_refused_with_a_reason(void **)
{
    for (int what = 0; what < 15; what++) {
        struct member member = sample();
        struct diag diag = { "" };
        spoil(&member, what);
        assert_int_equal((int)member_check(&member, &apex, true, &diag), RESULT_INVALID);
        assert_int_not_equal(diag.text[0], '\0');
    }
    struct member member = sample();
    assert_int_equal((int)member_check(&member, &apex, false, NULL), RESULT_INVALID);
}

static enum result with_target(const char *text)
{
    struct member member = sample();
    member.address_count = 0;
    member.target = name_of(text);
    return member_check(&member, &apex, false, NULL);
}

/* RFC 1123 2.1: a name that resolvers take for an address or can't look up is no host name. */
static void target_is_a_host_name(void **)
{
    static const char *const bad[] = { "192.0.2.1",
                                       "1.2",
                                       "127.0.0.0x1",
                                       "10.0xA",
                                       "time.0x",
                                       "time.example.1",
                                       "zeit_1.example",
                                       "-a.example",
                                       "a-.example",
                                       "z\\195\\188ge.example",
                                       "a\\032b.example",
                                       "*.example",
                                       "foo.localhost",
                                       "foo.LOCAL",
                                       "a.b.onion",
                                       "time.invalid",
                                       "foo.alt",
                                       "a\\.b.example",
                                       "2001:db8::1.example" };
    static const char *const good[] = { "ntp1.example.net", "1.example",
                                        "3com.example",     "xn--zge-hoa.example",
                                        "TIME.Example",     "a.1b",
                                        "0xg.1e",           "a.b.c.d.e.example",
                                        "localhost.example" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal((int)with_target(bad[i]), RESULT_INVALID);
    }
    static const char *const addresses[] = { "192.0.2.1", "0x7f000001",    "2130706433",
                                             "::1",       "[2001:db8::1]", "127.1" };
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct diag diag;
        struct member member = sample();
        member.address_count = 0;
        member.target = name_of(addresses[i]);
        assert_int_equal(member_check(&member, &apex, false, &diag), RESULT_INVALID);
        assert_non_null(strstr(diag.text, "not an address"));
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_ok(with_target(good[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_round_trips_and_every_truncation_is_damage),
        cmocka_unit_test(the_first_layout_is_read),
        cmocka_unit_test(a_member_without_contact_leave_and_flag_keeps_the_second_layout),
        cmocka_unit_test(a_row_with_a_contact_that_is_none_is_damage),
        cmocka_unit_test(largest_member_fits_its_room),
        cmocka_unit_test(good_members_pass),
        cmocka_unit_test(each_fault_is_refused_with_a_reason),
        cmocka_unit_test(target_is_a_host_name),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

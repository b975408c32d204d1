#include "probe/lookup.h"
#include "tests/unit/unit.h"

enum {
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    NXDOMAIN = 3,
    SERVFAIL = 2,
    ROOM = 1232
};

/* The resolver's answer for one family. */
struct say {
    bool nothing; /* no response */
    bool cut;     /* the header counts one record more than there are */
    unsigned rcode;
    unsigned cnames; /* before the addresses, with TTL 40 */
    uint32_t ttl_s;
    unsigned count; /* of addresses; the last octet counts down from it */
    /* rdata of TXT records, in presentation form without quotes: strings end with |, records with
     * a new line */
    const char *texts;
};

/* A resolver and a lookup, in one loop. */
struct world {
    uv_loop_t loop;
    uv_udp_t server;
    struct endpoint at;
    struct say says[2]; /* IPv6, IPv4 */
    struct say text;
    unsigned asked, done;
    char in[ROOM];
    struct lookup_answer answer;
};

static void put_head(struct writer *w, uint16_t type, uint32_t ttl_s, uint16_t len)
{
    write_u16(w, 0xc00c); /* the name of the question; c-ares does not compare */
    write_u16(w, type);
    write_u16(w, 1);
    write_u32(w, ttl_s);
    write_u16(w, len);
}

static void put_addresses(struct writer *w, uint16_t type, const struct say *say)
{
    for (unsigned i = say->count; i > 0; i--) {
        const uint8_t four[4] = { 192, 0, 2, (uint8_t)i };
        const uint8_t six[16] = { 0x20, 1, 0x0d, 0xb8, [15] = (uint8_t)i };
        uint16_t len = type == TYPE_A ? sizeof(four) : sizeof(six);
        put_head(w, type, say->ttl_s, len);
        write_octets(w, type == TYPE_A ? four : six, len);
    }
}

static unsigned put_texts(struct writer *w, const char *texts)
{
    unsigned count = 0;
    while (texts != NULL && *texts != '\0') {
        size_t len = strcspn(texts, "\n");
        put_head(w, TYPE_TXT, 60, (uint16_t)len);
        for (const char *at = texts; at < texts + len;) {
            size_t string = strcspn(at, "|");
            write_u8(w, (uint8_t)string);
            write_octets(w, at, string);
            at += string + 1;
        }
        texts += len + (texts[len] != '\0');
        count++;
    }
    return count;
}

/* The end of the question in a query, and its type. */
static size_t question_end(const uint8_t *query, size_t len, uint16_t *type)
{
    struct reader r = reader_of(query, len);
    read_octets(&r, 12);
    for (uint8_t label = read_u8(&r); label != 0; label = read_u8(&r)) {
        read_octets(&r, label);
    }
    *type = read_u16(&r);
    read_u16(&r);
    assert_false(r.failed);
    return r.at;
}

static void question_came(uv_udp_t *server, ssize_t len, const uv_buf_t *buffer,
                          const struct sockaddr *from, unsigned)
{
    struct world *world = server->data;
    uint8_t octets[ROOM];
    uint16_t type = 0;
    if (len <= 0) {
        return;
    }
    world->asked++;
    const uint8_t *query = (const uint8_t *)buffer->base;
    size_t end = question_end(query, (size_t)len, &type);
    const struct say *say = type == TYPE_TXT ? &world->text : &world->says[type == TYPE_A];
    if (say->nothing) {
        return;
    }
    struct writer w = writer_of(octets, sizeof(octets));
    write_octets(&w, query, 2);
    write_u16(&w, (uint16_t)(0x8180 | say->rcode));
    write_u16(&w, 1);
    write_u16(&w, 0); /* of answers, set below */
    write_u32(&w, 0);
    write_octets(&w, query + 12, end - 12);
    for (unsigned i = 0; i < say->cnames; i++) {
        put_head(&w, TYPE_CNAME, 40, 2);
        write_u16(&w, 0xc00c);
    }
    put_addresses(&w, type, say);
    unsigned texts = put_texts(&w, say->texts);
    wire_put_u16(octets + 6, (uint16_t)(say->cnames + say->count + say->cut + texts));
    assert_false(w.failed);
    uv_buf_t out = uv_buf_init((char *)octets, (unsigned)w.at);
    assert_int_equal(uv_udp_try_send(server, &out, 1, from), (int)w.at);
}

static void give_room(uv_handle_t *handle, size_t, uv_buf_t *buffer)
{
    struct world *world = handle->data;
    *buffer = uv_buf_init(world->in, sizeof(world->in));
}

static void world_open(struct world *world)
{
    struct sockaddr_storage own;
    int own_len = sizeof(own);
    assert_ok(endpoint_parse(&world->at, "127.0.0.1", 0));
    (void)endpoint_to_sockaddr(&world->at, &own);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    uv_udp_init(&world->loop, &world->server);
    world->server.data = world;
    assert_int_equal(uv_udp_bind(&world->server, (const struct sockaddr *)&own, 0), 0);
    assert_int_equal(uv_udp_getsockname(&world->server, (struct sockaddr *)&own, &own_len), 0);
    assert_ok(endpoint_of_sockaddr(&world->at, (const struct sockaddr *)&own));
    uv_udp_recv_start(&world->server, give_room, question_came);
}

static void world_close(struct world *world)
{
    uv_close((uv_handle_t *)&world->server, NULL);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
}

static void done(const struct lookup_answer *answer, void *arg)
{
    struct world *world = arg;
    world->answer = *answer;
    world->done++;
    uv_stop(&world->loop);
}

/* The result of a lookup that the resolver answers so, for IPv6 and IPv4. */
static struct lookup_answer look_up(struct say six, struct say four, const char *name)
{
    struct world world = { .says = { six, four } };
    world_open(&world);
    assert_non_null(lookup_start(&world.loop, &world.at, name, done, &world));
    assert_int_equal(world.done, 0);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    assert_int_equal(world.done, 1);
    world_close(&world);
    assert_int_equal(world.done, 1);
    return world.answer;
}

static void assert_address(const struct lookup_answer *answer, unsigned index, const char *text)
{
    char own[ADDRESS_TEXT_MAX];
    assert_true(index < answer->count);
    assert_string_equal(address_text(&answer->addresses[index], own), text);
}

static void both_families_are_found_with_the_least_ttl(void **)
{
    struct lookup_answer answer = look_up((struct say){ .ttl_s = 300, .count = 1 },
                                          (struct say){ .ttl_s = 70, .count = 2 }, "a.example");
    assert_int_equal(answer.state, LOOKUP_FOUND);
    assert_int_equal(answer.count, 3);
    assert_int_equal(answer.ttl_s, 70);
    assert_address(&answer, 0, "192.0.2.1");
    assert_address(&answer, 1, "192.0.2.2");
    assert_address(&answer, 2, "2001:db8::1");
    assert_false(answer.unknown[0] || answer.unknown[1]);
}

static void cnames_bound_the_ttl(void **)
{
    const struct say say = { .cnames = 3, .ttl_s = 300, .count = 1 };
    struct lookup_answer answer = look_up(say, say, "a.example");
    assert_int_equal(answer.state, LOOKUP_FOUND);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.ttl_s, 40);
}

/* RFC 8020 2 */
static void missing_name_differs_from_one_without_addresses(void **)
{
    const struct say missing = { .rcode = NXDOMAIN };
    const struct say none = { 0 };
    assert_int_equal(look_up(missing, missing, "a.example").state, LOOKUP_NO_NAME);
    assert_int_equal(look_up(none, none, "a.example").state, LOOKUP_NO_ADDRESS);
    assert_int_equal(look_up(none, none, "a..example").state, LOOKUP_NO_NAME);
}

/* RFC 6761 6.3 */
static void localhost_is_known_without_a_query(void **)
{
    const char *const names[] = { "localhost", "LocalHost.", "a.b.localhost" };
    const struct say other = { .ttl_s = 300, .count = 1 };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct lookup_answer answer = look_up(other, other, names[i]);
        assert_int_equal(answer.state, LOOKUP_FOUND);
        assert_int_equal(answer.count, 2);
        assert_address(&answer, 0, "127.0.0.1");
        assert_address(&answer, 1, "::1");
    }
    struct lookup_answer answer = look_up(other, other, "notlocalhost");
    assert_address(&answer, 0, "192.0.2.1");
}

static void failed_family_is_unknown(void **)
{
    const struct say failing = { .rcode = SERVFAIL };
    const struct say found = { .ttl_s = 60, .count = 1 };
    struct lookup_answer answer = look_up(failing, found, "a.example");
    assert_int_equal(answer.state, LOOKUP_FOUND);
    assert_true(answer.unknown[0]);
    assert_false(answer.unknown[1]);
    answer = look_up(found, failing, "a.example");
    assert_true(answer.unknown[1]);
    assert_false(answer.unknown[0]);
    assert_address(&answer, 0, "2001:db8::1");
}

static void failing_and_broken_responses_are_no_answer(void **)
{
    const struct say failing = { .rcode = SERVFAIL };
    const struct say cut = { .ttl_s = 60, .count = 1, .cut = true };
    struct lookup_answer answer = look_up(failing, failing, "a.example");
    assert_int_equal(answer.state, LOOKUP_FAILED);
    assert_true(answer.why[0] != '\0');
    answer = look_up(cut, cut, "a.example");
    assert_int_equal(answer.state, LOOKUP_FAILED);
    assert_int_equal(answer.count, 0);
}

static void lowest_of_many_addresses_of_both_families_are_kept(void **)
{
    const struct say many = { .ttl_s = 60, .count = 40 };
    const struct say one = { .ttl_s = 60, .count = 1 };
    struct lookup_answer answer = look_up(many, many, "a.example");
    assert_int_equal(answer.count, LIMIT_ADDRESSES);
    assert_address(&answer, 0, "192.0.2.1");
    assert_address(&answer, 3, "192.0.2.4");
    assert_address(&answer, 4, "2001:db8::1");
    assert_address(&answer, 7, "2001:db8::4");
    answer = look_up(one, many, "a.example");
    assert_int_equal(answer.count, LIMIT_ADDRESSES);
    assert_address(&answer, 6, "192.0.2.7");
    assert_address(&answer, 7, "2001:db8::1");
    answer = look_up(many, one, "a.example");
    assert_address(&answer, 0, "192.0.2.1");
    assert_address(&answer, 7, "2001:db8::7");
}

static void silent_resolver_is_given_up_in_time(void **)
{
    const struct say mute = { .nothing = true };
    const struct say found = { .ttl_s = 60, .count = 1 };
    uint64_t began_ns = uv_hrtime();
    struct lookup_answer answer = look_up(found, mute, "a.example");
    uint64_t took_ms = (uv_hrtime() - began_ns) / 1000000;
    assert_int_equal(answer.state, LOOKUP_FOUND);
    assert_true(answer.unknown[1]);
    assert_address(&answer, 0, "2001:db8::1");
    assert_in_range(took_ms, LIMIT_RESOLVE_MS - 100, LIMIT_RESOLVE_MS + 5000);
}

static void cancelled_lookup_calls_nobody_and_leaks_nothing(void **)
{
    for (unsigned turns = 0; turns < 4; turns++) {
        struct world world = { .says = { { .nothing = true }, { .ttl_s = 60, .count = 1 } } };
        world_open(&world);
        struct lookup *lookup = lookup_start(&world.loop, &world.at, "a.example", done, &world);
        for (unsigned i = 0; i < turns; i++) {
            uv_run(&world.loop, UV_RUN_NOWAIT);
        }
        lookup_cancel(lookup);
        world_close(&world);
        assert_int_equal(world.done, 0);
    }
}

static struct lookup_answer ask_consent_of(const char *name, struct say text)
{
    static const char apex_text[] = "pool.example.";
    const struct say found = { .ttl_s = 300, .count = 1 };
    struct world world = { .says = { found, found }, .text = text };
    struct dname apex = name_of(apex_text);
    world_open(&world);
    struct lookup *lookup = lookup_start(&world.loop, &world.at, "a.example", done, &world);
    assert_non_null(lookup);
    lookup_ask_consent(lookup, name, &apex);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    world_close(&world);
    assert_int_equal(world.answer.state, LOOKUP_FOUND);
    return world.answer;
}

static struct lookup_answer ask_consent(struct say text)
{
    return ask_consent_of("_ntspool.a.example", text);
}

static void one_text_of_many_consents(void **)
{
    const char *const texts[] = {
        "pool=pool.example|",
        "pool=a.example|\npool=POOL.Example.|\nother|",
        "pool=|pool.|exam|ple|",
        "||pool=pool.example|",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct lookup_answer answer = ask_consent((struct say){ .cnames = 1, .texts = texts[i] });
        assert_int_equal(answer.consent, LOOKUP_CONSENTS);
    }
}

static void texts_are_not_joined_across_records(void **)
{
    const char *const texts[] = { "pool=|\npool.example|", "pool=pool.example|x|", "|",
                                  "pool=a.example|\nv=spf1 -all|" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct lookup_answer answer = ask_consent((struct say){ .texts = texts[i] });
        assert_int_equal(answer.consent, LOOKUP_CONSENTS_TO_OTHERS);
        assert_string_equal(answer.consent_why, "no TXT record names this pool");
    }
}

static void longest_texts_do_not_consent(void **)
{
    char texts[1100];
    size_t head = (size_t)snprintf(texts, sizeof(texts), "pool=pool.example|");
    for (size_t i = head; i < sizeof(texts) - 1; i++) {
        texts[i] = i % 200 == 199 || i == sizeof(texts) - 2 ? '|' : 'x';
    }
    texts[sizeof(texts) - 1] = '\0';
    assert_int_equal(ask_consent((struct say){ .texts = texts }).consent,
                     LOOKUP_CONSENTS_TO_OTHERS);
}

static void missing_consent_and_no_answer_are_told_apart(void **)
{
    struct lookup_answer answer = ask_consent((struct say){ .rcode = NXDOMAIN });
    assert_int_equal(answer.consent, LOOKUP_NO_CONSENT);
    assert_string_equal(answer.consent_why, "no such name");
    answer = ask_consent((struct say){ .cnames = 1 });
    assert_int_equal(answer.consent, LOOKUP_NO_CONSENT);
    assert_string_equal(answer.consent_why, "no TXT record");
    answer = ask_consent((struct say){ .rcode = SERVFAIL });
    assert_int_equal(answer.consent, LOOKUP_CONSENT_FAILED);
    assert_true(answer.consent_why[0] != '\0');
    answer = ask_consent((struct say){ .texts = "pool=pool.example|", .cut = true });
    assert_int_equal(answer.consent, LOOKUP_CONSENT_FAILED);
}

static void name_that_is_too_long_for_a_record_has_no_consent(void **)
{
    struct lookup_answer answer = ask_consent_of("", (struct say){ .texts = "pool=pool.example|" });
    assert_int_equal(answer.consent, LOOKUP_NO_CONSENT);
    assert_string_equal(answer.consent_why, "no such name");
}

static void silence_about_consent_delays_the_addresses_and_no_more(void **)
{
    struct lookup_answer answer = ask_consent((struct say){ .nothing = true });
    assert_int_equal(answer.consent, LOOKUP_CONSENT_FAILED);
    assert_int_equal(answer.count, 2);
    assert_false(answer.unknown[0] || answer.unknown[1]);
}

static void consent_is_not_asked_unless_wanted(void **)
{
    const struct say found = { .ttl_s = 300, .count = 1 };
    assert_int_equal(look_up(found, found, "a.example").consent, LOOKUP_NOT_ASKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_are_found_with_the_least_ttl),
        cmocka_unit_test(cnames_bound_the_ttl),
        cmocka_unit_test(missing_name_differs_from_one_without_addresses),
        cmocka_unit_test(localhost_is_known_without_a_query),
        cmocka_unit_test(failed_family_is_unknown),
        cmocka_unit_test(failing_and_broken_responses_are_no_answer),
        cmocka_unit_test(lowest_of_many_addresses_of_both_families_are_kept),
        cmocka_unit_test(silent_resolver_is_given_up_in_time),
        cmocka_unit_test(cancelled_lookup_calls_nobody_and_leaks_nothing),
        cmocka_unit_test(one_text_of_many_consents),
        cmocka_unit_test(texts_are_not_joined_across_records),
        cmocka_unit_test(longest_texts_do_not_consent),
        cmocka_unit_test(missing_consent_and_no_answer_are_told_apart),
        cmocka_unit_test(name_that_is_too_long_for_a_record_has_no_consent),
        cmocka_unit_test(silence_about_consent_delays_the_addresses_and_no_more),
        cmocka_unit_test(consent_is_not_asked_unless_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

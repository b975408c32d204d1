#include "server/state/srv_ring.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

enum {
    MEMBERS = 12,
    SETS = 3,
    PLACES = 4,
    TTL = 77
};

static struct pool_fixture pool;
static struct sigcache *cache;
static struct signer *signer;
static struct candidates candidates;
static struct dname service;
static struct srv_ring_parts parts;

/* Members m0, m1 ..., in the order of the store. */
static int set_up(void **)
{
    pool_fixture_init(&pool, NULL);
    const struct settings *settings = &pool.zone->settings;
    cache = sigcache_new(1024);
    signer =
        signer_new(pool.zone->keyring, cache, &settings->apex, settings->signature_validity_s, 1);
    service = name_of("_ntske._tcp.pool.test");
    candidates = (struct candidates){ .list = xcalloc(MEMBERS, sizeof(struct candidate)),
                                      .names = xcalloc(MEMBERS, 32),
                                      .count = MEMBERS };
    for (uint32_t i = 0; i < MEMBERS; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "m%u.pool.test", i);
        struct dname name = name_of(text);
        candidates.list[i] = (struct candidate){
            .member_id = i + 1, .weight = 100 + i, .port = 4460, .target = 32 * i
        };
        uint8_t *target = candidates.names + candidates.list[i].target;
        target[0] = name.len;
        memcpy(target + 1, name.wire, name.len);
    }
    parts = (struct srv_ring_parts){ .candidates = &candidates,
                                     .apex = &settings->apex,
                                     .owner = &service,
                                     .ttl_s = TTL,
                                     .signer = signer,
                                     .now = FIXTURE_NOW };
    return 0;
}

static int tear_down(void **)
{
    free(candidates.list);
    free(candidates.names);
    signer_free(signer);
    sigcache_free(cache);
    pool_fixture_done(&pool);
    return 0;
}

/* Set s holds the members from 3 s on, in descending order. */
static struct deck make_deck(void)
{
    struct deck deck = { .count = SETS, .sets = xcalloc(SETS, sizeof(struct deck_set)) };
    for (uint32_t s = 0; s < SETS; s++) {
        deck.sets[s].count = PLACES;
        for (uint32_t k = 0; k < PLACES; k++) {
            deck.sets[s].members[k] = (3 * s + PLACES - 1 - k) % MEMBERS;
        }
    }
    return deck;
}

static struct srv_ring *make_ring(struct deck deck, struct srv_ring *old, const bool *changed)
{
    struct srv_ring *ring = NULL;
    assert_ok(srv_ring_new(&ring, &deck, &parts, old, changed));
    assert_null(deck.sets); /* the ring owns it now */
    return ring;
}

/* Checks an answer's records: the set's targets, the first member's first, with the members' ports,
 * and a signature. */
static void check_block(const struct srv_ring *ring, size_t set)
{
    uint8_t out[2048] = { 0 };
    const struct records_frame frame = { &service, parts.apex };
    const struct deck_set *wanted = &ring->deck.sets[set];
    const struct block *block = &ring->blocks[set];
    struct writer w = writer_of(out, sizeof(out));
    assert_int_equal(block_write(&w, &frame, block, true), wanted->count + 1U);
    assert_int_equal(block->count[0], wanted->count);
    struct reader r = reader_of(out, w.at);
    bool found[MEMBERS] = { false };
    for (unsigned i = 0; i <= wanted->count; i++) {
        (void)read_u16(&r); /* owner: a pointer */
        uint16_t type = read_u16(&r);
        (void)read_u16(&r);
        assert_int_equal(read_u32(&r), TTL);
        size_t len = read_u16(&r);
        const uint8_t *rdata = read_octets(&r, len);
        assert_false(r.failed);
        assert_int_equal(type, i < wanted->count ? RR_SRV : RR_RRSIG);
        for (uint32_t index = 0; type == RR_SRV && index < MEMBERS; index++) {
            const uint8_t *target = candidates_target(&candidates, index);
            bool it = len == 6U + target[0] && memcmp(rdata + 6, target + 1, target[0]) == 0;
            found[index] = found[index] || it;
            assert_true(!it || candidates.list[index].port == (rdata[4] << 8 | rdata[5]));
            assert_true(i > 0 || it == (index == wanted->members[0]));
        }
    }
    assert_true(reader_done(&r));
    for (unsigned k = 0; k < wanted->count; k++) {
        assert_true(found[wanted->members[k]]);
    }
}

static void each_set_is_there_as_answers_copy_it(void **)
{
    struct srv_ring *ring = make_ring(make_deck(), NULL, NULL);
    assert_int_equal(ring->count, SETS);
    assert_int_equal(signer_made(signer), SETS);
    for (size_t s = 0; s < SETS; s++) {
        uint8_t scratch[DECK_SRV_SCRATCH];
        struct rrset wanted;
        deck_srv(&ring->deck.sets[s], &candidates, false, TTL, scratch, &wanted);
        assert_int_equal(ring->srv[s].rdata_len, wanted.rdata_len);
        assert_memory_equal(ring->srv[s].rdata, wanted.rdata, wanted.rdata_len);
        check_block(ring, s);
    }
    srv_ring_unref(ring);
}

static void weights_are_published_if_wanted(void **)
{
    for (unsigned weights = 0; weights < 2; weights++) {
        parts.weights = weights == 1;
        struct srv_ring *ring = make_ring(make_deck(), NULL, NULL);
        size_t at = 0;
        const uint8_t *rdata = NULL;
        uint16_t len = 0;
        assert_true(rrset_next(&ring->srv[0], &at, &rdata, &len));
        assert_int_equal(rdata[2] << 8 | rdata[3], weights == 1 ? 100 : 1);
        srv_ring_unref(ring);
    }
}

/* RFC 2782: a target of "." */
static void an_empty_deck_says_that_there_is_no_service(void **)
{
    struct srv_ring *ring = make_ring((struct deck){ .count = 0 }, NULL, NULL);
    assert_int_equal(ring->count, 1);
    assert_int_equal(ring->deck.count, 0);
    assert_int_equal(ring->srv[0].rdata_len, 9);
    assert_memory_equal(ring->srv[0].rdata, "\0\7\0\0\0\0\0\0\0", 9);
    assert_int_equal(ring->blocks[0].count[0], 1);
    assert_int_equal(ring->blocks[0].count[1], 2);
    struct srv_ring *next =
        make_ring(make_deck(), ring, NULL); /* an empty ring has nothing to reuse */
    assert_null(next->base);
    check_block(next, 0);
    srv_ring_unref(ring);
    srv_ring_unref(next);
}

static void unchanged_sets_stay_where_they_are(void **)
{
    struct srv_ring *first = make_ring(make_deck(), NULL, NULL);
    struct deck deck = make_deck();
    deck.sets[1].members[2] = 11;
    struct srv_ring *second = make_ring(deck, first, NULL);
    assert_int_equal(signer_made(signer), SETS + 1);
    for (size_t s = 0; s < SETS; s++) {
        assert_int_equal(second->srv[s].rdata == first->srv[s].rdata, s != 1);
        assert_int_equal(second->blocks[s].wire == first->blocks[s].wire, s != 1);
        check_block(second, s);
    }
    srv_ring_unref(first); /* the second ring still needs it */
    struct deck back = make_deck();
    back.sets[1].members[2] = 11;
    back.sets[2].members[0] = 0;
    struct srv_ring *third = make_ring(back, second, NULL);
    assert_ptr_equal(third->base, second->base);
    assert_int_equal(signer_made(signer), SETS + 2);
    assert_ptr_equal(third->srv[0].rdata, second->srv[0].rdata);
    srv_ring_unref(second);
    for (size_t s = 0; s < SETS; s++) {
        check_block(third, s);
    }
    srv_ring_unref(third);
}

/* The same members in the same sets, but one of them has another port. */
static void a_changed_record_is_signed_where_it_is(void **)
{
    bool changed[MEMBERS] = { false };
    struct srv_ring *first = make_ring(make_deck(), NULL, NULL);
    candidates.list[3].port = 4461; /* in sets 0 and 1 */
    changed[3] = true;
    struct srv_ring *second = make_ring(make_deck(), first, changed);
    assert_int_equal(signer_made(signer), SETS + 2);
    for (size_t s = 0; s < SETS; s++) {
        check_block(second, s);
    }
    assert_ptr_equal(second->srv[2].rdata, first->srv[2].rdata);
    srv_ring_unref(first);
    srv_ring_unref(second);
}

/* A set in another order is another set: some clients use the first record only. */
static void the_order_in_a_set_counts(void **)
{
    struct srv_ring *first = make_ring(make_deck(), NULL, NULL);
    struct deck deck = make_deck();
    uint32_t front = deck.sets[0].members[0];
    deck.sets[0].members[0] = deck.sets[0].members[3];
    deck.sets[0].members[3] = front;
    struct srv_ring *second = make_ring(deck, first, NULL);
    assert_int_equal(signer_made(signer),
                     SETS); /* the RRset is the same, so its signature is cached */
    check_block(second, 0);
    srv_ring_unref(first);
    srv_ring_unref(second);
}

static void without_a_signature_there_is_no_hand(void **)
{
    struct budget budget = { 0 };
    struct srv_ring *ring = NULL, *first = make_ring(make_deck(), NULL, NULL);
    struct deck deck = make_deck();
    budget_update(&budget, 1, 1000000);
    signer_limit(signer, &budget);
    deck.sets[0].members[0] = 10;
    deck.sets[2].members[0] = 11; /* the second signature exceeds the budget */
    assert_int_equal(srv_ring_new(&ring, &deck, &parts, first, NULL), RESULT_EXHAUSTED);
    assert_null(ring);
    check_block(first, 0);
    srv_ring_unref(first);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_set_is_there_as_answers_copy_it),        CASE(weights_are_published_if_wanted),
        CASE(an_empty_deck_says_that_there_is_no_service), CASE(unchanged_sets_stay_where_they_are),
        CASE(a_changed_record_is_signed_where_it_is),      CASE(the_order_in_a_set_counts),
        CASE(without_a_signature_there_is_no_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

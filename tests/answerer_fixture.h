/* A worker's answerer on the pool of pool_fixture.h, for tests and fuzz targets. */
#ifndef TESTS_ANSWERER_FIXTURE_H
#define TESTS_ANSWERER_FIXTURE_H

#include "server/answering/decide.h"
#include "tests/pool_fixture.h"

/* A signer with the pool's keys. */
static inline struct signer *fixture_signer(const struct pool_fixture *pool,
                                            struct sigcache *signatures, uint64_t seed)
{
    return signer_new(pool->zone->keyring, signatures, &pool->zone->settings.apex, 604800, seed);
}

/* Begins a batch with an empty answer cache. */
static inline void fixture_forget_answers(struct answerer *answerer)
{
    struct answer_reader *reader = answerer->snapshot.cache;
    struct answer_cache *old = reader->cache;
    answer_cache_leave(reader);
    answer_cache_free(old);
    answer_cache_join(reader, answer_cache_new(4, 1));
    decide_begin(answerer);
}

/* The answerer owns both signers from then on; they may be the same. */
static inline void fixture_answerer_init(struct answerer *answerer, const struct pool_fixture *pool,
                                         struct signer *signer, struct signer *limited)
{
    static struct answer_reader reader;
    reader = (struct answer_reader){ .cache = NULL };
    answerer->snapshot = (struct snapshot){ .zone = pool->zone,
                                            .counters = counters_new(pool->zone, 0),
                                            .registry = pool->txns[0],
                                            .signer = signer,
                                            .limited_signer = limited,
                                            .now = FIXTURE_NOW,
                                            .cache = &reader };
    fixture_forget_answers(answerer);
}

/* Looks at the query as a handler does. */
static inline void fixture_prepare(const struct answerer *answerer, const struct asking *asking)
{
    asking_look(&answerer->snapshot, asking->query, asking->qname);
    if (asking->qname->service) {
        asking_locate_services(&answerer->snapshot, asking, 1);
    } else if (asking->qname->in_zone) {
        asking_look_up(&answerer->snapshot, asking->qname);
    }
}

static inline void fixture_answerer_done(struct answerer *answerer)
{
    struct snapshot *snapshot = &answerer->snapshot;
    struct answer_cache *answers = snapshot->cache->cache;
    answer_cache_leave(snapshot->cache);
    answer_cache_free(answers);
    counters_unref(snapshot->counters);
    signer_free(snapshot->signer);
    if (snapshot->limited_signer != snapshot->signer) {
        signer_free(snapshot->limited_signer);
    }
}

#endif

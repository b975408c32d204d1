/* The thread that adds RRsets fills batches. Batches go round in a ring: filled, then taken by a
 * thread, which makes the text, then written by the thread that fills. That thread takes a batch
 * itself when the ring is full. So it never waits while there is work, and a process with one core
 * needs no other thread. */
#include "tools/zoneprinter.h"

#include <sched.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#include "dnssec/signing/signer.h"
#include "zone/base/splitmix.h"
#include "zone/base/thread.h"
#include "zone/names/zonefile.h"

enum {
    BATCH_FULL = 16384, /* some 400 RRsets, 5 to 10 ms of signing */
    BATCH_ROOM = BATCH_FULL + DNAME_MAX + 16 + ZONEPRINTER_SET_MAX,
    BATCHES_A_THREAD = 4,
    SIGNATURES = 4 /* in the signers' cache: each signature is made once */
};

struct zone_batch {
    uint64_t number;
    bool done;
    enum result result;
    char *text;
    size_t text_len;
    size_t used;
    uint8_t data[BATCH_ROOM];
};

struct printing_thread {
    struct zoneprinter *printer;
    struct signer *signer; /* NULL: unsigned */
    struct thread thread;
    uint8_t scratch[SIGNER_SCRATCH];
};

struct zoneprinter {
    FILE *file;
    struct sigcache *cache;
    uint64_t now;
    enum result result; /* of the first batch that failed */
    size_t ring;        /* batches in it */
    struct zone_batch *batches;
    /* Of all batches so far; the lock guards `filled`, `taken`, `ending` and each batch's `done`.
     */
    uint64_t filled, taken, written;
    bool ending;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    size_t thread_count;
    struct printing_thread threads[]; /* the first is the caller's */
};

unsigned zoneprinter_threads(void)
{
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return count < ZONEPRINTER_THREADS_MAX ? (unsigned)count : ZONEPRINTER_THREADS_MAX;
}

static struct zone_batch *batch_at(struct zoneprinter *printer, uint64_t number)
{
    return &printer->batches[number % printer->ring];
}

static enum result print_set(struct printing_thread *mine, FILE *file, const struct dname *owner,
                             const struct rrset *set)
{
    struct rrset rrsig;
    TRY(zonefile_print(file, owner, set));
    if (mine->signer == NULL) {
        return RESULT_OK;
    }
    TRY(signer_sign(mine->signer, owner, set, mine->printer->now, mine->scratch, &rrsig));
    return zonefile_print(file, owner, &rrsig);
}

static enum result print_sets(struct printing_thread *mine, const struct zone_batch *batch,
                              FILE *file)
{
    struct reader r = reader_of(batch->data, batch->used);
    while (reader_left(&r) > 0) {
        struct dname owner;
        struct rrset set = { .type = 0 };
        dname_read(&r, &owner);
        set.type = read_u16(&r);
        set.count = read_u16(&r);
        set.ttl = read_u32(&r);
        set.rdata_len = read_u16(&r);
        set.rdata = read_octets(&r, set.rdata_len);
        ASSERT(!r.failed);
        TRY(print_set(mine, file, &owner, &set));
    }
    return RESULT_OK;
}

/* Makes the text of a batch, which no other thread uses meanwhile. The jitter of its signatures
 * depends on its number only. */
static void print_batch(struct printing_thread *mine, struct zone_batch *batch)
{
    FILE *file = open_memstream(&batch->text, &batch->text_len);
    CHECK(file != NULL);
    (void)__fsetlocking(file, FSETLOCKING_BYCALLER); /* no other thread has it */
    if (mine->signer != NULL) {
        uint64_t seed = mine->printer->now + batch->number;
        signer_reseed(mine->signer, splitmix(&seed));
    }
    batch->result = print_sets(mine, batch, file);
    CHECK(fclose(file) == 0);
}

/* The caller holds the lock and there is a batch to take. */
static void work(struct printing_thread *mine)
{
    struct zoneprinter *printer = mine->printer;
    struct zone_batch *batch = batch_at(printer, printer->taken++);
    (void)pthread_mutex_unlock(&printer->lock);
    print_batch(mine, batch);
    (void)pthread_mutex_lock(&printer->lock);
    batch->done = true;
    (void)pthread_cond_signal(&printer->done);
}

static void *run(void *arg)
{
    struct printing_thread *mine = arg;
    struct zoneprinter *printer = mine->printer;
    (void)pthread_mutex_lock(&printer->lock);
    while (!printer->ending) {
        if (printer->taken < printer->filled) {
            work(mine);
        } else {
            (void)pthread_cond_wait(&printer->work, &printer->lock);
        }
    }
    (void)pthread_mutex_unlock(&printer->lock);
    return NULL;
}

static void write_batch(struct zoneprinter *printer, struct zone_batch *batch)
{
    if (printer->result == RESULT_OK) {
        (void)fwrite(batch->text, 1, batch->text_len, printer->file);
        printer->result = ferror(printer->file) == 0 ? batch->result : RESULT_SYSTEM;
    }
    free(batch->text);
    batch->text = NULL;
    batch->used = 0;
    batch->done = false;
    printer->written++;
}

/* Writes batches until no more than `most` are in the ring; those that are done, at any rate. */
static enum result drain(struct zoneprinter *printer, uint64_t most)
{
    (void)pthread_mutex_lock(&printer->lock);
    while (printer->written < printer->filled) {
        struct zone_batch *oldest = batch_at(printer, printer->written);
        if (oldest->done) {
            (void)pthread_mutex_unlock(&printer->lock);
            write_batch(printer, oldest);
            (void)pthread_mutex_lock(&printer->lock);
        } else if (printer->filled - printer->written <= most) {
            break;
        } else if (printer->taken < printer->filled) {
            work(&printer->threads[0]);
        } else {
            (void)pthread_cond_wait(&printer->done, &printer->lock);
        }
    }
    (void)pthread_mutex_unlock(&printer->lock);
    return printer->result;
}

/* Hands the batch that is being filled to the threads. */
static void hand_over(struct zoneprinter *printer)
{
    (void)pthread_mutex_lock(&printer->lock);
    batch_at(printer, printer->filled)->number = printer->filled;
    printer->filled++;
    (void)pthread_cond_signal(&printer->work);
    (void)pthread_mutex_unlock(&printer->lock);
}

enum result zoneprinter_add(struct zoneprinter *printer, const struct dname *owner,
                            const struct rrset *set)
{
    struct zone_batch *batch = batch_at(printer, printer->filled);
    if (set->rdata_len > ZONEPRINTER_SET_MAX) {
        return RESULT_TOO_LONG;
    }
    struct writer w = writer_of(batch->data, sizeof(batch->data));
    w.at = batch->used;
    dname_write(&w, owner);
    write_u16(&w, set->type);
    write_u16(&w, set->count);
    write_u32(&w, set->ttl);
    write_u16(&w, (uint16_t)set->rdata_len);
    write_octets(&w, set->rdata, set->rdata_len);
    ASSERT(!w.failed);
    batch->used = w.at;
    if (batch->used < BATCH_FULL) {
        return RESULT_OK;
    }
    hand_over(printer);
    return drain(printer, printer->ring - 1);
}

enum result zoneprinter_flush(struct zoneprinter *printer)
{
    if (batch_at(printer, printer->filled)->used > 0) {
        hand_over(printer);
    }
    return drain(printer, 0);
}

/* False if the system gives no thread. */
static bool add_thread(struct zoneprinter *printer, const struct zoneprinter_plan *plan)
{
    struct printing_thread *one = &printer->threads[printer->thread_count];
    one->printer = printer;
    if (plan->keyring != NULL) {
        one->signer = signer_new(plan->keyring, printer->cache, plan->apex, plan->validity_s, 0);
    }
    thread_init(&one->thread);
    bool is_callers = printer->thread_count++ == 0;
    return is_callers || thread_start(&one->thread, run, one, NULL) == RESULT_OK;
}

struct zoneprinter *zoneprinter_new(const struct zoneprinter_plan *plan)
{
    ASSERT(plan->threads > 0 && plan->threads <= ZONEPRINTER_THREADS_MAX);
    struct zoneprinter *printer =
        xcalloc(1, sizeof(*printer) + plan->threads * sizeof(printer->threads[0]));
    printer->file = plan->file;
    printer->now = plan->now;
    printer->ring = (size_t)plan->threads * BATCHES_A_THREAD;
    printer->batches = xcalloc(printer->ring, sizeof(printer->batches[0]));
    printer->cache = sigcache_new(SIGNATURES);
    CHECK(pthread_mutex_init(&printer->lock, NULL) == 0);
    CHECK(pthread_cond_init(&printer->work, NULL) == 0);
    CHECK(pthread_cond_init(&printer->done, NULL) == 0);
    while (printer->thread_count < plan->threads && add_thread(printer, plan)) {
    }
    return printer;
}

void zoneprinter_free(struct zoneprinter *printer)
{
    if (printer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&printer->lock);
    printer->ending = true;
    (void)pthread_cond_broadcast(&printer->work);
    (void)pthread_mutex_unlock(&printer->lock);
    for (size_t i = 0; i < printer->thread_count; i++) {
        thread_done(&printer->threads[i].thread);
        signer_free(printer->threads[i].signer);
    }
    for (size_t i = 0; i < printer->ring; i++) {
        free(printer->batches[i].text);
    }
    (void)pthread_cond_destroy(&printer->done);
    (void)pthread_cond_destroy(&printer->work);
    (void)pthread_mutex_destroy(&printer->lock);
    sigcache_free(printer->cache);
    free(printer->batches);
    free(printer);
}

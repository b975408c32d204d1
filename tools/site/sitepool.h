/* The pool at one moment, as the pages of a run show it: read once, then written from, so that no
 * store is open while a file is written. Only what is public: no contact, no ACME account, no exact
 * position. */
#ifndef TOOLS_SITEPOOL_H
#define TOOLS_SITEPOOL_H

#include "tools/session.h"
#include "zone/overview/census.h"
#include "zone/overview/memberview.h"
#include "zone/steering/traffic.h"

/* How the operator wants the site. Texts are valid as long as the pool. */
struct site_options {
    const char *title;   /* "" : the apex */
    const char *url;     /* absolute address of the site without a slash at the end; "": unknown */
    const char *imprint; /* HTML of the operator's, written as it is into each foot; "": none */
    bool map;
};

/* A member in the lists. Its page reads more (struct memberview). */
struct sitepool_member {
    uint64_t id;
    char label[LABEL_ROOM];
    char country[3];
    char operator_name[MEMBER_OPERATOR_ROOM]; /* empty unless it is published */
    const char *state, *reason;               /* static texts (struct standing) */
    bool eligible;
    bool unlisted; /* in no list */
    enum hold hold;
    bool scored;
    int32_t score_milli;           /* of the best address */
    enum failure failure;          /* of the best address */
    bool family[ADDRESS_FAMILIES]; /* it has addresses of it */
    uint16_t warnings;             /* of all addresses; bits of enum warning */
    uint32_t capacity_mbit, weight;
    uint64_t added_at, probed_at, since; /* `since`: when its stage began; 0: not known */
    uint64_t certificate_end;            /* 0: none was seen */
    /* changes when its state, a reason, a failure at any vantage point or the registration does */
    uint64_t fingerprint;
    double share_ratio; /* its answers of a day to its fair share; negative: not known */
};

/* Start from `{ 0 }`, end with sitepool_done. Large. */
struct sitepool {
    struct site_options options;
    uint64_t now;
    char apex[DNAME_TEXT_MAX];       /* without the last dot */
    struct memberview_source source; /* settings and vantage points; `health` is NULL */
    struct name_servers servers;
    struct census census;
    struct traffic traffic;
    struct shareview shares;
    uint64_t answers_hour, answers_day; /* of all members */
    double weight;                      /* of all that are handed out */
    struct sitepool_member *members;    /* sorted by label */
    size_t count, room;
};

/* Reads in one transaction of each store, which is over when it returns. The caller has set
 * `options`. */
enum result sitepool_read(struct sitepool *pool, struct cli *cli);
void sitepool_done(struct sitepool *pool);
/* NULL: there is no such member. */
const struct sitepool_member *sitepool_find(const struct sitepool *pool, const char *label);

#endif

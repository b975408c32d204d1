/* A directory of the test's own, for stores. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "tests/unit/unit.h"
#include "zone/store/store.h"

static char dir[64];

static inline int make_dir(void **)
{
    (void)snprintf(dir, sizeof(dir), "test_store.XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

/* Runs a shell command inside the directory. */
static inline void run(const char *what)
{
    char command[256];
    (void)snprintf(command, sizeof(command), "cd %s && %s", dir, what);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own directory */
}

static inline int remove_dir(void **)
{
    run("rm -rf \"$PWD\"");
    return 0;
}

#endif

/* For every unit test: cmocka with the headers that it needs, and values from text. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "zone/base/address.h"
#include "zone/registry/settings.h"

/* Named like cmocka's own assertions. */
/* NOLINTNEXTLINE(readability-identifier-naming) */
#define assert_ok(call) assert_int_equal((int)(call), RESULT_OK)

/* An absolute name from text. */
static inline struct dname name_of(const char *text)
{
    struct dname name = { .len = 0 };
    assert_ok(dname_parse(&name, text, NULL));
    return name;
}

static inline struct address address_of(const char *text)
{
    struct address address;
    assert_ok(address_parse(&address, text));
    return address;
}

/* The settings of a new pool. */
static inline struct settings default_settings(void)
{
    struct settings settings;
    settings_defaults(&settings);
    return settings;
}

#endif

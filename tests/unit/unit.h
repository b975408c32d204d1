/* What every cmocka test needs before cmocka.h. */
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

#include "zone/names/dname.h"

/* Named like cmocka's own. */
/* NOLINTNEXTLINE(readability-identifier-naming) */
#define assert_ok(call) assert_int_equal((int)(call), RESULT_OK)

/* A name from text, absolute. */
static inline struct dname name_of(const char *text)
{
    struct dname name = { .len = 0 };
    assert_ok(dname_parse(&name, text, NULL));
    return name;
}

#endif

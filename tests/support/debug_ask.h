/* debug_ask.h - asks an extension that listens, by hand, so that Host and every header are the
 * test's. */
#ifndef TESTS_SUPPORT_DEBUG_ASK_H
#define TESTS_SUPPORT_DEBUG_ASK_H

#include "support/test_host.h"

/* The whole answer, header and body, of a request on a connection of its own. host: the Host field.
 * The caller frees it. */
Buf debug_ask(TestHost *test, const char *target, const char *host);

/* Makes, starts; fails the test where that fails. */
TestHost *debug_start(const ComponentType *type, const char *yaml);

/* The answer holds each of these (NULL at the end), or the test fails. */
void debug_expect(TestHost *test, const char *target, const char *const *parts);

/* What is said of settings holds `says`. */
void debug_expect_problem(const ComponentType *type, const char *yaml, const char *says);

/* The headers that every answer has. */
void debug_expect_strict(TestHost *test, const char *target);

#endif

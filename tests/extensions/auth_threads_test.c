/* Authenticators are asked by several loops at once while their own replaces what they know.
 *
 * Runs under tsan, whose verdict is the test; here nobody who is known may ever be turned away. */
#include "base/log.h"
#include "base/thread.h"
#include "pipe/host_base.h"
#include "support/auth_ends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

extern const ComponentType basicauth_extension, bearertokenauth_extension, oidc_extension;

enum { THREADS = 3, CHANGES = 20 };

#define JWK                                 \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," \
    "\"x\":\"lEtv6TqocuK2Y0b3zZgsaaDB51tjGSOAjN3H2nOa0eA\"}"
#define TOKEN                                                                    \
    "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJpIiwiYXVkIjoidXMiLCJleHAiOjQxMDI0NDQ4MDB9." \
    "SHd3AIjGw8yLPH8RvxsTLQlbInya_L1dRWnF0z_sDoX3p-GGklICesBKP-iaKlGkEV2CfQ_VFIQtDRvchUrVDw"

static const struct Case {
    const ComponentType *type;
    const char *yaml;           /* up to the name of the file */
    const char *before, *after; /* what is in it, in turns */
    const char *field;
} cases[] = {
    { &bearertokenauth_extension, "{filename: ", "one\ntwo\n", "two\nthree\n",
      "authorization: Bearer two" },
    { &basicauth_extension, "{htpasswd: {inline: 'bob:b', file: ", "ann:secret\n",
      "carl:c\nann:$1$abc$iCQ2D3nhptRYi27fDYv2s1\n", "authorization: Basic YW5uOnNlY3JldA==" },
    { &oidc_extension, "{issuer_url: i, audience: us, public_keys_file: ", "{\"keys\":[" JWK "]}",
      "{\"keys\":[" JWK "," JWK "]}", "authorization: Bearer " TOKEN },
};

static char path[] = "/tmp/auth_threads.XXXXXX";

/* At once: nobody may find half of it. */
static void save(const char *text)
{
    char fresh[64];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
    assert_int_equal(rename(fresh, path), 0);
}

typedef struct Asker {
    Thread thread;
    TestHost *host;
    const char *field;
    atomic_bool *over;
    size_t asked, refused;
} Asker;

static void ask(void *owner)
{
    Asker *asker = owner;
    while (!atomic_load(asker->over)) {
        Err err;
        asker->refused += auth_asked(asker->host, asker->field, &err, NULL) != NULL;
        asker->asked++;
    }
}

static void run_case(const struct Case *row)
{
    char yaml[256];
    Err err = { 0 };
    Asker askers[THREADS];
    atomic_bool over = false;
    save(row->before);
    snprintf(yaml, sizeof yaml, "%s%s%s", row->yaml, path,
             row->type == &basicauth_extension ? "}}" : "}");
    TestHost *host = auth_start(row->type, yaml);
    test_host_host(host)->clock = clock_system(); /* the test's may be read by one thread only */
    for (size_t i = 0; i < THREADS; i++) {
        askers[i] = (Asker){ .host = host, .field = row->field, .over = &over };
        assert_true(thread_start(&askers[i].thread, "asker", ask, &askers[i], &err));
    }
    for (int i = 0; i < CHANGES; i++) {
        save(i % 2 ? row->before : row->after);
        test_host_tick(host, 2 * NANOS_PER_SECOND);
        usleep(1000);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < THREADS; i++) {
        thread_join(&askers[i].thread);
        assert_true(askers[i].asked > 0);
        assert_int_equal(askers[i].refused, 0);
    }
    test_host_free(host);
}

static void what_is_known_may_change_while_others_ask(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        run_case(&cases[i]);
    unlink(path);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_may_change_while_others_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

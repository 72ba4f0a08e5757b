/* pprof_extension_test.c - an honest index, and nothing that looks like a profile. */
#include "base/log.h"
#include "support/debug_ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const ComponentType pprof_extension;

static const char listening[] = "{endpoint: '127.0.0.1:0'}";

static void the_index_says_what_there_is(void **state)
{
    (void)state;
    TestHost *test = debug_start(&pprof_extension, listening);
    static const char *const index[] = { "HTTP/1.1 200", "text/html", "There are no profiles yet",
                                         NULL };
    debug_expect(test, "/debug/pprof/", index);
    debug_expect(test, "/debug/pprof", index);
    debug_expect_strict(test, "/debug/pprof/");
    test_host_free(test);
}

static void asking_for_a_profile_is_answered_with_a_sentence(void **state)
{
    (void)state;
    TestHost *test = debug_start(&pprof_extension, listening);
    static const char *const later[] = { "HTTP/1.1 501", "they come later\n", NULL };
    static const char *const none[] = { "HTTP/1.1 404", "the index is /debug/pprof/\n", NULL };
    debug_expect(test, "/debug/pprof/profile?seconds=1", later);
    debug_expect(test, "/debug/pprof/heap", later);
    debug_expect(test, "/", none);
    debug_expect_strict(test, "/debug/pprof/heap");
    debug_expect_strict(test, "/elsewhere");
    test_host_free(test);
}

static void a_page_from_elsewhere_is_refused(void **state)
{
    (void)state;
    TestHost *test =
        debug_start(&pprof_extension, "{endpoint: '127.0.0.1:0', allowed_hosts: [inside.example]}");
    Buf foreign = debug_ask(test, "/debug/pprof/", "evil.example");
    Buf allowed = debug_ask(test, "/debug/pprof/", "inside.example:1777");
    assert_true(str_starts(buf_str(&foreign), STR("HTTP/1.1 403")));
    assert_true(str_starts(buf_str(&allowed), STR("HTTP/1.1 200")));
    buf_free(&foreign);
    buf_free(&allowed);
    test_host_free(test);
}

static void settings_that_need_a_profile_are_refused(void **state)
{
    (void)state;
    static const char later[] = "profiles: not supported yet; they come later";
    debug_expect_problem(&pprof_extension, "{block_profile_fraction: 1}", later);
    debug_expect_problem(&pprof_extension, "{mutex_profile_fraction: 1}", later);
    debug_expect_problem(&pprof_extension, "{save_to_file: /tmp/cpu}", later);
    debug_expect_problem(&pprof_extension, "{tls: {}}",
                         "tls: a server needs cert_file and key_file");
    TestHost *test =
        debug_start(&pprof_extension, "{endpoint: '127.0.0.1:0', block_profile_fraction: 0, "
                                      "mutex_profile_fraction: 0, save_to_file: ''}");
    test_host_free(test);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_says_what_there_is),
        cmocka_unit_test(asking_for_a_profile_is_answered_with_a_sentence),
        cmocka_unit_test(a_page_from_elsewhere_is_refused),
        cmocka_unit_test(settings_that_need_a_profile_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

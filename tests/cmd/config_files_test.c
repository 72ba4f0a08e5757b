/* validate opens what a configuration names: each fault is told where its value stands. */
#include "cmd/config_files.h"

#include "base/clock.h"
#include "cmd/registry.h"
#include "config/yaml.h"
#include "support/test_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/config_files_test.XXXXXX";

static const struct {
    const char *receiver, *exporters, *told; /* % is the folder */
} rows[] = {
    { "tls: { cert_file: %/good.crt, key_file: %/good.key, client_ca_file: %/ca.crt }", "", "" },
    { "tls: { cert_file: %/good.crt, key_file: %/good.key, cipher_suites: "
      "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], curve_preferences: [P256] }",
      "", "" },
    { "tls: { cert_file: %/none.crt, key_file: %/good.key }", "",
      "c:1:69: receivers.otlp.protocols.grpc.tls: " },
    { "tls: { cert_file: %/good.crt, key_file: %/other.key }", "",
      "c:1:1: receivers.otlp.protocols.grpc.tls: " },
    { "tls: { cert_file: %/empty, key_file: %/good.key }", "",
      "c:1:69: receivers.otlp.protocols.grpc.tls: " },
    { "tls: { cert_file: %/good.crt, key_file: %/good.key, cipher_suites: [TLS_NOTHING] }", "",
      "c:1:1: receivers.otlp.protocols.grpc.tls: " },
    { "tls: { cert_file: %/good.crt, key_file: %/good.key, client_ca_file: %/none }", "",
      "c:1:1: receivers.otlp.protocols.grpc.tls: " },
    { "tls: { cert_file: %/ended.crt, key_file: %/ended.key }", "",
      "c:1:1: warning: receivers.otlp.protocols.grpc.tls: the certificate has ended: peers refuse "
      "it; renew it\n" },
    { "", ", otlp: { endpoint: 'h:1', tls: { ca_file: %/none } }", "c:2:1: exporters.otlp.tls: " },
    { "", ", otlp: { endpoint: 'h:1', tls: { ca_file: %/none, insecure: true } }", "" },
    { "", ", otlp: { endpoint: 'http://h:1', tls: { ca_file: %/none } }", "" },
    { "", ", file: { path: %/out.json }", "" },
    { "", ", file: { path: %/sub }", "c:2:36: exporters.file.path: %/sub is a directory\n" },
    { "", ", file: { path: %/empty/out.json }",
      "c:2:36: exporters.file.path: %/empty/out.json: Not a directory\n" },
};

static void with_folder(Buf *out, const char *text)
{
    for (; *text; text++)
        if (*text == '%')
            buf_add(out, str_from(folder));
        else
            buf_add_byte(out, *text);
}

static const ServiceConfig *load(size_t row, Arena *arena, Problems *problems)
{
    Buf yaml = BUF(1 << 16);
    bool named = strstr(rows[row].exporters, "otlp") != NULL;
    bool file = strstr(rows[row].exporters, "file") != NULL;
    with_folder(&yaml, "receivers: { otlp: { protocols: { grpc: { ");
    with_folder(&yaml, rows[row].receiver);
    with_folder(&yaml, " } } } }\nexporters: { debug: ");
    with_folder(&yaml, rows[row].exporters);
    buf_addf(
        &yaml,
        " }\nservice: { pipelines: { traces: { receivers: [otlp], exporters: [debug%s] } } }\n",
        named  ? ", otlp"
        : file ? ", file"
               : "");
    problems_init(problems, arena);
    const Node *root = yaml_parse(buf_str(&yaml), STR("c"), arena, problems);
    const ServiceConfig *config =
        root ? service_config_load(registry, root, arena, problems) : NULL;
    buf_free(&yaml);
    return config;
}

/* The columns depend on the folder's name: of them only that there is one in the right line. */
static bool is_told(Str said, const char *told)
{
    Buf wanted = BUF(1 << 12);
    with_folder(&wanted, told);
    Str path = buf_str(&wanted), rest = said;
    bool good = path.len ? said.len > 0 : said.len == 0;
    if (good && path.len) {
        Str line_said = str_first(said, 4), line_wanted = str_first(path, 4);
        good = str_eq(line_said, line_wanted);
        while (path.len && !str_starts(path, STR(": ")))
            path = str_skip(path, 1);
        while (rest.len && !str_starts(rest, STR(": ")))
            rest = str_skip(rest, 1);
        good = good && str_starts(rest, path);
    }
    buf_free(&wanted);
    return good;
}

static void every_fault_of_a_file_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        Arena *arena = arena_new(8 << 20, &err);
        Problems problems;
        Buf said = BUF(1 << 16);
        const ServiceConfig *config = load(i, arena, &problems);
        assert_non_null(config);
        problems_init(&problems, arena);
        config_check_files(config, disk_system(), clock_wall_ns(clock_system()), &problems);
        problems_write(&problems, &said);
        if (!is_told(buf_str(&said), rows[i].told))
            fail_msg("%zu: %s%s\nsaid: %.*s", i, rows[i].receiver, rows[i].exporters,
                     STR_ARG(buf_str(&said)));
        buf_free(&said);
        arena_free(arena);
    }
}

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
    (void)state;
    static TestCert authority, good, other, ended;
    char sub[256];
    if (!mkdtemp(folder))
        return 1;
    test_authority(&authority, "an authority");
    test_cert(&good, &authority, &(TestWish){ .names = "DNS:localhost" });
    test_cert(&other, &authority, &(TestWish){ .names = "DNS:localhost" });
    test_cert(&ended, &authority, &(TestWish){ .from_s = -7200, .for_s = 60 });
    put("ca.crt", authority.cert);
    put("good.crt", good.cert);
    put("good.key", good.key);
    put("other.key", other.key);
    put("ended.crt", ended.cert);
    put("ended.key", ended.key);
    put("empty", "");
    snprintf(sub, sizeof sub, "%s/sub", folder);
    return mkdir(sub, 0700);
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = { "ca.crt",    "good.crt",  "good.key", "other.key",
                                         "ended.crt", "ended.key", "empty" };
    char path[256];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/sub", folder);
    rmdir(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_fault_of_a_file_is_told) };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

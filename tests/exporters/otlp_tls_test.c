/* Both OTLP exporters against the OTLP receiver over TLS, each as its settings say. */
#include "base/log.h"
#include "net/loop.h"
#include "otlp/batch.h"
#include "support/make_batch.h"
#include "support/test_certs.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const ComponentType otlp_receiver, otlp_exporter, otlphttp_exporter;

enum { YAML_MAX = 2048, DAY_S = 86400 };

static TestCert authority, stranger, server_cert, client_cert, foreign_cert;
static char folder[] = "/tmp/otlp_tls_test.XXXXXX";
static Buf lines; /* what was logged */

/* ---- files: a "@/" in settings is the folder ---- */

static void save(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void save_pair(const char *name, const TestCert *cert)
{
    char file[64];
    snprintf(file, sizeof file, "%s.crt", name);
    save(file, cert->cert);
    snprintf(file, sizeof file, "%s.key", name);
    save(file, cert->key);
}

static void expand(const char *settings, char out[YAML_MAX])
{
    Buf text = BUF(YAML_MAX - 1);
    for (; *settings; settings++) {
        if (*settings == '@')
            buf_addf(&text, "%s", folder);
        else
            buf_add_byte(&text, *settings);
    }
    snprintf(out, YAML_MAX, "%s", buf_text(&text));
    buf_free(&text);
}

static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    test_authority(&authority, "an authority");
    test_authority(&stranger, "another one");
    test_cert(&server_cert, &authority, &(TestWish){ .names = "DNS:localhost,IP:127.0.0.1" });
    test_cert(&client_cert, &authority, &(TestWish){ .names = "DNS:edge" });
    test_cert(&foreign_cert, &stranger, &(TestWish){ .names = "DNS:edge" });
    save("ca.crt", authority.cert);
    save("stranger.crt", stranger.cert);
    save_pair("server", &server_cert);
    save_pair("client", &client_cert);
    save_pair("foreign", &foreign_cert);
    return 0;
}

static int remove_files(void **state)
{
    static const char *const names[] = {
        "ca.crt",     "stranger.crt", "server.crt",  "server.key",
        "client.crt", "client.key",   "foreign.crt", "foreign.key"
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

/* ---- the two ends ---- */

typedef struct Ends {
    TestHost *receiver, *exporter;
    bool grpc;
} Ends;

static void keep_line(void *context, LogLevel level, Str component, Str message)
{
    (void)component;
    buf_addf(context, "%s: %.*s\n", log_level_name(level), STR_ARG(message));
}

static TestHost *start(const ComponentType *type, const char *yaml)
{
    Err err = { 0 };
    TestHost *host = test_host_new(type, str_from(yaml), NULL, &err);
    if (!host)
        fail_msg("%s: %s", yaml, err.text);
    test_host_clock(host)->wall = clock_wall_ns(clock_system());
    if (!test_host_start(host, &err))
        fail_msg("%s: %s", yaml, err.text);
    return host;
}

/* `settings`: further ones for either end, each with ", " in front. */
static void begin(Ends *ends, bool grpc, const char *listen, const char *send)
{
    char yaml[YAML_MAX + 128], settings[YAML_MAX];
    lines = BUF(1 << 16);
    log_set_sink(&(LogSink){ keep_line, &lines, LOG_INFO });
    ends->grpc = grpc;
    expand(listen, settings);
    snprintf(yaml, sizeof yaml, "{protocols: {%s: {endpoint: '127.0.0.1:0'%s}}}",
             grpc ? "grpc" : "http", settings);
    ends->receiver = start(&otlp_receiver, yaml);
    ComponentStatus status = test_host_status(ends->receiver);
    const char *port = strrchr(status.endpoints[0].address, ':') + 1;
    expand(send, settings);
    snprintf(yaml, sizeof yaml,
             "{endpoint: '%s127.0.0.1:%s', retry_on_failure: {enabled: false}%s}",
             grpc ? "" : "https://", port, settings);
    ends->exporter = start(grpc ? &otlp_exporter : &otlphttp_exporter, yaml);
}

static void end(Ends *ends)
{
    test_host_stop(ends->exporter);
    test_host_stop(ends->receiver);
    test_host_free(ends->exporter);
    test_host_free(ends->receiver);
    log_set_sink(NULL);
    log_set_level(LOG_OFF);
    buf_free(&lines);
}

/* Pushes one batch and waits for its end. */
static const AckOutcome *push(Ends *ends)
{
    Err err = { 0 };
    size_t count = test_host_ack_count(ends->exporter);
    Batch *batch = make_batch(TRACES, STR("{service.name=shop} a b"), &err);
    assert_true(batch && test_host_push(ends->exporter, batch, false, &err));
    batch_unref(batch);
    const TestAck *ack = test_host_ack(ends->exporter, count);
    for (int i = 0; i < 5000 && !ack->heard; i++) {
        test_host_turn(ends->exporter);
        test_host_turn(ends->receiver);
        if (i > 200)
            usleep(1000);
        ack = test_host_ack(ends->exporter, count);
    }
    assert_true(ack->heard);
    return &ack->outcome;
}

#define SERVER ", tls: {cert_file: @/server.crt, key_file: @/server.key}"
#define MUTUAL ", tls: {cert_file: @/server.crt, key_file: @/server.key, client_ca_file: @/ca.crt}"
#define CLIENT "cert_file: @/client.crt, key_file: @/client.key"

static const struct {
    const char *listen, *send;
    const char *says; /* NULL: it arrives */
    const char *logged;
} rows[] = {
    { SERVER, ", tls: {ca_file: @/ca.crt}", NULL, "" },
    { SERVER, ", tls: {ca_file: @/ca.crt, min_version: '1.3', curve_preferences: [P256]}", NULL,
      "" },
    { SERVER, ", tls: {ca_file: @/stranger.crt}", "is signed by an unknown authority", "" },
    { SERVER, "", "is signed by an unknown authority",
      "" }, /* the system's authorities do not know ours */
    { SERVER, ", tls: {insecure_skip_verify: true}", NULL, "whoever answers is believed" },
    { SERVER, ", tls: {ca_file: @/ca.crt, server_name_override: elsewhere}", "elsewhere", "" },
    { MUTUAL, ", tls: {ca_file: @/ca.crt, " CLIENT "}", NULL, "" },
    { MUTUAL, ", tls: {ca_file: @/ca.crt}", "", "TLS with 127.0.0.1:" },
    { MUTUAL, ", tls: {ca_file: @/ca.crt, cert_file: @/foreign.crt, key_file: @/foreign.key}", "",
      "TLS with 127.0.0.1:" },
    { SERVER, ", tls: {ca_file: @/ca.crt, max_version: '1.2'}", NULL, "" },
    { "", ", tls: {ca_file: @/ca.crt}", "TLS", "" },
};

static void what_arrives_is_what_the_settings_allow(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        Ends ends;
        bool grpc = i % 2;
        begin(&ends, grpc, rows[i / 2].listen, rows[i / 2].send);
        const AckOutcome *outcome = push(&ends);
        const char *says = rows[i / 2].says;
        if ((outcome->result == ACK_DELIVERED) != !says ||
            (says && !strstr(outcome->reason.text, says)) ||
            !strstr(buf_text(&lines), rows[i / 2].logged))
            print_message("%s %s %s: %d %s\n%s", grpc ? "grpc" : "http", rows[i / 2].listen,
                          rows[i / 2].send, outcome->result, outcome->reason.text,
                          buf_text(&lines));
        assert_int_equal(test_host_sent_count(ends.receiver), !says);
        end(&ends);
    }
}

/* http:// in front of a gRPC endpoint is plain text, whatever tls says; so is insecure. */
static void plain_text_is_spoken_where_it_was_asked_for(void **state)
{
    (void)state;
    Ends ends;
    begin(&ends, true, "", ", tls: {insecure: true}");
    assert_int_equal(push(&ends)->result, ACK_DELIVERED);
    end(&ends);
    begin(&ends, true, SERVER, ", tls: {insecure: true}");
    assert_non_null(strstr(push(&ends)->reason.text, "TLS"));
    end(&ends);
}

/* ---- certificates as they age ---- */

static const CertificateStatus *certificate(Ends *ends)
{
    static ComponentStatus status;
    status = test_host_status(ends->receiver);
    assert_int_equal(status.certificate_count, 1);
    return &status.certificates[0];
}

static void a_reload_and_its_failure_are_told(void **state)
{
    (void)state;
    Ends ends;
    begin(&ends, true,
          ", tls: {cert_file: @/server.crt, key_file: @/server.key, reload_interval: 1s}",
          ", tls: {ca_file: @/ca.crt}");
    int64_t ends_unix = certificate(&ends)->ends_unix;
    assert_string_equal(certificate(&ends)->name, "grpc");
    save("server.crt", "not a certificate\n");
    test_host_tick(ends.receiver, 2 * NANOS_PER_SECOND);
    assert_non_null(strstr(buf_text(&lines),
                           "error: grpc: the files of tls cannot be used, the old "
                           "ones stay: "));
    assert_int_equal(push(&ends)->result, ACK_DELIVERED);
    TestCert fresh;
    test_cert(&fresh, &authority,
              &(TestWish){ .names = "IP:127.0.0.1", .from_s = -3600, .for_s = 90 * DAY_S });
    save_pair("server", &fresh);
    test_host_tick(ends.receiver, 2 * NANOS_PER_SECOND);
    assert_non_null(
        strstr(buf_text(&lines), "info: grpc: a new certificate is in force; it ends "));
    assert_true(certificate(&ends)->ends_unix > ends_unix + 80 * DAY_S);
    end(&ends);
    save_pair("server", &server_cert);
}

static size_t said(const char *what)
{
    size_t count = 0;
    for (const char *at = buf_text(&lines); (at = strstr(at, what)); at++)
        count++;
    return count;
}

static void the_end_of_a_certificate_is_warned_of(void **state)
{
    (void)state;
    Ends ends;
    TestCert aging;
    test_cert(&aging, &authority,
              &(TestWish){ .names = "IP:127.0.0.1", .from_s = -3600, .for_s = 31 * DAY_S });
    save_pair("server", &aging);
    begin(&ends, true, SERVER, ", tls: {ca_file: @/ca.crt}");
    static const struct {
        int64_t days;
        const char *says;
    } steps[] = { { 1, "warn: grpc: the certificate ends within 30 days, on " },
                  { 23, "warn: grpc: the certificate ends within 7 days, on " },
                  { 6, "warn: grpc: the certificate ends within 1 day, on " },
                  { 1, "error: grpc: the certificate ended on " } };
    assert_int_equal(said("the certificate"), 0);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_int_equal(said(steps[i].says), 0);
        test_host_clock(ends.receiver)->wall += steps[i].days * DAY_S * NANOS_PER_SECOND;
        test_host_tick(ends.receiver, 3600 * NANOS_PER_SECOND);
        test_host_tick(ends.receiver, 3600 * NANOS_PER_SECOND);
        assert_int_equal(said(steps[i].says), 1);
    }
    assert_int_equal(said("the certificate"), COUNT_OF(steps));
    end(&ends);
    save_pair("server", &server_cert);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_arrives_is_what_the_settings_allow),
        cmocka_unit_test(plain_text_is_spoken_where_it_was_asked_for),
        cmocka_unit_test(a_reload_and_its_failure_are_told),
        cmocka_unit_test(the_end_of_a_certificate_is_warned_of),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}

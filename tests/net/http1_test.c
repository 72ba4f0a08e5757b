/* The HTTP/1.1 engine: what it makes of good and bad bytes, the same however they are cut. */
#include "net/http1_transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Row {
    Http1Role role;
    const char *bytes, *transcript;
} Row;

static const Row rows[] = {
    { HTTP1_SERVER, "GET /a?b=c HTTP/1.1\r\nHost: x\r\nA:  y z \r\n\r\n",
      "head 0 1.1|:method=GET|:path=/a?b=c|host=x|a=y z\n\nend 0 keep\n\nclosed 0\n" },
    { HTTP1_SERVER,
      "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.0\r\nEmpty:\r\n\r\n",
      "head 0 1.1|:method=POST|:path=/|content-length=3\nabc\nend 3 keep\n"
      "head 0 1.0|:method=GET|:path=/2|empty=\n\nend 0 close\n\nclosed 0\n" },
    { HTTP1_SERVER,
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
      "A;ext=\"1\"\r\n0123456789\r\n1\r\nx\r\n0\r\nT: u\r\n\r\n",
      "head 0 1.1|:method=PUT|:path=/|transfer-encoding=chunked\n0123456789x\nend 11 keep\n"
      "\nclosed 0\n" },
    { HTTP1_SERVER, "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      "head 0 1.1|:method=GET|:path=/\n\nend 0 keep\n\nclosed 0\n" },
    { HTTP1_SERVER, "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
      "head 0 1.1|:method=GET|:path=/|connection=upgrade|upgrade=h2c\n\nend 0 keep\n\nclosed 0\n" },
    { HTTP1_SERVER, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab",
      "head 0 1.1|:method=POST|:path=/|content-length=3\nab\nclosed 3\n" },
    { HTTP1_SERVER, "GET / HT", "\nclosed 3\n" },
    { HTTP1_SERVER, "", "\nclosed 0\n" },
    { HTTP1_SERVER, "GET / HTTP/1.1\nHost: x\n\n", "\nbad bad input\n" },
    { HTTP1_SERVER, "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", "\nbad bad input\n" },
    { HTTP1_SERVER, "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "\nbad bad input\n" },
    { HTTP1_SERVER, "GET / HTTP/1.1\r\nA : b\r\n\r\n", "\nbad bad input\n" },
    { HTTP1_SERVER, "GET / HTTP/1.1\r\n: b\r\n\r\n", "\nbad bad input\n" },
    { HTTP1_SERVER, "GET / HTTP/2.0\r\n\r\n", "\nbad bad input\n" },
    { HTTP1_SERVER, "GET /\r\n\r\n", "\nbad bad input\n" },
    { HTTP1_SERVER, "BREW / HTTP/1.1\r\n\r\n", "\nbad bad input\n" },
    { HTTP1_SERVER, "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
      "\nbad bad input\n" },
    { HTTP1_SERVER, "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", "\nbad bad input\n" },
    { HTTP1_SERVER, "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\na",
      "\nbad bad input\n" },
    { HTTP1_SERVER,
      "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "\nbad bad input\n" },
    { HTTP1_SERVER, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc",
      "\nbad unsupported\n" },
    { HTTP1_SERVER, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "\nbad unsupported\n" },
    { HTTP1_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
      "head 200 1.1|content-length=2\nab\nend 2 keep\n\nclosed 0\n" },
    { HTTP1_CLIENT, "HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
      "head 204 1.1\n\nend 0 keep\n\nclosed 0\n" },
    { HTTP1_CLIENT, "HTTP/1.0 200 OK\r\n\r\nto the end", "head 200 1.0\nto the end\nclosed 1\n" },
    { HTTP1_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
      "head 200 1.1|content-length=3\nab\nclosed 3\n" },
    { HTTP1_CLIENT, "HTTP/1.1 2x0 OK\r\n\r\n", "\nbad bad input\n" },
};

static void expect(const Row *row, size_t split, size_t step)
{
    Transcript t;
    assert_true(transcript_make(&t, row->role, str_from(row->bytes), split, step));
    if (!str_eq(buf_str(&t.text), str_from(row->transcript)))
        fail_msg("%s\nsplit %zu step %zu: expected\n%s\ngot\n%.*s", row->bytes, split, step,
                 row->transcript, STR_ARG(buf_str(&t.text)));
    transcript_done(&t);
}

static void bytes_mean_the_same_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t len = strlen(rows[i].bytes);
        for (size_t split = 0; split <= len; split++)
            expect(&rows[i], split, 0);
        expect(&rows[i], 0, 1);
    }
}

static void a_head_is_bounded_in_whatever_part_it_is_large(void **state)
{
    (void)state;
    static const char *const starts[] = { "GET /", "GET / HTTP/1.1\r\n",
                                          "GET / HTTP/1.1\r\nA: ", "", "\r\n" };
    static const char *const repeated[] = { "a", "A: b\r\n", "x", "G", "\r\n" };
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        Transcript t;
        assert_true(transcript_make(&t, HTTP1_SERVER, str_from(starts[i]), 0, 1));
        for (int k = 0; k < 10000 && t.result != HTTP1_BAD; k++)
            transcript_feed(&t, str_from(repeated[i]));
        assert_int_equal(t.result, HTTP1_BAD);
        transcript_done(&t);
    }
}

static void what_is_written_cannot_be_broken_by_values(void **state)
{
    (void)state;
    Buf out = BUF(4096);
    http1_write_status(&out, 404);
    http1_write_field(&out, STR("a"), STR("b\r\nInjected: c\t\x7f"));
    http1_write_end(&out);
    assert_true(
        str_eq(buf_str(&out), STR("HTTP/1.1 404 Not Found\r\na: b  Injected: c  \r\n\r\n")));
    buf_clear(&out);
    http1_write_request(&out, STR("GET"), STR("/ HTTP/1.1\r\nX: y"));
    assert_true(str_eq(buf_str(&out), STR("GET / HTTP/1.1  X: y HTTP/1.1\r\n")));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_mean_the_same_however_they_are_cut),
        cmocka_unit_test(a_head_is_bounded_in_whatever_part_it_is_large),
        cmocka_unit_test(what_is_written_cannot_be_broken_by_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* gRPC's vocabulary: frames, time-outs, messages, statuses, base64. */
#include "net/grpc.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_frame_is_the_whole_and_nothing_but(void **state)
{
    (void)state;
    static const char good[] = "\x01\x00\x00\x01\x02";
    char bytes[GRPC_PREFIX_SIZE + 0x102 + 1] = { 0 };
    Err err = { 0 };
    GrpcFrame frame;
    memcpy(bytes, good, GRPC_PREFIX_SIZE);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        bool whole = len == GRPC_PREFIX_SIZE + 0x102;
        assert_int_equal(grpc_frame_parse((Str){ bytes, len }, &frame, &err), whole);
        assert_true(whole || err.kind == ERR_INPUT);
    }
    assert_true(frame.compressed && frame.message.len == 0x102);
    bytes[0] = 2;
    assert_false(grpc_frame_parse((Str){ bytes, GRPC_PREFIX_SIZE + 0x102 }, &frame, &err));
    assert_true(grpc_frame_parse(STR("\0\0\0\0\0"), &frame, &err)); /* an empty message */
    assert_true(!frame.compressed && !frame.message.len);
    uint8_t prefix[GRPC_PREFIX_SIZE];
    grpc_frame_prefix(prefix, true, 0x102);
    assert_memory_equal(prefix, good, GRPC_PREFIX_SIZE);
    grpc_frame_prefix(prefix, false, 0x01020304);
    assert_memory_equal(prefix, "\x00\x01\x02\x03\x04", GRPC_PREFIX_SIZE);
    bytes[0] = 0;
    for (size_t at = 1; at <= 2; at++) { /* 16 MiB, 64 KiB: every byte of the length counts */
        memcpy(bytes + 1, "\x00\x00\x01\x02", 4);
        bytes[at] = 1;
        assert_false(grpc_frame_parse((Str){ bytes, GRPC_PREFIX_SIZE + 0x102 }, &frame, &err));
    }
}

static void timeouts_are_read_and_written_in_eight_digits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        { "1n", 1 },
        { "7u", 7000 },
        { "10m", 10 * NANOS_PER_MILLI },
        { "10S", 10 * NANOS_PER_SECOND },
        { "2M", 120 * NANOS_PER_SECOND },
        { "1H", 3600 * NANOS_PER_SECOND },
        { "99999999H", INT64_MAX },
        { "00000001S", NANOS_PER_SECOND },
    };
    static const char *const bad[] = {
        "", "S", "1", "-1S", "1s", "1.5S", "123456789S", "1SS", " 1S"
    };
    int64_t ns;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(grpc_timeout_parse(str_from(good[i].text), &ns));
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(grpc_timeout_parse(str_from(bad[i]), &ns));
    static const struct {
        int64_t ns;
        const char *text;
    } written[] = {
        { 0, "1n" },
        { 99999999, "99999999n" },
        { 100000000, "100000u" },
        { 10 * NANOS_PER_SECOND, "10000000u" },
        { 100 * NANOS_PER_SECOND + 1, "100000m" },
        { INT64_MAX, "2562047H" },
    };
    for (size_t i = 0; i < COUNT_OF(written); i++) {
        Buf out = BUF(32);
        grpc_timeout_write(written[i].ns, &out);
        assert_true(str_eq(buf_str(&out), str_from(written[i].text)));
        buf_free(&out);
    }
}

static void messages_are_percent_encoded(void **state)
{
    (void)state;
    Buf out = BUF(256), back = BUF(256);
    Str text = STR("100% \xc3\xa9\n");
    grpc_message_encode(text, &out);
    assert_true(str_eq(buf_str(&out), STR("100%25 %C3%A9%0A")));
    grpc_message_decode(buf_str(&out), &back);
    assert_true(str_eq(buf_str(&back), text));
    buf_clear(&back);
    grpc_message_decode(STR("%zz%4%"), &back);
    assert_true(str_eq(buf_str(&back), STR("%zz%4%")));
    buf_free(&out);
    buf_free(&back);
}

/* The bytes are those of protoc for the same message. */
static void a_status_is_googles_protobuf(void **state)
{
    (void)state;
    static const char expected[] = "\x08\x0e\x12\x04"
                                   "busy\x1a\x36\x0a\x28type.googleapis.com/google.rpc.RetryInfo"
                                   "\x12\x0a\x0a\x08\x08\x02\x10\x80\xca\xb5\xee\x01";
    Err err = { 0 };
    Buf out = BUF(256);
    RpcStatus status = { .code = GRPC_UNAVAILABLE, .message = STR("busy"), .retry_ms = 2500 }, back;
    rpc_status_encode(&status, &out);
    Buf built = BUF(256);
    buf_add(&built, (Str){ expected, sizeof expected - 1 });
    assert_true(rpc_status_parse(buf_str(&out), &back, &err));
    assert_int_equal(back.code, GRPC_UNAVAILABLE);
    assert_true(str_eq(back.message, STR("busy")));
    assert_true(back.has_retry);
    assert_int_equal(back.retry_ms, 2500);
    assert_false(rpc_status_parse(str_first(buf_str(&out), out.len - 1), &back, &err));
    assert_int_equal(out.len, built.len);
    assert_memory_equal(out.ptr, built.ptr, out.len);
    buf_free(&out);
    buf_free(&built);
}

static void base64_is_that_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "", "" },           { "f", "Zg" },          { "fo", "Zm8" },         { "foo", "Zm9v" },
        { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" }
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        Buf text = BUF(64), back = BUF(64);
        base64_encode(str_from(pairs[i][0]), &text);
        assert_true(str_eq(buf_str(&text), str_from(pairs[i][1])));
        assert_true(base64_decode(buf_str(&text), &back));
        assert_true(str_eq(buf_str(&back), str_from(pairs[i][0])));
        buf_free(&text);
        buf_free(&back);
    }
    Buf out = BUF(64);
    assert_true(base64_decode(STR("Zm8="), &out) && str_eq(buf_str(&out), STR("fo")));
    assert_false(base64_decode(STR("Zm8*"), &out));
    assert_false(base64_decode(STR("Z"), &out));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_the_whole_and_nothing_but),
        cmocka_unit_test(timeouts_are_read_and_written_in_eight_digits),
        cmocka_unit_test(messages_are_percent_encoded),
        cmocka_unit_test(a_status_is_googles_protobuf),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

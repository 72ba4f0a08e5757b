/* dns_records_test.c - answers of name servers, byte by byte, whole and broken. */
#include "receivers/prometheus/dns_records.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 4096, BYTES_MAX = 600 };

typedef struct Row {
    const char *hex;
    DnsType type;
    const char *says; /* NULL: refused */
} Row;

static const Row rows[] = {
    /* no answer at all */
    { "00008183000100000000000001610000010001", DNS_A, "" },
    /* two addresses, and one of another kind between them */
    { "000081800001000300000000016100000100010161000001000100000e1000047f000001"
      "c00c001c000100000e10001000000000000000000000000000000001"
      "c00c0001000100000e1000040a000002",
      DNS_A, "127.0.0.1:0 10.0.0.2:0 " },
    { "0000818000010001000000000161000001000101610000"
      "1c000100000e10001000000000000000000000000000000001",
      DNS_AAAA, "::1:0 " },
    /* SRV 1 2 8080 web.a. by a pointer to the question's name */
    { "0000818000010001000000000161000021000101610000210001"
      "00000e10000c000100021f9003776562c00c",
      DNS_SRV, "web.a.:8080 " },
    { "00008180000100010000000001610000020001c00c0002000100000e100006036e7331c00c", DNS_NS,
      "ns1.a.:0 " },
    { "000081800001000100000000016100000f0001c00c000f000100000e100008000a046d61696c"
      "c00c",
      DNS_MX, NULL }, /* its data ends inside of the name */
    { "000081800001000100000000016100000f0001c00c000f000100000e100009000a046d61696c"
      "c00c",
      DNS_MX, "mail.a.:0 " },
    /* a name that points at itself */
    { "000081800001000100000000c00c00010001c00c0001000100000e1000047f000001", DNS_A, NULL },
    /* an address of three bytes */
    { "00008180000100010000000001610000010001c00c0001000100000e1000037f0000", DNS_A, NULL },
    /* more answers than there are */
    { "00008180000100020000000001610000010001c00c0001000100000e1000047f000001", DNS_A, NULL },
    /* a control character in a name */
    { "00008180000100010000000001610000020001c00c0002000100000e1000040101c00c", DNS_NS, NULL },
    { "0000", DNS_A, NULL },
};

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;
    assert_true(len <= BYTES_MAX && str_unhex(str_from(hex), out, len));
    return len;
}

static bool read_answer(const uint8_t *bytes, size_t len, DnsType type, Buf *out)
{
    Err err;
    DnsRecords records = { .items = calloc(DNS_RECORDS_MAX, sizeof *records.items) };
    uint8_t *exact = malloc(len + !len); /* so that a byte too far is seen */
    assert_true(records.items && exact);
    memcpy(exact, bytes, len);
    bool ok = dns_records_read(&records, (Str){ (const char *)exact, len }, type, &err);
    for (size_t i = 0; ok && i < records.count; i++)
        buf_addf(out, "%s:%u ", records.items[i].name, records.items[i].port);
    free(records.items);
    free(exact);
    return ok;
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[BYTES_MAX];
        Buf out = BUF(TEXT_MAX);
        bool ok = read_answer(bytes, unhex(rows[i].hex, bytes), rows[i].type, &out);
        if (ok != (rows[i].says != NULL) || (ok && strcmp(buf_text(&out), rows[i].says) != 0))
            fail_msg("row %zu: %s", i, ok ? buf_text(&out) : "refused");
        buf_free(&out);
    }
}

/* Cut anywhere, or with any byte changed, it is an answer or it is not; it never reads beyond. */
static void test_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[BYTES_MAX];
        size_t len = unhex(rows[i].hex, bytes);
        for (size_t cut = 0; cut < len; cut++) {
            Buf out = BUF(TEXT_MAX);
            (void)read_answer(bytes, cut, rows[i].type, &out);
            for (unsigned bit = 0; bit < 8; bit++) {
                bytes[cut] ^= (uint8_t)(1u << bit);
                (void)read_answer(bytes, len, rows[i].type, &out);
                bytes[cut] ^= (uint8_t)(1u << bit);
            }
            buf_free(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

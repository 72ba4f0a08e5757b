/* dns_records.c - see dns_records.h.
 *
 *     header 12    id, flags, counts of questions, answers, authorities, more (2 bytes each)
 *     question     name, type 2, class 2
 *     answer       name, type 2, class 2, ttl 4, length 2, data
 *
 * A name is labels (length, bytes) up to one of length 0, or up to two bytes 11xxxxxx xxxxxxxx that
 * say where it goes on.
 */
#include "receivers/prometheus/dns_records.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

enum { HEADER_SIZE = 12, JUMPS_MAX = 64, POINTER = 0xc0, LABEL_MAX = 63 };

static const uint16_t numbers[] = {
    [DNS_A] = 1, [DNS_AAAA] = 28, [DNS_MX] = 15, [DNS_NS] = 2, [DNS_SRV] = 33
};

typedef struct Answer {
    const uint8_t *bytes;
    size_t len, at;
    bool bad;
} Answer;

static unsigned take_u16(Answer *answer)
{
    if (answer->bad || answer->len - answer->at < 2) {
        answer->bad = true;
        return 0;
    }
    unsigned value = (unsigned)answer->bytes[answer->at] << 8 | answer->bytes[answer->at + 1];
    answer->at += 2;
    return value;
}

static bool add_label(char *out, size_t *len, const uint8_t *label, size_t size)
{
    if (*len + size + 2 > DNS_NAME_SIZE)
        return false;
    for (size_t i = 0; i < size; i++)
        if (label[i] <= ' ' || label[i] >= 0x7f || label[i] == '.')
            return false;
    memcpy(out + *len, label, size);
    *len += size;
    out[(*len)++] = '.';
    return true;
}

/* out NULL: passed over. */
static void take_name(Answer *answer, char *out)
{
    size_t at = answer->at, len = 0, jumps = 0, end = 0;
    while (!answer->bad) {
        unsigned size = at < answer->len ? answer->bytes[at] : POINTER - 1;
        if ((size & POINTER) == POINTER && at + 1 < answer->len && jumps++ < JUMPS_MAX) {
            end = end ? end : at + 2;
            at = (size & 0x3fU) << 8 | answer->bytes[at + 1];
        } else if (size == 0) {
            break;
        } else if (size <= LABEL_MAX && answer->len - at > size &&
                   (!out || add_label(out, &len, answer->bytes + at + 1, size))) {
            at += size + 1U;
        } else {
            answer->bad = true;
        }
    }
    answer->at = end ? end : at + 1;
    if (out)
        out[len] = 0;
}

static void take_data(Answer *answer, DnsType type, size_t size, DnsRecord *out)
{
    const uint8_t *data = answer->bytes + answer->at;
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        answer->bad =
            size != (type == DNS_A ? 4 : 16) ||
            !inet_ntop(type == DNS_A ? AF_INET : AF_INET6, data, out->name, sizeof out->name);
        return;
    case DNS_SRV:
        (void)take_u16(answer); /* priority */
        (void)take_u16(answer); /* weight */
        out->port = (uint16_t)take_u16(answer);
        break;
    case DNS_MX: (void)take_u16(answer); break;
    case DNS_NS: break;
    }
    take_name(answer, out->name);
}

static void take_answer(Answer *answer, DnsType type, DnsRecords *records)
{
    take_name(answer, NULL);
    unsigned number = take_u16(answer), class = take_u16(answer);
    (void)take_u16(answer); /* how long it holds */
    (void)take_u16(answer);
    size_t size = take_u16(answer), begin = answer->at;
    if (answer->bad || answer->len - answer->at < size) {
        answer->bad = true;
        return;
    }
    if (number == numbers[type] && class == 1) {
        answer->bad = records->count == DNS_RECORDS_MAX;
        if (!answer->bad) {
            records->items[records->count] = (DnsRecord){ 0 };
            take_data(answer, type, size, &records->items[records->count++]);
        }
        answer->bad = answer->bad || answer->at > begin + size;
    }
    answer->at = begin + size;
}

bool dns_records_read(DnsRecords *records, Str message, DnsType type, Err *err)
{
    Answer answer = { .bytes = (const uint8_t *)message.ptr, .len = message.len, .at = 4 };
    records->count = 0;
    answer.bad = message.len < HEADER_SIZE;
    unsigned questions = take_u16(&answer), answers = take_u16(&answer);
    answer.at = HEADER_SIZE;
    for (unsigned i = 0; i < questions && !answer.bad; i++) {
        take_name(&answer, NULL);
        (void)take_u16(&answer);
        (void)take_u16(&answer);
    }
    for (unsigned i = 0; i < answers && !answer.bad; i++)
        take_answer(&answer, type, records);
    return !answer.bad || fail(err, ERR_INPUT, "a DNS answer that makes no sense");
}

bool dns_records_ask(DnsRecords *records, const char *name, DnsType type, Err *err)
{
    struct __res_state state;
    memset(&state, 0, sizeof state);
    records->count = 0;
    if (res_ninit(&state) != 0)
        return fail(err, ERR_IO, "the resolver's configuration cannot be read");
    uint8_t *answer = MEM_MAKE(uint8_t, DNS_MESSAGE_MAX, err);
    bool ok = answer != NULL;
    if (ok) {
        int size = res_nsearch(&state, name, C_IN, numbers[type], answer, DNS_MESSAGE_MAX);
        int why = state.res_h_errno;
        if (size > 0)
            ok = dns_records_read(records, (Str){ (const char *)answer, (size_t)size }, type, err);
        else if (why != HOST_NOT_FOUND && why != NO_DATA)
            ok = fail(err, ERR_IO, "looking up %s: %s", name, hstrerror(why));
    }
    mem_free(answer);
    res_nclose(&state);
    return ok;
}

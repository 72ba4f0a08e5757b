/* rpc_status.c - google.rpc.Status, as far as OTLP needs it; see grpc.h.
 *
 *   Status    1 code (int32)  2 message (string)  3 details (repeated Any)
 *   Any       1 type_url (string)  2 value (bytes)
 *   RetryInfo 1 retry_delay (Duration: 1 seconds, 2 nanos)
 */
#include "codec/wire.h"
#include "net/grpc.h"

#include "base/clock.h"

enum { STATUS_CODE = 1, STATUS_MESSAGE = 2, STATUS_DETAILS = 3 };
enum { ANY_TYPE = 1, ANY_VALUE = 2 };
enum { RETRY_DELAY = 1, DURATION_SECONDS = 1, DURATION_NANOS = 2 };

static Str retry_info_type(void)
{
    return STR("type.googleapis.com/google.rpc.RetryInfo");
}

static void add_retry_info(Buf *out, uint32_t retry_ms)
{
    size_t any = wire_open(out, STATUS_DETAILS);
    wire_add_bytes(out, ANY_TYPE, retry_info_type());
    size_t value = wire_open(out, ANY_VALUE);
    size_t delay = wire_open(out, RETRY_DELAY);
    if (retry_ms >= 1000)
        wire_add_varint(out, DURATION_SECONDS, retry_ms / 1000);
    if (retry_ms % 1000)
        wire_add_varint(out, DURATION_NANOS, (uint64_t)(retry_ms % 1000) * NANOS_PER_MILLI);
    wire_close(out, delay);
    wire_close(out, value);
    wire_close(out, any);
}

void rpc_status_encode(const RpcStatus *status, Buf *out)
{
    if (status->code != GRPC_OK)
        wire_add_varint(out, STATUS_CODE, status->code);
    if (status->message.len > 0)
        wire_add_bytes(out, STATUS_MESSAGE, status->message);
    if (status->retry_ms > 0 || status->has_retry)
        add_retry_info(out, status->retry_ms);
}

/* The first field of that number and kind; others are passed over. */
static Str find_bytes(Str message, uint32_t number)
{
    WireReader reader = wire_reader(message);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field.number == number && field.kind == WIRE_LEN)
            return field.bytes;
    }
    return (Str){ NULL, 0 };
}

static uint64_t find_number(Str message, uint32_t number)
{
    WireReader reader = wire_reader(message);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field.number == number && field.kind == WIRE_VARINT)
            return field.value;
    }
    return 0;
}

/* A delay beyond what the field can say, or a negative one, is brought into range. */
static void read_retry_info(Str any, RpcStatus *out)
{
    if (!str_ends(find_bytes(any, ANY_TYPE), STR("/google.rpc.RetryInfo")))
        return;
    Str delay = find_bytes(find_bytes(any, ANY_VALUE), RETRY_DELAY);
    int64_t seconds = (int64_t)find_number(delay, DURATION_SECONDS);
    int64_t millis = (int64_t)find_number(delay, DURATION_NANOS) / NANOS_PER_MILLI;
    out->has_retry = true;
    if (seconds < 0 || millis < 0 || millis >= 1000)
        out->retry_ms = 0;
    else if (seconds >= UINT32_MAX / 1000)
        out->retry_ms = UINT32_MAX;
    else
        out->retry_ms = (uint32_t)(seconds * 1000 + millis);
}

bool rpc_status_parse(Str bytes, RpcStatus *out, Err *err)
{
    *out = (RpcStatus){ .code = GRPC_OK };
    WireReader reader = wire_reader(bytes);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field.number == STATUS_CODE && field.kind == WIRE_VARINT)
            out->code = field.value < GRPC_CODE_COUNT ? (GrpcCode)field.value : GRPC_UNKNOWN;
        else if (field.number == STATUS_MESSAGE && field.kind == WIRE_LEN)
            out->message = field.bytes;
        else if (field.number == STATUS_DETAILS && field.kind == WIRE_LEN)
            read_retry_info(field.bytes, out);
    }
    return !reader.bad || fail(err, ERR_INPUT, "a google.rpc.Status that is not protobuf");
}

/* bad_otlp_test.c - what a peer should never send, to a whole collector: it is answered as the
 * protocol says, over every transport, nothing else is lost with it, and it takes no more memory
 * than a few times its size.
 *
 * Each row is one request. Beside it go one good request by HTTP and one by gRPC. Afterwards the
 * collector is asked, stopped, started again on what is stored, asked again: all of it must still
 * answer. What the decoders do with single values is tests/otlp/batch_test.c and json_in_test.c.
 */
#include "support/collector.h"
#include "support/measured.h"

#include "codec/rpc_status.h"
#include "codec/wire.h"
#include "otlp/batch.h"
#include "otlp/json_in.h"
#include "otlp/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char yaml[] =
    "receivers:\n"
    "  otlp:\n"
    "    acknowledge: delivered\n"
    "    protocols:\n"
    "      grpc: { endpoint: 127.0.0.1:4317 }\n"
    "      http: { endpoint: 127.0.0.1:4318 }\n"
    "processors:\n"
    "  batch: { timeout: 20ms }\n"
    "exporters:\n"
    "  file: { path: out.json }\n"
    "  store: { store: store }\n"
    "extensions:\n"
    "  store: { directory: data, sync: always, reserve_bytes: 0 }\n"
    "  page: { endpoint: 127.0.0.1:16686, store: store }\n"
    "service:\n"
    "  extensions: [page, store]\n"
    "  pipelines:\n"
    "    traces: { receivers: [otlp], processors: [batch], exporters: [file, store] }\n"
    "    metrics: { receivers: [otlp], processors: [batch], exporters: [file, store] }\n"
    "    logs: { receivers: [otlp], processors: [batch], exporters: [file, store] }\n";

/* ---- messages, written as words ----
 *
 *     5"text"  5'00ff'   a field of bytes        5{ ... }   a message
 *     5=7  5:7           a varint, a fixed64     5[1 2 3]   packed varints
 *     5~1000             so many letters         5^101      an AnyValue of so many levels
 *     *9( ... )          nine times              'ff'       bytes outside of any field
 */

enum {
    BODY_MAX = 64 << 20,
    SPARE = 8 << 20,   /* a collector's and its clients' own */
    ITEM_MEMORY = 256, /* a row in the store, whatever is in it */
};

static void add_words(Buf *out, const char **words);

/* Messages around messages, so built from the last byte to the first. */
static void add_nested(Buf *out, uint64_t levels)
{
    size_t room = (size_t)levels * 6 + 16;
    char *start = malloc(room), *at = start + room;
    assert_non_null(start);
    for (uint64_t i = 0; i < levels; i++) { /* AnyValue { array_value { values ... } } */
        size_t content = (size_t)(start + room - at);
        at -= 1 + wire_varint_size(content);
        wire_put_varint(wire_put_tag(at, (levels - i) % 2 ? 5 : 1, WIRE_LEN), content);
    }
    buf_add(out, (Str){ at, (size_t)(start + room - at) });
    free(start);
}

static uint64_t number_word(const char **words)
{
    char *end;
    uint64_t value = strtoull(*words, &end, 10);
    assert_ptr_not_equal(end, *words);
    *words = end;
    return value;
}

/* From the quote behind *words to the next one. */
static Str quoted_word(const char **words)
{
    const char *start = *words + 1, *end = strchr(start, **words);
    assert_non_null(end);
    *words = end + 1;
    return (Str){ start, (size_t)(end - start) };
}

static void add_hex(Buf *out, Str hex)
{
    uint8_t *at = (uint8_t *)buf_reserve(out, hex.len / 2);
    assert_true(at && str_unhex(hex, at, hex.len / 2));
    out->len += hex.len / 2;
}

static void add_packed(Buf *out, const char **words)
{
    char varint[WIRE_VARINT_MAX];
    for ((*words)++; **words != ']'; *words += **words == ' ')
        buf_add(out,
                (Str){ varint, (size_t)(wire_put_varint(varint, number_word(words)) - varint) });
    (*words)++;
}

static void add_letters(Buf *out, uint64_t count)
{
    char *at = buf_reserve(out, (size_t)count);
    assert_non_null(at);
    memset(at, 'x', (size_t)count);
    out->len += (size_t)count;
}

static void add_content(Buf *out, const char **words)
{
    switch (**words) {
    case '"': buf_add(out, quoted_word(words)); break;
    case '\'': add_hex(out, quoted_word(words)); break;
    case '[': add_packed(out, words); break;
    case '{':
        ++*words;
        add_words(out, words);
        break;
    case '~':
        ++*words;
        add_letters(out, number_word(words));
        break;
    default:
        assert_int_equal(**words, '^');
        ++*words;
        add_nested(out, number_word(words));
    }
}

static void add_field(Buf *out, const char **words)
{
    uint32_t field = (uint32_t)number_word(words);
    char how = **words;
    if (how == '=' || how == ':') {
        ++*words;
        uint64_t value = number_word(words);
        how == '=' ? wire_add_varint(out, field, value) : wire_add_fixed64(out, field, value);
        return;
    }
    size_t opened = wire_open(out, field);
    add_content(out, words);
    wire_close(out, opened);
}

static void add_repeated(Buf *out, const char **words)
{
    ++*words;
    uint64_t count = number_word(words);
    assert_int_equal(**words, '(');
    const char *start = *words + 1;
    for (uint64_t i = 0; i < count; i++) {
        *words = start;
        add_words(out, words);
    }
}

/* To the end, or to the bracket that closes. */
static void add_words(Buf *out, const char **words)
{
    while (**words && **words != '}' && **words != ')') {
        if (**words == ' ')
            ++*words;
        else if (**words == '*')
            add_repeated(out, words);
        else if (**words == '\'')
            add_hex(out, quoted_word(words));
        else
            add_field(out, words);
    }
    *words += **words != 0;
    assert_false(out->failed);
}

/* ---- the cases ---- */

typedef enum Shape {
    WHOLE, /* the words are the request */
    ITEMS, /* the words are fields of a scope: items are its field 2; a resource is put around */
    JSON,  /* JSON, whole */
} Shape;

typedef struct Case {
    const char *what;
    Signal signal;
    Shape shape;
    const char *words;
    int status;       /* of HTTP; gRPC says the same in its own numbers */
    unsigned refused; /* by partial_success */
    const char *says; /* the answer has it */
    const char *kept; /* the file has it afterwards, beside the good ones */
    const char *gone; /* the file has not */
} Case;

#define IDS             "1\"AAAAAAAAAAAAAAAA\" 2\"aaaaaaaa\" "
#define SPAN(more)      "2{" IDS more "} "
#define NEIGHBOURS(bad) SPAN("5\"before\"") bad SPAN("5\"behind\"")
#define LOG(more)       "2{5{1\"line\"} " more "} "
#define NAMED_ID        "1\"AAAAAAAAAAAAAAAA\" 2\"aaaaaaaa\" 5"

static const Case framing[] = {
    { "a tag without its end", TRACES, WHOLE, "'8a'", 400, 0, "malformed protobuf", 0, 0 },
    { "a length without its end", TRACES, WHOLE, "'0a80'", 400, 0, "malformed protobuf", 0, 0 },
    { "a varint of eleven bytes", LOGS, WHOLE, "'0affffffffffffffffffff01'", 400, 0, "malformed", 0,
      0 },
    { "a value of eleven bytes", LOGS, ITEMS, "2{2'' 'a0ffffffffffffffffffffff01'}", 400, 0,
      "malformed", 0, 0 },
    { "a varint of more than 64 bits", LOGS, WHOLE, "'0affffffffffffffffff7f'", 400, 0, "malformed",
      0, 0 },
    { "field number 0", METRICS, WHOLE, "'0001'", 400, 0, "malformed", 0, 0 },
    { "wire type 6", METRICS, WHOLE, "'0e01'", 400, 0, "malformed", 0, 0 },
    { "wire type 7", METRICS, WHOLE, "'0f01'", 400, 0, "malformed", 0, 0 },
    { "a length one beyond the end", TRACES, WHOLE, "'0a0200'", 400, 0, "malformed", 0, 0 },
    { "a length of 2^31", TRACES, WHOLE, "'0a8080808008'", 400, 0, "malformed", 0, 0 },
    { "a length of 2^32", TRACES, WHOLE, "'0a8080808010'", 400, 0, "malformed", 0, 0 },
    { "a length of -1", TRACES, WHOLE, "'0affffffffffffffffff01'", 400, 0, "malformed", 0, 0 },
    { "an inner length beyond its message", TRACES, ITEMS, "2{3\"A\" '2a05'} 2{5\"long enough\"}",
      400, 0, "malformed", 0, 0 },
    { "a group that does not end", LOGS, WHOLE, "'a306'", 400, 0, "malformed", 0, 0 },
    { "a group that did not begin", LOGS, WHOLE, "'a406'", 400, 0, "malformed", 0, 0 },
    { "a million groups", LOGS, WHOLE, "*1000000('a306')", 400, 0, "malformed", 0, 0 },
    { "a fixed64 cut short", TRACES, ITEMS, "2{'390000'}", 400, 0, "malformed", 0, 0 },
    { "groups and fields nobody knows", TRACES, ITEMS,
      SPAN("5\"known\" 'a306' 200\"x\" 'a406' 1000=5"), 200, 0, 0, "\"known\"", 0 },
    { "known fields of other wire types", TRACES, ITEMS,
      SPAN("5\"typed\" 5=7 9=1 3:9 11:1 '3d00000000'"), 200, 0, 0, "\"typed\"", 0 },
    { "a field twice: the last one counts", TRACES, ITEMS, SPAN("5\"early\" 5\"late\" 7:1 7:2"),
      200, 0, 0, "\"late\"", "\"early\"" },
    { "bucket counts not in eights", METRICS, ITEMS, "2{1\"h\" 9{1{6'0000'}}}", 400, 0, "malformed",
      0, 0 },
};

static const Case depth[] = {
    { "a value of 100 levels", TRACES, ITEMS, NEIGHBOURS(SPAN("5\"deep\" 9{1\"k\" 2^93}")), 200, 0,
      0, "\"deep\"", 0 },
    { "a span nested too deep", TRACES, ITEMS, NEIGHBOURS(SPAN("5\"deep\" 9{1\"k\" 2^97}")), 200, 1,
      "nested deeper than 100 levels", "\"behind\"", "\"deep\"" },
    { "a million levels", TRACES, ITEMS, NEIGHBOURS(SPAN("5\"deep\" 9{1\"k\" 2^1000000}")), 200, 1,
      "nested deeper", "\"behind\"", "\"deep\"" },
    { "a record nested too deep", LOGS, ITEMS, LOG("3\"before\"") "2{3\"deep\" 5^1000}", 200, 1,
      "nested deeper", "\"before\"", "\"deep\"" },
    { "a point nested too deep", METRICS, ITEMS,
      "2{1\"m\" 5{1{4:0 7{1\"deep\" 2^1000}} 1{4:0 7{1\"flat\" 2{1\"v\"}}}}}", 200, 1,
      "nested deeper", "\"flat\"", "\"deep\"" },
    { "too deep behind broken text", TRACES, ITEMS,
      NEIGHBOURS(SPAN("5'ff41' 9{1'ff' 2{1'fe'}} 9{1\"k\" 2^1000}") SPAN("5'42ff'")), 200, 1,
      "nested deeper", "\"B\xef\xbf\xbd\"", 0 },
    { "a resource nested too deep", LOGS, WHOLE, "1{1{1{1\"k\" 2^1000}} 2{2{}}}", 400, 0,
      "nested deeper", 0, 0 },
};

static const Case text[] = {
    { "overlong", TRACES, ITEMS, SPAN("5'2fc0af2f'"), 200, 0, 0, "\"/\xef\xbf\xbd\xef\xbf\xbd/\"",
      0 },
    { "a surrogate", TRACES, ITEMS, SPAN("5'eda080'"), 200, 0, 0,
      "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 0 },
    { "cut inside a letter", TRACES, ITEMS, SPAN("5'61e282'"), 200, 0, 0, "\"a\xef\xbf\xbd", 0 },
    { "beyond Unicode", TRACES, ITEMS, SPAN("5'f4908080'"), 200, 0, 0, "\"\xef\xbf\xbd", 0 },
    { "a zero byte", TRACES, ITEMS, SPAN("5'610062'"), 200, 0, 0, "a\\u0000b", 0 },
    { "in a key and a value", LOGS, ITEMS, LOG("6{1'6bff' 2{1'76ff'}}"), 200, 0, 0,
      "\"k\xef\xbf\xbd\"", 0 },
    { "in the resource", LOGS, WHOLE, "1{1{1{1'72ff' 2{1\"v\"}}} 2{" LOG("") "}}", 200, 0, 0,
      "\"r\xef\xbf\xbd\"", 0 },
    { "all of a megabyte", LOGS, ITEMS, "2{5{1{*1000000('ff')}}}", 200, 0, 0,
      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 0 },
    { "in a thousand fields", TRACES, ITEMS, SPAN("5\"fields\" *1000(9{1'ff' 2{1'fe'}})"), 200, 0,
      0, "\"fields\"", 0 },
    { "in nothing but text", TRACES, ITEMS, "2{*2000000(5'ff')}", 413, 0, "changes", 0, 0 },
};

static const Case ids[] = {
    { "a trace id of 8 bytes", TRACES, ITEMS,
      NEIGHBOURS("2{1\"AAAAAAAA\" 2\"aaaaaaaa\" 5\"bad\"} "), 200, 1,
      "a trace id has 16 bytes, this one 8", "\"behind\"", "\"bad\"" },
    { "a trace id of 17 bytes", TRACES, ITEMS,
      NEIGHBOURS("2{1\"AAAAAAAAAAAAAAAAA\" 2\"aaaaaaaa\" 5\"bad\"} "), 200, 1,
      "a trace id has 16 bytes, this one 17", "\"behind\"", "\"bad\"" },
    { "a span id of a megabyte", TRACES, ITEMS, "2{1\"AAAAAAAAAAAAAAAA\" 2~1000000 5\"bad\"}", 200,
      1, "a span id has 8 bytes, this one 1000000", 0, "\"bad\"" },
    { "nothing but wrong ids", TRACES, ITEMS, "*100000(2{1\"A\"})", 200, 100000, "a trace id has",
      0, 0 },
    { "a parent, a link and a log with wrong ids", TRACES, ITEMS,
      SPAN("4\"short\" 5\"linked\" 13{1\"A\" 2\"a\"}"), 200, 0, 0, "\"linked\"", 0 },
    { "a record with wrong ids", LOGS, ITEMS, LOG("3\"record\" 9\"A\" 10\"aaaaaaaaa\""), 200, 0, 0,
      "\"record\"", "traceId" },
    { "an exemplar with wrong ids", METRICS, ITEMS,
      "2{1\"exemplary\" 5{1{3:1 4:0 5{4\"a\" 5\"A\" 3:5}}}}", 200, 0, 0, "\"exemplary\"", 0 },
    { "no ids", TRACES, ITEMS, "2{5\"nobody\"}", 200, 0, 0, "\"nobody\"", 0 },
    { "ids of zeros", TRACES, ITEMS,
      "2{1'00000000000000000000000000000000' 2'0000000000000000' 5\"zeros\"}", 200, 0, 0,
      "\"zeros\"", 0 },
    { "one id a thousand times", TRACES, ITEMS, "*1000(" SPAN("5\"same\"") ")", 200, 0, 0,
      "\"same\"", 0 },
    { "its own parent", TRACES, ITEMS, SPAN("4\"aaaaaaaa\" 5\"ouroboros\""), 200, 0, 0,
      "\"ouroboros\"", 0 },
    { "parents in a circle", TRACES, ITEMS,
      SPAN("4\"bbbbbbbb\" 5\"chicken\"") "2{1\"AAAAAAAAAAAAAAAA\" 2\"bbbbbbbb\" 4\"aaaaaaaa\" "
                                         "5\"egg\"}",
      200, 0, 0, "\"egg\"", 0 },
    { "a trace of 100,000 spans", TRACES, ITEMS, "*100000(" SPAN("7:1 8:2") ")", 200, 0, 0, 0, 0 },
    { "ends before it starts", TRACES, ITEMS,
      SPAN("5\"back\" 7:1750000000000000000 8:1740000000000000000 11{1:0}"), 200, 0, 0, "\"back\"",
      0 },
    { "at the end of time", TRACES, ITEMS,
      SPAN("5\"eternity\" 7:18446744073709551615 8:18446744073709551615 "
           "11{1:18446744073709551615 2\"end\"}"),
      200, 0, 0, "\"eternity\"", 0 },
    { "from the beginning to the end", TRACES, ITEMS, SPAN("5\"all\" 7:0 8:18446744073709551615"),
      200, 0, 0, "\"all\"", 0 },
    { "a record at the end of time", LOGS, ITEMS,
      LOG("3\"late\" 1:18446744073709551615 11:18446744073709551615"), 200, 0, 0, "\"late\"", 0 },
    { "a kind and a severity nobody has", LOGS, ITEMS, LOG("3\"odd\" 2=18446744073709551615"), 200,
      0, 0, "\"odd\"", 0 },
};

#define AT "3:1750000000000000000 "
static const Case points[] = {
    { "more counts than bounds", METRICS, ITEMS,
      "2{1\"more\" 9{1{" AT
      "4:9 6'0100000000000000020000000000000003000000000000000400000000000000'"
      " 7'000000000000f03f'} 2=2}}",
      200, 0, 0, "\"more\"", 0 },
    { "bounds without counts", METRICS, ITEMS,
      "2{1\"none\" 9{1{" AT "4:9 7'000000000000f03f0000000000000040'} 2=2}}", 200, 0, 0, "\"none\"",
      0 },
    { "bounds that fall, NaN and infinite", METRICS, ITEMS,
      "2{1\"falls\" 9{1{" AT "4:9 6'010000000000000001000000000000000100000000000000010000000000000"
      "001000000000000000100000000000000' 7'0000000000000040000000000000f03f000000000000f87f"
      "000000000000f07f000000000000f0ff'} 2=2}}",
      200, 0, 0, "\"falls\"", 0 },
    { "counts that add up to more than 2^64", METRICS, ITEMS,
      "2{1\"sum\" 9{1{" AT "4:1 6'ffffffffffffffffffffffffffffffff' 7'000000000000f03f'} 2=2}}",
      200, 0, 0, "\"sum\"", 0 },
    { "NaN, infinite and -0", METRICS, ITEMS,
      "2{1\"nan\" 5{1{" AT "4:9221120237041090560} 1{" AT "4:9218868437227405312} 1{" AT
      "4:9223372036854775808}}}",
      200, 0, 0, "\"nan\"", 0 },
    { "a scale of 2^31 and an offset of 2^31", METRICS, ITEMS,
      "2{1\"expo\" 10{1{" AT "4:3 6=4294967294 8{1=4294967294 2[1 2]} 9{1=4294967295 2[1]}} "
      "1{" AT "4:3 6=4294967295 8{1=4294967295 2[1 2]}} 2=2}}",
      200, 0, 0, "\"expo\"", 0 },
    { "an exponential histogram of a million buckets", METRICS, ITEMS,
      "2{1\"wide\" 10{1{" AT "4:3 8{2{*1000000('01')}}} 2=2}}", 200, 0, 0, "\"wide\"", 0 },
    { "no name, no type, no points", METRICS, ITEMS, "2{} 2{1\"typeless\"} 2{5{}} 2{7{1{}}}", 200,
      0, 0, "\"resourceMetrics\"", 0 },
    { "one series twice at one time, and backwards", METRICS, ITEMS,
      "*3(2{1\"twice\" 7{1{" AT "4:1} 1{3:1740000000000000000 4:2} 2=2 3=1}})", 200, 0, 0,
      "\"twice\"", 0 },
    { "one name of every type", METRICS, ITEMS,
      "2{1\"poly\" 5{1{" AT "4:1}}} 2{1\"poly\" 7{1{" AT "4:1} 2=2 3=1}} 2{1\"poly\" 9{1{" AT
      "4:1} 2=2}} 2{1\"poly\" 11{1{" AT "4:1 6{1:0 2:0}}}}",
      200, 0, 0, "\"poly\"", 0 },
    { "quantiles beyond 1", METRICS, ITEMS,
      "2{1\"quant\" 11{1{" AT "4:1 6{1:9221120237041090560 2:0} 6{1:4621819117588971520 2:0}}}}",
      200, 0, 0, "\"quant\"", 0 },
    { "a temporality nobody has", METRICS, ITEMS, "2{1\"temp\" 7{1{" AT "4:1} 2=99 3=7}}", 200, 0,
      0, "\"temp\"", 0 },
    { "times 0 and the last one", METRICS, ITEMS,
      "2{1\"when\" 5{1{3:0 4:1} 1{3:18446744073709551615 4:1}}}", 200, 0, 0, "\"when\"", 0 },
};

static const Case large[] = {
    { "a value of 10 MB", TRACES, ITEMS, SPAN("5\"large\" 9{1\"k\" 2{1~10000000}}"), 200, 0, 0,
      "\"large\"", 0 },
    { "a name of 1 MB", TRACES, ITEMS, SPAN("5~1000000"), 200, 0, 0, "\"name\":\"xxx", 0 },
    { "a million attributes", TRACES, ITEMS, SPAN("5\"many\" *1000000(9{1\"k\" 2{3=1}})"), 200, 0,
      0, "\"many\"", 0 },
    { "a million elements", LOGS, ITEMS, LOG("3\"array\" 6{1\"k\" 2{5{*1000000(1{2=1})}}}"), 200, 0,
      0, "\"array\"", 0 },
    { "a million members", LOGS, ITEMS, LOG("3\"map\" 6{1\"k\" 2{6{*1000000(1{1\"a\" 2{}})}}}"),
      200, 0, 0, "\"map\"", 0 },
    { "keys that are empty, or there twice", LOGS, ITEMS,
      LOG("3\"keys\" 6{1\"\" 2{1\"v\"}} 6{2{1\"w\"}} 6{1\"k\" 2{1\"v\"}} 6{1\"k\" 2{3=1}} 6{}"),
      200, 0, 0, "\"keys\"", 0 },
    { "a metric's name and label of 1 MB", METRICS, ITEMS,
      "2{1~1000000 5{1{" AT "4:1 7{1~1000000 2{1~1000000}}}}}", 200, 0, 0, "\"name\":\"xxx", 0 },
    { "100,000 empty spans", TRACES, ITEMS, "*100000(2{})", 200, 0, 0, "\"spans\":[{}", 0 },
    { "30 million empty resources", TRACES, WHOLE, "*30000000('0a00')", 413, 0, "index", 0, 0 },
};

#define JSON_SPANS(spans)  "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[" spans "]}]}]}"
#define JSON_LOGS(records) "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[" records "]}]}]}"
#define JSON_METRICS(metrics) \
    "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[" metrics "]}]}]}"
#define JSON_TRACE "\"traceId\":\"5b8efff798038103d269b633813fc60c\","

static const Case json[] = {
    { "nothing", TRACES, JSON, "", 400, 0, "line 1", 0, 0 },
    { "no object", TRACES, JSON, "[]", 400, 0, "expected an object", 0, 0 },
    { "a byte order mark", TRACES, JSON, "\xef\xbb\xbf{}", 400, 0, "line 1, column 1", 0, 0 },
    { "a comment", TRACES, JSON, "{ /* */ }", 400, 0, "line 1", 0, 0 },
    { "a comma at the end", LOGS, JSON, JSON_LOGS("{},"), 400, 0, "line 1", 0, 0 },
    { "no end", LOGS, JSON, "{\"resourceLogs\":[{\"scopeLogs\":[", 400, 0, "line 1", 0, 0 },
    { "more behind the end", LOGS, JSON, "{}{}", 400, 0, "line 1", 0, 0 },
    { "names and values nobody knows", LOGS, JSON,
      JSON_LOGS("{\"severityText\":\"new\",\"later\":{\"a\":[1,{}]},\"flags\":1}"), 200, 0, 0,
      "\"new\"", 0 },
    { "a key twice: the last one counts", LOGS, JSON,
      JSON_LOGS("{\"severityText\":\"early\",\"severityText\":\"late\"}"), 200, 0, 0, "\"late\"",
      "\"early\"" },
    { "an id in base64", TRACES, JSON, JSON_SPANS("{\"traceId\":\"W47/95gDgQPSabYzgT/GDA==\"}"),
      400, 0, "spans[0].traceId: line 1, column 55: expected hexadecimal digits, 32 of them", 0,
      0 },
    { "an id of 8 bytes", TRACES, JSON,
      JSON_SPANS("{\"traceId\":\"5b8efff798038103\",\"name\":\"bad\"},{" JSON_TRACE
                 "\"spanId\":\"eee19b7ec3c1b174\",\"name\":\"beside\"}"),
      200, 1, "a trace id has 16 bytes, this one 8", "\"beside\"", "\"bad\"" },
    { "times as numbers and as text", TRACES, JSON,
      JSON_SPANS("{" JSON_TRACE "\"name\":\"n\",\"startTimeUnixNano\":1750000000000000001,"
                 "\"endTimeUnixNano\":\"18446744073709551615\"}"),
      200, 0, 0, "\"18446744073709551615\"", 0 },
    { "a time below 0", TRACES, JSON, JSON_SPANS("{\"startTimeUnixNano\":\"-1\"}"), 400, 0,
      "unsigned integer of 64 bits", 0, 0 },
    { "1e400", LOGS, JSON, JSON_LOGS("{\"body\":{\"doubleValue\":1e400}}"), 400, 0,
      "a number that a double holds", 0, 0 },
    { "a million digits", LOGS, JSON, NULL, 400, 0, "an integer of 64 bits", 0, 0 },
    { "half a surrogate", LOGS, JSON, JSON_LOGS("{\"severityText\":\"a\\ud800b\"}"), 200, 0, 0,
      "\"a\xef\xbf\xbd\x62\"", 0 },
    { "bytes that are no UTF-8", LOGS, JSON, JSON_LOGS("{\"severityText\":\"a\xff\xc0\xaf\"}"), 200,
      0, 0, "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 0 },
    { "a zero byte", LOGS, JSON, JSON_LOGS("{\"severityText\":\"a\\u0000b\"}"), 200, 0, 0,
      "a\\u0000b", 0 },
    { "a million levels", LOGS, JSON, NULL, 400, 0, "100 levels", 0, 0 },
    { "a million levels of a key nobody knows", LOGS, JSON, NULL, 400, 0, "100 levels", 0, 0 },
    { "bounds and counts that differ", METRICS, JSON,
      JSON_METRICS("{\"name\":\"jh\",\"histogram\":{\"dataPoints\":[{\"explicitBounds\":[1,\"NaN\","
                   "-5],\"bucketCounts\":[\"18446744073709551615\",1],\"count\":7}]}}"),
      200, 0, 0, "\"jh\"", 0 },
    { "bounds that are text", METRICS, JSON,
      JSON_METRICS("{\"histogram\":{\"dataPoints\":[{\"explicitBounds\":[\"x\"]}]}}"), 400, 0,
      "dataPoints[0].explicitBounds[0]", 0, 0 },
    { "a scale beyond 32 bits", METRICS, JSON,
      JSON_METRICS("{\"exponentialHistogram\":{\"dataPoints\":[{\"scale\":2147483648}]}}"), 400, 0,
      "an integer of 32 bits", 0, 0 },
};

/* Those that are too long to be written down. */
static void build_json(const char *what, Buf *out)
{
    bool unknown = !strcmp(what, "a million levels of a key nobody knows");
    buf_add(out, STR("{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{"));
    if (!strcmp(what, "a million digits")) {
        buf_add(out, STR("\"body\":{\"intValue\":1"));
        for (int i = 0; i < 1000000; i++)
            buf_add_byte(out, '0');
    } else {
        buf_add(out, unknown ? STR("\"new\":") : STR("\"body\":"));
        for (int i = 0; i < 1000000; i++)
            buf_add(out, unknown ? STR("[") : STR("{\"arrayValue\":{\"values\":["));
    }
}

static void build(const Case *row, Buf *out)
{
    const char *words = row->words;
    if (row->shape == JSON && !words)
        build_json(row->what, out);
    else if (row->shape == JSON)
        buf_add(out, str_from(words));
    else if (row->shape == WHOLE)
        add_words(out, &words);
    else {
        const char *head = "1{1{1\"service.name\" 2{1\"shop\"}}}";
        size_t group = wire_open(out, 1);
        add_words(out, &head);
        size_t scope = wire_open(out, 2);
        add_words(out, &words);
        wire_close(out, scope);
        wire_close(out, group);
    }
    assert_false(out->failed);
}

/* ---- running them ---- */

static void wait_for_answers(Collector *c)
{
    for (int i = 0; i < 5000 && !collector_all_answered(c); i++)
        collector_turn(c);
    assert_true(collector_all_answered(c));
}

static bool has(Str where, const char *part)
{
    return str_contains(where, str_from(part));
}

/* The body of an HTTP error is a google.rpc.Status with the code that gRPC would say. */
static void check_error_body(const Case *row, Str body, GrpcCode code)
{
    Err err;
    RpcStatus status;
    Buf scratch = BUF(1 << 16);
    assert_true(row->shape == JSON ? otlp_json_read_status(body, &scratch, &status, &err)
                                   : rpc_status_parse(body, &status, &err));
    assert_int_equal(status.code, code);
    assert_true(status.message.len);
    buf_free(&scratch);
}

static void check_partial_success(const Case *row, Str body)
{
    Err err;
    ExportAnswer answer;
    Buf scratch = BUF(1 << 16);
    assert_true(row->shape == JSON ? otlp_json_read_answer(body, &scratch, &answer, &err)
                                   : export_answer_read(body, &answer, &err));
    assert_int_equal(answer.rejected, row->refused);
    assert_int_equal(answer.message.len > 0, row->refused > 0);
    buf_free(&scratch);
}

static void check_answer(const Case *row, const Ask *ask)
{
    GrpcCode code = row->status == 200   ? GRPC_OK
                    : row->status == 413 ? GRPC_RESOURCE_EXHAUSTED
                                         : GRPC_INVALID_ARGUMENT;
    Str body = { ask->text, ask->text_len };
    assert_int_equal(ask->status, ask->is_grpc ? (int)code : row->status);
    if (row->status == 200)
        check_partial_success(row, body);
    else if (!ask->is_grpc)
        check_error_body(row, body, code);
    if (row->says && !has(body, row->says))
        fail_msg("%s: \"%s\" does not say \"%s\"", row->what, ask->text, row->says);
}

static void send_case(Collector *c, const Case *row, Str bytes, bool by_grpc)
{
    Str type = by_grpc              ? (Str){ 0 }
               : row->shape == JSON ? STR("application/json")
                                    : STR("application/x-protobuf");
    size_t ask = collector_send_bytes(c, &(Sending){ row->signal, type, bytes });
    wait_for_answers(c);
    check_answer(row, collector_ask(c, ask));
}

/* The good ones that went with it have their names from their numbers. */
static void check_file(Collector *c, const Case *row, const size_t good[2])
{
    Buf file = BUF(SIZE_MAX);
    char name[2][32];
    assert_true(test_disk_get(collector_disk(c), "out.json", &file));
    snprintf(name[0], sizeof name[0], "\"h%zu\"", good[0]);
    snprintf(name[1], sizeof name[1], "\"g%zu\"", good[1]);
    assert_true(has(buf_str(&file), name[0]) && has(buf_str(&file), name[1]));
    if (row->kept && !has(buf_str(&file), row->kept))
        fail_msg("%s: the file does not have %s", row->what, row->kept);
    if (row->gone && has(buf_str(&file), row->gone))
        fail_msg("%s: the file has %s", row->what, row->gone);
    buf_free(&file);
}

/* Everything that is stored can be asked for. */
static void ask_everything(Collector *c)
{
    static const char *const questions[] = {
        "/api/services",
        "/api/traces?service=shop&start=0&end=9223372036854775807&limit=20",
        "/api/traces/41414141414141414141414141414141",
        "/api/traces/00000000000000000000000000000000",
        "/api/cryo/services",
        "/api/cryo/status",
        "/api/v1/label/__name__/values",
        "/api/v1/query?time=1750000000&query=count(%7B__name__%3D~%22.%2B%22%7D)",
        "/api/v1/query_range?start=0&end=1750000000&step=1000000&query=rate(twice_total[1h])",
        "/loki/api/v1/query_range?start=0&query=%7Bservice_name%3D~%22.%2B%22%7D",
        "/loki/api/v1/labels",
    };
    char url[200];
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        snprintf(url, sizeof url, "http://127.0.0.1:16686%s", questions[i]);
        size_t ask = collector_get(c, url);
        wait_for_answers(c);
        const Ask *answer = collector_ask(c, ask);
        bool good = answer->status == 200 || (answer->status == 404 && strstr(url, "/traces/")) ||
                    strstr(answer->text, "the answer: larger than the limit"); /* the client's */
        if (!good)
            fail_msg("%s: %d %s", url, answer->status, answer->text);
    }
}

static size_t item_count(const Case *row, Str bytes)
{
    Err err;
    Batch *batch = row->shape == JSON ? NULL : batch_from_copy(row->signal, bytes, &err);
    size_t count = batch ? batch_item_count(batch) : 0;
    batch_unref(batch);
    return count;
}

static void run_case(const Case *row, size_t memory_factor)
{
    Err err;
    Buf bytes = BUF(BODY_MAX);
    build(row, &bytes);
    Collector *c = collector_new(7, yaml);
    assert_true(collector_start(c, &err));
    size_t good[2];
    measured_begin();
    send_case(c, row, buf_str(&bytes), false);
    size_t took = measured_took();
    if (took > bytes.len * memory_factor + item_count(row, buf_str(&bytes)) * ITEM_MEMORY + SPARE)
        fail_msg("%s: %zu bytes took %zu of memory", row->what, bytes.len, took);
    good[0] = collector_send(c, row->signal, false);
    if (row->shape != JSON)
        send_case(c, row, buf_str(&bytes), true);
    good[1] = collector_send(c, row->signal, true);
    wait_for_answers(c);
    assert_int_equal(collector_ask(c, good[0])->verdict, VERDICT_YES);
    assert_int_equal(collector_ask(c, good[1])->verdict, VERDICT_YES);
    ask_everything(c);
    assert_true(collector_stop(c));
    check_file(c, row, good);
    assert_true(collector_start(c, &err));
    ask_everything(c);
    assert_true(collector_stop(c));
    collector_free(c);
    buf_free(&bytes);
}

/* The name that stands last is that of the row that failed. */
#define RUN(rows, memory_factor)                  \
    (void)state;                                  \
    for (size_t i = 0; i < COUNT_OF(rows); i++) { \
        print_message("  %s\n", (rows)[i].what);  \
        run_case(&(rows)[i], memory_factor);      \
    }

static void test_framing(void **state)
{
    RUN(framing, 16)
}
static void test_depth(void **state)
{
    RUN(depth, 16)
}
static void test_text(void **state)
{
    RUN(text, 24)
}
static void test_ids(void **state)
{
    RUN(ids, 16)
}
static void test_points(void **state)
{
    RUN(points, 16)
}
static void test_large(void **state)
{
    RUN(large, 24)
}
static void test_json(void **state)
{
    RUN(json, 16)
}

int main(void)
{
    measured_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing), cmocka_unit_test(test_depth),  cmocka_unit_test(test_text),
        cmocka_unit_test(test_ids),     cmocka_unit_test(test_points), cmocka_unit_test(test_large),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

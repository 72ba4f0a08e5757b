/* http1.c - HTTP/1.1 over llhttp; see http1.h.
 *
 * llhttp calls back with pieces; names and values are gathered until they are whole. It pauses
 * itself at the end of a message. What it lets pass and we do not (bare LF, folded lines, control
 * characters) is caught by a small scanner that reads the lines of a message first:
 *
 *   HEAD --(no body, or a length)--> BODY
 *     +--(chunked)--> CHUNK_LINE --(size > 0)--> CHUNK --(its last byte)--> CHUNK_LINE
 *                          +-------(size = 0)--> TRAILERS
 */
#include "net/http1.h"

#include "base/mem.h"

#include <llhttp.h>

enum {
    CHUNK_LINE_MAX = 256, /* a size and its extensions, which nobody uses */
    INTERIMS_MAX = 16,    /* 1xx responses before the real one */
};

typedef enum Part { PART_HEAD, PART_BODY, PART_CHUNK_LINE, PART_CHUNK, PART_TRAILERS } Part;

/* Where the scanner is in the lines of a part. */
typedef struct LineScan {
    size_t bytes, lines, line_len;
    bool after_cr;
} LineScan;

struct Http1 {
    llhttp_t parser;
    Http1Role role;
    const Http1Events *events;
    void *owner;
    HttpFields fields;
    Buf name, value; /* of the field (or the target, in value) that is coming in */
    Part part;
    LineScan scan;
    uint64_t chunk_left; /* of PART_CHUNK */
    unsigned interims;
    bool begun, no_body, stopped, failed;
    Err *err; /* during a feed: where callbacks say why */
};

static Http1 *self_of(llhttp_t *parser)
{
    return parser->data;
}

static bool is_interim(const Http1 *http1)
{
    int status = http1->role == HTTP1_CLIENT ? http1->parser.status_code : 0;
    return status >= 100 && status < 200 && status != 101;
}

/* ---- what llhttp calls ---- */

static void enter(Http1 *http1, Part part)
{
    http1->part = part;
    http1->scan = (LineScan){ 0 };
}

static int gather(Http1 *http1, Buf *into, const char *at, size_t len)
{
    buf_add(into, (Str){ at, len });
    return buf_ok(into, http1->err) ? 0 : HPE_USER;
}

static int on_text(llhttp_t *parser, const char *at, size_t len)
{
    Http1 *http1 = self_of(parser);
    return http1->part == PART_HEAD ? gather(http1, &http1->value, at, len) : 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
    Http1 *http1 = self_of(parser);
    return http1->part == PART_HEAD ? gather(http1, &http1->name, at, len) : 0;
}

static int keep(Http1 *http1, Str name, Str value)
{
    return http_fields_add(&http1->fields, name, value, http1->err) ? 0 : HPE_USER;
}

static int on_target_complete(llhttp_t *parser)
{
    Http1 *http1 = self_of(parser);
    Str method = str_from(llhttp_method_name((llhttp_method_t)parser->method));
    int rc = keep(http1, STR(":method"), method);
    rc = rc ? rc : keep(http1, STR(":path"), buf_str(&http1->value));
    buf_clear(&http1->value);
    return rc;
}

/* llhttp takes an empty length for none. */
static bool is_number(Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len > 0;
}

static bool check_field(const Http1 *http1, Str value)
{
    if (http1->name.len == 0)
        return fail(http1->err, ERR_INPUT, "a header field without a name");
    if (str_eq_nocase(buf_str(&http1->name), STR("content-length")) && !is_number(value))
        return fail(http1->err, ERR_INPUT, "a Content-Length that is not a number");
    return true;
}

static int on_field_complete(llhttp_t *parser)
{
    Http1 *http1 = self_of(parser);
    int rc = 0;
    if (http1->part == PART_HEAD) {
        Str value = str_trim(buf_str(&http1->value));
        rc = check_field(http1, value) ? keep(http1, buf_str(&http1->name), value) : HPE_USER;
    }
    buf_clear(&http1->name);
    buf_clear(&http1->value);
    return rc;
}

/* llhttp takes whatever ends in "chunked"; what comes before it would stay undecoded. In HTTP/1.0
 * there is no such thing, and whoever stands before us may not have seen it. */
static bool knows_coding(Http1 *http1)
{
    Str coding = http_fields_get(&http1->fields, STR("transfer-encoding"));
    if (!coding.ptr)
        return true;
    if (!str_eq_nocase(coding, STR("chunked")))
        return fail(http1->err, ERR_UNSUPPORTED, "only chunked is known as Transfer-Encoding");
    if (http1->role == HTTP1_SERVER && http1->parser.http_minor == 0)
        return fail(http1->err, ERR_INPUT, "Transfer-Encoding is not a part of HTTP/1.0");
    return true;
}

/* 1 tells llhttp that no body follows, whatever the fields say. */
static int on_head_complete(llhttp_t *parser)
{
    Http1 *http1 = self_of(parser);
    enter(http1, parser->flags & F_CHUNKED ? PART_CHUNK_LINE : PART_BODY);
    parser->upgrade = 0; /* we stay with HTTP/1.1, which a server may */
    if (parser->http_major != 1) {
        fail(http1->err, ERR_INPUT, "HTTP/%d is not spoken here", parser->http_major);
        return -1;
    }
    if (!knows_coding(http1))
        return -1;
    if (is_interim(http1)) {
        if (++http1->interims <= INTERIMS_MAX)
            return 1;
        fail(http1->err, ERR_INPUT, "more than %d interim responses", INTERIMS_MAX);
        return -1;
    }
    if (http1->role == HTTP1_CLIENT && parser->status_code < 100) {
        fail(http1->err, ERR_INPUT, "%d is not a status", (int)parser->status_code);
        return -1;
    }
    if (http1->events->head && !http1->events->head(http1->owner)) {
        http1->stopped = true;
        return -1;
    }
    return http1->no_body || parser->status_code == 204 || parser->status_code == 304;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    Http1 *http1 = self_of(parser);
    if (http1->events->body(http1->owner, (Str){ at, len }))
        return 0;
    http1->stopped = true;
    return HPE_USER;
}

/* Called when the line that says its size has ended. */
static int on_chunk(llhttp_t *parser)
{
    Http1 *http1 = self_of(parser);
    http1->chunk_left = parser->content_length;
    enter(http1, http1->chunk_left > 0 ? PART_CHUNK : PART_TRAILERS);
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    Http1 *http1 = self_of(parser);
    if (!is_interim(http1))
        return HPE_PAUSED;
    http_fields_clear(&http1->fields); /* the real one is still to come */
    enter(http1, PART_HEAD);
    return 0;
}

static const llhttp_settings_t callbacks = {
    .on_url = on_text,
    .on_url_complete = on_target_complete,
    .on_header_field = on_name,
    .on_header_value = on_text,
    .on_header_value_complete = on_field_complete,
    .on_headers_complete = on_head_complete,
    .on_chunk_header = on_chunk,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

/* ---- life ---- */

Http1 *http1_new(Http1Role role, size_t header_max, Err *err)
{
    Http1 *http1 = MEM_MAKE(Http1, 1, err);
    if (!http1)
        return NULL;
    llhttp_init(&http1->parser, role == HTTP1_SERVER ? HTTP_REQUEST : HTTP_RESPONSE, &callbacks);
    http1->parser.data = http1;
    http1->role = role;
    http1->name = BUF(header_max);
    http1->value = BUF(header_max);
    http_fields_init(&http1->fields, header_max);
    return http1;
}

void http1_free(Http1 *http1)
{
    if (!http1)
        return;
    buf_free(&http1->name);
    buf_free(&http1->value);
    http_fields_done(&http1->fields);
    mem_free(http1);
}

void http1_charge(Http1 *http1, Purse *purse)
{
    http1->name.purse = http1->value.purse = purse;
    http_fields_charge(&http1->fields, purse);
}

void http1_bind(Http1 *http1, const Http1Events *events, void *owner)
{
    http1->events = events;
    http1->owner = owner;
}

void http1_next(Http1 *http1)
{
    http_fields_clear(&http1->fields);
    enter(http1, PART_HEAD);
    http1->begun = http1->no_body = false;
    http1->interims = 0;
    if (llhttp_get_errno(&http1->parser) == HPE_PAUSED)
        llhttp_resume(&http1->parser);
}

void http1_expect_no_body(Http1 *http1)
{
    http1->no_body = true;
}

/* ---- reading ---- */

/* Does this line end end the part that we feed at once? */
static bool ends_part(const Http1 *http1)
{
    const LineScan *scan = &http1->scan;
    if (http1->part == PART_CHUNK_LINE)
        return true; /* what follows depends on what it says */
    return scan->line_len == 0 && (scan->lines > 0 || http1->part == PART_TRAILERS);
}

static bool scan_line_end(Http1 *http1, bool *whole, Err *err)
{
    LineScan *scan = &http1->scan;
    if (!scan->after_cr)
        return fail(err, ERR_INPUT, "a line that does not end in CR LF");
    scan->after_cr = false;
    *whole = ends_part(http1);
    if (scan->line_len > 0) /* empty lines before the first are passed over */
        scan->lines++;
    scan->line_len = 0;
    return true;
}

static bool is_control(char c)
{
    return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

static bool scan_byte(Http1 *http1, char c, bool *whole, Err *err)
{
    LineScan *scan = &http1->scan;
    if (c == '\n')
        return scan_line_end(http1, whole, err);
    if (scan->after_cr)
        return fail(err, ERR_INPUT, "a carriage return inside a line");
    if (c == '\r') {
        scan->after_cr = true;
        return true;
    }
    if (is_control(c))
        return fail(err, ERR_INPUT, "a control character (0x%02x) in a line", (unsigned char)c);
    if (scan->line_len == 0 && scan->lines > 0 && (c == ' ' || c == '\t'))
        return fail(err, ERR_INPUT, "a folded header line");
    scan->line_len++;
    return true;
}

/* How many bytes may be fed at once: up to and with the end of the head, of the trailers, or of a
 * chunk's line, if that is there. False: the byte after those may not stand there. */
static bool scan_lines(Http1 *http1, Str bytes, size_t *taken, Err *err)
{
    bool whole = false;
    *taken = 0;
    while (*taken < bytes.len && !whole) {
        if (++http1->scan.bytes > http1->fields.max)
            return fail(err, ERR_LIMIT, "a header beyond the limit of %zu bytes",
                        http1->fields.max);
        if (http1->part == PART_CHUNK_LINE && http1->scan.bytes > CHUNK_LINE_MAX)
            return fail(err, ERR_INPUT, "a chunk's size in more than %d bytes", CHUNK_LINE_MAX);
        if (!scan_byte(http1, bytes.ptr[*taken], &whole, err))
            return false;
        ++*taken;
    }
    return true;
}

/* The same for whatever comes next. */
static bool scan(Http1 *http1, Str bytes, size_t *taken, Err *err)
{
    *taken = bytes.len;
    if (http1->part == PART_BODY)
        return true;
    if (http1->part != PART_CHUNK)
        return scan_lines(http1, bytes, taken, err);
    if (http1->chunk_left < bytes.len)
        *taken = (size_t)http1->chunk_left;
    http1->chunk_left -= *taken;
    if (http1->chunk_left == 0)
        enter(http1, PART_CHUNK_LINE); /* first the empty one that ends the chunk */
    return true;
}

static Http1Result explain(Http1 *http1, llhttp_errno_t code, Err *err)
{
    http1->failed = true;
    if (http1->stopped)
        return HTTP1_STOPPED;
    if (err->kind == ERR_NONE && code == HPE_INVALID_TRANSFER_ENCODING)
        fail(err, ERR_UNSUPPORTED, "only chunked is known as Transfer-Encoding");
    if (err->kind == ERR_NONE)
        fail(err, ERR_INPUT, "not HTTP/1.1: %s", llhttp_get_error_reason(&http1->parser));
    return HTTP1_BAD;
}

/* Gives llhttp the first `size` bytes. */
static Http1Result parse(Http1 *http1, Str *bytes, size_t size, Err *err)
{
    http1->err = err;
    llhttp_errno_t code = llhttp_execute(&http1->parser, bytes->ptr, size);
    if (code == HPE_OK) {
        *bytes = str_skip(*bytes, size);
        return HTTP1_MORE;
    }
    if (code != HPE_PAUSED)
        return explain(http1, code, err);
    *bytes = str_skip(*bytes, (size_t)(llhttp_get_error_pos(&http1->parser) - bytes->ptr));
    return HTTP1_MESSAGE;
}

Http1Result http1_feed(Http1 *http1, Str *bytes, Err *err)
{
    Http1Result result = HTTP1_MORE;
    err->kind = ERR_NONE;
    if (http1->failed) {
        fail(err, ERR_INPUT, "this connection has failed before");
        return HTTP1_BAD;
    }
    while (bytes->len > 0 && result == HTTP1_MORE) {
        size_t size;
        Err fault = { 0 };
        http1->begun = true;
        bool sound = scan(http1, *bytes, &size, &fault);
        result = parse(http1, bytes, size, err); /* what comes first is judged first */
        if (!sound && result == HTTP1_MORE) {
            http1->failed = true;
            *err = fault;
            return HTTP1_BAD;
        }
    }
    return result;
}

Http1Result http1_finish(Http1 *http1, Err *err)
{
    if (!http1->begun)
        return HTTP1_MORE;
    err->kind = ERR_NONE;
    http1->err = err;
    llhttp_errno_t code = http1->failed || http1->part == PART_HEAD ? HPE_INVALID_EOF_STATE
                                                                    : llhttp_finish(&http1->parser);
    if (code == HPE_OK || code == HPE_PAUSED)
        return HTTP1_MESSAGE;
    http1->failed = true;
    fail(err, ERR_CLOSED, "closed in the middle of a message");
    return HTTP1_BAD;
}

const HttpFields *http1_fields(const Http1 *http1)
{
    return &http1->fields;
}

void http1_take_fields(Http1 *http1, HttpFields *out)
{
    *out = http1->fields;
    http_fields_init(&http1->fields, out->max);
    http_fields_charge(&http1->fields, out->text.purse);
}

int http1_status(const Http1 *http1)
{
    return http1->parser.status_code;
}

int http1_minor(const Http1 *http1)
{
    return http1->parser.http_minor;
}

bool http1_keeps_alive(const Http1 *http1)
{
    return !http1->failed && llhttp_should_keep_alive(&http1->parser);
}

bool http1_has_begun(const Http1 *http1)
{
    return http1->begun;
}

/* ---- writing ---- */

void http1_write_status(Buf *out, int status)
{
    buf_addf(out, "HTTP/1.1 %d %s\r\n", status, http_status_text(status));
}

/* No value may end its line. */
static void add_clean(Buf *out, Str text)
{
    size_t start = out->len;
    buf_add(out, text);
    for (size_t i = start; i < out->len; i++) {
        if ((unsigned char)out->ptr[i] < ' ' || out->ptr[i] == 0x7f)
            out->ptr[i] = ' ';
    }
}

void http1_write_request(Buf *out, Str method, Str target)
{
    add_clean(out, method);
    buf_add_byte(out, ' ');
    add_clean(out, target);
    buf_add(out, STR(" HTTP/1.1\r\n"));
}

void http1_write_field(Buf *out, Str name, Str value)
{
    add_clean(out, name);
    buf_add(out, STR(": "));
    add_clean(out, value);
    buf_add(out, STR("\r\n"));
}

void http1_write_fields(Buf *out, const HttpFields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        HttpField field = http_fields_at(fields, i);
        http1_write_field(out, field.name, field.value);
    }
}

void http1_write_end(Buf *out)
{
    buf_add(out, STR("\r\n"));
}

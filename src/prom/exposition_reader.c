/* exposition_reader.c - see exposition_reader.h. One line at a time, in a buffer that keeps what no
 * line has ended yet; values are unescaped in place, where they only get shorter. */
#include "prom/exposition_reader.h"

#include "base/mem.h"
#include "codec/json_number.h"

#include <math.h>
#include <string.h>

#define TIME_MAX_S 9e15 /* in milliseconds it still fits */

enum {
    FEED_MAX = 1 << 30,
    NUMBER_MAX = 400, /* longer ones are refused: no double needs so many letters */
    COMPACT = 1 << 16,
};

struct ExpositionReader {
    ExpositionFormat format;
    Buf text; /* what was fed and not read yet, from `at` on */
    size_t at;
    size_t line_number;
    bool finished, saw_eof, failed;
    Err failure;
    Label labels[EXPOSITION_LABELS_MAX], exemplar_labels[EXPOSITION_LABELS_MAX];
    size_t label_count;
};

typedef struct Line {
    ExpositionReader *reader;
    char *start, *at, *end;
    Err *err;
} Line;

ExpositionReader *exposition_reader_new(ExpositionFormat format, Err *err)
{
    ExpositionReader *reader = MEM_MAKE(ExpositionReader, 1, err);
    if (!reader)
        return NULL;
    reader->format = format;
    reader->text = BUF(FEED_MAX);
    return reader;
}

void exposition_reader_free(ExpositionReader *reader)
{
    if (!reader)
        return;
    buf_free(&reader->text);
    mem_free(reader);
}

bool exposition_feed(ExpositionReader *reader, Str bytes, Err *err)
{
    if (reader->at >= COMPACT) {
        buf_drop_front(&reader->text, reader->at);
        reader->at = 0;
    }
    buf_add(&reader->text, bytes);
    return buf_ok(&reader->text, err);
}

void exposition_finish(ExpositionReader *reader)
{
    reader->finished = true;
}

/* ---- pieces of a line ---- */

static bool wrong_at(const Line *line, const char *at, const char *what)
{
    return fail(line->err, ERR_INPUT, "line %zu, column %zu: %s", line->reader->line_number,
                (size_t)(at - line->start) + 1, what);
}

static bool wrong(const Line *line, const char *what)
{
    return wrong_at(line, line->at, what);
}

static bool is_strict(const Line *line)
{
    return line->reader->format == EXPOSITION_OPENMETRICS;
}

static bool at_end(const Line *line)
{
    return line->at == line->end;
}

static bool sees(const Line *line, char c)
{
    return !at_end(line) && *line->at == c;
}

static bool take(Line *line, char c)
{
    bool there = sees(line, c);
    line->at += there;
    return there;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(Line *line)
{
    while (!at_end(line) && is_blank(*line->at))
        line->at++;
}

/* One space in OpenMetrics, any blanks in the text format, but at least one. */
static bool take_gap(Line *line)
{
    if (is_strict(line))
        return take(line, ' ');
    const char *before = line->at;
    skip_blanks(line);
    return line->at > before;
}

static bool is_name_char(char c, bool first, bool colon)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return letter || (colon && c == ':') || (!first && c >= '0' && c <= '9');
}

static Str take_name(Line *line, bool colon)
{
    const char *start = line->at;
    while (!at_end(line) && is_name_char(*line->at, line->at == start, colon))
        line->at++;
    return (Str){ start, (size_t)(line->at - start) };
}

static Str take_word(Line *line)
{
    const char *start = line->at;
    while (!at_end(line) && !is_blank(*line->at))
        line->at++;
    return (Str){ start, (size_t)(line->at - start) };
}

/* ---- numbers ---- */

static bool named_number(Str text, bool negative, double *out)
{
    if (str_eq_nocase(text, STR("nan")))
        *out = (double)NAN;
    else if (str_eq_nocase(text, STR("inf")) || str_eq_nocase(text, STR("infinity")))
        *out = negative ? -(double)INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

/* As JSON's grammar wants it: no '+', no zeros in front, digits on both sides of a point. */
static bool plain_number(Str text, bool negative, double *out)
{
    char json[NUMBER_MAX + 4];
    size_t len = 0;
    if (text.len > NUMBER_MAX)
        return false;
    while (text.len > 1 && text.ptr[0] == '0' && text.ptr[1] >= '0' && text.ptr[1] <= '9')
        text = str_skip(text, 1);
    if (negative)
        json[len++] = '-';
    if (text.len && text.ptr[0] == '.' && text.len > 1 && text.ptr[1] >= '0' && text.ptr[1] <= '9')
        json[len++] = '0';
    for (size_t i = 0; i < text.len; i++) {
        char next = i + 1 < text.len ? text.ptr[i + 1] : 'e';
        json[len++] = text.ptr[i];
        if (text.ptr[i] == '.' && i > 0 && (next == 'e' || next == 'E'))
            json[len++] = '0';
    }
    return json_number_double((Str){ json, len }, out);
}

static bool take_number(Line *line, double *out)
{
    const char *start = line->at;
    Str text = take_word(line);
    bool negative = str_starts(text, STR("-"));
    if (negative || str_starts(text, STR("+")))
        text = str_skip(text, 1);
    if (named_number(text, negative, out) || plain_number(text, negative, out))
        return true;
    return wrong_at(line, start, "expected a number");
}

static bool take_time(Line *line, bool *has_time, int64_t *time_ms)
{
    const char *start = line->at;
    double seconds;
    *has_time = true;
    if (!is_strict(line))
        return str_to_i64(take_word(line), time_ms) ||
               wrong_at(line, start, "expected a time in milliseconds");
    if (!take_number(line, &seconds))
        return false;
    if (!isfinite(seconds))
        return wrong_at(line, start, "a time that is not a number");
    if (fabs(seconds) < TIME_MAX_S)
        *time_ms = (int64_t)(seconds * 1000);
    else
        *time_ms = seconds < 0 ? INT64_MIN : INT64_MAX;
    return true;
}

/* ---- labels ---- */

/* \\, \" and \n; another character behind a backslash keeps it. Writes over what is read. */
static Str unescape(char *start, char *end, bool quotes)
{
    char *out = start;
    for (char *at = start; at < end; at++) {
        char next = at + 1 < end ? at[1] : 0;
        bool escape = *at == '\\' && (next == '\\' || next == 'n' || (quotes && next == '"'));
        if (escape)
            at++;
        *out++ = escape && next == 'n' ? '\n' : *at;
    }
    return (Str){ start, (size_t)(out - start) };
}

static bool take_value(Line *line, Str *out)
{
    if (!take(line, '"'))
        return wrong(line, "expected a label value in quotes");
    char *start = line->at;
    while (!at_end(line) && *line->at != '"')
        line->at += *line->at == '\\' && line->at + 1 < line->end ? 2 : 1;
    if (at_end(line))
        return wrong(line, "a label value without its end");
    Str raw = { start, (size_t)(line->at - start) };
    if (!utf8_valid(raw))
        return wrong_at(line, start, "a label value that is not UTF-8");
    *out = unescape(start, line->at, true);
    line->at++;
    return true;
}

static bool take_label(Line *line, Label *out)
{
    const char *start = line->at;
    out->name = take_name(line, false);
    if (!out->name.len)
        return wrong(line, "expected a label name or }");
    if (!is_strict(line))
        skip_blanks(line);
    if (!take(line, '='))
        return wrong(line, "expected =");
    if (!is_strict(line))
        skip_blanks(line);
    if (!take_value(line, &out->value))
        return false;
    const ExpositionReader *reader = line->reader;
    for (size_t i = 0; i < reader->label_count; i++)
        if (str_eq(reader->labels[i].name, out->name))
            return wrong_at(line, start, "a label name that was there already");
    return true;
}

/* Behind the opening brace; up to and with the closing one. */
static bool take_labels(Line *line)
{
    ExpositionReader *reader = line->reader;
    reader->label_count = 0;
    for (;;) {
        Label label;
        if (!is_strict(line))
            skip_blanks(line);
        if (take(line, '}'))
            return true;
        if (!take_label(line, &label))
            return false;
        if (reader->label_count == EXPOSITION_LABELS_MAX)
            return fail(line->err, ERR_LIMIT, "line %zu: more than %d labels", reader->line_number,
                        EXPOSITION_LABELS_MAX);
        reader->labels[reader->label_count++] = label;
        if (!is_strict(line))
            skip_blanks(line);
        if (!take(line, ',') && !sees(line, '}'))
            return wrong(line, "expected , or }");
    }
}

/* ---- lines ---- */

static bool take_exemplar(Line *line, ExpositionEvent *out)
{
    ExpositionReader *reader = line->reader;
    ExpositionExemplar *exemplar = &out->exemplar;
    size_t kept = reader->label_count;
    Label labels[EXPOSITION_LABELS_MAX];
    memcpy(labels, reader->labels, sizeof labels);
    bool ok = take(line, '#') && take(line, ' ') && take(line, '{');
    ok = ok ? take_labels(line) : wrong(line, "expected an exemplar");
    ok = ok && (take(line, ' ') || wrong(line, "expected a space")) &&
         take_number(line, &exemplar->value);
    if (ok && take(line, ' '))
        ok = take_time(line, &exemplar->has_time, &exemplar->time_ms);
    memcpy(reader->exemplar_labels, reader->labels, sizeof labels);
    exemplar->labels = (Labels){ reader->exemplar_labels,
                                 labels_sort(reader->exemplar_labels, reader->label_count) };
    memcpy(reader->labels, labels, sizeof labels);
    reader->label_count = kept;
    out->has_exemplar = ok;
    return ok;
}

static bool read_tail(Line *line, ExpositionEvent *out)
{
    if (!take_gap(line))
        return at_end(line) || wrong(line, "expected the end of the line");
    if (at_end(line))
        return !is_strict(line) || wrong(line, "a space at the end of the line");
    bool exemplar = is_strict(line) && sees(line, '#');
    if (!exemplar && !take_time(line, &out->has_time, &out->time_ms))
        return false;
    if (!is_strict(line))
        skip_blanks(line);
    else if ((exemplar || take(line, ' ')) && !take_exemplar(line, out))
        return false;
    return at_end(line) || wrong(line, "expected the end of the line");
}

/* Blanks before the brace are the text format's. */
static bool begins_labels(Line *line)
{
    char *before = line->at;
    if (!is_strict(line))
        skip_blanks(line);
    bool there = take(line, '{');
    if (!there)
        line->at = before;
    return there;
}

static ExpositionResult read_sample(Line *line, ExpositionEvent *out)
{
    ExpositionReader *reader = line->reader;
    *out = (ExpositionEvent){ .kind = EXPOSITION_SAMPLE };
    reader->label_count = 0;
    out->name = take_name(line, true);
    bool ok = out->name.len || wrong(line, "expected the name of a metric");
    bool braced = ok && begins_labels(line);
    if (braced)
        ok = take_labels(line);
    if (ok && !take_gap(line) && (is_strict(line) || !braced))
        ok = wrong(line, "expected a space and a value");
    if (!ok || !take_number(line, &out->value) || !read_tail(line, out))
        return EXPOSITION_FAILED;
    out->labels = (Labels){ reader->labels, labels_sort(reader->labels, reader->label_count) };
    return EXPOSITION_EVENT;
}

static bool type_from(Str text, ExpositionFormat format, ExpositionType *out)
{
    static const Str names[] = { STR_ROW("unknown"), STR_ROW("counter"),
                                 STR_ROW("gauge"),   STR_ROW("histogram"),
                                 STR_ROW("summary"), STR_ROW("gaugehistogram"),
                                 STR_ROW("info"),    STR_ROW("stateset") };
    size_t count = format == EXPOSITION_TEXT ? EXPOSITION_SUMMARY + 1 : COUNT_OF(names);
    *out = EXPOSITION_UNKNOWN;
    if (format == EXPOSITION_TEXT && str_eq(text, STR("untyped")))
        return true;
    for (size_t i = 0; i < count; i++)
        if (str_eq(text, names[i])) {
            *out = (ExpositionType)i;
            return true;
        }
    return false;
}

static bool read_type(Line *line, ExpositionEvent *out)
{
    const char *start = line->at;
    Str word = { start, (size_t)(line->end - line->at) };
    if (!is_strict(line))
        word = str_trim(word);
    line->at = line->end;
    return type_from(word, line->reader->format, &out->type) ||
           wrong_at(line, start, "expected a type of metric");
}

static bool take_family(Line *line, Str *out)
{
    if (!take_gap(line))
        return wrong(line, "expected a space");
    *out = take_name(line, true);
    if (!out->len)
        return wrong(line, "expected the name of a metric");
    return take_gap(line) || (at_end(line) && !is_strict(line)) || wrong(line, "expected a space");
}

/* Empty, or the end of the name behind a '_'. */
static bool read_unit(Line *line, ExpositionEvent *out)
{
    Str unit = { line->at, (size_t)(line->end - line->at) }, name = out->name;
    bool ends = str_ends(name, unit) && name.len > unit.len + 1;
    out->text = unit;
    return !unit.len || (ends && name.ptr[name.len - unit.len - 1] == '_') ||
           wrong(line, "a unit with which the name does not end");
}

/* Behind "# HELP", "# TYPE" or "# UNIT". */
static ExpositionResult read_metadata(Line *line, ExpositionEventKind kind, ExpositionEvent *out)
{
    *out = (ExpositionEvent){ .kind = kind };
    bool ok = take_family(line, &out->name);
    if (ok && kind == EXPOSITION_TYPE)
        ok = read_type(line, out);
    else if (ok && kind == EXPOSITION_HELP)
        out->text = unescape(line->at, line->end, is_strict(line));
    else if (ok)
        ok = read_unit(line, out);
    return ok ? EXPOSITION_EVENT : EXPOSITION_FAILED;
}

static ExpositionResult read_comment(Line *line, ExpositionEvent *out)
{
    Line before = *line;
    bool gap = take_gap(line);
    Str word = take_word(line);
    if (gap && str_eq(word, STR("HELP")))
        return read_metadata(line, EXPOSITION_HELP, out);
    if (gap && str_eq(word, STR("TYPE")))
        return read_metadata(line, EXPOSITION_TYPE, out);
    if (!is_strict(line))
        return EXPOSITION_MORE;
    if (gap && str_eq(word, STR("UNIT")))
        return read_metadata(line, EXPOSITION_UNIT, out);
    if (!gap || !str_eq(word, STR("EOF")) || !at_end(line)) {
        (void)wrong(&before, "expected HELP, TYPE, UNIT or EOF");
        return EXPOSITION_FAILED;
    }
    line->reader->saw_eof = true;
    return EXPOSITION_MORE;
}

/* EXPOSITION_MORE: nothing to tell of this line. */
static ExpositionResult read_line(Line *line, ExpositionEvent *out)
{
    if (line->reader->saw_eof) {
        (void)wrong(line, "something behind # EOF");
        return EXPOSITION_FAILED;
    }
    if (!is_strict(line)) {
        skip_blanks(line);
        if (at_end(line))
            return EXPOSITION_MORE;
    }
    return take(line, '#') ? read_comment(line, out) : read_sample(line, out);
}

/* Cuts the next whole line off; false: there is none (yet). */
static bool next_line(ExpositionReader *reader, Line *out)
{
    size_t left = reader->text.len - reader->at;
    if (!left)
        return false;
    char *start = reader->text.ptr + reader->at;
    char *end = memchr(start, '\n', left);
    if (!end && !reader->finished)
        return false;
    size_t len = end ? (size_t)(end - start) : left;
    reader->at += len + (end != NULL);
    reader->line_number++;
    *out = (Line){ .reader = reader, .start = start, .at = start, .end = start + len };
    return true;
}

static ExpositionResult end_of_text(ExpositionReader *reader, Err *err)
{
    if (!reader->finished) {
        if (reader->text.len - reader->at <= EXPOSITION_LINE_MAX)
            return EXPOSITION_MORE;
        (void)fail(err, ERR_LIMIT, "line %zu: longer than %d bytes", reader->line_number + 1,
                   EXPOSITION_LINE_MAX);
        return EXPOSITION_FAILED;
    }
    if (reader->format == EXPOSITION_TEXT || reader->saw_eof)
        return EXPOSITION_END;
    (void)fail(err, ERR_INPUT, "line %zu, column 1: the end comes without # EOF",
               reader->line_number + 1);
    return EXPOSITION_FAILED;
}

static ExpositionResult read_next(ExpositionReader *reader, ExpositionEvent *out, Err *err)
{
    Line line;
    while (next_line(reader, &line)) {
        line.err = err;
        if (line.end - line.start > EXPOSITION_LINE_MAX) {
            (void)fail(err, ERR_LIMIT, "line %zu: longer than %d bytes", reader->line_number,
                       EXPOSITION_LINE_MAX);
            return EXPOSITION_FAILED;
        }
        ExpositionResult result = read_line(&line, out);
        if (result != EXPOSITION_MORE)
            return result;
    }
    return end_of_text(reader, err);
}

ExpositionResult exposition_next(ExpositionReader *reader, ExpositionEvent *out, Err *err)
{
    if (reader->failed) {
        *err = reader->failure;
        return EXPOSITION_FAILED;
    }
    ExpositionResult result = read_next(reader, out, err);
    reader->failed = result == EXPOSITION_FAILED;
    if (reader->failed)
        reader->failure = *err;
    return result;
}

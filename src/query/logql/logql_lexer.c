/* logql_lexer.c - see logql_lexer_internal.h. */
#include "query/logql/logql_lexer_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- places -------------------------------------------------------------------------------------
 */

bool lexer_blame(Str source, size_t at, Err *err)
{
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < at && i < source.len; i++, column++)
        if (source.ptr[i] == '\n')
            line++, column = 0;
    return blame(err, "parse error at line %u, col %u", line, column);
}

bool lexer_fail(Str source, size_t at, Err *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fail(err, ERR_INPUT, "%s", text);
    return lexer_blame(source, at, err);
}

/* ---- letters ------------------------------------------------------------------------------------
 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}
static char peek(const Lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->source.len ? lexer->source.ptr[at] : '\0';
}

static void skip_space(Lexer *lexer)
{
    while (lexer->at < lexer->source.len) {
        char c = peek(lexer, 0);
        if (c == '#')
            while (lexer->at < lexer->source.len && peek(lexer, 0) != '\n')
                lexer->at++;
        else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            lexer->at++;
        else
            return;
    }
}

static Str since(const Lexer *lexer, size_t start)
{
    return (Str){ lexer->source.ptr + start, lexer->at - start };
}

/* ---- texts --------------------------------------------------------------------------------------
 */

static size_t put_utf8(char *out, uint32_t rune)
{
    if (rune < 0x80)
        return out[0] = (char)rune, 1;
    size_t len = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    for (size_t i = len; i-- > 1; rune >>= 6)
        out[i] = (char)(0x80 | (rune & 0x3F));
    out[0] = (char)(lead[len] | rune);
    return len;
}

static bool read_digits(Str text, unsigned base, uint32_t *out)
{
    uint32_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], lower = (char)(c | 0x20);
        uint32_t digit = is_digit(c)                    ? (uint32_t)(c - '0')
                         : lower >= 'a' && lower <= 'f' ? (uint32_t)(lower - 'a' + 10)
                                                        : 99;
        if (digit >= base)
            return false;
        value = value * base + digit;
    }
    *out = value;
    return true;
}

/* One escape of Go's at text (behind the backslash); returns how long it is, 0: none such. */
static size_t unescape(Str text, char *out, size_t *written)
{
    static const char names[] = "abfnrtv\\\"'", values[] = "\a\b\f\n\r\t\v\\\"'";
    const char *name = text.len && text.ptr[0] ? strchr(names, text.ptr[0]) : NULL;
    if (name) {
        out[0] = values[name - names];
        *written = 1;
        return 1;
    }
    size_t digits = 0, lead = 1;
    unsigned base = 16;
    if (str_starts(text, STR("x")))
        digits = 2;
    else if (str_starts(text, STR("u")))
        digits = 4;
    else if (str_starts(text, STR("U")))
        digits = 8;
    else
        digits = 3, base = 8, lead = 0;
    uint32_t value;
    if (text.len < lead + digits || !read_digits((Str){ text.ptr + lead, digits }, base, &value))
        return 0;
    bool is_byte = digits == 2 || digits == 3;
    if (is_byte ? value > 0xFF : value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return 0;
    if (is_byte)
        out[0] = (char)value, *written = 1;
    else
        *written = put_utf8(out, value);
    return lead + digits;
}

static bool quoted(Lexer *lexer, LexToken *token, Err *err)
{
    size_t start = ++lexer->at;
    bool escapes = false;
    for (; peek(lexer, 0) != '"'; lexer->at++) {
        if (lexer->at >= lexer->source.len || peek(lexer, 0) == '\n')
            return lexer_fail(lexer->source, token->at, err, "literal not terminated");
        if (peek(lexer, 0) == '\\')
            escapes = true, lexer->at++;
    }
    Str raw = since(lexer, start);
    lexer->at++;
    token->text = raw;
    if (!escapes)
        return true;
    char *out = arena_alloc(lexer->arena, raw.len, 1, err);
    if (!out)
        return false;
    size_t len = 0;
    for (size_t i = 0; i < raw.len;) {
        if (raw.ptr[i] != '\\') {
            out[len++] = raw.ptr[i++];
            continue;
        }
        size_t written = 0, used = unescape(str_skip(raw, i + 1), out + len, &written);
        if (!used)
            return lexer_fail(lexer->source, start + i, err, "invalid char escape");
        len += written;
        i += 1 + used;
    }
    token->text = (Str){ out, len };
    return true;
}

static bool raw_quoted(Lexer *lexer, LexToken *token, Err *err)
{
    size_t start = ++lexer->at;
    while (lexer->at < lexer->source.len && peek(lexer, 0) != '`')
        lexer->at++;
    if (lexer->at >= lexer->source.len)
        return lexer_fail(lexer->source, token->at, err, "literal not terminated");
    token->text = since(lexer, start);
    lexer->at++;
    return true;
}

/* ---- numbers, durations, sizes ------------------------------------------------------------------
 */

/* Letters and points too, so that 0x1p3, 1h30m and 5MiB are one word each. The micro sign is two
 * bytes. */
static void take_number(Lexer *lexer)
{
    size_t start = lexer->at;
    bool hex = peek(lexer, 0) == '0' && (peek(lexer, 1) | 0x20) == 'x';
    for (;; lexer->at++) {
        char c = peek(lexer, 0);
        char before = lexer->at > start ? (char)(lexer->source.ptr[lexer->at - 1] | 0x20) : ' ';
        bool micro =
            (uint8_t)c == 0xC2 || (uint8_t)c == 0xB5 || (uint8_t)c == 0xCE || (uint8_t)c == 0xBC;
        bool sign =
            (c == '+' || c == '-') && before == (hex ? 'p' : 'e') && is_digit(peek(lexer, 1));
        if (!is_word(c) && c != '.' && !micro && !sign)
            return;
    }
}

static bool number(Lexer *lexer, LexToken *token, Err *err)
{
    take_number(lexer);
    token->text = since(lexer, token->at);
    Str text = token->text;
    int width = (int)(text.len < 60 ? text.len : 60);
    char second = text.len > 1 ? (char)(text.ptr[1] | 0x20) : ' ';
    if (logql_float(text, &token->number))
        token->kind = LEX_NUMBER;
    else if (text.ptr[0] == '0' && (second == 'x' || second == 'o' || second == 'b') &&
             text.len > 2)
        return lexer_fail(lexer->source, token->at, err,
                          "unable to parse literal as a float: parsing \"%.*s\": invalid syntax",
                          width, text.ptr);
    else if (logql_duration(text, &token->nanos))
        token->kind = LEX_DURATION;
    else if (logql_bytes(text, &token->number) && text.ptr[text.len - 1] == 'B')
        token->kind = LEX_BYTES;
    else
        return lexer_fail(lexer->source, token->at, err,
                          "syntax error: %.*s is neither a number nor a duration nor a size", width,
                          text.ptr);
    return true;
}

static bool range(Lexer *lexer, LexToken *token, Err *err)
{
    size_t start = ++lexer->at;
    while (lexer->at < lexer->source.len && peek(lexer, 0) != ']')
        lexer->at++;
    if (lexer->at >= lexer->source.len)
        return lexer_fail(lexer->source, token->at, err, "missing closing ']' in duration");
    Str text = str_trim(since(lexer, start));
    lexer->at++;
    token->text = text;
    token->kind = LEX_RANGE;
    if (!logql_duration(text, &token->nanos) || token->nanos <= 0)
        return lexer_fail(lexer->source, start, err, "not a valid duration string: \"%.*s\"",
                          (int)(text.len < 60 ? text.len : 60), text.ptr);
    return true;
}

/* ---- the rest -----------------------------------------------------------------------------------
 */

static bool flag(Lexer *lexer, LexToken *token)
{
    static const Str flags[] = { STR_ROW("--strict"), STR_ROW("--keep-empty") };
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (str_starts(str_skip(lexer->source, lexer->at), flags[i]) &&
            !is_word(peek(lexer, flags[i].len))) {
            lexer->at += flags[i].len;
            token->kind = LEX_FLAG;
            token->text = str_skip(flags[i], 2);
            return true;
        }
    return false;
}

static bool sign(Lexer *lexer, LexToken *token, Err *err)
{
    static const Str signs[] = {
        STR_ROW("|="), STR_ROW("|~"), STR_ROW("|>"), STR_ROW("!="), STR_ROW("!~"),
        STR_ROW("!>"), STR_ROW("=~"), STR_ROW("=="), STR_ROW(">="), STR_ROW("<="),
        STR_ROW("|"),  STR_ROW("{"),  STR_ROW("}"),  STR_ROW("("),  STR_ROW(")"),
        STR_ROW(","),  STR_ROW("="),  STR_ROW(">"),  STR_ROW("<"),  STR_ROW("+"),
        STR_ROW("-"),  STR_ROW("*"),  STR_ROW("/"),  STR_ROW("%"),  STR_ROW("^"),
    };
    token->kind = LEX_SIGN;
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (str_starts(str_skip(lexer->source, lexer->at), signs[i])) {
            lexer->at += signs[i].len;
            token->text = signs[i];
            return true;
        }
    Str rest = str_skip(lexer->source, lexer->at);
    size_t len = utf8_step(rest);
    return lexer_fail(lexer->source, lexer->at, err, "syntax error: unexpected %.*s",
                      (int)(len ? len : 1), len ? rest.ptr : "?");
}

bool lexer_next(Lexer *lexer, LexToken *out, Err *err)
{
    skip_space(lexer);
    *out = (LexToken){ .kind = LEX_END, .at = lexer->at };
    char c = peek(lexer, 0);
    if (lexer->at >= lexer->source.len)
        return true;
    if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1))))
        return number(lexer, out, err);
    if (is_word(c)) {
        while (is_word(peek(lexer, 0)))
            lexer->at++;
        out->kind = LEX_WORD;
        out->text = since(lexer, out->at);
        return true;
    }
    out->kind = LEX_TEXT;
    if (c == '"')
        return quoted(lexer, out, err);
    if (c == '`')
        return raw_quoted(lexer, out, err);
    if (c == '[')
        return range(lexer, out, err);
    return (c == '-' && flag(lexer, out)) || sign(lexer, out, err);
}

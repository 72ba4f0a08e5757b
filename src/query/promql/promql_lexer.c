/* promql_lexer.c - see promql_lexer.h.
 *
 * One pass. The only state is whether we are inside [ ]: there a colon parts range and step, and
 * elsewhere it belongs to names. Whether a name is a keyword is the parser's business, because
 * nearly every keyword may also name a metric or a label.
 */
#include "query/promql/promql_lexer.h"

#include "base/buf.h"
#include "base/clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_MAX = 40, NUMBER_MAX = 400 };

typedef struct Lexer {
    Str text;
    size_t at;
    int brackets;
    Arena *arena;
} Lexer;

TextPlace promql_place(Str text, size_t at)
{
    TextPlace place = { 1, 1 };
    for (size_t i = 0; i < at && i < text.len; i++) {
        place.column++;
        if (text.ptr[i] == '\n') {
            place.line++;
            place.column = 1;
        }
    }
    return place;
}

bool promql_fail_at(Str text, size_t at, Err *err, const char *format, ...)
{
    char sentence[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    TextPlace place = promql_place(text, at);
    return fail(err, ERR_INPUT, "%zu:%zu: parse error: %s", place.line, place.column, sentence);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char peek(const Lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->text.len ? lexer->text.ptr[at] : '\0';
}

static void skip_space(Lexer *lexer)
{
    for (;;) {
        while (lexer->at < lexer->text.len && is_space(peek(lexer, 0)))
            lexer->at++;
        if (peek(lexer, 0) != '#')
            return;
        while (lexer->at < lexer->text.len && peek(lexer, 0) != '\n')
            lexer->at++;
    }
}

/* ---- numbers and durations ----------------------------------------------------------------------
 */

static bool is_hex(Str s)
{
    return s.len > 2 && s.ptr[0] == '0' && (s.ptr[1] == 'x' || s.ptr[1] == 'X');
}

/* Where the number or duration that begins here ends: all letters and digits, and a sign behind
 * the e of an exponent. */
static size_t number_length(const Lexer *lexer)
{
    Str rest = str_skip(lexer->text, lexer->at);
    bool mantissa = !is_hex(rest);
    size_t n = 0;
    for (; n < rest.len; n++) {
        char c = rest.ptr[n];
        if (mantissa && (c == 'e' || c == 'E') && n + 1 < rest.len &&
            (rest.ptr[n + 1] == '+' || rest.ptr[n + 1] == '-'))
            n++;
        else if (!is_digit(c) && !is_letter(c) && c != '.')
            break;
        mantissa = mantissa && (is_digit(c) || c == '.' || c == '_');
    }
    return n;
}

/* Without the _ that may stand between two digits; false: one stands elsewhere. */
static bool copy_digits(Str s, char out[NUMBER_MAX], size_t *length)
{
    *length = 0;
    for (size_t i = 0; i < s.len; i++) {
        bool between = i > 0 && i + 1 < s.len && s.ptr[i - 1] != '_' && s.ptr[i + 1] != '_';
        if (s.ptr[i] == '_' && !between)
            return false;
        if (*length + 1 >= NUMBER_MAX)
            return false;
        if (s.ptr[i] != '_')
            out[(*length)++] = s.ptr[i];
    }
    return true;
}

static bool hex_value(Str digits, double *out)
{
    double value = 0;
    for (size_t i = 2; i < digits.len; i++) {
        char c = digits.ptr[i];
        int digit = is_digit(c)              ? c - '0'
                    : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                    : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                             : -1;
        if (digit < 0 || i > 17)
            return false;
        value = value * 16 + digit;
    }
    *out = value;
    return true;
}

/* Digits, a point, an exponent, and nothing else (str_to_double() knows other forms, too). */
static bool is_decimal(Str s)
{
    size_t i = 0, digits = 0;
    for (; i < s.len && is_digit(s.ptr[i]); i++)
        digits++;
    if (i < s.len && s.ptr[i] == '.')
        for (i++; i < s.len && is_digit(s.ptr[i]); i++)
            digits++;
    if (!digits || i == s.len)
        return digits > 0;
    if (s.ptr[i] != 'e' && s.ptr[i] != 'E')
        return false;
    i++;
    if (i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-'))
        i++;
    size_t exponent = i;
    while (i < s.len && is_digit(s.ptr[i]))
        i++;
    return i == s.len && i > exponent;
}

static bool number_value(Str s, double *out)
{
    char digits[NUMBER_MAX];
    size_t length;
    if (!copy_digits(s, digits, &length))
        return false;
    Str plain = { digits, length };
    if (is_hex(plain))
        return hex_value(plain, out);
    return is_decimal(plain) && str_to_double(plain, out);
}

static bool take_number(Lexer *lexer, Token *token, Err *err)
{
    Str s = str_first(str_skip(lexer->text, lexer->at), number_length(lexer));
    int64_t nanos;
    token->text = s;
    token->kind = TOKEN_NUMBER;
    lexer->at += s.len;
    if (number_value(s, &token->number))
        return true;
    token->kind = TOKEN_DURATION;
    if (period_parse(s, &nanos)) {
        token->number = (double)(nanos / NANOS_PER_MILLI) / 1000;
        return true;
    }
    return promql_fail_at(lexer->text, token->at, err, "bad number or duration syntax: \"%.*s\"",
                          STR_ARG(str_first(s, SHOWN_MAX)));
}

/* ---- texts --------------------------------------------------------------------------------------
 */

static bool bad_escape(const Lexer *lexer, Err *err)
{
    return promql_fail_at(lexer->text, lexer->at, err, "unknown escape sequence in a string");
}

static bool take_digits(Lexer *lexer, size_t count, unsigned base, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        char c = peek(lexer, i);
        unsigned digit = is_digit(c)              ? (unsigned)(c - '0')
                         : (c >= 'a' && c <= 'f') ? (unsigned)(c - 'a') + 10
                         : (c >= 'A' && c <= 'F') ? (unsigned)(c - 'A') + 10
                                                  : 99;
        if (digit >= base)
            return false;
        *out = *out * base + digit;
    }
    lexer->at += count;
    return true;
}

/* Behind the backslash. */
static bool take_escape(Lexer *lexer, char quote, Buf *out, Err *err)
{
    static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
    char c = peek(lexer, 0);
    uint32_t value;
    for (size_t i = 0; from[i]; i++)
        if (c == from[i]) {
            buf_add_byte(out, to[i]);
            lexer->at++;
            return true;
        }
    if (c == quote && c) {
        buf_add_byte(out, c);
        lexer->at++;
        return true;
    }
    if (c >= '0' && c <= '7') {
        if (!take_digits(lexer, 3, 8, &value) || value > 255)
            return bad_escape(lexer, err);
        buf_add_byte(out, (char)value);
        return true;
    }
    lexer->at++;
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (!digits || !take_digits(lexer, digits, 16, &value))
        return bad_escape(lexer, err);
    if (digits == 2)
        buf_add_byte(out, (char)value);
    else if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return bad_escape(lexer, err);
    else
        buf_add_utf8(out, value);
    return true;
}

static bool take_quoted(Lexer *lexer, char quote, Buf *out, Err *err)
{
    size_t begin = lexer->at - 1;
    for (;;) {
        char c = peek(lexer, 0);
        if (lexer->at >= lexer->text.len || (c == '\n' && quote != '`'))
            return promql_fail_at(lexer->text, begin, err, "unterminated %s string",
                                  quote == '`' ? "raw" : "quoted");
        lexer->at++;
        if (c == quote)
            return true;
        if (c != '\\' || quote == '`')
            buf_add_byte(out, c);
        else if (!take_escape(lexer, quote, out, err))
            return false;
    }
}

static bool take_text(Lexer *lexer, Token *token, Err *err)
{
    Buf out = BUF(lexer->text.len * 4);
    char quote = peek(lexer, 0);
    lexer->at++;
    token->kind = TOKEN_TEXT;
    bool good = take_quoted(lexer, quote, &out, err) && buf_ok(&out, err) &&
                arena_copy(lexer->arena, buf_str(&out), &token->text, err);
    buf_free(&out);
    return good;
}

/* ---- the rest -----------------------------------------------------------------------------------
 */

static bool take_name(Lexer *lexer, Token *token)
{
    size_t begin = lexer->at;
    char c = peek(lexer, 0);
    while (is_letter(c) || is_digit(c) || (c == ':' && !lexer->brackets)) {
        lexer->at++;
        c = peek(lexer, 0);
    }
    token->kind = TOKEN_NAME;
    token->text = (Str){ lexer->text.ptr + begin, lexer->at - begin };
    return true;
}

static bool take_operator(Lexer *lexer, Token *token, Err *err)
{
    static const struct {
        Str text;
        TokenKind kind;
    } rows[] = {
        { STR_ROW("=="), TOKEN_EQ },          { STR_ROW("=~"), TOKEN_MATCH },
        { STR_ROW("!="), TOKEN_NE },          { STR_ROW("!~"), TOKEN_NO_MATCH },
        { STR_ROW("<="), TOKEN_LE },          { STR_ROW(">="), TOKEN_GE },
        { STR_ROW("</"), TOKEN_TRIM_UPPER },  { STR_ROW(">/"), TOKEN_TRIM_LOWER },
        { STR_ROW("<"), TOKEN_LT },           { STR_ROW(">"), TOKEN_GT },
        { STR_ROW("="), TOKEN_ASSIGN },       { STR_ROW("+"), TOKEN_ADD },
        { STR_ROW("-"), TOKEN_SUB },          { STR_ROW("*"), TOKEN_MUL },
        { STR_ROW("/"), TOKEN_DIV },          { STR_ROW("%"), TOKEN_MOD },
        { STR_ROW("^"), TOKEN_POW },          { STR_ROW(","), TOKEN_COMMA },
        { STR_ROW("("), TOKEN_OPEN_PAREN },   { STR_ROW(")"), TOKEN_CLOSE_PAREN },
        { STR_ROW("{"), TOKEN_OPEN_BRACE },   { STR_ROW("}"), TOKEN_CLOSE_BRACE },
        { STR_ROW("["), TOKEN_OPEN_BRACKET }, { STR_ROW("]"), TOKEN_CLOSE_BRACKET },
        { STR_ROW(":"), TOKEN_COLON },        { STR_ROW("@"), TOKEN_AT },
    };
    Str rest = str_skip(lexer->text, lexer->at);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!str_starts(rest, rows[i].text))
            continue;
        token->kind = rows[i].kind;
        token->text = rows[i].text;
        lexer->at += rows[i].text.len;
        lexer->brackets += token->kind == TOKEN_OPEN_BRACKET;
        lexer->brackets -= token->kind == TOKEN_CLOSE_BRACKET && lexer->brackets > 0;
        return true;
    }
    size_t step = utf8_step(rest);
    if (!step || (unsigned char)rest.ptr[0] < ' ')
        return promql_fail_at(lexer->text, lexer->at, err, "unexpected byte 0x%02x",
                              (unsigned char)rest.ptr[0]);
    return promql_fail_at(lexer->text, lexer->at, err, "unexpected character: '%.*s'", (int)step,
                          rest.ptr);
}

static bool take_token(Lexer *lexer, Token *token, Err *err)
{
    *token = (Token){ .kind = TOKEN_END };
    skip_space(lexer);
    token->at = (uint32_t)lexer->at;
    char c = peek(lexer, 0);
    bool good = true;
    if (lexer->at >= lexer->text.len)
        good = true;
    else if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1))))
        good = take_number(lexer, token, err);
    else if (is_letter(c) || (c == ':' && !lexer->brackets))
        good = take_name(lexer, token);
    else if (c == '"' || c == '\'' || c == '`')
        good = take_text(lexer, token, err);
    else
        good = take_operator(lexer, token, err);
    token->end = (uint32_t)lexer->at;
    return good;
}

bool promql_lex(Str text, Arena *arena, TokenList *out, Err *err)
{
    Lexer lexer = { .text = text, .arena = arena };
    *out = (TokenList){ .source = text };
    out->tokens = ARENA_MAKE(arena, Token, text.len + 1, err);
    if (!out->tokens)
        return false;
    do {
        if (!take_token(&lexer, &out->tokens[out->count], err))
            return false;
    } while (out->tokens[out->count++].kind != TOKEN_END);
    return true;
}

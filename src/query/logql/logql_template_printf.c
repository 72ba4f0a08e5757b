/* logql_template_printf.c - printf in templates, as Go has it: %s %q %v %d %x %f and what they
 * take. */
#include "query/logql/logql_template_functions_internal.h"

#include "codec/float_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH_MAX = 4096 };

/* ---- printf -------------------------------------------------------------------------------------
 */

/* %-08.3f: what stands between the sign and the verb. */
typedef struct Verb {
    bool left, zeros, plus;
    int width, precision; /* precision -1: none */
    char letter;
} Verb;

static int take_count(Str *text)
{
    int count = 0;
    while (text->len && text->ptr[0] >= '0' && text->ptr[0] <= '9') {
        count = count < WIDTH_MAX ? count * 10 + (text->ptr[0] - '0') : WIDTH_MAX;
        *text = str_skip(*text, 1);
    }
    return count < WIDTH_MAX ? count : WIDTH_MAX;
}

static Verb take_verb(Str *text)
{
    Verb verb = { .precision = -1 };
    for (; text->len && strchr("-0+ #", text->ptr[0]); *text = str_skip(*text, 1)) {
        verb.left = verb.left || text->ptr[0] == '-';
        verb.zeros = verb.zeros || text->ptr[0] == '0';
        verb.plus = verb.plus || text->ptr[0] == '+';
    }
    verb.width = take_count(text);
    if (str_starts(*text, STR("."))) {
        *text = str_skip(*text, 1);
        verb.precision = take_count(text);
    }
    verb.letter = text->len ? text->ptr[0] : '%';
    *text = str_skip(*text, text->len ? 1 : 0);
    return verb;
}

static void add_padded(Buf *out, const Verb *verb, Str text)
{
    size_t letters = template_letters(text);
    size_t fill = (size_t)verb->width > letters ? (size_t)verb->width - letters : 0;
    bool zeros = verb->zeros && !verb->left && !strchr("svqt", verb->letter);
    if (zeros && text.len && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        buf_add_byte(out, text.ptr[0]);
        text = str_skip(text, 1);
    }
    for (size_t i = 0; !verb->left && i < fill; i++)
        buf_add_byte(out, zeros ? '0' : ' ');
    buf_add(out, text);
    for (size_t i = 0; verb->left && i < fill; i++)
        buf_add_byte(out, ' ');
}

static void add_number(Buf *out, const Verb *verb, const TemplateValue *value)
{
    int precision = verb->precision < 0 ? 6 : verb->precision;
    const char *plus = verb->plus ? "+" : "";
    char general[FLOAT_TEXT_SIZE];
    Buf text = BUF(TEMPLATE_MADE_MAX);
    double real = template_float(value);
    switch (verb->letter) {
    case 'd':
        buf_addf(&text, "%s%" PRId64, template_int(value) < 0 ? "" : plus, template_int(value));
        break;
    case 'x': buf_addf(&text, "%" PRIx64, (uint64_t)template_int(value)); break;
    case 'e': buf_addf(&text, "%s%.*e", real < 0 ? "" : plus, precision, real); break;
    case 'f': buf_addf(&text, "%s%.*f", real < 0 ? "" : plus, precision, real); break;
    default:
        if (verb->precision >= 0)
            buf_addf(&text, "%.*g", precision, real);
        else
            buf_add(&text, (Str){ general, float_text(real, FLOAT_ANSWER, general) });
    }
    out->failed = out->failed || text.failed;
    add_padded(out, verb, buf_str(&text));
    buf_free(&text);
}

static void add_quoted(Buf *out, Str text)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        static const char plain[] = "\"\\\n\t\r", letters[] = "\"\\ntr";
        const char *at = text.ptr[i] ? strchr(plain, text.ptr[i]) : NULL;
        if (at) {
            buf_add_byte(out, '\\');
            buf_add_byte(out, letters[at - plain]);
        } else if ((uint8_t)text.ptr[i] < 0x20) {
            buf_addf(out, "\\x%02x", (unsigned)(uint8_t)text.ptr[i]);
        } else {
            buf_add_byte(out, text.ptr[i]);
        }
    }
    buf_add_byte(out, '"');
}

static bool add_verb(LogqlRow *row, Buf *out, const Verb *verb, const TemplateValue *value)
{
    Str text = template_text(row, value);
    if (verb->letter == 's' || verb->letter == 'v' || verb->letter == 't') {
        if (verb->precision >= 0)
            text = str_first(text, (size_t)verb->precision);
        add_padded(out, verb, text);
    } else if (verb->letter == 'q') {
        add_quoted(out, text);
    } else if (strchr("dxefg", verb->letter)) {
        add_number(out, verb, value);
    } else {
        row_mark(row, TEMPLATE_ERROR, "printf: %%%c is not supported", verb->letter);
        return false;
    }
    return true;
}

/* A value that is missing or left over is written as Go does. */
static bool call_printf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str format = template_text_at(row, call, 0);
    Buf made = BUF(TEMPLATE_MADE_MAX);
    size_t next = 1;
    bool ok = true;
    while (ok && format.len) {
        char c = format.ptr[0];
        format = str_skip(format, 1);
        if (c != '%') {
            buf_add_byte(&made, c);
            continue;
        }
        Verb verb = take_verb(&format);
        if (verb.letter == '%')
            buf_add_byte(&made, '%');
        else if (next >= call->count)
            buf_addf(&made, "%%!%c(MISSING)", verb.letter);
        else
            ok = add_verb(row, &made, &verb, &call->values[next++]);
    }
    if (ok)
        return template_give(row, &made, out);
    buf_free(&made);
    return false;
}

/* ---- the table ----------------------------------------------------------------------------------
 */

static const TemplateFunction functions[] = {
    { STR_ROW("printf"), 1, TEMPLATE_ARGUMENTS_MAX, call_printf },
};

const TemplateTable template_printf = { functions, COUNT_OF(functions) };

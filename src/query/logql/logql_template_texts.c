/* logql_template_texts.c - what templates can do with texts: cut, pad, replace, encode, search.
 *
 * A width or a number of repetitions is bounded by what the result may have; beyond that the line
 * is marked.
 */
#include "query/logql/logql_template_functions_internal.h"

#include "codec/json.h"
#include "codec/json_reader.h"

#include <inttypes.h>
#include <string.h>

enum { WIDTH_MAX = 4096 };

/* ---- texts --------------------------------------------------------------------------------------
 */

static bool fold(LogqlRow *row, Str text, bool upper, TemplateValue *out)
{
    Buf made = BUF(TEMPLATE_MADE_MAX);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        buf_add_byte(&made, letter ? (char)(c ^ 0x20) : c);
    }
    return template_give(row, &made, out);
}
static bool call_lower(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return fold(row, template_text_at(row, call, 0), false, out);
}
static bool call_upper(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return fold(row, template_text_at(row, call, 0), true, out);
}

static Str cut_set(Str text, Str set, bool left, bool right)
{
    while (left && text.len && set.len && memchr(set.ptr, text.ptr[0], set.len))
        text = str_skip(text, 1);
    while (right && text.len && set.len && memchr(set.ptr, text.ptr[text.len - 1], set.len))
        text.len--;
    return text;
}
static bool call_trim(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_text(str_trim(template_text_at(row, call, 0)), out);
}
static bool call_trim_all(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_text(cut_set(template_text_at(row, call, 1),
                                      template_text_at(row, call, 0), true, true),
                              out);
}
static bool call_trim_set(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_text(cut_set(template_text_at(row, call, 0),
                                      template_text_at(row, call, 1), true, true),
                              out);
}
static bool call_trim_left(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_text(cut_set(template_text_at(row, call, 0),
                                      template_text_at(row, call, 1), true, false),
                              out);
}
static bool call_trim_right(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_text(cut_set(template_text_at(row, call, 0),
                                      template_text_at(row, call, 1), false, true),
                              out);
}

static Str without_prefix(Str text, Str prefix)
{
    return str_starts(text, prefix) ? str_skip(text, prefix.len) : text;
}
static Str without_suffix(Str text, Str suffix)
{
    return str_ends(text, suffix) ? str_first(text, text.len - suffix.len) : text;
}
static bool call_prefix(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_text(without_prefix(template_text_at(row, call, 1),
                                             template_text_at(row, call, 0)),
                              out);
}
static bool call_suffix(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_text(without_suffix(template_text_at(row, call, 1),
                                             template_text_at(row, call, 0)),
                              out);
}
static bool call_prefix_old(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_text(without_prefix(template_text_at(row, call, 0),
                                             template_text_at(row, call, 1)),
                              out);
}
static bool call_suffix_old(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return template_give_text(without_suffix(template_text_at(row, call, 0),
                                             template_text_at(row, call, 1)),
                              out);
}

/* trunc 5 text; a negative length takes from the end. */
static bool call_trunc(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    int64_t count = template_int(&call->values[0]);
    Str text = template_text_at(row, call, 1);
    int64_t len = (int64_t)text.len;
    if (count < 0)
        return template_give_text(count > -len ? str_skip(text, (size_t)(len + count)) : text, out);
    return template_give_text(count < len ? str_first(text, (size_t)count) : text, out);
}

/* substr start end text */
static bool call_substr(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str text = template_text_at(row, call, 2);
    int64_t len = (int64_t)text.len;
    int64_t start = template_int(&call->values[0]), end = template_int(&call->values[1]);
    start = start < 0 ? 0 : start > len ? len : start;
    end = end < 0 || end > len ? len : end;
    end = end < start ? start : end;
    return template_give_text((Str){ text.ptr + start, (size_t)(end - start) }, out);
}

static bool replace(LogqlRow *row, const Str texts[3], int64_t times, TemplateValue *out)
{
    Buf made = BUF(TEMPLATE_MADE_MAX);
    Str text = texts[0], old = texts[1];
    while (old.len && text.len && times != 0) {
        const char *at = memmem(text.ptr, text.len, old.ptr, old.len);
        if (!at)
            break;
        size_t len = (size_t)(at - text.ptr);
        buf_add(&made, str_first(text, len));
        buf_add(&made, texts[2]);
        text = str_skip(text, len + old.len);
        times--;
    }
    buf_add(&made, text);
    return template_give(row, &made, out);
}
/* replace old new text */
static bool call_replace(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    const Str texts[] = { template_text_at(row, call, 2), template_text_at(row, call, 0),
                          template_text_at(row, call, 1) };
    return replace(row, texts, -1, out);
}
/* Replace text old new times */
static bool call_replace_old(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    const Str texts[] = { template_text_at(row, call, 0), template_text_at(row, call, 1),
                          template_text_at(row, call, 2) };
    return replace(row, texts, template_int(&call->values[3]), out);
}

static bool call_repeat(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Buf made = BUF(TEMPLATE_MADE_MAX);
    Str text = template_text_at(row, call, 1);
    int64_t times = template_int(&call->values[0]);
    for (int64_t i = 0; i < times && text.len && !made.failed; i++)
        buf_add(&made, text);
    return template_give(row, &made, out);
}

size_t template_letters(Str text)
{
    size_t count = 0;
    for (; text.len; count++) {
        size_t step = utf8_step(text);
        text = str_skip(text, step ? step : 1);
    }
    return count;
}

/* Cut or filled with spaces to so many letters. */
static bool align(LogqlRow *row, const TemplateCall *call, bool left, TemplateValue *out)
{
    int64_t width = template_int(&call->values[0]);
    Str text = template_text_at(row, call, 1);
    size_t letters = template_letters(text);
    Buf made = BUF(TEMPLATE_MADE_MAX);
    if (width < 0 || width > WIDTH_MAX) {
        row_mark(row, TEMPLATE_ERROR, "a width of %" PRId64, width);
        return false;
    }
    size_t wanted = (size_t)width, fill = wanted > letters ? wanted - letters : 0;
    size_t skip = !left && letters > wanted ? letters - wanted : 0, taken = 0;
    for (size_t i = 0; !left && i < fill; i++)
        buf_add_byte(&made, ' ');
    while (text.len && taken < wanted + skip) {
        size_t step = utf8_step(text);
        step = step ? step : 1;
        if (taken++ >= skip)
            buf_add(&made, str_first(text, step));
        text = str_skip(text, step);
    }
    for (size_t i = 0; left && i < fill; i++)
        buf_add_byte(&made, ' ');
    return template_give(row, &made, out);
}
static bool call_align_left(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return align(row, call, true, out);
}
static bool call_align_right(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return align(row, call, false, out);
}

static bool indent(LogqlRow *row, const TemplateCall *call, bool on_new_line, TemplateValue *out)
{
    int64_t width = template_int(&call->values[0]);
    Str text = template_text_at(row, call, 1);
    Buf made = BUF(TEMPLATE_MADE_MAX);
    bool fresh = true;
    width = width < 0 ? 0 : width > WIDTH_MAX ? WIDTH_MAX : width;
    if (on_new_line)
        buf_add_byte(&made, '\n');
    for (size_t i = 0; i <= text.len && !made.failed; i++) {
        for (int64_t k = 0; fresh && k < width; k++)
            buf_add_byte(&made, ' ');
        if (i < text.len)
            buf_add_byte(&made, text.ptr[i]);
        fresh = i < text.len && text.ptr[i] == '\n';
    }
    return template_give(row, &made, out);
}
static bool call_indent(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return indent(row, call, false, out);
}
static bool call_nindent(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return indent(row, call, true, out);
}

/* ---- encodings ----------------------------------------------------------------------------------
 */

static bool is_plain(char c)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || strchr("-_.~", c);
}

static bool call_urlencode(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str text = template_text_at(row, call, 0);
    Buf made = BUF(TEMPLATE_MADE_MAX);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] && is_plain(text.ptr[i]))
            buf_add_byte(&made, text.ptr[i]);
        else if (text.ptr[i] == ' ')
            buf_add_byte(&made, '+');
        else
            buf_addf(&made, "%%%02X", (unsigned)(uint8_t)text.ptr[i]);
    return template_give(row, &made, out);
}

static bool call_urldecode(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str text = template_text_at(row, call, 0);
    Buf made = BUF(TEMPLATE_MADE_MAX);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte;
        if (text.ptr[i] != '%') {
            buf_add_byte(&made, text.ptr[i] == '+' ? ' ' : text.ptr[i]);
        } else if (i + 2 < text.len && str_unhex((Str){ text.ptr + i + 1, 2 }, &byte, 1)) {
            buf_add_byte(&made, (char)byte);
            i += 2;
        } else {
            row_mark(row, TEMPLATE_ERROR, "invalid URL escape");
            buf_free(&made);
            return false;
        }
    }
    return template_give(row, &made, out);
}

static bool call_b64enc(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Buf made = BUF(TEMPLATE_MADE_MAX);
    JsonWriter json = json_writer(&made);
    json_base64(&json, template_text_at(row, call, 0));
    if (!template_give(row, &made, out))
        return false;
    out->text = cut_set(out->text, STR("\""), true, true);
    return true;
}

static bool call_b64dec(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Buf made = BUF(TEMPLATE_MADE_MAX);
    if (!json_unbase64(template_text_at(row, call, 0), &made) && !made.failed) {
        buf_free(&made);
        row_mark(row, TEMPLATE_ERROR, "illegal base64 data");
        return false;
    }
    return template_give(row, &made, out);
}

/* ---- regular expressions ------------------------------------------------------------------------
 */

static bool call_count(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    Str text = template_text_at(row, call, 1), group;
    int64_t count = 0;
    while (regex_find(call->regex, text, &group, 1)) {
        count++;
        size_t end = (size_t)(group.ptr + group.len - text.ptr) + (group.len == 0);
        if (end > text.len || text.len == 0)
            break;
        text = str_skip(text, end);
    }
    return template_give_int(count, out);
}

/* Each match is looked for in what is left, so ^ matches there again; RE2 has no other way here. */
static bool regex_replace(LogqlRow *row, const TemplateCall *call, bool literal, TemplateValue *out)
{
    Buf made = BUF(TEMPLATE_MADE_MAX);
    Str text = template_text_at(row, call, 1), with = template_text_at(row, call, 2);
    Str groups[REGEX_GROUPS_MAX] = { { 0 } };
    while (!made.failed && regex_find(call->regex, text, groups, REGEX_GROUPS_MAX)) {
        size_t before = (size_t)(groups[0].ptr - text.ptr);
        buf_add(&made, str_first(text, before));
        if (literal)
            buf_add(&made, with);
        else
            logql_expand(call->regex, with, groups, &made);
        text = str_skip(text, before + groups[0].len);
        if (text.len == 0)
            break;
        if (groups[0].len == 0) {
            buf_add(&made, str_first(text, 1));
            text = str_skip(text, 1);
        }
    }
    buf_add(&made, text);
    return template_give(row, &made, out);
}
static bool call_regex_replace(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return regex_replace(row, call, false, out);
}
static bool call_regex_literal(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return regex_replace(row, call, true, out);
}

/* ---- the table ----------------------------------------------------------------------------------
 */

static const TemplateFunction functions[] = {
    { STR_ROW("lower"), 1, 1, call_lower },
    { STR_ROW("ToLower"), 1, 1, call_lower },
    { STR_ROW("upper"), 1, 1, call_upper },
    { STR_ROW("ToUpper"), 1, 1, call_upper },
    { STR_ROW("trim"), 1, 1, call_trim },
    { STR_ROW("TrimSpace"), 1, 1, call_trim },
    { STR_ROW("trimAll"), 2, 2, call_trim_all },
    { STR_ROW("Trim"), 2, 2, call_trim_set },
    { STR_ROW("TrimLeft"), 2, 2, call_trim_left },
    { STR_ROW("TrimRight"), 2, 2, call_trim_right },
    { STR_ROW("trimPrefix"), 2, 2, call_prefix },
    { STR_ROW("trimSuffix"), 2, 2, call_suffix },
    { STR_ROW("TrimPrefix"), 2, 2, call_prefix_old },
    { STR_ROW("TrimSuffix"), 2, 2, call_suffix_old },
    { STR_ROW("trunc"), 2, 2, call_trunc },
    { STR_ROW("substr"), 3, 3, call_substr },
    { STR_ROW("replace"), 3, 3, call_replace },
    { STR_ROW("Replace"), 4, 4, call_replace_old },
    { STR_ROW("repeat"), 2, 2, call_repeat },
    { STR_ROW("alignLeft"), 2, 2, call_align_left },
    { STR_ROW("alignRight"), 2, 2, call_align_right },
    { STR_ROW("indent"), 2, 2, call_indent },
    { STR_ROW("nindent"), 2, 2, call_nindent },
    { STR_ROW("urlencode"), 1, 1, call_urlencode },
    { STR_ROW("urldecode"), 1, 1, call_urldecode },
    { STR_ROW("b64enc"), 1, 1, call_b64enc },
    { STR_ROW("b64dec"), 1, 1, call_b64dec },
};

const TemplateTable template_texts = { functions, COUNT_OF(functions) };

static const TemplateFunction regexes[] = {
    { STR_ROW("count"), 2, 2, call_count },
    { STR_ROW("regexReplaceAll"), 3, 3, call_regex_replace },
    { STR_ROW("regexReplaceAllLiteral"), 3, 3, call_regex_literal },
};

const TemplateTable template_regexes = { regexes, COUNT_OF(regexes) };

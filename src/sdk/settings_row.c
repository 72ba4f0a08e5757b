/* settings_row.c - how the values of rows are read; see settings_row.h. */
#include "sdk/settings_row.h"

#include "sdk/exporters.h"
#include "sdk/sampler.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 64 << 10 };
/* ---- texts and lists ------------------------------------------------------------------------- */

static bool keep_text(Str text, const char **out, Arena *arena, Err *err)
{
    Str copy;
    if (!arena_copy(arena, text, &copy, err))
        return false;
    *out = copy.ptr;
    return true;
}

static bool not_one_of(Str text, const char *const *choices, Err *err)
{
    char list[160] = "";
    size_t len = 0;
    for (; *choices && len < sizeof list; choices++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", *choices);
    return fail(err, ERR_INPUT, "'%.*s' is not one of %s", STR_ARG(text), list);
}

static const char *choice_find(Str text, const char *const *choices)
{
    for (; *choices; choices++)
        if (str_eq_nocase(text, str_from(*choices)))
            return *choices;
    return NULL;
}

static bool parse_choice(const SettingRow *row, Str text, const char **out, Err *err)
{
    const char *choice = choice_find(text, row->choices);
    if (!choice)
        return not_one_of(text, row->choices, err);
    *out = choice;
    return true;
}

static bool comes_later(const SettingRow *row, Str text, Err *err)
{
    return row->later && choice_find(text, row->later) &&
           !fail(err, ERR_UNSUPPORTED, "'%.*s' is not in this version yet", STR_ARG(text));
}

static bool element_valid(const SettingRow *row, Str element, Err *err)
{
    if (row->type == SETTING_CHOICES && !choice_find(element, row->choices))
        return !comes_later(row, element, err) && not_one_of(element, row->choices, err);
    if (row->type == SETTING_EXPORTERS && !exporter_known(element)) {
        char names[160];
        exporter_names(names, sizeof names);
        return !comes_later(row, element, err) &&
               fail(err, ERR_INPUT, "'%.*s' is no exporter; there are %s", STR_ARG(element), names);
    }
    return true;
}

static bool list_has(Str list, Str element)
{
    Str part;
    while (str_split(&list, ',', &part))
        if (str_eq(part, element))
            return true;
    return false;
}

/* Trimmed, checked, each element once. */
static bool list_tidy(const SettingRow *row, Str list, Buf *out, Err *err)
{
    Str part;
    while (str_split(&list, ',', &part)) {
        part = str_trim(part);
        if (part.len == 0)
            continue;
        if (!element_valid(row, part, err))
            return false;
        if (list_has(buf_str(out), part))
            continue;
        if (out->len)
            buf_add_byte(out, ',');
        buf_add(out, part);
    }
    return buf_ok(out, err);
}

static bool parse_list(const SettingRow *row, Str text, const char **out, Arena *arena, Err *err)
{
    Buf plain = BUF(TEXT_MAX), tidy = BUF(TEXT_MAX);
    bool json = str_starts(text, STR("["));
    bool done = (!json || json_to_list(text, &plain, err)) &&
                list_tidy(row, json ? buf_str(&plain) : text, &tidy, err) &&
                keep_text(buf_str(&tidy), out, arena, err);
    buf_free(&plain);
    buf_free(&tidy);
    return done;
}

/* ---- numbers and switches -------------------------------------------------------------------- */

static bool parse_count(const SettingRow *row, Str text, int64_t *out, Err *err)
{
    int64_t value;
    if (str_to_i64(text, &value) && value >= row->min && value <= row->max) {
        *out = value;
        return true;
    }
    return fail(err, ERR_INPUT, "'%.*s' is not a whole number from %" PRId64 " to %" PRId64,
                STR_ARG(text), row->min, row->max);
}

static bool parse_ratio(Str text, double *out, Err *err)
{
    double value;
    if (str_to_double(text, &value) && value >= 0.0 && value <= 1.0) {
        *out = value;
        return true;
    }
    return fail(err, ERR_INPUT, "'%.*s' is not a number from 0 to 1", STR_ARG(text));
}

static bool parse_switch(Str text, CryoSwitch *out, Err *err)
{
    bool on = str_eq_nocase(text, STR("true"));
    if (!on && !str_eq_nocase(text, STR("false")))
        return fail(err, ERR_INPUT, "'%.*s' is neither true nor false", STR_ARG(text));
    *out = on ? CRYO_ON : CRYO_OFF;
    return true;
}

static bool no_such_sampler(Str text, Err *err)
{
    char own[80];
    own_sampler_names(own, sizeof own);
    return fail(err, ERR_INPUT, "'%.*s' is not one of %s%s", STR_ARG(text), sampler_names, own);
}

static bool parse_sampler(Str text, const char **out, Arena *arena, Err *err)
{
    Sampler sampler;
    if (!sampler_from_name(text, 1.0, &sampler))
        return no_such_sampler(text, err);
    return keep_text(sampler_name(&sampler), out, arena, err);
}

bool setting_parse(const SettingRow *row, Str text, CryoSettings *into, Arena *arena, Err *err)
{
    void *member = setting_member(row, into);
    int64_t port;
    switch (row->type) {
    case SETTING_NAME:
        if (str_trim(text).len == 0)
            return fail(err, ERR_INPUT, "must not be empty");
        return keep_text(text, member, arena, err);
    case SETTING_TEXT: return keep_text(text, member, arena, err);
    case SETTING_CHOICE: return parse_choice(row, text, member, err);
    case SETTING_LIST:
    case SETTING_CHOICES:
    case SETTING_EXPORTERS: return parse_list(row, text, member, arena, err);
    case SETTING_SAMPLER: return parse_sampler(text, member, arena, err);
    case SETTING_SWITCH: return parse_switch(text, member, err);
    case SETTING_PORT:
        if (!parse_count(row, text, &port, err))
            return false;
        *(int32_t *)member = (int32_t)port;
        return true;
    case SETTING_COUNT: return parse_count(row, text, member, err);
    case SETTING_RATIO: return parse_ratio(text, member, err);
    case SETTING_MAP: return json_to_map(text, member, arena, err);
    }
    return false;
}

/* ---- what code says -------------------------------------------------------------------------- */

static bool number_in_code(int64_t value, Buf *out)
{
    if (value != 0)
        buf_addf(out, "%" PRId64, value == CRYO_ZERO ? 0 : value);
    return value != 0;
}

bool setting_in_code(const SettingRow *row, const CryoSettings *code, Buf *out)
{
    const void *member = setting_value(row, code);
    double ratio;
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_NAME:
    case SETTING_CHOICE:
    case SETTING_LIST:
    case SETTING_CHOICES:
    case SETTING_EXPORTERS:
    case SETTING_SAMPLER:
        buf_add(out, str_from(*(const char *const *)member));
        return *(const char *const *)member != NULL;
    case SETTING_SWITCH:
        buf_add(out, *(const CryoSwitch *)member == CRYO_ON ? STR("true") : STR("false"));
        return *(const CryoSwitch *)member != CRYO_UNSET;
    case SETTING_PORT: return number_in_code(*(const int32_t *)member, out);
    case SETTING_COUNT: return number_in_code(*(const int64_t *)member, out);
    case SETTING_RATIO:
        ratio = *(const double *)member;
        buf_addf(out, "%.17g", ratio == (double)CRYO_ZERO ? 0.0 : ratio);
        return ratio != 0.0;
    case SETTING_MAP: return ((const CryoAttrs *)member)->count > 0;
    }
    return false;
}

static bool copy_string(CryoString from, CryoString *to, Arena *arena, Err *err)
{
    Str copy;
    if (!arena_copy(arena, (Str){ from.ptr, from.len }, &copy, err))
        return false;
    *to = (CryoString){ copy.ptr, copy.len };
    return true;
}

size_t setting_unique(CryoAttr *pairs, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        Str key = { pairs[i].key.ptr, pairs[i].key.len };
        size_t at = 0;
        while (at < kept && !str_eq((Str){ pairs[at].key.ptr, pairs[at].key.len }, key))
            at++;
        pairs[at] = pairs[i];
        kept += at == kept;
    }
    return kept;
}

static bool copy_map(CryoAttrs *map, uint32_t depth, Arena *arena, Err *err);
static bool copy_value(CryoValue *value, uint32_t depth, Arena *arena, Err *err);

static bool copy_strings(CryoValue *value, Arena *arena, Err *err)
{
    size_t count = value->as.array.count;
    const CryoString *from = value->as.array.ptr;
    CryoString *to = ARENA_MAKE(arena, CryoString, count, err);
    for (size_t i = 0; to && i < count; i++)
        if (!copy_string(from[i], &to[i], arena, err))
            return false;
    value->as.array.ptr = to;
    return to || count == 0;
}

static bool copy_values(CryoValue *value, uint32_t depth, Arena *arena, Err *err)
{
    size_t count = value->as.array.count;
    const CryoValue *from = value->as.array.ptr;
    CryoValue *to = ARENA_MAKE(arena, CryoValue, count, err);
    for (size_t i = 0; to && i < count; i++) {
        to[i] = from[i];
        if (!copy_value(&to[i], depth, arena, err))
            return false;
    }
    value->as.array.ptr = to;
    return to || count == 0;
}

static bool copy_numbers(CryoValue *value, size_t size, Arena *arena, Err *err)
{
    Str copy;
    if (!arena_copy(arena, (Str){ value->as.array.ptr, value->as.array.count * size }, &copy, err))
        return false;
    value->as.array.ptr = copy.ptr;
    return true;
}

/* The arena's limit also ends a value that contains itself many times. */
static bool copy_value(CryoValue *value, uint32_t depth, Arena *arena, Err *err)
{
    if (depth == 0 && (value->type == CRYO_VALUE_ARRAY || value->type == CRYO_MAP))
        return fail(err, ERR_LIMIT, "nests deeper than %d", CRYO_DEPTH_MAX);
    switch (value->type) {
    case CRYO_STRING:
    case CRYO_BYTES: return copy_string(value->as.string, &value->as.string, arena, err);
    case CRYO_STRING_ARRAY: return copy_strings(value, arena, err);
    case CRYO_BOOLEAN_ARRAY: return copy_numbers(value, sizeof(bool), arena, err);
    case CRYO_INTEGER_ARRAY:
    case CRYO_DOUBLE_ARRAY: return copy_numbers(value, sizeof(int64_t), arena, err);
    case CRYO_VALUE_ARRAY: return copy_values(value, depth - 1, arena, err);
    case CRYO_MAP: return copy_map(&value->as.map, depth - 1, arena, err);
    case CRYO_EMPTY:
    case CRYO_BOOLEAN:
    case CRYO_INTEGER:
    case CRYO_DOUBLE: return true;
    }
    return fail(err, ERR_INPUT, "has a value of no known type");
}

static bool copy_map(CryoAttrs *map, uint32_t depth, Arena *arena, Err *err)
{
    bool nested = depth < CRYO_DEPTH_MAX;
    if (nested && map->count > CRYO_MAP_MAX)
        return fail(err, ERR_LIMIT, "has a map of more than %d keys", CRYO_MAP_MAX);
    CryoAttr *list = ARENA_MAKE(arena, CryoAttr, map->count, err);
    for (size_t i = 0; list && i < map->count; i++) {
        list[i] = map->ptr[i];
        if (!copy_string(list[i].key, &list[i].key, arena, err) ||
            !copy_value(&list[i].value, depth, arena, err))
            return false;
    }
    *map = (CryoAttrs){ list, list ? map->count : 0 };
    if (list && nested)
        map->count = setting_unique(list, map->count);
    return list != NULL;
}

bool setting_copy_map(CryoAttrs from, CryoAttrs *to, Arena *arena, Err *err)
{
    *to = from;
    return copy_map(to, CRYO_DEPTH_MAX, arena, err);
}

/* logql_extract.c - parsers of lines: json, logfmt, regexp, pattern, unpack; see
 * logql_row_internal.h. What a parser cannot read is marked, and what it had found stays. */
#include "query/logql/logql_pattern_internal.h"
#include "query/logql/logql_row_internal.h"

#include "codec/json_reader.h"

#include <string.h>

/* ---- json ---------------------------------------------------------------------------------------
 */

static const Str json_error = STR_ROW("JSONParserErr");

/* One value that is no object: false when it gives no label (arrays, null). */
static bool json_value(LogqlRow *row, JsonReader *json, Str *out)
{
    bool flag;
    Str text;
    switch (json_peek(json)) {
    case JSON_TEXT: return json_read_text(json, &text) && row_copy(row, text, out);
    case JSON_NUMBER: return json_read_number(json, out);
    case JSON_BOOL:
        if (!json_read_bool(json, &flag))
            return false;
        *out = flag ? STR("true") : STR("false");
        return true;
    case JSON_NO_VALUE:
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_NULL: break;
    }
    json_skip(json);
    return false;
}

/* Bounded by the reader's depth. */
static void json_members(LogqlRow *row, JsonReader *json, Str prefix)
{
    Str key, value;
    json_read_object(json);
    while (!row->failed && json_read_key(json, &key)) {
        Str name = row_label_name(row, prefix, key);
        if (json_peek(json) == JSON_OBJECT)
            json_members(row, json, name);
        else if (json_value(row, json, &value))
            row_parsed(row, name, value);
    }
}

static void json_end_row(LogqlRow *row, JsonReader *json)
{
    Err err;
    if (!row->failed && !json_read_end(json, &err))
        row_mark(row, json_error, "%s", err.text);
    json_reader_done(json);
}

/* One step of a path such as a.b["c"][0]: a key, or an index. */
typedef struct JsonStep {
    Str key;
    uint64_t index;
    bool is_index;
} JsonStep;

static bool path_step(Str *path, JsonStep *out)
{
    *out = (JsonStep){ 0 };
    Str rest = *path, inner;
    if (str_starts(rest, STR("."))) {
        rest = str_skip(rest, 1);
    } else if (str_starts(rest, STR("["))) {
        rest = str_skip(rest, 1);
        if (!str_contains(rest, STR("]")) || !str_split(&rest, ']', &inner))
            return false;
        *path = rest;
        out->is_index = str_to_u64(inner, &out->index);
        bool quoted = inner.len >= 2 && inner.ptr[0] == '"' && str_ends(inner, STR("\""));
        out->key = quoted ? (Str){ inner.ptr + 1, inner.len - 2 } : inner;
        return out->is_index || quoted;
    }
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '.' && rest.ptr[len] != '[')
        len++;
    out->key = str_first(rest, len);
    *path = str_skip(rest, len);
    return len > 0;
}

/* Moves the reader to what the path says. False: it is not there. */
static bool json_follow(JsonReader *json, Str path)
{
    JsonStep step;
    while (path.len) {
        Str key;
        bool found = false;
        uint64_t at = 0;
        if (!path_step(&path, &step))
            return false;
        if (step.is_index && json_peek(json) == JSON_ARRAY) {
            json_read_array(json);
            while (json_read_element(json) && !(found = at++ == step.index))
                json_skip(json);
        } else if (!step.is_index && json_peek(json) == JSON_OBJECT) {
            json_read_object(json);
            while (json_read_key(json, &key) && !(found = str_eq(key, step.key)))
                json_skip(json);
        }
        if (!found)
            return false;
    }
    return !json->failed;
}

static void json_term(LogqlRow *row, const LabelTerm *term)
{
    JsonReader json = json_reader(row->line);
    Str value = STR("");
    if (json_follow(&json, term->text)) {
        JsonKind kind = json_peek(&json);
        const char *start = json.at;
        if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
            if (!json_value(row, &json, &value))
                value = STR("");
        } else if (json_skip(&json)) {
            value = str_trim((Str){ start, (size_t)(json.at - start) });
        }
    }
    if (json.failed)
        row_mark(row, json_error, "%s", json.err.text);
    row_parsed(row, term->name, value);
    json_reader_done(&json);
}

void extract_json(LogqlRow *row, const LogqlStage *stage)
{
    for (const LabelTerm *term = stage->terms; term; term = term->next)
        json_term(row, term);
    if (stage->terms)
        return;
    JsonReader json = json_reader(row->line);
    json_members(row, &json, STR(""));
    json_end_row(row, &json);
}

void extract_unpack(LogqlRow *row)
{
    JsonReader json = json_reader(row->line);
    Str key, text, entry = row->line;
    json_read_object(&json);
    while (!row->failed && json_read_key(&json, &key)) {
        bool is_entry = str_eq(key, STR("_entry"));
        Str name = row_label_name(row, STR(""), key), value;
        if (json_peek(&json) != JSON_TEXT)
            json_skip(&json);
        else if (json_read_text(&json, &text) && row_copy(row, text, &value) && is_entry)
            entry = value;
        else if (!json.failed && !row->failed)
            row_parsed(row, name, value);
    }
    row->line = entry;
    json_end_row(row, &json);
}

/* ---- logfmt -------------------------------------------------------------------------------------
 */

static const Str logfmt_error = STR_ROW("LogfmtParserErr");

typedef struct Logfmt {
    Str rest;
    Str key, value;
    bool has_value, escaped;
    const char *problem; /* what was met; the pair is passed over */
} Logfmt;

static bool is_space(char c)
{
    return (uint8_t)c <= ' ';
}

static void logfmt_quoted(Logfmt *at)
{
    size_t len = 1;
    while (len < at->rest.len && at->rest.ptr[len] != '"') {
        at->escaped = at->escaped || at->rest.ptr[len] == '\\';
        len += at->rest.ptr[len] == '\\' ? 2 : 1;
    }
    if (len >= at->rest.len) {
        at->problem = "unterminated quoted value";
        at->rest = STR("");
        return;
    }
    at->value = (Str){ at->rest.ptr, len + 1 }; /* with the quotes: it reads as JSON */
    at->rest = str_skip(at->rest, len + 1);
    if (!at->escaped)
        at->value = (Str){ at->value.ptr + 1, len - 1 };
}

/* The next pair. False: the line is over. */
static bool logfmt_next(Logfmt *at)
{
    size_t len = 0;
    while (at->rest.len && is_space(at->rest.ptr[0]))
        at->rest = str_skip(at->rest, 1);
    *at = (Logfmt){ .rest = at->rest, .value = STR("") };
    if (!at->rest.len)
        return false;
    while (len < at->rest.len && !is_space(at->rest.ptr[len]) && at->rest.ptr[len] != '=' &&
           at->rest.ptr[len] != '"')
        len++;
    at->key = str_first(at->rest, len);
    at->rest = str_skip(at->rest, len);
    if (len == 0 || str_starts(at->rest, STR("\""))) {
        at->problem = len ? "unexpected '\"'" : "a key is missing";
        while (at->rest.len && !is_space(at->rest.ptr[0]))
            at->rest = str_skip(at->rest, 1);
        return true;
    }
    at->has_value = str_starts(at->rest, STR("="));
    at->rest = str_skip(at->rest, at->has_value ? 1 : 0);
    if (!at->has_value)
        return true;
    if (str_starts(at->rest, STR("\""))) {
        logfmt_quoted(at);
        return true;
    }
    for (len = 0; len < at->rest.len && !is_space(at->rest.ptr[len]); len++)
        if (at->rest.ptr[len] == '=' || at->rest.ptr[len] == '"')
            at->problem = "unexpected '=' or '\"' in a value";
    at->value = str_first(at->rest, len);
    at->rest = str_skip(at->rest, len);
    return true;
}

static bool logfmt_unescape(LogqlRow *row, Logfmt *at)
{
    if (!at->escaped)
        return true;
    JsonReader json = json_reader(at->value);
    Str text;
    bool ok = json_read_text(&json, &text) && row_copy(row, text, &at->value);
    json_reader_done(&json);
    at->problem = ok ? NULL : "invalid quoted value";
    return ok;
}

static void logfmt_terms(LogqlRow *row, const LabelTerm *terms, const Logfmt *at)
{
    for (; terms; terms = terms->next)
        if (str_eq(terms->text, at->key))
            row_parsed(row, terms->name, at->value);
}

void extract_logfmt(LogqlRow *row, const LogqlStage *stage)
{
    Logfmt at = { .rest = row->line };
    while (!row->failed && logfmt_next(&at)) {
        if (at.problem || !logfmt_unescape(row, &at)) {
            if (!stage->strict)
                continue;
            row_mark(row, logfmt_error, "logfmt syntax error: %s", at.problem);
            return;
        }
        if (at.value.len == 0 && !stage->keep_empty)
            continue;
        if (stage->terms)
            logfmt_terms(row, stage->terms, &at);
        else
            row_parsed(row, row_label_name(row, STR(""), at.key), at.value);
    }
}

/* ---- regexp, pattern ----------------------------------------------------------------------------
 */

void extract_regexp(LogqlRow *row, const LogqlStage *stage)
{
    Str groups[REGEX_GROUPS_MAX];
    size_t count = regex_groups(stage->regex);
    count = count < REGEX_GROUPS_MAX ? count : REGEX_GROUPS_MAX;
    if (!regex_find(stage->regex, row->line, groups, count))
        return;
    for (size_t i = 1; i < count; i++) {
        Str name = regex_group_name(stage->regex, i);
        if (name.len)
            row_parsed(row, name, groups[i].ptr ? groups[i] : STR(""));
    }
}

void extract_pattern(LogqlRow *row, const LogqlStage *stage)
{
    PatternWalk walk = { stage->pattern, row->line };
    for (Str name, value; !row->failed && pattern_walk(&walk, &name, &value);)
        row_parsed(row, name, value);
}

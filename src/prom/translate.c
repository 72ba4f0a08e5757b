/* translate.c - see translate.h. Order and oddities (a unit compared as one word with the words of
 * the name, "total" leaving the middle of a name) are those of Prometheus' own translator: two
 * stores that translate the same metric must agree. */
#include "prom/translate.h"

#include <string.h>

typedef struct UnitWord {
    Str unit, word;
} UnitWord;

static const UnitWord units[] = {
    { STR_ROW("d"), STR_ROW("days") },
    { STR_ROW("h"), STR_ROW("hours") },
    { STR_ROW("min"), STR_ROW("minutes") },
    { STR_ROW("s"), STR_ROW("seconds") },
    { STR_ROW("ms"), STR_ROW("milliseconds") },
    { STR_ROW("us"), STR_ROW("microseconds") },
    { STR_ROW("ns"), STR_ROW("nanoseconds") },
    { STR_ROW("By"), STR_ROW("bytes") },
    { STR_ROW("KiBy"), STR_ROW("kibibytes") },
    { STR_ROW("MiBy"), STR_ROW("mebibytes") },
    { STR_ROW("GiBy"), STR_ROW("gibibytes") },
    { STR_ROW("TiBy"), STR_ROW("tibibytes") },
    { STR_ROW("KBy"), STR_ROW("kilobytes") },
    { STR_ROW("MBy"), STR_ROW("megabytes") },
    { STR_ROW("GBy"), STR_ROW("gigabytes") },
    { STR_ROW("TBy"), STR_ROW("terabytes") },
    { STR_ROW("m"), STR_ROW("meters") },
    { STR_ROW("V"), STR_ROW("volts") },
    { STR_ROW("A"), STR_ROW("amperes") },
    { STR_ROW("J"), STR_ROW("joules") },
    { STR_ROW("W"), STR_ROW("watts") },
    { STR_ROW("g"), STR_ROW("grams") },
    { STR_ROW("Cel"), STR_ROW("celsius") },
    { STR_ROW("Hz"), STR_ROW("hertz") },
    { STR_ROW("1"), STR_ROW("") },
    { STR_ROW("%"), STR_ROW("percent") },
};

static const UnitWord per_units[] = {
    { STR_ROW("s"), STR_ROW("second") }, { STR_ROW("m"), STR_ROW("minute") },
    { STR_ROW("h"), STR_ROW("hour") },   { STR_ROW("d"), STR_ROW("day") },
    { STR_ROW("w"), STR_ROW("week") },   { STR_ROW("mo"), STR_ROW("month") },
    { STR_ROW("y"), STR_ROW("year") },
};

enum { UNIT_TEXT_MAX = 128 }; /* UCUM's longest are shorter; the rest of a longer one is left out */

/* The words that a unit adds, each in its own small text. */
typedef struct UnitText {
    char text[UNIT_TEXT_MAX];
    size_t len;
} UnitText;

typedef struct UnitTexts {
    UnitText main, per;
} UnitTexts;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

static bool is_token(char c)
{
    return is_word(c) || c == ':';
}

static bool is_token_or_underscore(char c)
{
    return is_token(c) || c == '_';
}

/* Cuts the next run of wanted characters off; false: none left. */
static bool next_run(Str *rest, bool (*wanted)(char), Str *run)
{
    while (rest->len && !wanted(*rest->ptr))
        *rest = str_skip(*rest, 1);
    size_t len = 0;
    while (len < rest->len && wanted(rest->ptr[len]))
        len++;
    *run = str_first(*rest, len);
    *rest = str_skip(*rest, len);
    return len > 0;
}

static Str word_for(const UnitWord *table, size_t count, Str unit)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(table[i].unit, unit))
            return table[i].word;
    return unit;
}

static bool counts_things(Str unit) /* {request}: an annotation, not a unit */
{
    return str_contains(unit, STR("{")) || str_contains(unit, STR("}"));
}

static Str unit_str(const UnitText *unit)
{
    return (Str){ unit->text, unit->len };
}

/* With what is forbidden as '_', a run of them one, and none in front. */
static void add_clean(UnitText *out, Str word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = is_token(word.ptr[i]) ? word.ptr[i] : '_';
        bool repeated = c == '_' && (out->len == 0 || out->text[out->len - 1] == '_');
        if (!repeated && out->len < sizeof out->text)
            out->text[out->len++] = c;
    }
}

static void drop_last_underscore(UnitText *unit)
{
    if (unit->len && unit->text[unit->len - 1] == '_')
        unit->len--;
}

static void unit_texts(Str unit, UnitTexts *out)
{
    Str rest = unit, part = { NULL, 0 };
    out->main.len = out->per.len = 0;
    (void)str_split(&rest, '/', &part);
    part = str_trim(part);
    if (part.len && !counts_things(part))
        add_clean(&out->main, word_for(units, COUNT_OF(units), part));
    part = str_trim(rest);
    if (!part.len || counts_things(part))
        return;
    add_clean(&out->per, STR("per_"));
    add_clean(&out->per, word_for(per_units, COUNT_OF(per_units), part));
}

void unit_name(Str unit, Buf *out)
{
    UnitTexts texts;
    unit_texts(unit, &texts);
    drop_last_underscore(&texts.per);
    if (texts.per.len == 0)
        drop_last_underscore(&texts.main);
    buf_add(out, unit_str(&texts.main));
    if (texts.main.len && texts.per.len)
        buf_add_byte(out, '_');
    buf_add(out, unit_str(&texts.per));
}

static Str unit_for(const UnitWord *table, size_t count, Str word)
{
    for (size_t i = 0; i < count; i++)
        if (word.len && str_eq(table[i].word, word))
            return table[i].unit;
    return str_eq(word, STR("ratio")) ? STR("1") : word;
}

void unit_from_name(Str name, Buf *out)
{
    static const Str per = STR_ROW("_per_");
    size_t at = 0;
    while (at + per.len < name.len && !str_starts(str_skip(name, at), per))
        at++;
    if (at + per.len >= name.len) {
        buf_add(out, unit_for(units, COUNT_OF(units), name));
        return;
    }
    buf_add(out, unit_for(units, COUNT_OF(units), str_first(name, at)));
    buf_add_byte(out, '/');
    buf_add(out, unit_for(per_units, COUNT_OF(per_units), str_skip(name, at + per.len)));
}

static bool has_token(Str name, Str token)
{
    for (Str run; next_run(&name, is_token, &run);)
        if (str_eq(run, token))
            return true;
    return false;
}

static void add_token(Buf *out, size_t start, Str token, Str unwanted)
{
    if (!token.len || str_eq(token, unwanted))
        return;
    if (out->len > start)
        buf_add_byte(out, '_');
    buf_add(out, token);
}

static void add_suffixed(const FamilyNaming *naming, Buf *out, size_t start)
{
    static const Str none = { NULL, 0 };
    bool ratio = naming->ending == ENDING_RATIO && str_eq(naming->unit, STR("1"));
    Str ending = naming->ending == ENDING_TOTAL ? STR("total") : ratio ? STR("ratio") : none;
    UnitTexts unit;
    unit_texts(naming->unit, &unit);
    if (has_token(naming->name, unit_str(&unit.main)))
        unit.main.len = 0;
    drop_last_underscore(&unit.per);
    if (str_eq(unit_str(&unit.per), STR("per")) || has_token(naming->name, unit_str(&unit.per)))
        unit.per.len = 0;
    if (unit.per.len)
        drop_last_underscore(&unit.main);
    Str rest = naming->name;
    for (Str token; next_run(&rest, is_token, &token);)
        add_token(out, start, token, ending);
    add_token(out, start, unit_str(&unit.main), ending);
    add_token(out, start, unit_str(&unit.per), ending);
    add_token(out, start, ending, none);
}

static void add_runs(Buf *out, size_t start, Str text)
{
    for (Str run; next_run(&text, is_token_or_underscore, &run);)
        add_token(out, start, run, (Str){ NULL, 0 });
}

static void put_in_front(Buf *out, size_t start, Str text)
{
    if (!buf_reserve(out, text.len))
        return;
    memmove(out->ptr + start + text.len, out->ptr + start, out->len - start);
    memcpy(out->ptr + start, text.ptr, text.len);
    out->len += text.len;
}

/* Nothing, or nothing but underscores that were put there. */
static bool is_empty(const Buf *out, size_t start, Str before)
{
    if (out->failed)
        return false;
    if (out->len == start)
        return true;
    Str after = { out->ptr + start, out->len - start };
    if (str_eq(after, before))
        return false;
    for (size_t i = 0; i < after.len; i++)
        if (after.ptr[i] != '_')
            return false;
    return true;
}

bool family_name(const FamilyNaming *naming, Buf *out)
{
    size_t start = out->len;
    add_runs(out, start, naming->ns);
    if (naming->without_suffixes)
        add_runs(out, start, naming->name);
    else
        add_suffixed(naming, out, start);
    if (!out->failed && out->len > start && is_digit(out->ptr[start]))
        put_in_front(out, start, STR("_"));
    return !is_empty(out, start, naming->name);
}

bool label_name_plain(Str key)
{
    if (!key.len || is_digit(*key.ptr))
        return false;
    if (*key.ptr == '_' && !str_starts(key, STR("__")))
        return false;
    for (size_t i = 0; i < key.len; i++)
        if (!is_word(key.ptr[i]) && key.ptr[i] != '_')
            return false;
    return true;
}

bool label_name(Str key, Buf *out)
{
    size_t start = out->len;
    Str rest = key;
    while (rest.len) {
        size_t step = utf8_step(rest);
        buf_add_byte(out, step == 1 && is_word(*rest.ptr) ? *rest.ptr : '_');
        rest = str_skip(rest, step ? step : 1);
    }
    if (out->failed || out->len == start)
        return out->failed;
    Str name = { out->ptr + start, out->len - start };
    if (is_digit(*name.ptr))
        put_in_front(out, start, STR("key_"));
    else if (str_starts(name, STR("_")) && !str_starts(name, STR("__")))
        put_in_front(out, start, STR("key"));
    return !is_empty(out, start, key);
}

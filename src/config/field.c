/* field.c - the rows of a table and their single values; see field.h. */
#include "config/field.h"

#include "base/clock.h"
#include "config/nearest.h"
#include "config/value_internal.h"

#include <math.h>

const char *config_key(const ConfigField *field)
{
    return field->name ? field->name : field->key;
}

static bool is_old_name(const ConfigField *field, Str key)
{
    Str rest = str_from(field->also);
    for (Str name; str_split(&rest, ',', &name);)
        if (str_eq(str_trim(name), key))
            return true;
    return false;
}

const ConfigField *config_find(const ConfigField *table, Str key)
{
    for (const ConfigField *field = table; field->type; field++)
        if (str_eq(str_from(config_key(field)), key) || is_old_name(field, key))
            return field;
    return NULL;
}

const NodePair *field_pair(const ConfigField *field, const Node *map)
{
    const NodePair *pair = node_pair(map, str_from(config_key(field)));
    Str rest = str_from(field->also);
    for (Str name; !pair && str_split(&rest, ',', &name);)
        pair = node_pair(map, str_trim(name));
    return pair;
}

const char *config_nearest(const ConfigField *table, Str key)
{
    Nearest nearest = { .given = key };
    for (const ConfigField *field = table; field->type; field++)
        if (field->type != CONFIG_RETIRED && field->type != CONFIG_LATER)
            nearest_try(&nearest, str_from(config_key(field)));
    return nearest.name.ptr;
}

static bool parse_bool(Str s, bool *out)
{
    *out = str_eq(s, STR("true")) || str_eq(s, STR("True")) || str_eq(s, STR("TRUE"));
    return *out || str_eq(s, STR("false")) || str_eq(s, STR("False")) || str_eq(s, STR("FALSE"));
}

static bool parse_radix(Str digits, unsigned radix, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned char c = (unsigned char)digits.ptr[i];
        unsigned value = c >= '0' && c <= '9'   ? c - (unsigned)'0'
                         : c >= 'a' && c <= 'f' ? c - (unsigned)'a' + 10
                         : c >= 'A' && c <= 'F' ? c - (unsigned)'A' + 10
                                                : radix;
        if (value >= radix || *out > (UINT64_MAX - value) / radix)
            return false;
        *out = *out * radix + value;
    }
    return digits.len > 0;
}

/* As YAML 1.2 writes whole numbers: 10, 0x1F, 0o17. */
static bool parse_count(Str s, uint64_t *out)
{
    if (str_starts(s, STR("0x")))
        return parse_radix(str_skip(s, 2), 16, out);
    if (str_starts(s, STR("0o")))
        return parse_radix(str_skip(s, 2), 8, out);
    return str_to_u64(s, out);
}

static bool parse_int(Str s, int64_t *out)
{
    uint64_t count;
    if (!str_starts(s, STR("0")))
        return str_to_i64(s, out);
    if (!parse_count(s, &count) || count > INT64_MAX)
        return false;
    *out = (int64_t)count;
    return true;
}

/* 4096, 4096B, 512KiB, 512Ki, 10MB: binary with an i, decimal without. */
static bool parse_size(Str s, uint64_t *out)
{
    static const struct {
        Str suffix;
        uint64_t bytes;
    } units[] = {
        { STR_ROW("KiB"), UINT64_C(1) << 10 },
        { STR_ROW("MiB"), UINT64_C(1) << 20 },
        { STR_ROW("GiB"), UINT64_C(1) << 30 },
        { STR_ROW("TiB"), UINT64_C(1) << 40 },
        { STR_ROW("PiB"), UINT64_C(1) << 50 },
        { STR_ROW("Ki"), UINT64_C(1) << 10 },
        { STR_ROW("Mi"), UINT64_C(1) << 20 },
        { STR_ROW("Gi"), UINT64_C(1) << 30 },
        { STR_ROW("Ti"), UINT64_C(1) << 40 },
        { STR_ROW("Pi"), UINT64_C(1) << 50 },
        { STR_ROW("KB"), 1000 },
        { STR_ROW("MB"), 1000000 },
        { STR_ROW("GB"), 1000000000 },
        { STR_ROW("TB"), UINT64_C(1000000000000) },
        { STR_ROW("PB"), UINT64_C(1000000000000000) },
        { STR_ROW("B"), 1 },
        { STR_ROW(""), 1 },
    };
    size_t digits = 0;
    while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
        digits++;
    Str suffix = str_trim(str_skip(s, digits));
    if (!str_to_u64(str_first(s, digits), out))
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (!str_eq_nocase(suffix, units[i].suffix))
            continue;
        if (*out > UINT64_MAX / units[i].bytes)
            return false;
        *out *= units[i].bytes;
        return true;
    }
    return false;
}

static bool parse_choice(const char *const *choices, Str s, int *out)
{
    for (int i = 0; choices[i]; i++) {
        if (str_eq_nocase(s, str_from(choices[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static const struct {
    size_t size;
    const char *what; /* "must be ..." */
    bool scalar, text;
} types[] = {
    [CONFIG_BOOL] = { sizeof(bool), "true or false", true, false },
    [CONFIG_COUNT] = { sizeof(uint64_t), "a whole number", true, false },
    [CONFIG_INT] = { sizeof(int64_t), "a whole number, with or without a minus", true, false },
    [CONFIG_NUMBER] = { sizeof(double), "a number", true, false },
    [CONFIG_DURATION] = { sizeof(int64_t), "a duration such as 200ms, 5s or 1h30m", true, true },
    [CONFIG_SIZE] = { sizeof(uint64_t), "a size such as 4096, 512KiB or 4MiB", true, true },
    [CONFIG_TEXT] = { sizeof(Str), "text", true, true },
    [CONFIG_SECRET] = { sizeof(Secret), "text", true, true },
    [CONFIG_CHOICE] = { sizeof(int), "one of", true, true },
    [CONFIG_ANY] = { sizeof(const Node *), "anything", false, false },
    [CONFIG_SECTION] = { 0, "a map of settings", false, false },
    [CONFIG_OPTIONAL_SECTION] = { 0, "a map of settings", false, false },
    [CONFIG_LIST] = { 0, "a list", false, false },
    [CONFIG_MAP] = { 0, "a map", false, false },
    [CONFIG_LATER] = { 0, NULL, false, false },
};

size_t value_size(ConfigType type)
{
    return types[type].size;
}

bool type_is_scalar(ConfigType type)
{
    return types[type].scalar;
}

bool type_is_text(ConfigType type)
{
    return types[type].text;
}

bool value_parse(const ConfigField *field, ConfigType type, Str text, ConfigValue *out)
{
    switch (type) {
    case CONFIG_BOOL: return parse_bool(text, &out->flag);
    case CONFIG_COUNT: return parse_count(text, &out->count);
    case CONFIG_INT: return parse_int(text, &out->whole);
    case CONFIG_NUMBER: return str_to_double(text, &out->number) && isfinite(out->number);
    case CONFIG_DURATION: return duration_parse(text, &out->whole);
    case CONFIG_SIZE: return parse_size(text, &out->count);
    case CONFIG_CHOICE: return parse_choice(field->choices, text, &out->choice);
    case CONFIG_TEXT:
    case CONFIG_SECRET: out->text = text; return true;
    case CONFIG_NONE:
    case CONFIG_ANY:
    case CONFIG_SECTION:
    case CONFIG_OPTIONAL_SECTION:
    case CONFIG_LIST:
    case CONFIG_MAP:
    case CONFIG_RETIRED:
    case CONFIG_IGNORED:
    case CONFIG_LATER: break;
    }
    return false;
}

/* -1, 0, 1; types without an order are all equal. */
static int compare(ConfigType type, ConfigValue a, ConfigValue b)
{
    if (type == CONFIG_COUNT || type == CONFIG_SIZE)
        return a.count < b.count ? -1 : a.count > b.count;
    if (type == CONFIG_INT || type == CONFIG_DURATION)
        return a.whole < b.whole ? -1 : a.whole > b.whole;
    if (type == CONFIG_NUMBER)
        return a.number < b.number ? -1 : a.number > b.number;
    return 0;
}

bool value_in_range(const ConfigField *field, ConfigType type, ConfigValue value)
{
    ConfigValue bound;
    if (field->min && (!value_parse(field, type, str_from(field->min), &bound) ||
                       compare(type, value, bound) < 0))
        return false;
    return !field->max || (value_parse(field, type, str_from(field->max), &bound) &&
                           compare(type, value, bound) <= 0);
}

void type_write(const ConfigField *field, ConfigType type, Buf *out)
{
    buf_add(out, str_from(types[type].what));
    if (type != CONFIG_CHOICE)
        return;
    for (size_t i = 0; field->choices[i]; i++)
        buf_addf(out, "%s%s", i ? ", " : " ", field->choices[i]);
}

void range_write(const ConfigField *field, Buf *out)
{
    if (field->min && field->max)
        buf_addf(out, "between %s and %s", field->min, field->max);
    else if (field->min)
        buf_addf(out, "at least %s", field->min);
    else if (field->max)
        buf_addf(out, "at most %s", field->max);
}

/* The text behind the last colon that is outside of brackets. */
static bool split_port(Str text, Str *port)
{
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != ':' && text.ptr[at - 1] != ']')
        at--;
    if (at == 0 || text.ptr[at - 1] != ':')
        return false;
    *port = str_skip(text, at);
    Str host = str_first(text, at - 1);
    bool bracketed = str_starts(host, STR("[")) && str_ends(host, STR("]"));
    return bracketed || !str_contains(host, STR(":"));
}

bool config_check_endpoint(Str text, Err *err)
{
    Str port;
    uint64_t number;
    if (str_contains(text, STR("/")))
        return fail(err, ERR_INPUT, "must be host:port without a scheme or path, not '%.*s'",
                    STR_ARG(str_first(text, 100)));
    if (split_port(text, &port) && str_to_u64(port, &number) && number <= UINT16_MAX)
        return true;
    return fail(err, ERR_INPUT, "must be host:port, such as localhost:4317, not '%.*s'",
                STR_ARG(str_first(text, 100)));
}

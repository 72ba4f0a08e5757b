/* item_match.c - see item_match.h. */
#include "processors/item_match.h"

#include "base/mem.h"
#include "model/signal.h"
#include "otlp/metric_view.h"
#include "otlp/value_text.h"
#include "processors/attribute_actions.h"

static const char *const match_types[] = { "strict", "regexp", NULL };

typedef enum MatchType { MATCH_STRICT, MATCH_REGEXP } MatchType; /* as in NameMatch */

/* "SPAN_KIND_SERVER", "server". */
static bool read_span_kind(Str text, uint32_t *out)
{
    Str prefix = STR("SPAN_KIND_");
    if (str_eq_nocase(str_first(text, prefix.len), prefix))
        text = str_skip(text, prefix.len);
    for (uint32_t kind = SPAN_KIND_UNSPECIFIED; kind <= SPAN_KIND_CONSUMER; kind++) {
        if (str_eq_nocase(text, span_kind_name(kind))) {
            *out = kind;
            return true;
        }
    }
    return false;
}

static Str otlp_kind_name(uint32_t kind)
{
    static const Str names[] = { STR_ROW("SPAN_KIND_UNSPECIFIED"), STR_ROW("SPAN_KIND_INTERNAL"),
                                 STR_ROW("SPAN_KIND_SERVER"),      STR_ROW("SPAN_KIND_CLIENT"),
                                 STR_ROW("SPAN_KIND_PRODUCER"),    STR_ROW("SPAN_KIND_CONSUMER") };
    return names[kind < COUNT_OF(names) ? kind : SPAN_KIND_UNSPECIFIED];
}

/* "9", "INFO". */
static bool read_severity(Str text, uint64_t *out)
{
    if (str_to_u64(text, out))
        return *out > SEVERITY_UNSPECIFIED && *out <= SEVERITY_MAX;
    for (*out = 1; *out <= SEVERITY_MAX; ++*out)
        if (str_eq_nocase(text, severity_name(*out)))
            return true;
    return false;
}

static bool check_severity(Str text, Err *err)
{
    uint64_t number;
    return read_severity(text, &number) ||
           fail(err, ERR_INPUT, "\"%.*s\" is no severity from 1 to 24, nor a name such as INFO",
                STR_ARG(text));
}

static const ConfigField attribute_fields[] = {
    TEXT(MatchAttribute, key, REQUIRED, "The attribute that must be there."),
    ANY(MatchAttribute, value, "Its value; without one any will do."),
    { 0 },
};

static const ConfigField scope_fields[] = {
    TEXT(MatchScope, name, "", "The name of the instrumentation scope."),
    ANY(MatchScope, version, "Its version; without one any will do, \"\" is one that has none."),
    { 0 },
};

static const ConfigField severity_fields[] = {
    TEXT(MatchSeverity, min, REQUIRED, "From this severity on: 9, or INFO.",
         .check = check_severity),
    BOOL(MatchSeverity, match_undefined, "false", "Whether records without a severity fit."),
    { 0 },
};

const ConfigField item_match_fields[] = {
    CHOICE(ItemMatch, match_type, REQUIRED, match_types,
           "strict: the same text; regexp: patterns that match anywhere in it."),
    TEXT_LIST(ItemMatch, services, "", "The resource's service.name is one of these."),
    TEXT_LIST(ItemMatch, span_names, "", "It is a span with one of these names."),
    TEXT_LIST(ItemMatch, span_kinds, "", "It is a span of one of these kinds: SPAN_KIND_SERVER."),
    TEXT_LIST(ItemMatch, log_bodies, "", "It is a log record with one of these texts."),
    TEXT_LIST(ItemMatch, log_severity_texts, "",
              "It is a log record with one of these severity texts."),
    OPTIONAL_SECTION(ItemMatch, log_severity_number, MatchSeverity, severity_fields,
                     "It is a log record of at least this severity."),
    TEXT_LIST(ItemMatch, metric_names, "", "It is a data point of one of these metrics."),
    SECTION_LIST(ItemMatch, attributes, MatchAttribute, attribute_fields,
                 "It has all of these attributes."),
    SECTION_LIST(ItemMatch, resources, MatchAttribute, attribute_fields,
                 "Its resource has all of these attributes."),
    SECTION_LIST(ItemMatch, libraries, MatchScope, scope_fields,
                 "Its instrumentation scope is one of these."),
    IGNORED("regexp", "patterns need no cache here"),
    { 0 },
};

/* --- settings -------------------------------------------------------------------------------- */

static bool check_list(const MatchAttributeList *list, const char *name, Err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const Node *value = list->items[i].value;
        if (node_is_given(value) && value->kind != NODE_SCALAR)
            return fail(err, ERR_UNSUPPORTED,
                        "%s[%zu]: lists and maps as value: not supported yet; they come later",
                        name, i);
    }
    return true;
}

static bool check_span_kinds(const ItemMatch *match, Err *err)
{
    uint32_t kind;
    if (match->match_type == MATCH_REGEXP)
        return true; /* patterns for SPAN_KIND_SERVER */
    for (size_t i = 0; i < match->span_kinds.count; i++)
        if (!read_span_kind(match->span_kinds.items[i], &kind))
            return fail(err, ERR_INPUT,
                        "span_kinds[%zu]: \"%.*s\" is no span kind, such as SPAN_KIND_SERVER", i,
                        STR_ARG(match->span_kinds.items[i]));
    return true;
}

static bool check_versions(const MatchScopeList *list, Err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const Node *version = list->items[i].version;
        if (node_is_given(version) && version->kind != NODE_SCALAR)
            return fail(err, ERR_INPUT, "libraries[%zu].version: must be text", i);
    }
    return true;
}

bool item_match_check(const ItemMatch *match, const char *name, Err *err)
{
    if (!match->present)
        return true;
    size_t criteria = match->services.count + match->span_names.count + match->span_kinds.count +
                      match->log_bodies.count + match->log_severity_texts.count +
                      match->metric_names.count + match->attributes.count + match->resources.count +
                      match->libraries.count + match->log_severity_number.present;
    if (!criteria)
        return fail(err, ERR_INPUT,
                    "%s: at least one of services, span_names, span_kinds, log_bodies, "
                    "log_severity_texts, log_severity_number, metric_names, attributes, "
                    "resources or libraries must be specified",
                    name);
    ItemMatch trial = *match; /* for its patterns */
    bool good = check_span_kinds(match, err) && check_list(&match->attributes, "attributes", err) &&
                check_list(&match->resources, "resources", err) &&
                check_versions(&match->libraries, err) && item_match_open(&trial, err);
    item_match_close(&trial);
    return good || blame(err, "%s", name);
}

/* --- patterns -------------------------------------------------------------------------------- */

static bool open_set(const ItemMatch *match, const TextList *list, NameSet **out, Err *err)
{
    if (!list->count)
        return true;
    *out = name_set_new(list->items, list->count, (NameMatch)match->match_type, err);
    return *out != NULL;
}

static bool open_values(const MatchAttributeList *list, Regex ***out, Err *err)
{
    *out = MEM_MAKE(Regex *, list->count ? list->count : 1, err);
    if (!*out)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (!node_is_given(list->items[i].value))
            continue;
        (*out)[i] = regex_new(list->items[i].value->text, REGEX_SEARCH, err);
        if (!(*out)[i])
            return false;
    }
    return true;
}

static bool open_scopes(const MatchScopeList *list, Regex ***out, Err *err)
{
    *out = MEM_MAKE(Regex *, list->count ? 2 * list->count : 1, err);
    if (!*out)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        const Node *version = list->items[i].version;
        (*out)[2 * i] = regex_new(list->items[i].name, REGEX_SEARCH, err);
        if (!(*out)[2 * i])
            return false;
        if (!node_is_given(version))
            continue;
        (*out)[2 * i + 1] = regex_new(version->text, REGEX_SEARCH, err);
        if (!(*out)[2 * i + 1])
            return false;
    }
    return true;
}

bool item_match_open(ItemMatch *match, Err *err)
{
    if (!match->present)
        return true;
    return open_set(match, &match->services, &match->service_set, err) &&
           (match->match_type == MATCH_STRICT ||
            open_set(match, &match->span_kinds, &match->span_kind_set, err)) &&
           open_set(match, &match->span_names, &match->span_name_set, err) &&
           open_set(match, &match->log_bodies, &match->body_set, err) &&
           open_set(match, &match->log_severity_texts, &match->severity_set, err) &&
           open_set(match, &match->metric_names, &match->metric_set, err) &&
           (match->match_type == MATCH_STRICT ||
            (open_scopes(&match->libraries, &match->scope_patterns, err) &&
             open_values(&match->attributes, &match->attribute_patterns, err) &&
             open_values(&match->resources, &match->resource_patterns, err)));
}

static void close_set(NameSet **set)
{
    name_set_free(*set);
    *set = NULL;
}

static void close_patterns(size_t count, Regex ***patterns)
{
    for (size_t i = 0; i < count && *patterns; i++)
        regex_free((*patterns)[i]);
    mem_free(*patterns);
    *patterns = NULL;
}

void item_match_close(ItemMatch *match)
{
    close_set(&match->service_set);
    close_set(&match->span_kind_set);
    close_set(&match->span_name_set);
    close_set(&match->body_set);
    close_set(&match->severity_set);
    close_set(&match->metric_set);
    close_patterns(match->attributes.count, &match->attribute_patterns);
    close_patterns(match->resources.count, &match->resource_patterns);
    close_patterns(2 * match->libraries.count, &match->scope_patterns);
}

/* --- work ------------------------------------------------------------------------------------ */

static bool is_value(const Node *want, const ValueView *got)
{
    if (!node_is_given(want))
        return true;
    ValueView value = node_value(want);
    if (value.kind != got->kind)
        return false;
    switch (value.kind) {
    case VALUE_BOOL: return value.boolean == got->boolean;
    case VALUE_INT: return value.integer == got->integer;
    case VALUE_DOUBLE: return !(value.real < got->real) && !(value.real > got->real);
    case VALUE_STRING: return str_eq(value.text, got->text);
    case VALUE_EMPTY:
    case VALUE_BYTES:
    case VALUE_ARRAY:
    case VALUE_KVLIST: break;
    }
    return false;
}

static bool is_found(const Regex *pattern, const ValueView *got)
{
    Buf text = BUF(BATCH_BYTES_MAX);
    if (got->kind == VALUE_STRING)
        return regex_matches(pattern, got->text);
    value_text(got, &text);
    bool found = !text.failed && regex_matches(pattern, buf_str(&text));
    buf_free(&text);
    return found;
}

/* patterns: NULL under strict. */
static bool has_all(const MatchAttributeList *list, Regex *const *patterns, Attributes attributes)
{
    for (size_t i = 0; i < list->count; i++) {
        ValueView value;
        if (!attributes_find(attributes, list->items[i].key, &value))
            return false;
        if (patterns ? patterns[i] && !is_found(patterns[i], &value)
                     : !is_value(list->items[i].value, &value))
            return false;
    }
    return true;
}

/* A pattern sees the kind as OTLP names it. */
static bool is_kind(const ItemMatch *match, uint32_t kind)
{
    const TextList *kinds = &match->span_kinds;
    uint32_t wanted;
    if (match->match_type == MATCH_REGEXP)
        return name_set_has(match->span_kind_set, otlp_kind_name(kind));
    for (size_t i = 0; i < kinds->count; i++)
        if (read_span_kind(kinds->items[i], &wanted) && wanted == kind)
            return true;
    return false;
}

static bool span_fits(const ItemMatch *match, const Batch *batch, size_t item)
{
    if (!match->span_names.count && !match->span_kinds.count)
        return true;
    if (batch_signal(batch) != TRACES)
        return false;
    SpanView span = span_view(batch, item);
    return (!match->span_names.count || name_set_has(match->span_name_set, span.name)) &&
           (!match->span_kinds.count || is_kind(match, span.kind));
}

static bool severity_fits(const MatchSeverity *severity, uint32_t number)
{
    uint64_t min;
    if (!severity->present)
        return true;
    if (number == SEVERITY_UNSPECIFIED)
        return severity->match_undefined;
    return read_severity(severity->min, &min) && number >= min;
}

/* Numbers, lists and maps as the text that they are shown as. */
static bool body_is_meant(const NameSet *bodies, const ValueView *body)
{
    Buf text = BUF(BATCH_BYTES_MAX);
    if (body->kind == VALUE_STRING)
        return name_set_has(bodies, body->text);
    value_text(body, &text);
    bool meant = !text.failed && name_set_has(bodies, buf_str(&text));
    buf_free(&text);
    return meant;
}

static bool log_fits(const ItemMatch *match, const Batch *batch, size_t item)
{
    if (!match->log_bodies.count && !match->log_severity_texts.count &&
        !match->log_severity_number.present)
        return true;
    if (batch_signal(batch) != LOGS)
        return false;
    LogView log = log_view(batch, item);
    return (!match->log_bodies.count || body_is_meant(match->body_set, &log.body)) &&
           (!match->log_severity_texts.count ||
            name_set_has(match->severity_set, log.severity_text)) &&
           severity_fits(&match->log_severity_number, log.severity_number);
}

static bool metric_fits(const ItemMatch *match, const Batch *batch, size_t item)
{
    if (!match->metric_names.count)
        return true;
    return batch_signal(batch) == METRICS &&
           name_set_has(match->metric_set,
                        metric_view(batch, batch_metric_of_item(batch, item)).name);
}

static bool resource_fits(const ItemMatch *match, const Batch *batch, size_t item)
{
    if (!match->services.count && !match->resources.count)
        return true;
    size_t scope = batch_scope_of_item(batch, item);
    Attributes resource = resource_attributes(batch, batch_resource_of_scope(batch, scope));
    ValueView service;
    if (match->services.count &&
        !(attributes_find(resource, STR("service.name"), &service) &&
          service.kind == VALUE_STRING && name_set_has(match->service_set, service.text)))
        return false;
    return has_all(&match->resources, match->resource_patterns, resource);
}

static bool is_scope(const MatchScope *want, const ScopeView *scope)
{
    return str_eq(want->name, scope->name) &&
           (!node_is_given(want->version) || str_eq(want->version->text, scope->version));
}

static bool scope_fits(const ItemMatch *match, const Batch *batch, size_t item)
{
    if (!match->libraries.count)
        return true;
    ScopeView scope = scope_view(batch, batch_scope_of_item(batch, item));
    for (size_t i = 0; i < match->libraries.count; i++) {
        Regex *const *patterns = match->scope_patterns ? &match->scope_patterns[2 * i] : NULL;
        if (patterns ? regex_matches(patterns[0], scope.name) &&
                           (!patterns[1] || regex_matches(patterns[1], scope.version))
                     : is_scope(&match->libraries.items[i], &scope))
            return true;
    }
    return false;
}

static bool fits(const ItemMatch *match, const Batch *batch, size_t item)
{
    return resource_fits(match, batch, item) && scope_fits(match, batch, item) &&
           span_fits(match, batch, item) && log_fits(match, batch, item) &&
           metric_fits(match, batch, item) &&
           (!match->attributes.count ||
            has_all(&match->attributes, match->attribute_patterns, item_attributes(batch, item)));
}

bool item_is_meant(const ItemMatch *include, const ItemMatch *exclude, const Batch *batch,
                   size_t item)
{
    return (!include->present || fits(include, batch, item)) &&
           (!exclude->present || !fits(exclude, batch, item));
}

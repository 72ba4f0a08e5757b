/* span_processor.c - names spans after their attributes, and sets their status.
 *
 * A name is made of the values of `from_attributes`, as text, with the separator between them; a
 * span that lacks one of them keeps its name. Then `to_attributes` takes names apart: what the
 * named groups of a rule find becomes attributes, and in the name the groups' own names in braces
 * stand for it, so that /orders/17 becomes /orders/{id}. Every rule sees the name that those before
 * it left; with break_after_match the first one that matches is the last. include and exclude say
 * which spans are meant.
 */
#include "base/mem.h"
#include "model/signal.h"
#include "otlp/value_text.h"
#include "processors/item_match.h"
#include "processors/send_edited.h"

typedef struct RuleSettings {
    bool present, break_after_match, keep_original_name;
    TextList rules;
} RuleSettings;

typedef struct NameSettings {
    TextList from_attributes;
    Str separator;
    RuleSettings to_attributes;
} NameSettings;

typedef struct StatusSettings {
    bool present;
    int code; /* a StatusCode */
    Str description;
} StatusSettings;

typedef struct SpanChanger {
    Component base;
    NameSettings name;
    StatusSettings status;
    ItemMatch include, exclude;
    Regex **rules; /* state: of to_attributes */
} SpanChanger;

static const char *const code_names[] = { "Unset", "Ok", "Error", NULL }; /* as in StatusCode */

static const ConfigField rule_fields[] = {
    TEXT_LIST(RuleSettings, rules, "",
              "Patterns whose named groups become attributes, in this order."),
    BOOL(RuleSettings, break_after_match, "false", "Stop at the first rule that matches."),
    BOOL(RuleSettings, keep_original_name, "false", "Leave the name as it is."),
    { 0 },
};

static const ConfigField name_fields[] = {
    TEXT_LIST(NameSettings, from_attributes, "",
              "The new name is made of these attributes' values, in this order."),
    TEXT(NameSettings, separator, "", "What stands between them."),
    OPTIONAL_SECTION(NameSettings, to_attributes, RuleSettings, rule_fields,
                     "Attributes from parts of the name."),
    { 0 },
};

static const ConfigField status_fields[] = {
    CHOICE(StatusSettings, code, REQUIRED, code_names, "The new status."),
    TEXT(StatusSettings, description, "", "Why; only with Error."),
    { 0 },
};

static const ConfigField fields[] = {
    SECTION(SpanChanger, name, NameSettings, name_fields, "How spans are named."),
    OPTIONAL_SECTION(SpanChanger, status, StatusSettings, status_fields,
                     "The status that spans get."),
    ITEM_FILTER_ROWS(SpanChanger),
    { 0 },
};

static bool check_rule(Str text, Err *err)
{
    Regex *rule = regex_new(text, REGEX_SEARCH, err);
    if (!rule)
        return false;
    size_t groups = regex_groups(rule), named = 0;
    for (size_t i = 1; i < groups; i++)
        named += regex_group_name(rule, i).len > 0;
    regex_free(rule);
    if (groups > REGEX_GROUPS_MAX)
        return fail(err, ERR_LIMIT, "more than %d groups", REGEX_GROUPS_MAX - 1);
    return named || fail(err, ERR_INPUT, "the pattern has no group with a name: (?P<name>...)");
}

static bool check_rules(const RuleSettings *settings, Err *err)
{
    if (!settings->present)
        return true;
    if (!settings->rules.count)
        return fail(err, ERR_INPUT, "name.to_attributes needs at least one rule");
    for (size_t i = 0; i < settings->rules.count; i++)
        if (!check_rule(settings->rules.items[i], err))
            return blame(err, "name.to_attributes.rules[%zu]", i);
    return true;
}

static bool changer_check(const void *self, Err *err)
{
    const SpanChanger *changer = self;
    if (!changer->name.from_attributes.count && !changer->name.to_attributes.present &&
        !changer->status.present)
        return fail(err, ERR_INPUT,
                    "either \"from_attributes\" or \"to_attributes\" must be specified in "
                    "\"name:\" or \"status\" must be specified");
    if (changer->status.description.len && changer->status.code != STATUS_ERROR)
        return fail(err, ERR_INPUT, "status.description is allowed only with code Error");
    return check_rules(&changer->name.to_attributes, err) &&
           item_match_check(&changer->include, "include", err) &&
           item_match_check(&changer->exclude, "exclude", err);
}

/* False: the span lacks one of the attributes. */
static bool make_name(const NameSettings *settings, Attributes attributes, Buf *name)
{
    for (size_t i = 0; i < settings->from_attributes.count; i++) {
        ValueView value;
        if (!attributes_find(attributes, settings->from_attributes.items[i], &value))
            return false;
        if (i)
            buf_add(name, settings->separator);
        value_text(&value, name);
    }
    return settings->from_attributes.count > 0;
}

/* The name with each group's find replaced by the group's name in braces. Groups inside one another
 * cannot both be, so what begins before the end of the one before it stays. */
static void replace_groups(const Regex *rule, const Str *groups, Str name, Buf *out)
{
    const char *at = name.ptr, *end = name.ptr + name.len;
    for (size_t i = 1; i < regex_groups(rule); i++) {
        Str group = groups[i], label = regex_group_name(rule, i);
        if (!group.ptr || !label.len || group.ptr < at)
            continue;
        buf_add(out, (Str){ at, (size_t)(group.ptr - at) });
        buf_addf(out, "{%.*s}", STR_ARG(label));
        at = group.ptr + group.len;
    }
    buf_add(out, (Str){ at, (size_t)(end - at) });
}

static bool set_groups(const Regex *rule, const Str *groups, size_t span, Edits *edits, Err *err)
{
    for (size_t i = 1; i < regex_groups(rule); i++) {
        AttributeView attribute = { .key = regex_group_name(rule, i),
                                    .value = { .kind = VALUE_STRING, .text = groups[i] } };
        if (attribute.key.len && groups[i].ptr &&
            !edits_set(edits, EDIT_ITEM, span, &attribute, err))
            return false;
    }
    return true;
}

/* `name` becomes what the rules leave of it. */
static bool take_apart(const SpanChanger *changer, size_t span, Edits *edits, Buf *name, Err *err)
{
    const RuleSettings *settings = &changer->name.to_attributes;
    Str groups[REGEX_GROUPS_MAX];
    bool good = true;
    for (size_t i = 0; good && i < settings->rules.count; i++) {
        const Regex *rule = changer->rules[i];
        if (!regex_find(rule, buf_str(name), groups, COUNT_OF(groups)))
            continue;
        Buf next = BUF(BATCH_BYTES_MAX);
        replace_groups(rule, groups, buf_str(name), &next);
        good = buf_ok(&next, err) && set_groups(rule, groups, span, edits, err);
        buf_free(name);
        *name = next;
        if (settings->break_after_match)
            break;
    }
    return good;
}

static bool rename_span(const SpanChanger *changer, const Batch *batch, size_t span, Edits *edits,
                        Err *err)
{
    const RuleSettings *rules = &changer->name.to_attributes;
    if (!changer->name.from_attributes.count && !rules->present)
        return true;
    Buf name = BUF(BATCH_BYTES_MAX);
    Str old = span_view(batch, span).name;
    bool made = make_name(&changer->name, item_attributes(batch, span), &name);
    if (!made) {
        buf_clear(&name);
        buf_add(&name, old);
    }
    bool good = buf_ok(&name, err);
    if (good && made)
        good = edits_set_name(edits, span, buf_str(&name), err);
    if (good && rules->present)
        good = take_apart(changer, span, edits, &name, err);
    if (good && rules->present && !rules->keep_original_name && !str_eq(buf_str(&name), old))
        good = edits_set_name(edits, span, buf_str(&name), err);
    buf_free(&name);
    return good;
}

static bool edit_spans(const void *self, const Parcel *parcel, Edits *edits, Err *err)
{
    const SpanChanger *changer = self;
    const Batch *batch = parcel->batch;
    const StatusSettings *status = &changer->status;
    for (size_t span = 0; span < batch_item_count(batch); span++) {
        if (!item_is_meant(&changer->include, &changer->exclude, batch, span))
            continue;
        if (!rename_span(changer, batch, span, edits, err))
            return false;
        if (status->present &&
            !edits_set_status(edits, span, (StatusCode)status->code, status->description, err))
            return false;
    }
    return true;
}

static bool changer_start(void *self, Err *err)
{
    SpanChanger *changer = self;
    const TextList *rules = &changer->name.to_attributes.rules;
    changer->rules = MEM_MAKE(Regex *, rules->count ? rules->count : 1, err);
    if (!changer->rules)
        return false;
    for (size_t i = 0; i < rules->count; i++) {
        changer->rules[i] = regex_new(rules->items[i], REGEX_SEARCH, err);
        if (!changer->rules[i])
            return false;
    }
    return item_match_open(&changer->include, err) && item_match_open(&changer->exclude, err);
}

static void changer_stop(void *self)
{
    SpanChanger *changer = self;
    for (size_t i = 0; i < changer->name.to_attributes.rules.count && changer->rules; i++)
        regex_free(changer->rules[i]);
    mem_free(changer->rules);
    changer->rules = NULL;
    item_match_close(&changer->include);
    item_match_close(&changer->exclude);
}

static bool changer_consume(void *self, const Parcel *parcel, Err *err)
{
    return send_edited(self, parcel, edit_spans, err);
}

const ComponentType span_processor = {
    .name = "span",
    .summary = "Names spans after their attributes, takes names apart, and sets their status.",
    .kind = PROCESSOR,
    .stability = ALPHA,
    .placement = SHARDED,
    .signals = TRACES,
    .size = sizeof(SpanChanger),
    .fields = fields,
    .check = changer_check,
    .start = changer_start,
    .consume = changer_consume,
    .stop = changer_stop,
};

/* span_processor.c - names spans after their attributes, and sets their status.
 *
 * A name is made of the values of `from_attributes`, as text, with the separator between them; a
 * span that lacks one of them keeps its name. include and exclude say which spans are meant.
 * to_attributes, which takes names apart by patterns, comes later.
 */
#include "model/signal.h"
#include "otlp/value_text.h"
#include "processors/item_match.h"
#include "processors/send_edited.h"

typedef struct NameSettings {
    TextList from_attributes;
    Str separator;
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
} SpanChanger;

static const char *const code_names[] = { "Unset", "Ok", "Error", NULL }; /* as in StatusCode */

static const ConfigField name_fields[] = {
    TEXT_LIST(NameSettings, from_attributes, "",
              "The new name is made of these attributes' values, in this order."),
    TEXT(NameSettings, separator, "", "What stands between them."),
    LATER("to_attributes", "attributes from names, by patterns"),
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

static bool changer_check(const void *self, Err *err)
{
    const SpanChanger *changer = self;
    if (!changer->name.from_attributes.count && !changer->status.present)
        return fail(err, ERR_INPUT,
                    "either \"from_attributes\" or \"to_attributes\" must be specified in "
                    "\"name:\" or \"status\" must be specified");
    if (changer->status.description.len && changer->status.code != STATUS_ERROR)
        return fail(err, ERR_INPUT, "status.description is allowed only with code Error");
    return item_match_check(&changer->include, "include", err) &&
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

static bool rename_span(const SpanChanger *changer, const Batch *batch, size_t span, Edits *edits,
                        Err *err)
{
    Buf name = BUF(BATCH_BYTES_MAX);
    bool good = true;
    if (make_name(&changer->name, item_attributes(batch, span), &name))
        good = buf_ok(&name, err) && edits_set_name(edits, span, buf_str(&name), err);
    buf_free(&name);
    return good;
}

static bool edit_spans(const void *self, const Batch *batch, Edits *edits, Err *err)
{
    const SpanChanger *changer = self;
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

static bool changer_consume(void *self, const Parcel *parcel, Err *err)
{
    return send_edited(self, parcel, edit_spans, err);
}

const ComponentType span_processor = {
    .name = "span",
    .summary = "Names spans after their attributes, and sets their status.",
    .kind = PROCESSOR,
    .stability = ALPHA,
    .placement = SHARDED,
    .signals = TRACES,
    .size = sizeof(SpanChanger),
    .fields = fields,
    .check = changer_check,
    .consume = changer_consume,
};

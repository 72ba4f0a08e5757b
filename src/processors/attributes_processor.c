/* attributes_processor.c - changes attributes of spans, log records and data points.
 *
 * The actions are those of attribute_actions.h; include and exclude (item_match.h) say which items
 * are meant, judged by what came in, before any action.
 */
#include "processors/attribute_actions.h"
#include "processors/item_match.h"
#include "processors/send_edited.h"

typedef struct AttributeChanger {
    Component base;
    ActionList actions;
    ItemMatch include, exclude;
} AttributeChanger;

static const ConfigField fields[] = {
    SECTION_LIST(AttributeChanger, actions, ActionStep, action_fields,
                 "The actions, in this order."),
    ITEM_FILTER_ROWS(AttributeChanger),
    { 0 },
};

static bool changer_check(const void *self, Err *err)
{
    const AttributeChanger *changer = self;
    return actions_check(&changer->actions, "actions", err) &&
           item_match_check(&changer->include, "include", err) &&
           item_match_check(&changer->exclude, "exclude", err);
}

static bool edit_items(const void *self, const Parcel *parcel, Edits *edits, Err *err)
{
    const AttributeChanger *changer = self;
    const Batch *batch = parcel->batch;
    ActionSpot spot = {
        .batch = batch, .edits = edits, .target = EDIT_ITEM, .client = ack_client(parcel->ack)
    };
    for (spot.number = 0; spot.number < batch_item_count(batch); spot.number++)
        if (item_is_meant(&changer->include, &changer->exclude, batch, spot.number) &&
            !actions_apply(&changer->actions, &spot, err))
            return false;
    return true;
}

static bool changer_start(void *self, Err *err)
{
    AttributeChanger *changer = self;
    return actions_open(&changer->actions, err) && item_match_open(&changer->include, err) &&
           item_match_open(&changer->exclude, err);
}

static void changer_stop(void *self)
{
    AttributeChanger *changer = self;
    actions_close(&changer->actions);
    item_match_close(&changer->include);
    item_match_close(&changer->exclude);
}

static bool changer_consume(void *self, const Parcel *parcel, Err *err)
{
    return send_edited(self, parcel, edit_items, err);
}

const ComponentType attributes_processor = {
    .name = "attributes",
    .summary =
        "Inserts, updates, deletes, hashes, extracts attributes of spans, records and points.",
    .kind = PROCESSOR,
    .stability = ALPHA,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(AttributeChanger),
    .fields = fields,
    .check = changer_check,
    .start = changer_start,
    .consume = changer_consume,
    .stop = changer_stop,
};

/* resource_processor.c - changes attributes of resources, by the actions of attribute_actions.h.
 *
 * Only the resources' few bytes are written anew; where nothing applies the batch itself goes on.
 */
#include "otlp/batch.h"
#include "processors/attribute_actions.h"
#include "processors/send_edited.h"

typedef struct Resource {
    Component base;
    ActionList attributes;
} Resource;

static const ConfigField fields[] = {
    SECTION_LIST(Resource, attributes, ActionStep, action_fields, "The actions, in this order."),
    { 0 },
};

static bool resource_check(const void *self, Err *err)
{
    const Resource *resource = self;
    return actions_check(&resource->attributes, "attributes", err);
}

static bool edit_resources(const void *self, const Parcel *parcel, Edits *edits, Err *err)
{
    const Resource *resource = self;
    ActionSpot spot = { .batch = parcel->batch,
                        .edits = edits,
                        .target = EDIT_RESOURCE,
                        .client = ack_client(parcel->ack) };
    for (spot.number = 0; spot.number < batch_resource_count(parcel->batch); spot.number++)
        if (!actions_apply(&resource->attributes, &spot, err))
            return false;
    return true;
}

static bool resource_start(void *self, Err *err)
{
    return actions_open(&((Resource *)self)->attributes, err);
}

static void resource_stop(void *self)
{
    actions_close(&((Resource *)self)->attributes);
}

static bool resource_consume(void *self, const Parcel *parcel, Err *err)
{
    return send_edited(self, parcel, edit_resources, err);
}

const ComponentType resource_processor = {
    .name = "resource",
    .summary = "Inserts, updates, deletes, hashes, extracts attributes of resources.",
    .kind = PROCESSOR,
    .stability = BETA,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .size = sizeof(Resource),
    .fields = fields,
    .check = resource_check,
    .start = resource_start,
    .consume = resource_consume,
    .stop = resource_stop,
};

/* relabel_config.c - see relabel_config.h. */
#include "receivers/prometheus/relabel_config.h"

#include "base/mem.h"

const ConfigField relabel_config_fields[] = {
    TEXT_LIST(RelabelConfig, source_labels, "", "The labels whose values are joined."),
    TEXT(RelabelConfig, separator, ";", "What stands between the joined values."),
    TEXT(RelabelConfig, regex, "(.*)",
         "What all of the joined text must match (or a label's name)."),
    COUNT(RelabelConfig, modulus, "0", "0", NULL, "hashmod: the rest of the hash by this."),
    TEXT(RelabelConfig, target_label, "", "The label that is written; may hold ${1}."),
    TEXT(RelabelConfig, replacement, "$1", "Its value; may hold ${1}. Empty removes the label."),
    CHOICE(RelabelConfig, action, "replace", relabel_actions, "What is done."),
    { 0 },
};

Relabel *relabel_from_config(const RelabelConfigList *list, Err *err)
{
    RelabelRule *rules = MEM_MAKE(RelabelRule, list->count + 1, err);
    if (!rules)
        return NULL;
    for (size_t i = 0; i < list->count; i++) {
        const RelabelConfig *from = &list->items[i];
        rules[i] = (RelabelRule){ .action = (RelabelAction)from->action,
                                  .source_labels = from->source_labels.items,
                                  .source_count = from->source_labels.count,
                                  .separator = from->separator,
                                  .regex = from->regex,
                                  .target_label = from->target_label,
                                  .replacement = from->replacement,
                                  .modulus = from->modulus };
    }
    Relabel *relabel = relabel_new(rules, list->count, err);
    mem_free(rules);
    return relabel;
}

bool relabel_config_check(const RelabelConfigList *list, const char *key, Err *err)
{
    Relabel *relabel = relabel_from_config(list, err);
    bool ok = relabel || blame(err, "%s", key);
    relabel_free(relabel);
    return ok;
}
